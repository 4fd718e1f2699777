"""The seam of compiled lives: a component's twin is a NamedTuple of numbers whose class names compiled functions.

    @twin(learn=learn)
    class HebbianTwin(NamedTuple):
        numbers: np.ndarray

Numba chooses the functions by the type of the first argument, so neither a rule nor a world knows of the other. Inside
a twin's functions a value is a vector of 16 lives: the author writes one life.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba.extending import overload

Numbers = TypeVar("Numbers")

_FUNCTIONS: dict[type, dict[str, Callable[..., Any]]] = {}


def twin(**functions: Callable[..., Any]) -> Callable[[Numbers], Numbers]:
    """Class decorator: the compiled functions of a twin by name."""

    def named(numbers: Numbers) -> Numbers:
        _FUNCTIONS[numbers] = functions  # type: ignore[index]
        return numbers

    return named


def _by_type(name: str) -> Callable[..., Any]:
    """A function that is, for each class of its first argument, the one that this class names."""

    def function(of: Any, *others: Any) -> Any:
        raise NotImplementedError(f"{name} is called in compiled code alone")

    # compiled lives allocate nothing, so no references are counted
    @overload(function, inline="never", strict=False, jit_options={"_nrt": False})
    def choose(of: Any, *others: Any) -> Callable[..., Any]:
        return _FUNCTIONS[of.instance_class][name]

    return function


begin = _by_type("begin")
"""begin(world, block) -> state: the state of 16 episodes, a tuple of vectors."""

sense = _by_type("sense")
"""sense(world, state, block, time, activity): writes the observation into the sensory group."""

step = _by_type("step")
"""step(world, state, block, time, action) -> (state, reward, ended): a step of 16 episodes."""

learn = _by_type("learn")
"""learn(rule, net, block, weights, activity, before, reward, alive): changes the weights of 16 lives after a step."""
