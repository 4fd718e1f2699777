"""The outer loop by hand: ask, evaluate, tell. It prints the numbers of 01_quickstart.py and writes nothing to disk.

python examples/03_own_loop.py
"""

import numpy as np

from evo import cohorts, evaluate, load
from genomes import derive


def main() -> None:
    experiment = load("teacher", ["search.population=21", "lifetime.steps=60"])
    spec, search, goals = experiment.genome.spec, experiment.search, experiment.goals
    state = search.begin(spec, derive(experiment.seed, "search", -1))
    print("generation  at birth  after learning")
    for generation in range(8):
        # Random numbers come from a key (seed, purpose, generation): the same key gives the same numbers.
        streams = derive(experiment.seed, "search", generation)
        asked = search.ask(state, spec, streams)  # genomes in the unit cube, (N, G)
        levels = spec.quantise(asked.held)  # what development sees: integers, (N, G)

        # A cohort is the unit of work. It has a fixed size, so an outcome does not depend on who evaluates it.
        outcomes = [evaluate(experiment, cohort) for cohort in cohorts(generation, levels, experiment.cohort)]
        names = outcomes[0].measurements
        measured = {name: np.concatenate([o.measurements[name] for o in outcomes]) for name in names}

        # A nan would win every comparison in a search: a failed individual gets the worst goals of its generation.
        told = goals.of(measured)  # (N, goals), every goal is maximised
        told = np.where(np.isfinite(told), told, np.nanmin(told, axis=0))
        state = search.tell(state, asked, told, spec, streams)
        innate, learned = measured["innate.explained_variance"], measured["learned.explained_variance"]
        print(f"{generation:10}  {innate.max():8.3f}  {learned.max():14.3f}")
    print("The state of the search is named arrays:", {name: array.shape for name, array in state.items()})


if __name__ == "__main__":
    main()
