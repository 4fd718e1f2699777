"""Read a run: its history, its best genomes, every genome as a frame, and what each rule and gene is worth.

python examples/04_read_a_run.py [RUN]     a folder without a run gets a small one first
"""

import sys
import tempfile
from pathlib import Path

from evo import Run, evolve, genome_frame, hall_of_fame, knockout_frame, load

SMALL = ["generations=8", "cohort=16", "search.population=31", "lifetime.steps=20", "task.selection=200"]
SMALL += ["task.test=100", "topology.groups.hidden.size=10", "encoding.genes=2", "encoding.bias=none"]


def main(folder: Path) -> None:
    if not (folder / "manifest.json").is_file():
        evolve(load("digits", SMALL), folder).finish()
    run = Run(folder)  # opening a run executes nothing that the folder holds
    main_score = run.experiment.main

    print("History: a row a generation.")
    history = run.history()
    print(history[[name for name in history if name.endswith(f".{main_score}.best")]].round(3))

    print("\nHall of fame: the best genome, then the next ones that differ from it.")
    for individual in hall_of_fame(run, 3):
        scores = {condition: round(score, 3) for condition, score in individual.scores.items()}
        print(f"generation {individual.generation}, slot {individual.slot}: {scores}")

    print("\nGenome frame: a row an individual; `levels` is its genome.")
    genomes = genome_frame(run)
    print(genomes[["generation", "slot", "failure", f"learned.{main_score}"]].tail(3).round(3))
    print(f"{len(genomes)} individuals of {len(genomes.levels[0])} numbers each")

    print("\nKnock-out frame: a row a unit; what the best genome loses without it, and the 95 % interval.")
    losses = knockout_frame(run, births=4).set_index("unit")
    shown = ["effect at birth", "effect after learning", "low after learning", "high after learning"]
    print(losses[shown].head(5).round(2).to_string())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
