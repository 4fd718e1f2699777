"""The contract of a rule's compiled twin: it lives the lives that `step` lives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import final

import torch
from torch import Tensor

from genomes.contract import Clauses
from genomes.errors import InputError
from genomes.phenotype import Phenotype
from genomes.streams import SHARED, derive
from genomes.topology import Group, Topology
from inner_loop.contracts import specimen
from inner_loop.contracts.rail import Rail
from inner_loop.contracts.specimen import rows_of, same_bytes
from inner_loop.lives import behaviour, compiled_episodes
from inner_loop.lives.agent import AgentState
from inner_loop.lives.compiled_samples import CompiledLives
from inner_loop.lives.samples import learn
from inner_loop.network import Network, Weights
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rule import LearningRule
from inner_loop.tasks.teacher import Teacher

_LIVES, _FEWER, _WRONG = 21, 5, 3  # no multiple of 16; a smaller cohort; the life whose weights are nan
_EPISODES = 3  # of a life, one after the other
_NEAR, _STEADY = 1e-5, 2e-6  # relative distance of weights from those of `step`; of `step` itself from float64

_LESSONS, _SAMPLES = 12, 10  # samples of a lesson: no multiple of 16
_OBJECTIVE = SquaredError()

_GROUPS = (Group("senses", 4), Group("hidden", 7, "tanh", leak=0.6), Group("action", 2))
_FORWARD = ("senses -> hidden", "hidden -> action", "senses -> action")
_LATERAL = Topology(_GROUPS, ("senses -> hidden", "hidden -> hidden", "hidden -> action", "senses -> action"))
_PLAIN = Topology((_GROUPS[0], replace(_GROUPS[1], leak=1.0), _GROUPS[2]), _FORWARD)


@final
@dataclass(frozen=True, eq=False)
class _Lives:
    """The results of some lives.

    Attributes:
        weights: by name, (P, ...).
        returns, lengths: of each episode, (P, episodes).
    """

    weights: dict[str, Tensor]
    returns: Tensor
    lengths: Tensor

    def apart(self, other: _Lives) -> Tensor:
        """The largest distance of weights from those of other lives, relative to the projection, (P,)."""
        found = []
        for name, weight in other.weights.items():
            off = (self.weights[name].double() - weight.double()).flatten(1).norm(dim=1)
            found.append(off / weight.double().flatten(1).norm(dim=1).clamp(min=1e-3))
        return torch.stack(found).amax(0)

    def same_course(self, other: _Lives) -> Tensor:
        """True for lives with equal returns and lengths, (P,)."""
        return (self.returns == other.returns).all(1) & (self.lengths == other.lengths).all(1)


def check_by_twin(clauses: Clauses, rule: LearningRule) -> None:
    """Adds the clauses about the twins, if the rule has any and Numba is installed."""
    if not rule.twins:
        return
    if find_spec("numba") is None:
        clauses.said.append("its compiled twin is not checked: numba is not installed")
        return
    with torch.inference_mode():
        if rule.twins & {"lanes", "panels"}:
            for count, called in ((1, "one episode at a time"), (4, "4 parallel episodes")):
                _check(clauses, rule, _topology(rule), called, partial(_in_episodes, rule, parallel=count))
        if "resident" in rule.twins:
            for common, called in ((True, "common samples"), (False, "samples of its own")):
                _check(clauses, rule, _PLAIN, called, partial(_on_samples, rule, common=common))


def _topology(rule: LearningRule) -> Topology:
    try:
        rule.check(_LATERAL)
    except InputError:
        return _PLAIN
    return _LATERAL


def _check(clauses: Clauses, rule: LearningRule, topology: Topology, called: str, live: Callable[..., _Lives]) -> None:
    cohort = _cohort(rule, topology)
    here, there = live(cohort), live(cohort, by_twin=False)
    exact = live(_cohort(rule, topology, dtype=torch.float64), by_twin=False)
    # where rounding alone leads to another life, no twin could live the same
    steady = (there.apart(exact) < _STEADY) & there.same_course(exact)
    if int(steady.sum()) < _LIVES // 2:
        clauses.said.append(f"its compiled twin is not compared: float64 leads to other lives ({called})")
    else:
        apart = float(torch.where(steady, here.apart(there), 0.0).max())
        clauses.hold(apart < _NEAR, f"the compiled twin learns what step learns (weights to 1e-5, {called})", apart)
        same = bool((here.same_course(there) | ~steady).all())
        clauses.hold(same, f"in lives by the compiled twin returns and lengths are those by step ({called})")
    mask = cohort.projections[topology.edges[0].name].mask
    assert mask is not None, "the first projection of a specimen is sparse"
    silent = bool((here.weights[topology.edges[0].name][~mask] == 0).all())
    clauses.hold(silent, f"by the compiled twin no weight appears where no synapse grew ({called})")
    again = live(cohort)
    clauses.hold(same_bytes(again.weights, here.weights), f"the compiled twin twice gives the same bytes ({called})")
    few = live(_cohort(rule, topology, range(_FEWER)))
    same = same_bytes(few.weights, rows_of(here.weights, list(range(_FEWER))))
    clauses.hold(same, f"by the compiled twin a smaller cohort has the same bytes ({called})")
    beside = live(specimen.with_nan(cohort, _WRONG))
    others = [life for life in range(_LIVES) if life != _WRONG]
    same = same_bytes(rows_of(beside.weights, others), rows_of(here.weights, others))
    clauses.hold(same, f"by the compiled twin a life that is not a number leaves the others alone ({called})")


def _cohort(
    rule: LearningRule, topology: Topology, owners: Sequence[int] = range(_LIVES), dtype: torch.dtype = torch.float32
) -> Phenotype:
    cohort = specimen.newborn(rule, dtype, topology, owners)
    leaks = derive(0, "leaks", owners=list(owners)).uniform(topology.group("hidden").size).to(dtype)
    return cohort.with_units({"hidden": {"leak": leaks * 0.5 + 0.4}}) if topology.has_memory else cohort


def _on_samples(rule: LearningRule, cohort: Phenotype, by_twin: bool = True, common: bool = True) -> _Lives:
    """Lives of some lessons in two stretches; returns and lengths are those of nothing."""
    network, weights, own = Network.of(cohort), Weights.born(cohort), specimen.own_streams(cohort)
    streams = derive(2, "lessons", owners=SHARED if common else range(cohort.lives))
    objective = _OBJECTIVE if rule.teacher == "error" else None
    teacher = Teacher(cohort.topology.sensory.size, cohort.topology.output.size, hidden=4)
    drawn = teacher.draw("train", _LESSONS * _SAMPLES, streams).to(cohort.like)
    blocks = [
        part.unflatten(2, (_LESSONS, _SAMPLES)).movedim(2, 0).contiguous() for part in (drawn.inputs, drawn.targets)
    ]
    if by_twin:
        lives = CompiledLives(network, cohort, rule, objective, own)
        for _ in lives.through([(blocks[0], blocks[1])], (_LESSONS // 2, _LESSONS)):
            pass
        weights = lives.weights()
    else:
        for _, learned in learn(network, weights, cohort, rule, objective, zip(*blocks, strict=True), streams, own):
            weights = learned
    nothing = torch.zeros(cohort.lives, 1)
    return _Lives(specimen.tensors(weights), nothing, nothing)


def _in_episodes(rule: LearningRule, cohort: Phenotype, by_twin: bool = True, parallel: int = 1) -> _Lives:
    """Lives of some episodes in a row."""
    network, weights = Network.of(cohort), Weights.born(cohort)
    owners = range(cohort.lives)
    state = rule.init(network, cohort, weights, specimen.own_streams(cohort))
    objective = _OBJECTIVE if rule.teacher == "error" else None
    being, streams = AgentState(network, cohort, Rail(), objective), derive(0, "life", owners=owners)
    behave = compiled_episodes.behave if by_twin else behaviour.behave
    returns, lengths = [], []
    for episode in range(_EPISODES):
        own = streams.stream(f"episode {episode}")
        after = behave(being, weights, own, streams.stream("hidden"), parallel, rule, state)
        weights, state = after.weights, after.state
        returns.append(after.scores["return"])
        lengths.append(after.steps)
    return _Lives(specimen.tensors(weights), torch.stack(returns, 1), torch.stack(lengths, 1))
