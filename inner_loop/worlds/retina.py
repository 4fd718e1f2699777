"""Direction selectivity of a starburst dendrite by space-time wiring: Kim et al. 2014 (Nature 509:331)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy import ndarray
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.selectivity import direction_index, vector_index
from inner_loop.twins.layout import Places
from inner_loop.world import Labels, Moment, Response, World

_PHASES = 4  # episodes of a group


class _State(NamedTuple):
    film: Tensor  # (steps + 1, K, inputs, B): the light, and darkness after the end
    reward: Tensor  # (K, B), none
    flags: Tensor  # (2, K, B): no, yes
    step: int
    responses: tuple[Tensor, ...]  # to each direction, (P, outputs) float64, and to all after the end


@final
@dataclass(frozen=True)
class Retina(World):
    """Gratings or bars move over a sheet of bipolar cells, in one direction after the other.

    Each position has two cells, one of each type, with the same light. Their time constants, and their synapses onto
    the tip of the dendrite, are those of the network. The dendrite of the model lies along x, with its soma at the low
    end and its tip at the high one: with sluggish cells near the soma and prompt ones near the tip it prefers motion
    from soma to tip, direction 0, since their signals of this motion arrive together.

    | observation | unit | range |
    |---|---|---|
    | 2 i, 2 i + 1: light at position i, row-major over `field` | background, as difference from it | +-contrast |

    | action | |
    |---|---|
    | response | the output activity; negative activity releases nothing |

    Reward: none. End: truncated after all directions.
    Scores: the response to a direction is the time mean of the squared positive output (contrast energy: Adelson &
    Bergen 1985) over all episodes and steps of its trials; scores are means over the outputs, with 0 for a silent
    output: `dsi` = (R(0) - R(180)) / (R(0) + R(180)), -1 to 1, positive for soma to tip; `gdsi` = |sum R exp(i a)| /
    sum R, for any preferred direction a; `gosi` = |sum R exp(2 i a)| / sum R, for any orientation.

    Each direction is a trial: the stimulus, then only the background. Four episodes form a group, 4 m to 4 m + 3. Their
    gratings are a quarter of a cycle apart, from a phase that is drawn for the group; their bars are bright, dark,
    bright, dark. A response that is linear before the rectification has no direction selectivity while all cells have
    one time constant, for any weights: over four phases the squares add up to |h(t)|^2 |sum w exp(i k x)|^2, which is
    the same for k and -k. This is exact for gratings if the number of episodes is a multiple of four and activity is
    reset at each trial; without the reset, a part (1 - l)^blank of the activity of a cell with the leak l lasts into
    the next trial, and the order of the directions makes a difference. For bars, whose films in opposite directions are
    time reversals of each other, it is exact up to the part of the response after its trial.

    Attributes:
        stimulus: sinusoidal gratings, or bars half a wavelength wide.
        field: positions along x and along y.
        directions: equally spaced, the first from low to high x; even, 4 at least.
        wavelength: positions; its inverse is the spatial frequency.
        speed: positions a step.
        contrast: of the light to the background, at most 1.
        shown: number of steps with a stimulus.
        blank: number of steps without one after it.
        dendrites: output units, each with tuning of its own.
    """

    stimulus: Literal["grating", "bar"] = "grating"
    field: tuple[int, int] = (8, 1)
    directions: int = 8
    wavelength: float = 12.0
    speed: float = 1.0
    contrast: float = 1.0
    shown: int = 24
    blank: int = 12
    dendrites: int = 1

    def __post_init__(self) -> None:
        require(self.stimulus in ("grating", "bar"), "Retina.stimulus", "'grating' or 'bar'", self.stimulus)
        require(self.field[0] >= 2 and self.field[1] >= 1, "Retina.field", "2 positions along x, 1 along y", self.field)
        even = self.directions >= 4 and self.directions % 2 == 0
        require(even, "Retina.directions", "an even number, 4 at least", self.directions)
        require(2 <= self.wavelength < math.inf, "Retina.wavelength", "2 positions at least", self.wavelength)
        seen = 0 < self.speed <= self.wavelength / 2
        require(seen, "Retina.speed", "above 0, up to half a wavelength a step", self.speed)
        require(0 < self.contrast <= 1, "Retina.contrast", "above 0, up to 1", self.contrast)
        for name, least in (("shown", 1), ("blank", 0), ("dendrites", 1)):
            require(getattr(self, name) >= least, f"Retina.{name}", f"at least {least}", getattr(self, name))
        way = math.hypot(self.field[0] - 1, self.field[1] - 1) + self.wavelength / 2 + 1
        crosses = self.stimulus == "grating" or self.shown >= way / self.speed
        require(crosses, "Retina.shown", f"{math.ceil(way / self.speed)} steps, for a bar to cross", self.shown)

    @property
    def inputs(self) -> int:
        """The number of bipolar cells: two at each position."""
        return 2 * math.prod(self.field)

    @property
    def actions(self) -> Response:
        """The output activity itself."""
        return Response(self.dendrites)

    @property
    def steps(self) -> int:
        """The steps of one trial for each direction."""
        return self.directions * (self.shown + self.blank)

    @property
    def score_names(self) -> tuple[str, ...]:
        """Selectivity: direction 0 against 180 degrees, for any direction, for any orientation."""
        return ("dsi", "gdsi", "gosi")

    def labels(self, step: Int64[ndarray, " stimuli"]) -> Labels:
        """The direction of each step's trial."""
        angles = np.arange(self.directions) * (2.0 * np.pi / self.directions)
        return Labels("direction", np.eye(self.directions)[step // (self.shown + self.blank)], angles)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_State, Moment]:
        """Makes the whole film; its light does not depend on the network's outputs."""
        film = self._film(streams, episodes)
        reward = torch.zeros_like(film[0, :, 0])
        flags = torch.stack((reward > 0, reward == 0))
        none = torch.zeros(1, self.dendrites, dtype=torch.float64, device=film.device)
        state = _State(film, reward, flags, 0, (none,) * (self.directions + 1))
        return state, self._moment(state)

    def step(self, state: _State, actions: Float[Tensor, "P outputs B"]) -> tuple[_State, Moment]:
        """Adds the energy of the response to the frame before, and returns the next frame."""
        film, reward, flags, step, responses = state
        if len(actions) != len(reward):
            lives = len(actions)
            film, reward = film.expand(-1, lives, -1, -1), reward.expand(lives, -1)
            flags = flags.expand(-1, lives, -1)
        shown = step // (self.shown + self.blank)
        response = responses[shown] + actions.double().relu().square().sum(2)
        responses = (*responses[:shown], response, *responses[shown + 1 :])
        state = _State(film, reward, flags, min(step + 1, self.steps), responses)
        return state, self._moment(state)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: _State) -> Any:
        """`inner_loop.twins.worlds.retina`."""
        from inner_loop.twins.worlds.retina import twin_of

        film = state.film[:, :1] if self.stimulus == "bar" else state.film  # all lives see the same bars
        return twin_of(film, self.steps, self.shown + self.blank, self.dendrites, places)

    def after_twin(self, places: Places, twin: Any, state: _State) -> _State:
        """The state with the responses to all directions."""
        energy = places.by_episode(twin.energy).sum(2).unflatten(1, (self.directions, self.dendrites))
        return state._replace(responses=(*energy.unbind(1), state.responses[-1]))

    def tuning(self, state: _State) -> Float[Tensor, "P outputs directions"]:
        """The response of each output to each direction, up to a factor; 0 for directions not shown yet."""
        return torch.stack(torch.broadcast_tensors(*state.responses[:-1]), dim=-1)

    def scores(self, state: _State, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """Selectivity of each life, mean over its outputs."""
        tuning = self.tuning(state).expand(len(returns), -1, -1)
        angles = self._angles(tuning.device)
        indices = (
            direction_index(tuning[..., 0], tuning[..., self.directions // 2]),
            vector_index(tuning, angles, 1),
            vector_index(tuning, angles, 2),
        )
        return {name: index.mean(1) for name, index in zip(self.score_names, indices, strict=True)}

    def _moment(self, state: _State) -> Moment:
        no, yes = state.flags
        begins = state.step % (self.shown + self.blank) == 0
        ended = yes if state.step == self.steps else no
        return Moment(state.film[state.step], state.reward, no, ended, trial=yes if begins else no)

    def _angles(self, device: torch.device) -> Float[Tensor, " directions"]:
        return torch.arange(self.directions, dtype=torch.float64, device=device) * (2.0 * math.pi / self.directions)

    def _film(self, streams: Streams, episodes: int) -> Float[Tensor, "frames K inputs B"]:
        device = streams.keys.device
        angles = self._angles(device)
        x, y = (torch.arange(length, device=device) - (length - 1) / 2.0 for length in self.field)
        along = torch.outer(angles.cos(), x)[:, :, None] + torch.outer(angles.sin(), y)[:, None, :]
        frame = torch.arange(self.shown + self.blank, device=device)
        # at half its time a stimulus is in the middle of the field: films of opposite directions are time reversals
        travelled = (frame - (self.shown - 1) / 2.0) * self.speed
        ahead = (
            along.flatten(1)[:, None, None, :, None] - travelled[:, None, None, None]
        )  # direction, frame, K, place, B
        number = torch.arange(episodes, device=device)
        if self.stimulus == "grating":
            drawn = streams.stream("phase").uniform(-(-episodes // _PHASES)).repeat_interleave(_PHASES, dim=1)
            phase = drawn[:, :episodes] + number % _PHASES / _PHASES
            light = ((ahead / self.wavelength + phase[:, None]) * (2.0 * math.pi)).sin()
        else:
            # each position has a receptive field one position wide
            covered = ((self.wavelength / 2.0 + 1.0) / 2.0 - ahead.abs()).clamp(0.0, 1.0)
            light = (covered * (1.0 - 2.0 * (number % 2))).expand(-1, -1, streams.owners, -1, -1)
        light = light * ((frame < self.shown) * self.contrast)[:, None, None, None]
        film = light.float().flatten(0, 1).repeat_interleave(2, dim=2)
        return torch.cat((film, torch.zeros_like(film[:1])))
