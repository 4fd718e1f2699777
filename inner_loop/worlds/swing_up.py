"""A pole that hangs from a cart is swung up and balanced: the task of weight-agnostic networks, Gaier & Ha 2019.

Sources: the equations of motion, masses, length, friction and gravity are those of PILCO (Deisenroth & Rasmussen 2011,
software v0.9), in the form of Zuo's DeepPILCO with the angle 0 upright; the time step, start, reward, ends and the 1000
steps are those of the code of Gaier & Ha (google/brain-tokyo-workshop, domain/cartpole_swingup.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.twins.layout import Places
from inner_loop.world import Continuous, Moment, World


@final
@dataclass(frozen=True, eq=False)
class _State:
    """Carts with poles in the middle of their episodes.

    Attributes:
        motion: (P, 4, B): position (m), velocity (m/s), angle (rad) and angular velocity (rad/s).
        out: (P, B), the cart has left the track.
        time: steps so far.
    """

    motion: Float64[Tensor, "P 4 B"]
    out: Bool[Tensor, "P B"]
    time: int


@final
@dataclass(frozen=True)
class SwingUp(World):
    """Swing the pole up, then keep it up in the middle of the track; explicit Euler steps in float64.

    | observation | unit | range |
    |---|---|---|
    | position of the cart | m | +-`track` |
    | velocity of the cart | m/s | any |
    | cosine of the pole's angle, 0: upright, positive: to the left | - | +-1, starts near -1 |
    | its sine | - | +-1 |
    | angular velocity | rad/s | any |

    | action | unit | range |
    |---|---|---|
    | force on the cart, positive: to the right | N | +-`force` |

    Reward: (cos angle + 1) / 2 * cos(pi / 2 * position / track) a step: 1 upright in the middle, 0 hanging down or at
    the end of the track, slightly below 0 for the step that leaves it.
    End: terminated when the cart leaves the track; truncated after `longest` steps.

    Attributes:
        pole_length: the whole length of the pole, a uniform rod, m.
        pole_mass, cart_mass: kg.
        force: the largest force, N.
        gravity: m/s^2.
        friction: of the cart, N s/m.
        track: to either side of the middle, m.
        spread: standard deviation of the four numbers at the start around a cart at rest and a pole hanging down.
        time_step: s.
        longest: steps of an episode at most.
    """

    pole_length: float = 0.6
    pole_mass: float = 0.5
    cart_mass: float = 0.5
    force: float = 10.0
    gravity: float = 9.82
    friction: float = 0.1
    track: float = 2.4
    spread: float = 0.2
    time_step: float = 0.01
    longest: int = 1000

    def __post_init__(self) -> None:
        for name in ("pole_length", "pole_mass", "cart_mass", "force", "gravity", "track", "time_step"):
            number = getattr(self, name)
            require(0.0 < number < math.inf, f"SwingUp.{name}", "a finite number above 0", number)
        for name in ("friction", "spread"):
            number = getattr(self, name)
            require(0.0 <= number < math.inf, f"SwingUp.{name}", "a finite number, at least 0", number)
        require(self.longest >= 1, "SwingUp.longest", "at least 1", self.longest)

    @property
    def inputs(self) -> int:
        """Position, velocity, cosine, sine, angular velocity."""
        return 5

    @property
    def actions(self) -> Continuous:
        """The force on the cart."""
        return Continuous((-self.force,), (self.force,))

    @property
    def steps(self) -> int:
        """The configured number."""
        return self.longest

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_State, Moment]:
        """Starts near rest, the pole hanging down."""
        motion = streams.stream("start").normal(episodes, 4).mT.contiguous() * self.spread
        motion[:, 2] += math.pi
        none = torch.zeros_like(motion[:, 0], dtype=torch.bool)
        return _State(motion, none, 0), Moment(_observation(motion), none.float(), none, none)

    def step(self, state: _State, actions: Float[Tensor, "P 1 B"]) -> tuple[_State, Moment]:
        """One push; episodes that have ended do not move."""
        before = state.motion.expand(len(actions), -1, -1)
        acceleration = self._acceleration(before, actions[:, 0].double().nan_to_num().clamp(-self.force, self.force))
        _, velocity, _, spin = before.unbind(1)
        change = torch.stack((velocity, acceleration[0], spin, acceleration[1]), 1)
        motion = torch.where(state.out.unsqueeze(1), before, torch.add(before, change, alpha=self.time_step))
        position, angle = motion[:, 0], motion[:, 2]
        reward = (angle.cos() + 1.0) * 0.5 * (position * (0.5 * math.pi / self.track)).cos()
        out = position.abs() > self.track
        late = torch.full_like(out, state.time + 1 >= self.longest)
        return _State(motion, out, state.time + 1), Moment(_observation(motion), reward.float(), out, late)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: _State) -> Any:
        """`inner_loop.twins.worlds.swing_up`."""
        from inner_loop.twins.worlds.swing_up import twin_of

        same = ("pole_length", "pole_mass", "gravity", "friction", "track", "time_step")
        numbers = {name: float(getattr(self, name)) for name in same} | {
            "mass": self.cart_mass + self.pole_mass,
            "lever": self.pole_mass * self.pole_length,
            "quarter": 0.5 * math.pi / self.track,
        }
        return twin_of(state.motion, self.force, numbers, places)

    def _acceleration(
        self, motion: Float64[Tensor, "P 4 B"], force: Float64[Tensor, "P B"]
    ) -> tuple[Float64[Tensor, "P B"], Float64[Tensor, "P B"]]:
        """Acceleration of the cart, m/s^2, and of the angle, rad/s^2."""
        _, velocity, angle, spin = motion.unbind(1)
        sine, cosine = angle.sin(), angle.cos()
        push = force - velocity * self.friction
        mass = self.cart_mass + self.pole_mass
        pull = sine * spin.square() * (self.pole_mass * self.pole_length)  # force of the swinging pole on the cart
        share = 4.0 * mass - cosine.square() * (3.0 * self.pole_mass)
        cart = sine * cosine * (3.0 * self.pole_mass * self.gravity) - 2.0 * pull + 4.0 * push
        pole = sine * (6.0 * mass * self.gravity) + cosine * (6.0 * push - 3.0 * pull)
        return cart / share, pole / (share * self.pole_length)


def _observation(motion: Float64[Tensor, "K 4 B"]) -> Float[Tensor, "K 5 B"]:
    position, velocity, angle, spin = motion.unbind(1)
    return torch.stack((position, velocity, angle.cos(), angle.sin(), spin), 1).float()
