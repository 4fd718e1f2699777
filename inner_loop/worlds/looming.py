"""Escape from approaching objects only: Temizer, Donovan, Baier & Semmelhack 2015 (Curr. Biol. 25:1823)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.twins.layout import Places
from inner_loop.world import Discrete, Moment, World

Distractor = Literal["receding", "translating", "dimming"]

_ESCAPE = 1
_KINDS: tuple[Distractor, ...] = ("receding", "translating", "dimming")
_INSTANT = 1e-6  # s: smallest time to collision, so that the size of an object stays finite


class _Film(NamedTuple):
    """The frames, which do not depend on the actions; lengths in pixels, each (K, B) unless said otherwise."""

    looms: Tensor
    dims: Tensor
    frames: Tensor  # number of frames until the end
    size: Tensor  # l/v, s
    time: Tensor  # to the collision, in the first frame, s
    pace: Tensor  # of that time in a frame, s
    place: Tensor  # (K, 2, 1, B): centre of the disc in the first frame, from the middle
    velocity: Tensor  # (K, 2, 1, B): of the centre in a frame
    line: Tensor  # (side, 1): centres of a row of pixels


class _State(NamedTuple):
    film: _Film
    frame: int
    image: Tensor  # (K, n, B)


@final
@dataclass(frozen=True)
class Looming(World):
    """A retina sees a dark disc on a bright ground. If the disc approaches, escape before the collision; else stay.

    An object of half-size l and speed v has the angular size 2 atan((l/v) / t) at the time t before the collision. Half
    of the films show a looming disc. The others show a looming film that runs backwards; a disc of constant size (that
    of a looming one at half-time) that crosses the field of view; or a field without edges whose mean darkness grows as
    with a disc. All of them last until the collision, or as long as if there were one.

    | observation | unit | range |
    |---|---|---|
    | darkness of each pixel, row by row | covered share | 0 to 1 |
    | its change since the last frame, row by row; only if `change` | covered share | -1 to 1 |

    | action | |
    |---|---|
    | 0 | stay |
    | 1 | escape |

    Reward: 1 for an escape from a looming disc before the collision, 1 at the end of any other film without an escape.
    An escape too early to distinguish the films has the same reward, and is a false alarm half of the time.
    End: terminated by an escape, the collision or the end of the film.
    Scores: the return, the share of films with the right answer; `hit_rate` for looming films, `correct_rejection` for
    the others, each 0 if there was none.

    Attributes:
        pixels: number of pixels along each side of the retina.
        field: degrees of visual angle along each side; the retina is treated as flat.
        frame: duration of a step, s.
        l_over_v: (lowest, highest), s, uniform.
        collision: (earliest, latest), s from the first frame, uniform.
        eccentricity: the disc is centred, or passes at half-time, up to this many degrees off the middle on both axes.
        looming: share of films that loom.
        distractors: the other films, all equally frequent.
        change: True makes the change an input; without it a network needs a memory.
    """

    pixels: int = 7
    field: float = 120.0
    frame: float = 0.1
    l_over_v: tuple[float, float] = (0.2, 0.6)
    collision: tuple[float, float] = (2.0, 4.0)
    eccentricity: float = 15.0
    looming: float = 0.5
    distractors: tuple[Distractor, ...] = ("receding", "translating", "dimming")
    change: bool = True

    def __post_init__(self) -> None:
        require(self.pixels >= 2, "Looming.pixels", "at least 2", self.pixels)
        require(0 < self.field <= 180, "Looming.field", "above 0 and up to 180 degrees", self.field)
        require(0 < self.frame < math.inf, "Looming.frame", "a number above 0", self.frame)
        for name, least in (("l_over_v", 0.0), ("collision", self.frame)):
            low, high = getattr(self, name)
            wanted = f"lowest <= highest, both finite and above {least:g}"
            require(least < low <= high < math.inf, f"Looming.{name}", wanted, (low, high))
        require(0 <= self.eccentricity < 90, "Looming.eccentricity", "0 to 90 degrees", self.eccentricity)
        require(0 <= self.looming <= 1, "Looming.looming", "0 to 1", self.looming)
        kinds = self.distractors and set(self.distractors) <= set(_KINDS)
        require(kinds, "Looming.distractors", "some of " + ", ".join(_KINDS), self.distractors)

    @property
    def inputs(self) -> int:
        """The number of pixels, twice that if their changes are inputs."""
        return self.pixels**2 * (2 if self.change else 1)

    @property
    def actions(self) -> Discrete:
        """Stay, escape."""
        return Discrete(2)

    @property
    def steps(self) -> int:
        """Frames before the latest collision."""
        return math.ceil(self.collision[1] / self.frame)

    @property
    def score_names(self) -> tuple[str, ...]:
        """The return, and the rates of its two kinds of success."""
        return ("return", "hit_rate", "correct_rejection")

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_State, Moment]:
        """The first frame; draws all random numbers of the film."""
        film = self._film(streams, episodes)
        image = self._image(film, 0)
        none = torch.zeros_like(film.looms)
        return _State(film, 0, image), self._moment(image, torch.zeros_like(image), none.float(), none)

    def step(self, state: _State, actions: Int[Tensor, "P B"]) -> tuple[_State, Moment]:
        """The next frame; an escape counts for the frame before it."""
        film, frame = state.film, state.frame + 1
        escaped, over = actions == _ESCAPE, frame >= film.frames
        right = torch.where(escaped, film.looms, over & ~film.looms)
        image = self._image(film, frame)
        return _State(film, frame, image), self._moment(image, image - state.image, right.float(), escaped | over)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: _State) -> Any:
        """`inner_loop.twins.worlds.looming`."""
        from inner_loop.twins.worlds.looming import twin_of

        radius = torch.stack([self._radius(state.film, frame) for frame in range(self.steps)], 1)
        return twin_of(state.film, radius, self.change, places)

    def scores(self, state: _State, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """The share of right answers in all films, in looming ones and in others."""
        looms = state.film.looms.double()
        hits, rejections = ((returns * kind).sum(1) / kind.sum(1).clamp(min=1.0) for kind in (looms, 1.0 - looms))
        return {"return": returns.mean(1), "hit_rate": hits, "correct_rejection": rejections}

    def _moment(self, image: Tensor, change: Tensor, reward: Tensor, ended: Tensor) -> Moment:
        observation = torch.cat((image, change), 1) if self.change else image
        return Moment(observation.expand(len(reward), -1, -1), reward, ended, torch.zeros_like(ended))

    def _film(self, streams: Streams, episodes: int) -> _Film:
        drawn = streams.stream("film").uniform(episodes, 5).movedim(-1, 0)
        looms = streams.stream("looming").uniform(episodes) < self.looming
        which = [_KINDS.index(name) for name in self.distractors]
        other = torch.tensor(which, device=looms.device)[streams.stream("distractor").integers(len(which), episodes)]
        recedes, translates, dims = (~looms & (other == kind) for kind in range(len(_KINDS)))
        size, collision = _between(self.l_over_v, drawn[0]), _between(self.collision, drawn[1])
        last = (collision / self.frame).ceil() - 1.0
        time = torch.where(translates, collision / 2.0, torch.where(recedes, collision - last * self.frame, collision))
        pace = torch.where(translates, 0.0, torch.where(recedes, self.frame, -self.frame))
        size, time, pace = size.float(), time.float(), pace.float()
        pixel = self.field / self.pixels
        away = self.eccentricity / pixel
        middle = (drawn[2:4] * 2.0 - 1.0) * away
        # half the path of a disc that enters beyond an edge of the field and leaves beyond the opposite one
        reach = torch.where(translates, self.pixels / 2.0 + away + _radius(size, time, pixel), 0.0)
        angle = drawn[4] * (2.0 * math.pi)
        direction = torch.stack((angle.cos(), angle.sin()))
        way = direction / direction.abs().amax(0) * reach
        lines = torch.stack((middle - way, way * (2.0 / last))).float().movedim(1, 2)[:, :, :, None].contiguous()
        line = torch.arange(self.pixels, device=looms.device)[:, None] - (self.pixels - 1) / 2.0
        return _Film(looms, dims, last + 1.0, size, time, pace, lines[0], lines[1], line)

    def _image(self, film: _Film, frame: int) -> Tensor:
        radius = self._radius(film, frame)
        across, down = (film.line - (film.place + film.velocity * frame)).square().unbind(1)
        away = (down[:, :, None] + across[:, None]).sqrt().flatten(1, 2)
        covered = (radius[:, None] + 0.5 - away).clamp(0.0, 1.0)
        return torch.where(film.dims[:, None], covered.mean(1, keepdim=True), covered)

    def _radius(self, film: _Film, frame: int) -> Tensor:
        return _radius(film.size, film.time + film.pace * frame, self.field / self.pixels)


def _between(ends: tuple[float, float], uniform: Tensor) -> Tensor:
    return ends[0] + (ends[1] - ends[0]) * uniform


def _radius(size: Tensor, time: Tensor, pixel: float) -> Tensor:
    """Half the angular size of a disc, in pixels of `pixel` degrees."""
    return (size / time.clamp(min=_INSTANT)).atan() * (math.degrees(1.0) / pixel)
