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

    @property
    def ends(self) -> tuple[float, ...]:
        """The lowest and the highest value."""
        return self.evolve

    def field(self, name: str, shape: tuple[int, ...]) -> Field:
        """The field of the genome that carries the number."""
        return Field(name, shape, *self.evolve, scale=self.scale, bits=self.bits)


@final
@dataclass(frozen=True)
class Among:
    """Puts a number or a category under evolution by its values: `order: {among: [-4, -2, 0, 2, 4]}`.

    Numbers keep their order: a mutation of real genomes takes a near one. Words and truth values are a category: a
    mutation takes any of the others alike. A genome stores log2 of the number of values, in bits.

    Attributes:
        among: the values, each once; all numbers, all words, or false and true.
        per, shared: as those of Evolve.
    """

    among: tuple[float | bool | str, ...]
    per: Literal["individual", "projection", "types", "synapse"] = "individual"
    shared: int | None = None

    def __post_init__(self) -> None:
        kinds = {type(value) if isinstance(value, (bool, str)) else float for value in self.among}
        require(len(kinds) == 1, "among", "values of one kind: numbers, words, or truth values", list(self.among))
        fits = self.shared is None or (self.per == "synapse" and self.shared >= 1)
        require(fits, "among.shared", "at least 1 number, with per: synapse", self.shared)
        self.field("among", ())

    @property
    def category(self) -> bool:
        """True if the values have no order."""
        return any(isinstance(value, (bool, str)) for value in self.among)

    @property
    def ends(self) -> tuple[float, ...]:
        """Every value as a number: a word is its place, false 0 and true 1."""
        if any(isinstance(value, str) for value in self.among):
            distinct = len(set(self.among)) == len(self.among)
            require(distinct, "among", "each value once", list(self.among))
            return tuple(float(place) for place in range(len(self.among)))
        return tuple(float(value) for value in self.among)

    def field(self, name: str, shape: tuple[int, ...]) -> Field:
        """The field of the genome that carries it."""
        return Field(name, shape, among=self.ends, category=self.category)


Evolving = (Evolve, Among)
"""Classes that put a number under evolution, for `isinstance`."""

Evolvable = float | Evolve | Among
"""A number of the individual that is a constant or a gene."""

Category = str | Among
"""A word of the individual that is a constant or a gene; its trait is the place of the word, 0 for a constant."""


def ends(number: Evolvable) -> tuple[float, ...]:
    """The lowest and the highest value that a number can have, all values of `Among`, or the one of a constant."""
    return number.ends if isinstance(number, Evolving) else (number,)


def words(category: Category) -> tuple[str, ...]:
    """The words that a category can be, in the order of their traits."""
    return tuple(map(str, category.among)) if isinstance(category, Among) else (category,)


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
