"""The contract of a world's compiled twin, written as code: its episodes are those of `step`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, final

import torch
from torch import Tensor

from genomes.contract import Clauses
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams, derive
from genomes.topology import Group, Topology
from inner_loop.contracts.specimen import with_nan
from inner_loop.lives import compiled_episodes
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import Behaved, behave
from inner_loop.network import Network, Weights
from inner_loop.twins.layout import Places
from inner_loop.world import Actions, Moment, World

_LIVES, _EPISODES, _HIDDEN = 21, 3, 6  # lives fill no vector of 16
_FEW = 5  # lives of another cohort
_WRONG = 3  # the life whose weights are set to nan
_NEAR = 1e-5
_PARTED = 1  # lives that may differ: where two outputs are as good as equal, rounding decides the action
_SUMS = ("sum of steps", "sum of rewards")

Numbers = dict[str, Tensor]
"""Return, steps and scores, by name, (P,) float64."""


@final
@dataclass(frozen=True)
class _Paid(World):
    """A world with its return among its scores."""

    world: World

    @property
    def inputs(self) -> int:
        return self.world.inputs

    @property
    def actions(self) -> Actions:
        return self.world.actions

    @property
    def steps(self) -> int:
        return self.world.steps

    @property
    def teaches(self) -> bool:
        return self.world.teaches

    @property
    def score_names(self) -> tuple[str, ...]:
        return (_SUMS[1], *self.world.score_names)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Any, Moment]:
        return self.world.reset(streams, episodes, life)

    def step(self, state: Any, actions: Tensor) -> tuple[Any, Moment]:
        return self.world.step(state, actions)

    def twin(self, places: Places, state: Any) -> Any:
        return self.world.twin(places, state)

    def after_twin(self, places: Places, twin: Any, state: Any) -> Any:
        return self.world.after_twin(places, twin, state)

    def scores(self, state: Any, returns: Tensor) -> dict[str, Tensor]:
        return {_SUMS[1]: returns.sum(1), **self.world.scores(state, returns)}


def check_twin(clauses: Clauses, world: World) -> None:
    """Adds the clauses of the twin, if the world has one and Numba is installed; this compiles it."""
    if not world.has_twin or find_spec("numba") is None:
        return
    own, common = derive(0, "twin", owners=range(_LIVES)), derive(0, "twin")
    cohort = _cohort(world)
    for streams, of_whom in ((own, "of each life"), (common, "common to all lives")):
        for forgetful in (False, True):
            wanted = _lived(world, cohort, streams, forgetful, behave)
            found = _lived(world, cohort, streams, forgetful, compiled_episodes.behave)
            parted, difference = apart(found, wanted)
            how = f"episodes {of_whom}, {'reset at each trial' if forgetful else 'without a reset at trials'}"
            said = f"the twin gives the returns, steps and scores of `step` to {_NEAR:g} in all lives but {_PARTED}"
            clauses.hold(len(parted) <= _PARTED, f"{said} ({how})", difference)
        _check_neighbours(clauses, world, cohort, streams, of_whom)


def apart(found: Numbers, wanted: Numbers) -> tuple[list[int], str]:
    """The lives in which some number differs, relative to the largest of its kind; and the first such number."""
    parted, said = set(), ""
    for name, numbers in wanted.items():
        scale = numbers.abs().nan_to_num().max()
        far = ~torch.isclose(found[name], numbers, rtol=0.0, atol=float(_NEAR * scale), equal_nan=True)
        lives = far.nonzero()[:, 0].tolist()
        if lives and not said:
            life = lives[0]
            said = f"{name} {found[name][life]:.6g} where `step` gives {numbers[life]:.6g}, in {len(lives)} lives of "
            said += str(len(numbers))
        parted |= set(lives)
    return sorted(parted), said


def _check_neighbours(clauses: Clauses, world: World, cohort: Phenotype, streams: Streams, of_whom: str) -> None:
    every = _lived(world, cohort, streams, True, compiled_episodes.behave)
    fewer = streams if streams.owners == 1 else Streams(streams.keys[:_FEW])
    few = _lived(world, _cohort(world, _FEW), fewer, True, compiled_episodes.behave)
    same = _same(few, every, list(range(_FEW)), list(range(_FEW)))
    clauses.hold(same, f"with the twin a life has the same bytes in another cohort (episodes {of_whom})")
    beside = _lived(world, with_nan(cohort, _WRONG), streams, True, compiled_episodes.behave)
    others = [life for life in range(_LIVES) if life != _WRONG]
    same = _same(beside, every, others, others)
    clauses.hold(same, f"with the twin a life that is not a number leaves the others' bytes alone (episodes {of_whom})")


def _same(one: Numbers, other: Numbers, ones: list[int], others: list[int]) -> bool:
    """True if these lives have the same bytes in what twins sum up, and the same scores, which torch computes."""
    pairs = {name: (numbers[ones], other[name][others]) for name, numbers in one.items()}
    exact = all(torch.equal(*pairs[name]) for name in _SUMS)
    return exact and all(torch.allclose(*pair, rtol=1e-12, atol=1e-12, equal_nan=True) for pair in pairs.values())


def _lived(world: World, cohort: Phenotype, streams: Streams, forgetful: bool, run: Callable[..., Behaved]) -> Numbers:
    """Numbers of some episodes of each life."""
    network = Network.of(cohort)
    being = AgentState(network, cohort, _Paid(world), None, feedback=True)
    lived = run(being, Weights.born(cohort), streams, streams.stream("hidden"), _EPISODES, forgetful=forgetful)
    return {_SUMS[0]: lived.steps, **lived.scores}


def _cohort(world: World, lives: int = _LIVES) -> Phenotype:
    """Recurrent networks that sense their last action and reward.

    In every second one the outputs rise and fall together, slowly: a world whose reward depends on the sign of all
    outputs is met on both sides of it, and at many steps.
    """
    senses = world.inputs + world.outputs + 1
    topology = Topology(
        (Group("senses", senses), Group("hidden", _HIDDEN, "tanh", leak=0.3), Group("action", world.outputs)),
        ("senses -> hidden", "hidden -> hidden", "hidden -> action"),
    )
    source, projections = derive(0, "twin cohort", owners=range(lives)), {}
    slow = (torch.arange(lives) % 2 == 1)[:, None, None]
    for edge in topology.edges:
        shape = topology.shape(edge)
        weight = source.stream(edge.name).normal(*shape).float()
        if edge.post == "action":
            together = source.stream("together").normal(1, _HIDDEN).float()
            weight = torch.where(slow, 0.5 * weight + 1.5 * together, 2.0 * weight)
        projections[edge.name] = Synapses(weight / shape[1] ** 0.5, None)
    level, alone = source.stream("level").normal(1).float(), source.stream("bias").normal(world.outputs).float()
    bias = torch.where(slow[:, :, 0], 0.5 * level + 0.1 * alone, 0.1 * alone)
    leak = torch.where(slow[:, :, 0], 0.3, 1.0).expand(-1, _HIDDEN)
    return Phenotype(topology, projections, {"hidden": {"leak": leak}, "action": {"bias": bias}})
