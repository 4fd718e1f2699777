"""Evolve a shipped experiment, print a line a generation, and examine the best genome on held-out data.

python examples/01_quickstart.py [FOLDER]
"""

import sys
import tempfile
from pathlib import Path

from evo import evolve, load


def main(folder: Path) -> None:
    # `teacher` is one of the files in configs/. Overrides are written as on the command line.
    experiment = load("teacher", ["generations=8", "lifetime.steps=60", "search.population=21"])
    spec, weights = experiment.genome.spec, experiment.topology.synapses
    print(f"A genome of {spec.size} numbers ({spec.bits:.0f} bits) grows {weights} weights.")

    # Every generation is in the run folder before the loop body sees it. An interrupted loop goes on from there.
    print("generation  at birth  after learning")
    evolution = evolve(experiment, folder / "teacher")
    for generation in evolution:
        innate = generation.measurements["innate.explained_variance"]
        learned = generation.measurements["learned.explained_variance"]
        print(f"{generation.index:10}  {innate.max():8.3f}  {learned.max():14.3f}")

    run = evolution.finish()
    best = run.best()
    outcome = run.examine(best, "test")  # the same birth and the same life, measured on data that selection never sees
    for condition in ("innate", "learned"):
        score = outcome.measurements[f"{condition}.explained_variance"][0]
        print(f"The best genome, {condition}, on the test split: {score:.3f}")
    print(f"The run lies in {run.path}; examples/04_read_a_run.py reads it.")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
