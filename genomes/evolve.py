"""`{evolve: [lowest, highest]}`: puts a number of a component under evolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from genomes.errors import require
from genomes.spec import Field, Scale


@final
@dataclass(frozen=True)
class Evolve:
    """Puts a number of a component under evolution: `lr: {evolve: [1e-4, 1], scale: log, bits: 6, per: projection}`.

    Attributes:
        evolve: the lowest and the highest value.
        scale: linear or log spacing of the levels.
        bits: per number; 2^bits levels.
        per: one number for the individual, for each projection, for each pair of cell types of each projection, or for
            each synapse.
        shared: with `per: synapse`, the synapses share this many numbers, by a fixed random assignment, as evenly as
            possible.
    """

    evolve: tuple[float, float]
    scale: Scale = "linear"
    bits: int = 6
    per: Literal["individual", "projection", "types", "synapse"] = "individual"
    shared: int | None = None

    def __post_init__(self) -> None:
        fits = self.shared is None or (self.per == "synapse" and self.shared >= 1)
        require(fits, "evolve.shared", "at least 1 number, with per: synapse", self.shared)
        Field("evolve", (), *self.evolve, scale=self.scale, bits=self.bits)

    def field(self, name: str, shape: tuple[int, ...]) -> Field:
        """The field of the genome that carries the number."""
        return Field(name, shape, *self.evolve, scale=self.scale, bits=self.bits)


Evolvable = float | Evolve
"""A number of the individual that is a constant or a gene."""


def ends(number: Evolvable) -> tuple[float, ...]:
    """The lowest and the highest value that a number can have; for a constant, its one value."""
    return number.evolve if isinstance(number, Evolve) else (number,)


class Synaptic:
    """Marks an Evolvable that may differ between projections or cell types: `lr: Annotated[Evolvable, Synaptic]`."""


@final
@dataclass(frozen=True)
class Neutral:
    """Marks an Evolvable with the value at which it has no effect: `gain: Annotated[Evolvable, Neutral(1.0)]`.

    Attributes:
        value: a knock-out sets the number to it; None: the number cannot be silenced. An unmarked number has 0.
    """

    value: float | None


@final
@dataclass(frozen=True)
class Several:
    """Marks an Evolvable that stands for several numbers, `Annotated[Evolvable, Several("terms")]`.

    Attributes:
        labels: the component's attribute that lists the names of the numbers; number `x` is then named `name.x`.
    """

    labels: str
