"""Null models of a genome: networks that keep some of its properties and lack the effect of evolution on the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from evo.analysis.innate.design import Design
from evo.analysis.scores import Rows
from genomes.intervention import Intervention
from genomes.interventions.shuffled import Shuffled
from genomes.interventions.signs_only import SignsOnly
from genomes.interventions.standard import Standard


@final
@dataclass(frozen=True)
class Null:
    """A null model.

    Attributes:
        name: name in tables and sentences.
        words: how the null model is made, and which properties it keeps.
        done: interventions on newborns of the genome; empty if other genomes replace it.
        drawn: True if it is stochastic; otherwise there is no test by draws.
        sparse: True if it is informative only where some synapses did not grow.
    """

    name: str
    words: str
    done: tuple[Intervention, ...] = ()
    drawn: bool = True
    sparse: bool = False

    def rows(self, bench: Design) -> Rows:
        """Returns the rows to be measured: draws, or births of the genome if the null model is not stochastic."""
        if not self.done:
            return bench.founders()
        return bench.drawn(*self.done) if self.drawn else bench.newborns(*self.done)


FOUNDERS = Null(
    "random founders",
    "random genomes of the initial distribution of the search; if births differ, the mean of four births each, or of "
    "as many as the evolved genome has if these are fewer",
)
SHUFFLED = Null(
    "shuffled wiring",
    "the weights of the genome permuted within each projection among the synapses that grew, which keeps degrees and "
    "the distribution of weights",
    (Shuffled(),),
)
STANDARD = Null(
    "standard initialisation",
    "the same topology with all synapses, normal weights of variance 1 / fan-in",
    (Standard(),),
)
SIGNS = Null("signs only", "every weight of the genome with its sign, all with one magnitude", (SignsOnly(),), False)

NULLS = (
    FOUNDERS,
    SHUFFLED,
    STANDARD,
    Null(
        "mask only", "synapses where the genome grows them, with standard weights", (Standard(mask=True),), sparse=True
    ),
    Null("weights only", "the weights of the genome at random positions", (Shuffled(mask=False),), sparse=True),
    SIGNS,
)


def nulls(bench: Design) -> tuple[Null, ...]:
    """Returns the null models that are informative for this genome."""
    return tuple(null for null in NULLS if not (null.sparse and bench.dense))
