"""A pole balanced on a cart (Barto, Sutton & Anderson 1983), step for step the CartPole-v1 of Gymnasium."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.twins.layout import Places
from inner_loop.world import Discrete, Moment, World

_TIME_STEP = 0.02  # s
_TRACK = 2.4  # m, to either side of the middle
_LEAN = 12.0 * 2.0 * math.pi / 360.0  # the same as in Gymnasium to the last bit


@final
@dataclass(frozen=True, eq=False)
class _State:
    """Carts with poles in the middle of their episodes.

    Attributes:
        phase: (4, P, B): position (m), velocity (m/s), angle (rad) and angular velocity (rad/s).
        push: (K, B), difference between the accelerations of cart and pole by action 1 and by action 0, m/s^2.
        length: (K, 1), half the length of each life's pole, m.
        lever: (K, 1), the same times the pole's share of the mass, m.
        inertia: (K, 1), 4/3 of the length, m: resistance of the pole to turning while the cart is held.
        limits: (2, 1, 1), largest position and angle.
        reward: (K, B), of every step.
        fallen: (P, B), the pole has fallen or the cart has left the track.
        time: steps so far.
    """

    phase: Float64[Tensor, "4 P B"]
    push: Float64[Tensor, "K B"]
    length: Float64[Tensor, "K 1"]
    lever: Float64[Tensor, "K 1"]
    inertia: Float64[Tensor, "K 1"]
    limits: Float64[Tensor, "2 1 1"]
    reward: Float32[Tensor, "K B"]
    fallen: Bool[Tensor, "P B"]
    time: int

    @property
    def motion(self) -> Float64[Tensor, "P 4 B"]:
        """The phase of each life, (P, 4, B)."""
        return self.phase.movedim(0, 1)


@final
@dataclass(frozen=True)
class CartPole(World):
    """Keep the pole up by pushing the cart to the left or to the right; explicit Euler steps of 0.02 s in float64.

    | observation | unit | at the start | ends the episode |
    |---|---|---|---|
    | position of the cart | m | U(-0.05, 0.05) | beyond +-2.4 |
    | velocity of the cart | m/s | U(-0.05, 0.05) | |
    | angle of the pole, 0: upright, positive: to the right | rad | U(-0.05, 0.05) | beyond +-12 degrees |
    | angular velocity | rad/s | U(-0.05, 0.05) | |

    | action | |
    |---|---|
    | 0 | pushes to the left with `force` |
    | 1 | pushes to the right |

    Reward: 1 a step.
    End: terminated when the cart leaves the track or the pole falls; truncated after `longest` steps.

    Attributes:
        pole_length: half the length of the pole, m.
        pole_spread: at least 1; the pole of a life is `pole_length` times a factor drawn uniformly from
            [1 / pole_spread, pole_spread] for each life, the same in all its episodes.
        pole_mass, cart_mass: kg.
        force: of a push, N.
        gravity: m/s^2.
        longest: steps of an episode at most.
        reversed: `always` exchanges the two actions; `random` draws this for each life, the same in all its
            episodes.
    """

    pole_length: float = 0.5
    pole_spread: float = 1.0
    pole_mass: float = 0.1
    cart_mass: float = 1.0
    force: float = 10.0
    gravity: float = 9.8
    longest: int = 500
    reversed: Literal["never", "always", "random"] = "never"

    def __post_init__(self) -> None:
        for name in ("pole_length", "pole_mass", "cart_mass", "force", "gravity"):
            number = getattr(self, name)
            require(0.0 < number < math.inf, f"CartPole.{name}", "a finite number above 0", number)
        require(1.0 <= self.pole_spread < math.inf, "CartPole.pole_spread", "a finite number from 1", self.pole_spread)
        require(self.longest >= 1, "CartPole.longest", "at least 1", self.longest)
        kinds = ("never", "always", "random")
        require(self.reversed in kinds, "CartPole.reversed", f"one of {', '.join(kinds)}", self.reversed)

    @property
    def inputs(self) -> int:
        """Position, velocity, angle, angular velocity."""
        return 4

    @property
    def actions(self) -> Discrete:
        """Left, right."""
        return Discrete(2)

    @property
    def steps(self) -> int:
        """The configured number."""
        return self.longest

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_State, Moment]:
        """Starts all carts with all four numbers near 0."""
        phase = (streams.stream("start").uniform(episodes, 4).movedim(2, 0).contiguous() - 0.5) * 0.1
        fallen = torch.zeros_like(phase[0], dtype=torch.bool)
        push = torch.full_like(phase[0], 2.0 * self.force / (self.cart_mass + self.pole_mass))
        if self.reversed == "random":
            push = torch.where(life.stream("reversed").integers(2, 1) == 1, -push, push)
        elif self.reversed == "always":
            push = -push
        share = self.pole_mass / (self.cart_mass + self.pole_mass)
        length = torch.full_like(phase[0, :, :1], self.pole_length)
        if self.pole_spread > 1.0:
            shortest = 1.0 / self.pole_spread
            length = length * (shortest + (self.pole_spread - shortest) * life.stream("pole").uniform(1).double())
        limits = torch.tensor([_TRACK, _LEAN], dtype=phase.dtype, device=phase.device)[:, None, None]
        reward = torch.ones_like(push, dtype=torch.float32)
        state = _State(phase, push, length, length * share, length * 4.0 / 3.0, limits, reward, fallen, 0)
        return state, Moment(state.motion.float(), torch.zeros_like(reward), fallen, fallen)

    def step(self, state: _State, actions: Int64[Tensor, "P B"]) -> tuple[_State, Moment]:
        """One push; episodes that have ended do not move."""
        before = state.phase.expand(-1, len(actions), -1)
        _, velocity, angle, spin = before
        sine, cosine = angle.sin(), angle.cos()
        # the cart's acceleration if the pole did not hold it back
        free = torch.addcmul((actions - 0.5) * state.push, state.lever * spin.square(), sine)
        inertia = torch.addcmul(state.inertia, state.lever, cosine.square(), value=-1.0)
        turning = (sine * self.gravity).addcmul_(cosine, free, value=-1.0).div_(inertia)
        moving = free.addcmul_(state.lever * turning, cosine, value=-1.0)
        after = torch.add(before, torch.stack((velocity, moving, spin, turning)), alpha=_TIME_STEP)
        phase = torch.where(state.fallen, before, after)
        far, leaning = phase[::2].abs() > state.limits
        fallen = far | leaning
        late = torch.full_like(fallen, state.time + 1 >= self.longest)
        then = replace(state, phase=phase, fallen=fallen, time=state.time + 1)
        return then, Moment(then.motion.float(), state.reward.expand_as(fallen), fallen, late)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: _State) -> Any:
        """`inner_loop.twins.worlds.cart_pole`."""
        from inner_loop.twins.worlds.cart_pole import twin_of

        return twin_of(state, self.gravity, _TIME_STEP, places)
