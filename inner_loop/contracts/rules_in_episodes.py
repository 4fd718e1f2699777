"""The contract of a learning rule in episodes: feed-forward and recurrent networks, lives that end, neutral numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from genomes.contract import Clauses
from genomes.errors import InputError
from genomes.evolvable import neutral_value, numbers
from genomes.streams import Streams, derive
from genomes.topology import Topology
from inner_loop.contracts import specimen
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.network import Network, Weights
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rule import LearningRule
from inner_loop.world import Moment, Response, World

RECURRENT = Topology(
    specimen.TOPOLOGY.groups, ("input -> hidden", "hidden -> hidden", "hidden -> output", "input -> output")
)
_EPISODES, _LIVES = 3, 3  # side by side, and one after the other


class _State(NamedTuple):
    seen: Tensor  # (K, steps + 1, inputs, B)
    wanted: Tensor  # (K, steps + 1, outputs, B)
    ends: Tensor  # (K, B), the step at which each episode ends
    step: int


@final
@dataclass(frozen=True)
class Corridor(World):
    """Random observations and targets; reward is the closeness of the output; episodes end at different steps.

    Attributes:
        after: added to all observations and targets after the end of an episode, where nothing may depend on them.
    """

    after: float = 0.0

    @property
    def inputs(self) -> int:
        """Units of the specimen's sensory group."""
        return specimen.TOPOLOGY.sensory.size

    @property
    def actions(self) -> Response:
        """The output itself."""
        return Response(specimen.TOPOLOGY.output.size)

    @property
    def steps(self) -> int:
        """Of the longest episode."""
        return 6

    @property
    def teaches(self) -> bool:
        """Every moment has a target."""
        return True

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_State, Moment]:
        """Draws the whole episode."""
        shape = (episodes, self.steps + 1)
        seen = streams.stream("seen").normal(*shape, self.inputs).permute(0, 2, 3, 1)
        wanted = streams.stream("wanted").normal(*shape, self.outputs).permute(0, 2, 3, 1)
        ends = streams.stream("ends").integers(self.steps, episodes) + 1
        state = _State(seen, wanted, ends, 0)
        return state, self._moment(state, torch.zeros_like(ends, dtype=torch.float64))

    def step(self, state: _State, actions: Tensor) -> tuple[_State, Moment]:
        """Pays minus the distance of the output from the target."""
        reward = -(actions - state.wanted[:, state.step]).abs().mean(1).double()
        state = state._replace(step=state.step + 1)
        return state, self._moment(state, torch.where(state.step > state.ends, reward + self.after, reward))

    def _moment(self, state: _State, reward: Tensor) -> Moment:
        more = self.after * (state.step >= state.ends).double()[:, None, :]
        ended = (state.ends <= state.step).expand_as(reward)
        never = torch.zeros_like(ended)
        return Moment(state.seen[:, state.step] + more, reward, ended, never, target=state.wanted[:, state.step] + more)


def check_in_episodes(clauses: Clauses, rule: LearningRule) -> None:
    """Adds the clauses that concern episodes, in every topology that the rule does not refuse."""
    for called, topology in (("a feed-forward network", specimen.TOPOLOGY), ("a recurrent network", RECURRENT)):
        try:
            rule.check(topology)
        except InputError as error:
            clauses.said.append(f"{called} is refused: {error}")
            continue
        with torch.inference_mode():
            _check(clauses, rule, topology, called)


def _check(clauses: Clauses, rule: LearningRule, topology: Topology, called: str) -> None:
    cohort = specimen.newborn(rule, torch.float64, topology)
    lived = _lived(rule, cohort)
    finite = all(bool(t.isfinite().all()) for t in lived.values())
    clauses.hold(finite, f"weights are finite after {_LIVES} episodes ({called})")
    other = _lived(rule, cohort, Corridor(after=3.0))
    after = "what an episode shows after its end, where lived.alive is False, teaches nothing"
    clauses.hold(_same(other, lived), f"{after} ({called})")
    beside = _lived(rule, specimen.with_nan(cohort, specimen.WRONG))
    rows = [{name: t[specimen.OTHERS] for name, t in each.items()} for each in (beside, lived)]
    clauses.hold(_same(*rows), f"in episodes an individual that is not a number leaves its neighbours alone ({called})")
    order = [2, 0, 3, 1]
    shuffled = _lived(rule, specimen.chosen(cohort, order), owners=order)
    near = all(torch.allclose(shuffled[n], lived[n][order], rtol=1e-12, atol=1e-12) for n in lived)
    clauses.hold(near, f"individuals in another order live the same episodes (to 1e-12, {called})")
    silent = _neutral(rule)
    if silent is not None:
        lived = _lived(silent, specimen.newborn(silent, torch.float64, topology))
        finite = all(bool(t.isfinite().all()) for t in lived.values())
        clauses.hold(finite, f"weights are finite with every number at its neutral value ({called})")


def _lived(
    rule: LearningRule, cohort: Any, world: Corridor | None = None, owners: Any = specimen.OWNERS
) -> dict[str, Tensor]:
    """Weights after some episodes in a row."""
    network, weights, streams = Network.of(cohort), Weights.born(cohort), derive(0, "life", owners=list(owners))
    being = AgentState(network, cohort, world or Corridor(), SquaredError())
    state = rule.init(network, cohort, weights, derive(0, "own", owners=list(owners)))
    for episode in range(_LIVES):
        own = streams.stream(f"episode {episode}")
        after = behave(being, weights, own, streams.stream("hidden"), _EPISODES, rule, state)
        weights, state = after.weights, after.state
    return specimen.tensors(weights)


def _neutral(rule: LearningRule) -> LearningRule | None:
    """The rule with every number that has a neutral value at it; None where the rule refuses these values."""
    names = {number.path for number in numbers(rule) if "." not in number.path}
    silent = {name: neutral_value(type(rule), name) for name in names}
    try:
        return replace(rule, **{name: value for name, value in silent.items() if value is not None})  # type: ignore[type-var]
    except InputError:
        return None


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
