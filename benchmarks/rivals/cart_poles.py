"""CartPole alone: the same carts under the same actions in our world and in Gymnasium's vector environments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final, get_args

import gymnasium
import torch
from rivals.workload import Life
from torch import Tensor

from genomes.streams import derive
from inner_loop.twins.layout import Lanes
from inner_loop.world import Moment
from inner_loop.worlds.cart_pole import CartPole

Mode = Literal["vector_entry_point", "sync"]
MODES: tuple[Mode, ...] = get_args(Mode)


@final
@dataclass(frozen=True, eq=False)
class Course:
    """Carts with their starts and their actions.

    Attributes:
        starts: motion of each, (carts, 4) float64.
        actions: (steps, carts) int64.
    """

    starts: Tensor
    actions: Tensor

    @property
    def count(self) -> int:
        """The total number of steps of all carts."""
        return self.actions.numel()


def at_random(carts: int, steps: int) -> Course:
    """Random pushes to either side, half the time each: most poles fall within 30 steps."""
    streams = derive(0, "benchmark", owners=range(carts))
    starts = CartPole().reset(streams, 1, streams)[0].motion[:, :, 0]
    return Course(starts, streams.stream("actions").integers(2, steps).T.contiguous())


def balanced(carts: int, steps: int) -> Course:
    """Pushes towards the side to which the pole leans and moves: no pole falls.

    Raises:
        RuntimeError: a pole fell.
    """
    course, actions = at_random(carts, steps), []
    state, moment = _reset(course)
    for _ in range(steps):
        _, _, angle, spin = moment.observation.unbind(1)
        actions.append((angle + 0.3 * spin > 0.0).long())
        state, moment = CartPole().step(state, actions[-1])
    if moment.terminated.any():
        raise RuntimeError("balanced: expected no pole to fall, got one that did")
    return Course(course.starts, torch.cat(actions, 1).T.contiguous())


def ours(course: Course) -> Life:
    """Runs all carts as lives with one episode each; returns the last observations, (carts, 4)."""
    actions, begun = list(course.actions[:, :, None]), _reset(course)

    @torch.inference_mode()
    def run() -> list[Tensor]:
        world, (state, moment) = CartPole(), begun
        for action in actions:
            state, moment = world.step(state, action)
        return [moment.observation[:, :, 0]]

    return run


def compiled(course: Course) -> Life:
    """The same as inside a compiled life: all steps in compiled code, with an observation at each step."""
    from rivals.driven import drive

    carts = Lanes(len(course.starts))
    actions, begun = carts.of(course.actions.T.float()), _reset(course)

    @torch.inference_mode()
    def run() -> list[Tensor]:
        world, (state, _) = CartPole(), begun
        seen = carts.zeros(world.inputs)
        drive(world.twin(carts, state), actions, seen)
        return [carts.by_episode(seen)[:, :, 0]]

    return run


def theirs(course: Course, mode: Mode) -> Life:
    """The same in Gymnasium's own vector environment; after a fall an episode begins again at the next step."""
    carts = len(course.starts)
    environment = gymnasium.make_vec("CartPole-v1", num_envs=carts, vectorization_mode=mode)
    starts, actions = course.starts.numpy(), course.actions.numpy()

    def run() -> list[Tensor]:
        environment.reset(seed=0)
        if mode == "sync":
            for single, start in zip(environment.unwrapped.envs, starts, strict=True):
                single.unwrapped.state = start
        else:
            environment.unwrapped.state = starts.T.copy()
        for action in actions:
            observation = environment.step(action)[0]
        return [torch.from_numpy(observation.copy())]

    return run


def _reset(course: Course) -> tuple[Any, Moment]:
    streams = derive(0, "benchmark", owners=range(len(course.starts)))
    return CartPole().reset(streams, 1, streams)
