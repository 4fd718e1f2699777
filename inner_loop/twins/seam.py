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

from numba import float32
from numba.extending import overload

from inner_loop.twins.layout import WIDTH
from inner_loop.twins.vector import fill, fma, load, store, where

Numbers = TypeVar("Numbers")

_FUNCTIONS: dict[type, dict[str, Callable[..., Any]]] = {}


def twin(**functions: Callable[..., Any]) -> Callable[[Numbers], Numbers]:
    """Class decorator: the compiled functions of a twin by name."""

    def named(numbers: Numbers) -> Numbers:
        _FUNCTIONS[numbers] = functions  # type: ignore[index]
        return numbers

    return named


def functions_of(numbers: object) -> dict[str, Callable[..., Any]]:
    """The functions that a twin's class names; none for other classes."""
    return _FUNCTIONS.get(numbers, {})  # type: ignore[call-overload]


def _by_type(name: str, default: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A function that is, for each class of its first argument, the one that this class names, or the default."""

    def function(of: Any, *others: Any) -> Any:
        raise NotImplementedError(f"{name} is called in compiled code alone")

    # compiled lives allocate nothing, so no references are counted, also by those who call: an array that a function
    # returns would otherwise be freed while it is in use. All are inlined: a twin is passed as a hundred numbers, and
    # to pass them takes longer than a step of a small network
    @overload(function, inline="never", strict=False, jit_options={"_nrt": False, "forceinline": True})
    def choose(of: Any, *others: Any) -> Callable[..., Any] | None:
        return _FUNCTIONS[of.instance_class].get(name, default)

    return function


def _discrete(world: Any, net: Any, block: Any, time: Any, activity: Any, chance: Any, acted: Any, moves: Any) -> Any:
    """The largest output, after what a rule explores; `acted` is one-hot. Of equal outputs it is the first."""
    last, lots = len(net.sizes) - 1, chance.lots.reshape(-1)
    count, first = net.sizes[last], WIDTH * net.first[last]
    tries, drawn = chance.lots.size > 0, WIDTH * count * (block * chance.lots.shape[1] + time)
    best, action = fill(float32(0.0)), fill(float32(0.0))
    for i in range(count):
        output = load(activity, first + WIDTH * i)
        if tries:
            temperature = load(chance.spread.reshape(-1), WIDTH * block)
            tried = output / temperature + load(lots, drawn + WIDTH * i)
            output = where(temperature > float32(0.0), tried, output)
        if i == 0:
            best = output
        else:
            action = where(output > best, float32(i), action)
            best = where(output > best, output, best)
    for i in range(count):
        store(acted, WIDTH * i, where(action == float32(i), fill(float32(1.0)), fill(float32(0.0))))
    return action


def continuous(world: Any, net: Any, block: Any, time: Any, activity: Any, chance: Any, acted: Any, moves: Any) -> Any:
    """Outputs with what a rule explores in `acted`; clipped to their range, in the units of the world, in `moves`."""
    last, lots = len(net.sizes) - 1, chance.lots.reshape(-1)
    count, first = net.sizes[last], WIDTH * net.first[last]
    drawn = WIDTH * count * (block * chance.lots.shape[1] + time)
    for i in range(count):
        output = load(activity, first + WIDTH * i)
        if chance.lots.size > 0:
            output = fma(load(lots, drawn + WIDTH * i), load(chance.spread.reshape(-1), WIDTH * block), output)
        store(acted, WIDTH * i, output)
        clipped = where(output > float32(1.0), fill(float32(1.0)), output)
        clipped = where(clipped < float32(-1.0), fill(float32(-1.0)), clipped)
        store(moves, WIDTH * i, fma(clipped, world.half[i], fill(world.middle[i])))
    return moves


def response(world: Any, net: Any, block: Any, time: Any, activity: Any, chance: Any, acted: Any, moves: Any) -> Any:
    """The outputs as they are, with what a rule explores."""
    last, lots = len(net.sizes) - 1, chance.lots.reshape(-1)
    drawn = WIDTH * net.sizes[last] * (block * chance.lots.shape[1] + time)
    for i in range(net.sizes[last]):
        output = load(activity, WIDTH * (net.first[last] + i))
        if chance.lots.size > 0:
            output = fma(load(lots, drawn + WIDTH * i), load(chance.spread.reshape(-1), WIDTH * block), output)
        store(acted, WIDTH * i, output)
        store(moves, WIDTH * i, output)
    return moves


def _never(world: Any, state: Any, block: Any, time: Any) -> Any:
    """No trial begins within an episode."""
    zero = fill(float32(0.0))
    return zero > zero


def _nothing(world: Any, state: Any, block: Any) -> Any:
    """No score needs the state."""


def _untaught(world: Any, state: Any, block: Any, time: Any, targets: Any, at_targets: Any) -> Any:
    """No target counts."""
    return fill(float32(0.0))


def _unchanged(rule: Any, objective: Any, net: Any, life: Any, weights: Any, trace: Any) -> Any:
    """Nothing is learned."""


begin = _by_type("begin")
"""begin(world, block) -> state: the state of 16 episodes, a tuple of vectors."""

sense = _by_type("sense")
"""sense(world, state, block, time, activity): writes the observation into the first neurons of the sensory group; it is
called once a step, in order, so a twin may keep what it saw."""

begins = _by_type("begins", _never)
"""begins(world, state, block, time) -> mask: a new trial begins with this observation; by default none."""

act = _by_type("act", _discrete)
"""act(world, net, block, time, activity, chance, acted, moves) -> action; by default the index of the largest output.
A twin of a world with continuous actions names `continuous`, one that reads the output activity `response`."""

step = _by_type("step")
"""step(world, state, block, time, action) -> (state, reward, ended): a step of 16 episodes; the action is a vector, or
an array with a vector for each output."""

finish = _by_type("finish", _nothing)
"""finish(world, state, block): writes the state after the last step into arrays, for scores; by default nothing."""

learn = _by_type("learn")
"""learn(rule, net, block, weights, lived): changes the weights of 16 lives after a step; see `Lived`."""

error = _by_type("error")
"""error(objective, units, life, y, at_y, targets, at_targets, errors, at_errors, row, scale): writes scale * dE/dy of
the output group for `row` samples of one life; each unit has `row` numbers, from the index `at_...` on."""

update = _by_type("update")
"""update(rule, net, memory, life, weights, samples): changes the weights of one life after a lesson;
see `inner_loop.twins.resident`."""

teach = _by_type("teach", _untaught)
"""teach(world, state, block, time, targets, at_targets) -> weight: writes the target of each output, 16 numbers each,
and returns its weight; by default no target counts."""

consolidate = _by_type("consolidate", _unchanged)
"""consolidate(rule, objective, net, life, weights, trace): changes the weights of one life after its episodes; see
`inner_loop.twins.panels`."""
