"""Any environment that is registered with Gymnasium (Towers et al. 2024): classic control, Box2D, MuJoCo and others."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from genomes.chance import Chance
from genomes.expect import Unexpected, expect, nearest
from inner_loop.world import Continuous, Discrete, Moment, World

_EXTRAS = ("box2d", "mujoco")  # simulators that are packages of their own
_OURS = {"max_episode_steps", "disable_env_checker"}  # arguments of Gymnasium's, not of an environment


@final
@dataclass(frozen=True)
class Gymnasium(World):
    """Every episode has an environment of its own, newly made: what an older one has been through cannot matter.

    | observation | how it is seen |
    |---|---|
    | Box | flattened, in the units and ranges of the environment; NaN is 0, infinite the largest number |
    | Discrete | one-hot |

    | action | how it is taken |
    |---|---|
    | Discrete | by its number |
    | Box with one axis and finite ends | in the units of the environment, within its range; NaN is the middle |

    Reward and end: those of the environment; also truncated after `longest` steps.

    Attributes:
        id: as registered, with its version.
        arguments: of the environment, each a name and a value.
        longest: steps of an episode at most; None: as registered.
        damaged_actions: actuators that do nothing: whatever they are told, they take the middle of their range, as in
            the damaged leg of Najarro & Risi 2020. The front left leg of Ant-v5 has 2 (hip) and 3 (ankle).
    """

    id: str = "CartPole-v1"
    arguments: tuple[tuple[str, bool | int | float | str], ...] = ()
    longest: int | None = None
    damaged_actions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        names = [name for name, _ in self.arguments]
        own = len(set(names)) == len(names) and not _OURS & set(names)
        expect(own, "Gymnasium.arguments", "arguments of the environment, each once (not its length: `longest`)", names)
        expect(self.longest is None or self.longest >= 1, "Gymnasium.longest", "at least 1", self.longest)

    @property
    def inputs(self) -> int:
        """Numbers in an observation."""
        return _anatomy(self).inputs

    @property
    def actions(self) -> Discrete | Continuous:
        """Those of the environment."""
        return _anatomy(self).actions

    @property
    def steps(self) -> int:
        """As many as configured, or as registered."""
        return _anatomy(self).steps

    def ready(self) -> None:
        """Raises Unexpected when there is no such environment or a package is missing."""
        _anatomy(self)

    def fingerprint(self) -> str:
        """Versions of the simulators: another one may behave otherwise."""
        made_of = {*packages_distributions().get(_entry_point(self).split(":")[0].split(".")[0], ()), "gymnasium"}
        made_of |= {name for name in _EXTRAS if f".{name}." in _entry_point(self)}
        return ", ".join(f"{name} {_version(name)}" for name in sorted(made_of))

    def reset(self, chance: Chance, episodes: int, life: Chance) -> tuple[_Episodes, Moment]:
        """New environments, each with a seed of its own."""
        seeds = chance.stream("seed").integers(2**31, episodes)
        state = _Episodes(self, seeds.flatten().tolist(), episodes)
        return state, state.moment(seeds.device)

    def step(self, state: _Episodes, actions: Tensor) -> tuple[_Episodes, Moment]:
        """One step of every episode that has not ended. The state is the environments': it is not left alone."""
        state.step(actions)
        return state, state.moment(actions.device)


@final
@dataclass(frozen=True, eq=False)
class _Anatomy:
    """What an environment takes and shows.

    Attributes:
        taken: its space of actions.
        choices: number of the first observation where it is a choice, None where it is a Box.
        damaged: actuators that do nothing.
    """

    taken: Any
    choices: int | None
    inputs: int
    actions: Discrete | Continuous
    steps: int
    damaged: list[int]

    def seen(self, observation: Any) -> Float64[ndarray, " inputs"]:
        """An observation as numbers."""
        if self.choices is None:
            return np.asarray(observation, dtype=np.float64).ravel()
        return np.eye(1, self.inputs, int(observation) - self.choices)[0]

    def given(self, actions: Tensor) -> list[Any]:
        """Actions of P x B episodes as the environment takes them, life after life."""
        if isinstance(self.actions, Discrete):
            return (actions.flatten() + int(self.taken.start)).tolist()
        told = actions.mT.flatten(0, 1).cpu().numpy()
        low, high = self.taken.low, self.taken.high
        middle = np.broadcast_to(low / 2 + high / 2, told.shape)
        done = np.where(np.isnan(told), middle, told).clip(low, high)
        done[:, self.damaged] = middle[:, self.damaged]
        return list(done.astype(self.taken.dtype))


