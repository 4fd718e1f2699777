"""Null models of a genome: what would behave as well at birth if evolution had found nothing."""

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
        name: in tables and sentences.
        words: how it is made, and what it keeps.
        done: to newborns of the genome; nothing: other genomes take its place.
        drawn: whether there is chance in it; where there is none, nothing can be tested by draws.
        sparse: whether it tells something only where not every synapse grew.
    """

    name: str
    words: str
    done: tuple[Intervention, ...] = ()
    drawn: bool = True
    sparse: bool = False

    def rows(self, bench: Design) -> Rows:
        """A draw a row; a birth a row where nothing is drawn."""
        if not self.done:
            return bench.founders()
        return bench.drawn(*self.done) if self.drawn else bench.newborns(*self.done)


FOUNDERS = Null(
    "random founders",
    "random genomes of the distribution that the search began from, where births differ the mean of "
    "four births each, or of as many as the genome itself has if they are fewer",
)
SHUFFLED = Null(
    "shuffled wiring",
    "the weights of the genome permuted within each projection, its synapses where they grew: degrees and the "
    "distribution of weights are kept",
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
    Null("weights only", "the weights of the genome at places by lot", (Shuffled(mask=False),), sparse=True),
    SIGNS,
)


def nulls(bench: Design) -> tuple[Null, ...]:
    """Those that tell something of this genome."""
    return tuple(null for null in NULLS if not (null.sparse and bench.dense))
