"""The contract of a world, written as code: episodes depend only on their stream, and they end."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import final

import torch
from torch import Tensor

from genomes.contract import Clauses
from genomes.streams import Streams, derive
from inner_loop.contracts.worlds_in_lanes import check_twin
from inner_loop.world import Continuous, Discrete, Moment, World

_LIVES, _EPISODES = 3, 4
_WRONG = 1  # the life whose actions are set to nan
_REWARD = 10_000  # float32 has seven digits
_LONGEST = 60  # steps that most clauses check: an episode of some thousand steps would take minutes


@final
@dataclass
class _Seen:
    """The results of random actions, step by step."""

    moments: list[Moment] = field(default_factory=list)
    scores: dict[str, Tensor] = field(default_factory=dict)
    scores_at_end: dict[str, Tensor] = field(default_factory=dict)  # when all episodes had ended, perhaps earlier
    stayed: bool = True  # no step changed an earlier moment

    def stacked(self, name: str) -> Tensor:
        """One part of all moments, (steps, K, ..., B)."""
        return torch.stack([getattr(moment, name) for moment in self.moments])


def check_world(world: World) -> list[str]:
    """Checks a world, in a few episodes with random actions; and its compiled twin, if there is one, in some lives.

    Raises:
        InputError: the first clause that does not hold, or an error that the world itself raises, in one sentence.
    """
    return Clauses(world).through(lambda clauses: _world(clauses, world))


def _world(clauses: Clauses, world: World) -> None:
    clauses.value()
    sizes = (world.inputs, world.outputs, world.steps)
    clauses.hold(min(sizes) >= 1, "inputs, outputs and steps are at least one each", sizes)
    names = world.score_names
    clauses.hold(names and len(set(names)) == len(names), "every score has a name of its own", names)
    clauses.hold(world.fingerprint() == world.fingerprint(), "the fingerprint of what comes from outside stays")
    world.ready()
    steps = min(world.steps, _LONGEST)
    with torch.inference_mode():
        seen = _behave(world, derive(0, "check", owners=range(_LIVES)), _EPISODES, steps)
        _check_moments(clauses, world, seen)
        _check_scale(clauses, seen)
        _check_chance(clauses, world, seen, steps)
        _check_actions(clauses, world, seen, steps)
        _check_end(clauses, world)
        _check_scores(clauses, world, seen)
        check_twin(clauses, world)


def _check_moments(clauses: Clauses, world: World, seen: _Seen) -> None:
    first = seen.moments[0]
    wanted: dict[str, tuple[int, ...]] = {"observation": (_LIVES, world.inputs, _EPISODES)}
    wanted |= dict.fromkeys(("reward", "terminated", "truncated"), (_LIVES, _EPISODES))
    if world.teaches:
        wanted["target"] = (_LIVES, world.outputs, _EPISODES)
    for moment in seen.moments[:2]:
        shapes = {name: tuple(getattr(moment, name).shape) for name in wanted}
        clauses.hold(shapes == wanted, f"a moment of K streams and B episodes has {wanted}", shapes)
        clauses.said.pop()
    clauses.said.append("observations are (K, inputs, B); rewards and ends (K, B)")
    clauses.hold(world.teaches == (first.target is not None), "`teaches` says whether moments have targets")
    at_rest = bool((first.reward == 0).all()) and not bool(first.terminated.any() or first.truncated.any())
    clauses.hold(at_rest, "at the reset nothing is rewarded and nothing has ended")
    flags = first.terminated.dtype == first.truncated.dtype == torch.bool
    clauses.hold(flags, "terminated and truncated are flags", (first.terminated.dtype, first.truncated.dtype))
    for name, kind in (("trial", "flags"), ("weight", "finite numbers from 0 upwards")):
        for part in [getattr(moment, name) for moment in seen.moments if getattr(moment, name) is not None]:
            right = part.dtype == torch.bool if name == "trial" else bool((part.isfinite() & (part >= 0)).all())
            fits = right and part.shape == first.reward.shape
            clauses.hold(fits, f"{name}s are (K, B) {kind}", (tuple(part.shape), part.dtype))
            clauses.said.pop()
    clauses.hold(seen.stayed, "a step leaves the moments before it as they were")
    for name in ("observation", "reward", *(("target",) if world.teaches else ())):
        clauses.hold(bool(seen.stacked(name).isfinite().all()), f"{name}s are finite, after the end too")


def _check_scale(clauses: Clauses, seen: _Seen) -> None:
    largest = float(seen.stacked("reward").abs().max())
    clauses.hold(
        largest <= _REWARD, f"rewards are at most {_REWARD:,} in size, beside which small ones are not lost", largest
    )


def _check_chance(clauses: Clauses, world: World, seen: _Seen, steps: int) -> None:
    keys = derive(0, "check", owners=range(_LIVES))
    again = _behave(world, keys, _EPISODES, steps)
    clauses.hold(_equal(seen, again, exactly=True), "the same stream and the same actions give the same bytes")
    fewer = _behave(world, keys, 2, steps)
    clauses.hold(_equal(seen, fewer, episodes=2), "an episode does not depend on how many others there are beside it")
    alone = _behave(world, Streams(keys.keys[:1]), _EPISODES, steps)
    clauses.hold(_equal(seen, alone, lives=1), "a life does not depend on how many others there are")
    shared = _behave(world, Streams(keys.keys[:1]), _EPISODES, steps, lives=_LIVES)
    apart = _behave(world, Streams(keys.keys[:1].expand(_LIVES, -1)), _EPISODES, steps)
    clauses.hold(_equal(apart, shared), "one stream for all lives is the same as its copy for each")


def _check_actions(clauses: Clauses, world: World, seen: _Seen, steps: int) -> None:
    if isinstance(world.actions, Discrete):
        return
    beside = _behave(world, derive(0, "check", owners=range(_LIVES)), _EPISODES, steps, wrong=_WRONG)
    others = [life for life in range(_LIVES) if life != _WRONG]
    same = all(
        torch.equal(seen.stacked(name)[:, others], beside.stacked(name)[:, others])
        for name in ("observation", "reward", "terminated")
    )
    clauses.hold(same, "actions that are not numbers leave the other lives' bytes alone")


def _check_end(clauses: Clauses, world: World) -> None:
    if world.steps > 20 * _LONGEST:
        return  # it would take minutes; the loop itself ends episodes at `steps`
    seen = _behave(world, derive(0, "check", owners=range(_LIVES)), 1, world.steps)
    ended = (seen.stacked("terminated") | seen.stacked("truncated")).any(0)
    clauses.hold(bool(ended.all()), f"every episode has ended after {world.steps} steps")
    same = all(torch.equal(score, seen.scores_at_end[name]) for name, score in seen.scores.items())
    clauses.hold(same, "once all episodes have ended no score changes any more")


def _check_scores(clauses: Clauses, world: World, seen: _Seen) -> None:
    clauses.hold(sorted(seen.scores) == sorted(world.score_names), "scores are those in score_names", list(seen.scores))
    shaped = all(s.shape == (_LIVES,) and s.dtype == torch.float64 for s in seen.scores.values())
    clauses.hold(shaped, "each score is one number a life, (P,) float64")
    clauses.hold(all(bool(s.isfinite().all()) for s in seen.scores.values()), "scores of random behaviour are finite")


def _behave(
    world: World, keys: Streams, episodes: int, steps: int, lives: int | None = None, wrong: int | None = None
) -> _Seen:
    """Some steps of random actions, the same for the same life, episode and step."""
    state, moment = world.reset(keys, episodes, keys.stream("life"))
    seen, lives = _Seen([moment]), lives or keys.owners
    doing = derive(0, "random actions", owners=range(lives)).to(keys.keys.device)
    returns = torch.zeros(lives, episodes, dtype=torch.float64, device=keys.keys.device)
    going = torch.ones_like(returns, dtype=torch.bool)
    for step in range(steps):
        actions = _random_actions(world, doing.stream(step), episodes)
        if wrong is not None:
            actions[wrong] = torch.nan
        before = {name: part.clone() for name, part in _parts(moment).items()}
        state, after = world.step(state, actions)
        seen.stayed &= all(torch.equal(part, before[name]) for name, part in _parts(moment).items())
        seen.moments.append(moment := after)
        returns = returns + torch.where(going, moment.reward.double(), 0.0)
        going = going & ~(moment.terminated | moment.truncated)
        if not seen.scores_at_end and not bool(going.any()):
            seen.scores_at_end = world.scores(state, returns)
    seen.scores = world.scores(state, returns)
    return seen


def _parts(moment: Moment) -> dict[str, Tensor]:
    """All parts of a moment that are not None, by name."""
    return {f.name: getattr(moment, f.name) for f in fields(moment) if getattr(moment, f.name) is not None}


def _random_actions(world: World, doing: Streams, episodes: int) -> Tensor:
    kind = world.actions
    if isinstance(kind, Discrete):
        return doing.integers(kind.count, episodes)
    uniform = doing.uniform(episodes, kind.outputs).mT.float()
    if isinstance(kind, Continuous):
        low, high = (torch.tensor(end, device=uniform.device)[:, None] for end in (kind.low, kind.high))
        return low + uniform * (high - low)
    return uniform * 2.0 - 1.0


def _equal(one: _Seen, other: _Seen, lives: int = _LIVES, episodes: int | None = None, exactly: bool = False) -> bool:
    """True if the first lives and episodes are equal, up to rounding or exactly."""
    for mine, yours in zip(one.moments[1:], other.moments[1:], strict=True):
        for name in _parts(mine):
            a, b = (_parts(moment)[name][:lives, ..., :episodes].double() for moment in (mine, yours))
            if a.shape != b.shape or not (torch.equal(a, b) if exactly else torch.allclose(a, b, 1e-5, 1e-6)):
                return False
    return True