@final
class _Episodes:
    """Environments in the middle of lives x episodes, life after life; closed when they are forgotten."""

    def __init__(self, world: Gymnasium, seeds: list[int], episodes: int) -> None:
        self._world, self._seeds, self._episodes = world, seeds, episodes
        self._anatomy, self._environments, self._observations = _anatomy(world), list[Any](), list[ndarray]()
        weakref.finalize(self, _close, self._environments)
        self._begin(seeds)

    def _begin(self, seeds: list[int]) -> None:
        """More environments, before the first step of all."""
        for seed in seeds:
            self._environments.append(_made(self._world))
            self._observations.append(self._anatomy.seen(self._environments[-1].reset(seed=seed)[0]))
        count = len(self._environments)
        self._rewards, self._terminated, self._truncated = [0.0] * count, [False] * count, [False] * count
        self._going = list(range(count))

    def step(self, actions: Tensor) -> None:
        """Whoever has ended is left alone: the last observation and the end stay, and there is no more reward."""
        given = self._anatomy.given(actions)
        if len(given) > len(self._environments):  # lives that have begun alike differ from now on
            self._begin(self._seeds * (len(actions) - 1))
        self._rewards = [0.0] * len(given)
        for i in self._going:
            seen, self._rewards[i], *ends, _ = self._environments[i].step(given[i])
            self._observations[i] = self._anatomy.seen(seen)
            self._terminated[i], self._truncated[i] = ends
        self._going = [i for i in self._going if not (self._terminated[i] or self._truncated[i])]

    def moment(self, device: torch.device) -> Moment:
        """What all of them show now."""
        observation = torch.tensor(np.stack(self._observations), dtype=torch.float32, device=device).nan_to_num()
        reward = torch.tensor(np.array(self._rewards), dtype=torch.float32, device=device)
        ends = torch.tensor(np.array([self._terminated, self._truncated], dtype=bool), device=device)
        terminated, truncated = ends.view(2, -1, self._episodes)
        by_life = observation.view(-1, self._episodes, self._anatomy.inputs).mT.contiguous()
        return Moment(by_life, reward.view(terminated.shape), terminated, truncated)


@lru_cache(maxsize=64)
def _anatomy(world: Gymnasium) -> _Anatomy:
    """Learned from one environment that is made for it.

    Raises:
        Unexpected: it cannot be made, or is none that a network can act in.
    """
    environment = _made(world)
    taken, shown = environment.action_space, environment.observation_space
    steps = environment.spec.max_episode_steps
    environment.close()
    from gymnasium import spaces

    fits = isinstance(shown, (spaces.Box, spaces.Discrete))
    expect(fits, "Gymnasium.id", f"a Box of observations or Discrete ones in {world.id}", shown)
    actions: Discrete | Continuous
    if isinstance(taken, spaces.Discrete):
        actions = Discrete(int(taken.n))
    else:
        fits = isinstance(taken, spaces.Box) and len(taken.shape) == 1 and taken.is_bounded()
        expect(fits, "Gymnasium.id", f"a finite Box of actions on one axis or Discrete ones in {world.id}", taken)
        actions = Continuous(tuple(taken.low.tolist()), tuple(taken.high.tolist()))
    actuators = actions.outputs if isinstance(actions, Continuous) else 0
    there = all(0 <= action < actuators for action in world.damaged_actions)
    expect(there, "Gymnasium.damaged_actions", f"numbers of the {actuators} actuators", world.damaged_actions)
    expect(steps, "Gymnasium.longest", f"a number of steps, since {world.id} has no limit of its own", world.longest)
    choices = int(shown.start) if isinstance(shown, spaces.Discrete) else None
    return _Anatomy(taken, choices, spaces.flatdim(shown), actions, int(steps), list(world.damaged_actions))


def _made(world: Gymnasium) -> Any:
    """One environment.

    Raises:
        Unexpected: nobody has registered it, a package is missing, or it does not take the arguments.
    """
    try:
        import gymnasium
    except ImportError as error:
        raise Unexpected("Gymnasium: a package is missing: pip install gymnasium") from error
    if world.id not in gymnasium.registry:
        raise Unexpected(f"Gymnasium.id: no environment {world.id!r}; {nearest(world.id, gymnasium.registry)}")
    spec = gymnasium.registry[world.id]
    try:
        return gymnasium.make(spec, max_episode_steps=world.longest, disable_env_checker=True, **dict(world.arguments))
    except gymnasium.error.DependencyNotInstalled as error:
        extra = [f"pip install 'instinct[{name}]'" for name in _EXTRAS if f".{name}." in str(spec.entry_point)]
        remedy = extra[0] if extra else _in_a_line(error)
        raise Unexpected(f"Gymnasium.id: a package is missing for {world.id!r}: {remedy}") from error
    except Exception as error:  # an environment may raise anything when it is made
        field = "arguments" if world.arguments else "id"
        raise Unexpected(f"Gymnasium.{field}: {world.id!r} cannot be made: {_in_a_line(error)}") from error


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # known by another name, or not installed
        return "unknown"


def _entry_point(world: Gymnasium) -> str:
    import gymnasium

    return str(gymnasium.registry[world.id].entry_point)


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _close(environments: list[Any]) -> None:
    for environment in environments:
        environment.close()
