"""Any environment that is registered with Gymnasium (Towers et al. 2024): classic control, Box2D, MuJoCo and others."""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from genomes.errors import require
from genomes.foreign import CODE
from genomes.streams import Streams
from inner_loop.gymnasium_environments import anatomy_of, made, only_here, versions
from inner_loop.world import Continuous, Discrete, Moment, World

_log = logging.getLogger(__name__)
_OURS = {"max_episode_steps", "disable_env_checker"}  # arguments of Gymnasium itself, not of an environment


@final
@dataclass(frozen=True)
class Gymnasium(World):
    """Every episode has a newly made environment, so that earlier episodes cannot affect it.

    | observation | as the network sees it |
    |---|---|
    | Box | flattened, in the units and ranges of the environment; NaN is 0, infinite the largest number |
    | Discrete | one-hot |

    | action | as the environment takes it |
    |---|---|
    | Discrete | by its number |
    | Box with one axis and finite ends | in the units of the environment, within its range; NaN is the middle |

    Reward and end: those of the environment; also truncated after `longest` steps.

    Attributes:
        id: as registered, with its version; a user-defined one with the module that registers it, `module:Id-v0`.
        arguments: of the environment, each a name and a value.
        longest: maximal number of steps of an episode; None: as registered.
        damaged_actions: actuators that do nothing: they always take the middle of their range, as in
            the damaged leg of Najarro & Risi 2020. The front left leg of Ant-v5 has 2 (hip) and 3 (ankle).
    """

    id: str = field(default="CartPole-v1", metadata=CODE)
    arguments: tuple[tuple[str, bool | int | float | str], ...] = ()
    longest: int | None = None
    damaged_actions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        names = [name for name, _ in self.arguments]
        own = len(set(names)) == len(names) and not _OURS & set(names)
        require(
            own, "Gymnasium.arguments", "arguments of the environment, each once (not its length: `longest`)", names
        )
        require(self.longest is None or self.longest >= 1, "Gymnasium.longest", "at least 1", self.longest)

    @property
    def inputs(self) -> int:
        """The number of inputs."""
        return anatomy_of(self).inputs

    @property
    def actions(self) -> Discrete | Continuous:
        """The actions of the environment."""
        return anatomy_of(self).actions

    @property
    def steps(self) -> int:
        """The configured or the registered number."""
        return anatomy_of(self).steps

    def ready(self) -> None:
        """Raises InputError when there is no such environment or a package is missing.

        Logs a warning if no other process can find the environment by this id.
        """
        anatomy_of(self)
        if sentence := only_here(self):
            _log.warning("Gymnasium.id: %s", sentence)

    def fingerprint(self) -> str:
        """Versions of the simulators, since another version may behave otherwise."""
        return versions(self)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_Episodes, Moment]:
        """Makes new environments, each with its own seed."""
        seeds = streams.stream("seed").integers(2**31, episodes)
        state = _Episodes(self, seeds.flatten().tolist(), episodes)
        return state, state.moment(seeds.device)

    def step(self, state: _Episodes, actions: Tensor) -> tuple[_Episodes, Moment]:
        """One step of every episode that has not ended. The state holds the environments, so it is changed in place."""
        state.step(actions)
        return state, state.moment(actions.device)


@final
class _Episodes:
    """Environments of lives x episodes, life after life; closed when this object is deleted."""

    def __init__(self, world: Gymnasium, seeds: list[int], episodes: int) -> None:
        self._world, self._seeds, self._episodes = world, seeds, episodes
        self._anatomy, self._environments, self._observations = anatomy_of(world), list[Any](), list[ndarray]()
        weakref.finalize(self, _close, self._environments)
        self._begin(seeds)

    def _begin(self, seeds: list[int]) -> None:
        """Makes more environments, before the first step."""
        for seed in seeds:
            self._environments.append(made(self._world))
            self._observations.append(self._anatomy.seen(self._environments[-1].reset(seed=seed)[0]))
        count = len(self._environments)
        self._rewards, self._terminated, self._truncated = [0.0] * count, [False] * count, [False] * count
        self._going = list(range(count))

    def step(self, actions: Tensor) -> None:
        """One step of the running episodes; an ended one keeps its last observation and its end, with a reward of 0."""
        given = self._anatomy.given(actions)
        if len(given) > len(self._environments):  # lives with the same start can differ from now on
            self._begin(self._seeds * (len(actions) - 1))
        self._rewards = [0.0] * len(given)
        for i in self._going:
            seen, reward, *ends, _ = self._environments[i].step(given[i])
            self._observations[i] = self._anatomy.seen(seen)
            self._rewards[i] = float(self._anatomy.one("reward", reward))
            self._terminated[i], self._truncated[i] = (bool(self._anatomy.one("end", end)) for end in ends)
        self._going = [i for i in self._going if not (self._terminated[i] or self._truncated[i])]

    def moment(self, device: torch.device) -> Moment:
        """The present moment of all environments."""
        observation = torch.tensor(np.stack(self._observations), dtype=torch.float32, device=device).nan_to_num()
        reward = torch.tensor(np.array(self._rewards), dtype=torch.float32, device=device)
        ends = torch.tensor(np.array([self._terminated, self._truncated], dtype=bool), device=device)
        terminated, truncated = ends.view(2, -1, self._episodes)
        by_life = observation.view(-1, self._episodes, self._anatomy.inputs).mT.contiguous()
        return Moment(by_life, reward.view(terminated.shape), terminated, truncated)


def _close(environments: list[Any]) -> None:
    for environment in environments:
        environment.close()
