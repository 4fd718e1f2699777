"""Define a learning rule, check its contract, and let evolution choose its sign in every projection.

python examples/02_own_rule.py [FOLDER]
"""

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, final

import torch

from evo import evolve, load
from genomes import Evolvable, Evolve, Synaptic
from inner_loop import LearningRule, check_rule


@final
@dataclass(frozen=True)
class Covariance(LearningRule[tuple[()]]):
    """dw_ij = rate * cov(y_i, x_j): Sejnowski 1977, J. Math. Biol. 4:303. Hebbian where the rate is above 0."""

    rate: Annotated[Evolvable, Synaptic] = 0.1  # a constant or a gene; it may differ between projections

    @property
    def teacher(self):
        return "targets"  # the output group shows the target while it learns

    def init(self, network, newborn, weights, streams):
        return ()  # the rule has no traces

    def step(self, network, weights, state, lived, newborn):
        for edge in newborn.topology.edges:
            synapses = newborn.projections[edge.name]
            pre = network.presynaptic(edge, lived.activities, lived.before)  # (P or 1, pre, B)
            post = lived.targets if edge.post == lived.output else lived.activities[edge.post]  # (P or 1, post, B)
            change = centred(post, lived.alive) @ centred(pre, lived.alive).mT / pre.shape[2]
            grown = 1.0 if synapses.mask is None else synapses.mask  # no weight appears where no synapse grew
            weights.projections[edge.name] += synapses.parameters["rule.rate"] * change * grown
        return weights, state


def centred(activity, alive):  # in a world, an episode that has ended does not count
    activity = activity if alive is None else torch.where(alive[:, None, :], activity, torch.nan)
    return (activity - activity.nanmean(2, keepdim=True)).nan_to_num(0.0)


def main(folder: Path) -> None:
    print(*check_rule(Covariance()), sep="\n")  # a rule that breaks a clause raises InputError, one sentence
    small = ["generations=10", "search.population=31", "cohort=31", "lifetime.steps=20", "goals=[learned.accuracy]"]
    rate = Evolve((-1.0, 1.0), per="projection")
    run = evolve(replace(load("digits", small), rule=Covariance(rate)), folder / "covariance").finish()
    print(run.history()[["learned.accuracy.mean", "learned.accuracy.best"]].iloc[::3].round(2))
    for name, synapses in run.phenotype(run.best()).projections.items():
        print(f"rate of {name}: {synapses.parameters['rule.rate'].item():+.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
