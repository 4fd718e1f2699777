"""Environments of Gymnasium: finds them by their id, makes them, and tests each once before the first life."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, entry_points, packages_distributions, version
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from genomes.errors import InputError, ShapeError, nearest, require
from genomes.foreign import HOUSE, imported
from inner_loop.world import Continuous, Discrete

_EXTRAS = ("box2d", "mujoco")  # simulators that need their own packages
_API = "expected Gymnasium's interface from 0.26 on: reset(seed=...) gives two values, step five"


@runtime_checkable
class Wanted(Protocol):
    """The fields of the world `Gymnasium` that describe an environment."""

    @property
    def id(self) -> str:
        """The registered id."""

    @property
    def arguments(self) -> tuple[tuple[str, bool | int | float | str], ...]:
        """The arguments of the environment."""

    @property
    def longest(self) -> int | None:
        """The maximal number of steps of an episode; None: as registered."""

    @property
    def damaged_actions(self) -> tuple[int, ...]:
        """The actuators that do nothing."""


@final
@dataclass(frozen=True, eq=False)
class Anatomy:
    """The actions and observations of an environment.

    Attributes:
        id: of the environment, for messages.
        taken: its action space.
        choices: the number of the first observation of a Discrete space; None for a Box.
        damaged: actuators that do nothing.
    """

    id: str
    taken: Any
    choices: int | None
    inputs: int
    actions: Discrete | Continuous
    steps: int
    damaged: list[int]

    def seen(self, observation: Any) -> Float64[ndarray, " inputs"]:
        """Converts an observation to numbers.

        Raises:
            ShapeError: its size differs from that of its space: reshaped, it would reach into other episodes.
        """
        if self.choices is None:
            numbers = np.asarray(observation, dtype=np.float64)
            if numbers.size != self.inputs:
                raise ShapeError(
                    f"{self.id}: expected observations of {self.inputs} numbers, as its space says, "
                    f"got one of shape {numbers.shape}"
                )
            return numbers.ravel()
        place = int(self.one("observation", observation)) - self.choices
        if not 0 <= place < self.inputs:
            raise ShapeError(f"{self.id}: expected an observation among its {self.inputs} choices, got {observation!r}")
        return np.eye(1, self.inputs, place)[0]

    def one(self, what: str, value: Any) -> Any:
        """Returns a single number or flag.

        Raises:
            ShapeError: there are several numbers, or none.
        """
        array = np.asarray(value)
        if array.size != 1 or array.item() is None:
            raise ShapeError(f"{self.id}: expected one {what} a step, got {value!r}")
        return array.item()

    def given(self, actions: Tensor) -> list[Any]:
        """Converts the actions of P x B episodes to those of the environment, life after life."""
        if isinstance(self.actions, Discrete):
            return (actions.flatten() + int(self.taken.start)).tolist()
        told = actions.mT.flatten(0, 1).cpu().numpy()
        low, high = self.taken.low, self.taken.high
        middle = np.broadcast_to(low / 2 + high / 2, told.shape)
        done = np.where(np.isnan(told), middle, told).clip(low, high)
        done[:, self.damaged] = middle[:, self.damaged]
        return list(done.astype(self.taken.dtype))


_known: dict[Wanted, tuple[Any, Anatomy]] = {}  # valid as long as the registered object stays the same


def anatomy_of(world: Wanted) -> Anatomy:
    """The actions and observations of an environment, read from one instance that is made for this purpose.

    Raises:
        InputError: it cannot be made, a network cannot act in it, or it does not follow Gymnasium's interface.
    """
    spec = registered(world)
    if world not in _known or _known[world][0] is not spec:
        module = _module_of(spec)
        if module.partition(".")[0] != "gymnasium" and isinstance(spec.entry_point, str):
            imported(module, "Gymnasium.id")  # a module that ends the process when imported becomes a message here
        environment = made(world)
        try:
            _known[world] = spec, _learned(world, environment)
        finally:
            environment.close()
    return _known[world][1]


def _learned(world: Wanted, environment: Any) -> Anatomy:
    from gymnasium import spaces

    taken, shown = environment.action_space, environment.observation_space
    steps = environment.spec.max_episode_steps
    fits = isinstance(shown, (spaces.Box, spaces.Discrete))
    require(fits, "Gymnasium.id", f"a Box of observations or Discrete ones in {world.id}", shown)
    actions: Discrete | Continuous
    if isinstance(taken, spaces.Discrete):
        actions = Discrete(int(taken.n))
    else:
        fits = isinstance(taken, spaces.Box) and len(taken.shape) == 1 and taken.is_bounded()
        require(fits, "Gymnasium.id", f"a finite Box of actions on one axis or Discrete ones in {world.id}", taken)
        actions = Continuous(tuple(taken.low.tolist()), tuple(taken.high.tolist()))
    actuators = actions.outputs if isinstance(actions, Continuous) else 0
    there = all(0 <= action < actuators for action in world.damaged_actions)
    require(there, "Gymnasium.damaged_actions", f"numbers of the {actuators} actuators", world.damaged_actions)
    require(steps, "Gymnasium.longest", f"a number of steps, since {world.id} has no limit of its own", world.longest)
    choices = int(shown.start) if isinstance(shown, spaces.Discrete) else None
    damaged = list(world.damaged_actions)
    found = Anatomy(world.id, taken, choices, spaces.flatdim(shown), actions, int(steps), damaged)
    _try(found, environment)
    return found


def _try(anatomy: Anatomy, environment: Any) -> None:
    """Tests one reset and one step before a run folder exists: older interfaces would fail in every life."""
    try:
        answer = environment.reset(seed=0)
    except Exception as error:
        reason = f"{type(error).__name__}: {_in_a_line(error)}"
        raise InputError(f"Gymnasium.id: {anatomy.id!r} cannot be reset: {reason}; {_API}") from error
    _check_values(anatomy, answer, 2, "reset")
    try:
        anatomy.seen(answer[0])
    except (ValueError, TypeError) as error:
        raise InputError(f"Gymnasium.id: {_in_a_line(error)}") from error
    discrete = isinstance(anatomy.actions, Discrete)
    action = torch.zeros(1, 1, dtype=torch.int64) if discrete else torch.zeros(1, anatomy.actions.outputs, 1)
    try:
        answer = environment.unwrapped.step(anatomy.given(action)[0])
    except Exception:  # an error in the middle of an episode is recorded for the lives that meet it
        return
    _check_values(anatomy, answer, 5, "step")


def _check_values(anatomy: Anatomy, answer: Any, count: int, call: str) -> None:
    if not isinstance(answer, tuple) or len(answer) != count:
        got = f"{len(answer)} values" if isinstance(answer, tuple) else type(answer).__name__
        raise InputError(f"Gymnasium.id: {anatomy.id!r} gives {got} at {call}; {_API}")


def registered(world: Wanted) -> Any:
    """Gymnasium's entry for an environment; imports the module that its id names.

    Raises:
        InputError: no module registers it, the module cannot be imported, or a package is missing.
    """
    try:
        import gymnasium
    except ImportError as error:
        raise InputError("Gymnasium: a package is missing: pip install gymnasium") from error
    module, _, name = world.id.rpartition(":")
    if module and module not in sys.modules:
        imported(module, "Gymnasium.id")
    if name not in gymnasium.registry:
        guess = nearest(name, gymnasium.registry)
        own = f"{module} does not register it" if module else f"one of your own is named with its module, module:{name}"
        raise InputError(f"Gymnasium.id: no environment {name!r}; {guess}; {own}")
    return gymnasium.registry[name]


def made(world: Wanted) -> Any:
    """Makes one environment.

    Raises:
        InputError: no module registers it, a package is missing, or it does not accept the arguments.
    """
    import gymnasium

    spec = registered(world)
    try:
        return gymnasium.make(spec, max_episode_steps=world.longest, disable_env_checker=True, **dict(world.arguments))
    except gymnasium.error.DependencyNotInstalled as error:
        extra = [f"pip install 'instinct[{name}]'" for name in _EXTRAS if f".{name}." in str(spec.entry_point)]
        remedy = extra[0] if extra else _in_a_line(error)
        raise InputError(f"Gymnasium.id: a package is missing for {world.id!r}: {remedy}") from error
    except Exception as error:  # an environment may raise any error when it is made
        field = "arguments" if world.arguments else "id"
        raise InputError(f"Gymnasium.{field}: {world.id!r} cannot be made: {_in_a_line(error)}") from error


def only_here(world: Wanted) -> str:
    """A warning if only this process finds the environment by its id, since the user's own code registered it here."""
    if ":" in world.id:
        return ""
    module = _module_of(registered(world))
    plugins = {point.module for point in entry_points(group="gymnasium.envs")}
    everywhere = {name.partition(".")[0] for name in ("gymnasium", *HOUSE, *plugins)}
    if module.partition(".")[0] in everywhere:
        return ""
    named = "module" if module == "__main__" else module
    first = "what registers it belongs into a module; then " if module == "__main__" else ""
    return (
        f"{world.id!r} is registered in this process alone, by {module}: {first}workers of a cluster and later "
        f"commands find it as '{named}:{world.id}'"
    )


def versions(world: Wanted) -> str:
    """The versions of Gymnasium and of the packages that the environment uses."""
    module = _module_of(registered(world))
    made_of = {*packages_distributions().get(module.partition(".")[0], ()), "gymnasium"}
    made_of |= {name for name in _EXTRAS if f".{name}." in f"{module}:"}
    return ", ".join(f"{name} {_version(name)}" for name in sorted(made_of))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # the package has another name, or is not installed
        return "unknown"


def _module_of(spec: Any) -> str:
    """The module that defines the class of an environment."""
    entry = spec.entry_point
    return entry.partition(":")[0] if isinstance(entry, str) else str(getattr(entry, "__module__", ""))


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
