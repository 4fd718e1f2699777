"""Which genes still vary, which are fixed and since when, and what became of every allele.

Diversity as entropy: Shannon 1948. That a gene is fixed says nothing yet of why: selection fixes genes, and so do drift
and hitch-hiking (Maynard Smith & Haigh 1974, Genetical Research 23:23).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer
from numpy import ndarray

from evo.analysis.report.section import Picture, canvas
from evo.analysis.report.style import whole_numbers
from genomes.encoding import Encoding
from genomes.spec import Field, GenomeSpec

if TYPE_CHECKING:
    import pandas

UNIFORM = (1 / 6) ** 0.5
"""Distance of random genomes: two uniform numbers of the unit interval lie so far apart, root mean square."""

_ALIKE, _SPAN, _REST, _ROWS, _PANELS, _CURVES = 0.95, 1 / 8, 1 / 16, 100, 4, 6

TERMS = {
    "chromosome": "encoding (wiring), rule (plasticity) or objective (what a life makes small); all: the whole genome",
    "genes": "how many numbers",
    "bits": "exact size: log2 of the levels, over all numbers",
    "entropy": "diversity: entropy of a gene's levels in the generation over the bits that the gene can hold, mean "
    "over genes; 0: all alike, 1: all levels equally common; N individuals show at most log2 N bits",
    "distance": "diversity: distance of two individuals in the unit cube, root mean square over pairs and genes; 0.41 "
    "for random genomes",
    **{
        f"{when} {of}": f"`{of}` in the {when} generation"
        for when in ("first", "last")
        for of in ("entropy", "distance")
    },
    "field": "the part of the genome, by its config path",
    "kind": "quantitative, or alleles: categories and binary genes",
    "fixed": "share of the field's genes that are fixed by the last generation. Alleles: at least 95 % of the "
    "individuals have one allele, the same one until the end. Quantitative: the middle 90 % of the individuals span at "
    "most 1/8 of the range, in every generation until the end",
    "fixed since": "median generation, over the genes that are fixed, from which that holds (of the generations shown)",
    "settled since": "median generation, over genes, from which the mean of a quantitative gene stays within 1/16 of "
    "its range of where it ends",
    "allele": "what a category or a binary gene can be; levels with the same meaning are one allele",
    "share": "of the individuals and the field's genes that have the allele",
}
"""What the columns mean."""


@final
@dataclass(frozen=True, eq=False)
class Census:
    """The genes of one generation.

    Attributes:
        mean: (G,) mean level, 0 the lowest and 1 the highest of the range; of alleles their number in this sense.
        variance: (G,) unbiased, in the unit cube.
        entropy: (G,) of the levels, over the bits of the gene, 0 to 1.
        narrow: (G,) whether the individuals are as alike as those of a fixed gene.
        common: (G,) the most common allele; 0 for quantitative genes.
        shares: by field of alleles and allele, over the individuals and the genes of the field.
    """

    mean: Float64[ndarray, " G"]
    variance: Float64[ndarray, " G"]
    entropy: Float64[ndarray, " G"]
    narrow: Bool[ndarray, " G"]
    common: Int64[ndarray, " G"]
    shares: Mapping[str, Mapping[str, float]]


def allele_names(encoding: Encoding, field: Field) -> tuple[str, ...]:
    """What each level of a category of the genome is called; levels of one name are one allele."""
    if field.name.startswith("encoding."):
        return encoding.level_names(replace(field, name=field.name.removeprefix("encoding.")))
    return tuple(str(level) for level in range(field.levels))


def census(spec: GenomeSpec, encoding: Encoding, levels: Integer[ndarray, "N G"]) -> Census:
    """Counts the alleles of a generation."""
    count, last = len(levels), np.maximum(spec.level_counts - 1, 1)
    ordered = np.sort(levels.T, axis=1)
    gene, _, length = _runs(ordered)
    entropy = np.log2(count) - np.bincount(gene, length * np.log2(length), spec.size) / count
    tail = int(count * (1 - _ALIKE))
    narrow = (ordered[:, count - 1 - tail].astype(np.int64) - ordered[:, tail]) / last <= _SPAN
    mean, common, shares = levels.mean(0) / last, np.zeros(spec.size, np.int64), {}
    for field in (field for field in spec.fields if field.choices and field.size):
        place = spec.slices[field.name]
        names = allele_names(encoding, field)
        distinct = list(dict.fromkeys(names))
        alleles = np.array([distinct.index(name) for name in names])[levels[:, place]]
        share = np.bincount(alleles.ravel(), minlength=len(distinct)) / alleles.size
        shares[field.name] = dict(zip(distinct, share.tolist(), strict=True))
        most, common[place] = _most_common(alleles)
        narrow[place], mean[place] = most >= _ALIKE, alleles.mean(0) / max(len(distinct) - 1, 1)
    return Census(
        mean=mean,
        variance=levels.var(0, ddof=min(1, count - 1)) / spec.level_counts**2,
        entropy=np.maximum(entropy, 0.0) / np.log2(np.maximum(spec.level_counts, 2)),
        narrow=narrow,
        common=common,
        shares=shares,
    )


@final
@dataclass(frozen=True, eq=False)
class Trajectories:
    """The genes over the generations.

    Attributes:
        spec: of the genome.
        generations: (T,) those that were counted.
        counted: a Census for each.
    """

    spec: GenomeSpec
    generations: Sequence[int]
    counted: Sequence[Census]

    @cached_property
    def mean(self) -> Float64[ndarray, "T G"]:
        """Mean level of every gene, 0 to 1."""
        return np.stack([each.mean for each in self.counted])

    @cached_property
    def fixed_since(self) -> Float64[ndarray, " G"]:
        """The generation from which a gene is fixed, nan where it is not fixed by the end."""
        common = np.stack([each.common for each in self.counted])
        return self._since(np.stack([each.narrow for each in self.counted]) & (common == common[-1]))

    @cached_property
    def settled_since(self) -> Float64[ndarray, " G"]:
        """The generation from which a gene's mean stays where it ends."""
        return self._since(np.abs(self.mean - self.mean[-1]) <= _REST)

    def _since(self, holds: Bool[ndarray, "T G"]) -> Float64[ndarray, " G"]:
        until_end = np.logical_and.accumulate(holds[::-1])[::-1]
        return np.where(holds[-1], np.asarray(self.generations, np.float64)[until_end.argmax(0)], np.nan)

    @property
    def chromosomes(self) -> dict[str, Bool[ndarray, " G"]]:
        """Which genes belong to each, the whole genome first."""
        of = np.repeat([f.name.partition(".")[0] for f in self.spec.fields], [f.size for f in self.spec.fields])
        return {"all": np.ones(self.spec.size, bool)} | {str(c): of == c for c in dict.fromkeys(of.tolist())}


def diversity(counted: Census, genes: Bool[ndarray, " G"] | None = None) -> tuple[float, float]:
    """Entropy (0 to 1) and distance (0 to about 0.41) of a generation, over all genes or some."""
    some = slice(None) if genes is None else genes
    return float(counted.entropy[some].mean()), float((2 * counted.variance[some].mean()) ** 0.5)


def diversity_table(seen: Trajectories) -> pandas.DataFrame:
    """A row a chromosome: its size, and its diversity in the first and the last generation."""
    import pandas

    bits, rows = np.log2(seen.spec.level_counts), []
    for name, genes in seen.chromosomes.items():
        row = {"chromosome": name, "genes": int(genes.sum()), "bits": float(bits[genes].sum())}
        for when, counted in (("first", seen.counted[0]), ("last", seen.counted[-1])):
            row |= dict(zip((f"{when} entropy", f"{when} distance"), diversity(counted, genes), strict=True))
        rows.append(row)
    return pandas.DataFrame(rows)


def fixation_table(seen: Trajectories) -> pandas.DataFrame:
    """A row a field: how many of its genes are fixed by the end, and since when; when its genes came to rest."""
    import pandas

    rows = []
    for field in (field for field in seen.spec.fields if field.size):
        since = seen.fixed_since[seen.spec.slices[field.name]]
        fixed, settled = since[np.isfinite(since)], seen.settled_since[seen.spec.slices[field.name]]
        rows.append(
            {
                "field": field.name,
                "kind": "alleles" if field.choices else "quantitative",
                "genes": field.size,
                "fixed": len(fixed) / field.size,
                "fixed since": float(np.median(fixed)) if len(fixed) else np.nan,
                "settled since": np.nan if field.choices else float(np.median(settled)),
            }
        )
    return pandas.DataFrame(rows)


def shares_table(seen: Trajectories) -> pandas.DataFrame:
    """A row a generation, field and allele: its share; no row where no field has alleles."""
    import pandas

    rows = [
        (generation, field, allele, share)
        for generation, counted in zip(seen.generations, seen.counted, strict=True)
        for field, shares in counted.shares.items()
        for allele, share in shares.items()
    ]
    return pandas.DataFrame(rows, columns=["generation", "field", "allele", "share"])


def sentences(seen: Trajectories, keeps_parents: bool) -> tuple[str, str]:
    """Diversity, and fixation; said with what the search can show of them."""
    (entropy, distance), (later, nearer) = diversity(seen.counted[0]), diversity(seen.counted[-1])
    varied = (
        f"Diversity went from {entropy:.2f} to {later:.2f} of the bits of a gene (entropy; 1: all levels as common) "
        f"and individuals from {distance:.3f} to {nearer:.3f} apart ({UNIFORM:.2f}: random genomes)."
    )
    since = seen.fixed_since[np.isfinite(seen.fixed_since)]
    when = f", half of these by generation {np.median(since):.0f}" if len(since) else ""
    fixed = f"{len(since):,} of {seen.spec.size:,} genes are fixed by the end{when}"
    if keeps_parents:
        return varied, f"{fixed}; that alone does not tell selection from drift, which fixes genes too."
    settled = seen.settled_since[[not field.choices for field in seen.spec.fields for _ in range(field.size)]]
    rest = f": half of them stay where they end from generation {np.median(settled):.0f} on" if len(settled) else ""
    return varied, (
        f"{fixed}; but where no parents are kept the spread of a generation is the search's own setting and not what "
        f"selection left, and what tells is when the means of genes come to rest{rest}."
    )


def shown_genes(spec: GenomeSpec, most: int = _ROWS) -> Int64[ndarray, " shown"]:
    """Genes to look at, evenly chosen within every field and at least one of each."""
    part = min(most / max(spec.size, 1), 1.0)
    chosen = [
        np.linspace(place.start, place.stop - 1, max(int(part * (place.stop - place.start)), 1))
        .round()
        .astype(np.int64)
        for place in spec.slices.values()
        if place.stop > place.start
    ]
    return np.concatenate(chosen)


def heat_map(seen: Trajectories) -> Picture:
    """Mean level of genes, a row each, over the generations."""
    genes = shown_genes(seen.spec)
    figure, axes = canvas(7.2, 5.0)
    times = np.append(seen.generations, seen.generations[-1] + 1)
    mesh = axes.pcolormesh(times, np.arange(len(genes) + 1), seen.mean[:, genes].T, vmin=0, vmax=1, rasterized=True)
    figure.colorbar(mesh, label="mean level, part of its range")
    labels, free = {}, -np.inf
    for field in seen.spec.fields:
        place = seen.spec.slices[field.name]
        rows = np.flatnonzero((genes >= place.start) & (genes < place.stop))
        if len(rows):
            axes.axhline(rows[0], color="white", linewidth=0.8)
            if (middle := rows.mean() + 0.5) - free >= len(genes) / 25:  # names must not cover each other
                labels[middle], free = field.name.removeprefix("encoding."), middle
    axes.set_yticks(list(labels), list(labels.values()), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("generation")
    whole_numbers(axes)
    which = "all genes" if len(genes) == seen.spec.size else f"{len(genes)} of {seen.spec.size:,} genes, evenly chosen"
    caption = f"Allele trajectories: the mean level of a gene in the population, a row a gene ({which}, by field)."
    return Picture(figure, f"{caption} Alleles count from their first, 0, to their last, 1.")


def share_curves(table: pandas.DataFrame) -> Picture:
    """Shares of the alleles, from `shares_table`, over the generations: a panel a field."""
    shown = (fields := table["field"].unique())[:_PANELS]
    figure, axes = canvas(7.2, 0.8 + 2.4 * len(shown), rows=len(shown))
    for panel, field in zip(np.atleast_1d(axes), shown, strict=True):
        curves = table[table["field"] == field].pivot(index="generation", columns="allele", values="share")
        for allele in curves.max().sort_values(ascending=False, kind="stable").index[:_CURVES]:
            panel.plot(curves.index, curves[allele], label=allele)
        panel.set(xlabel="generation", ylabel="share", ylim=(-0.02, 1.02))
        panel.set_title(field.removeprefix("encoding."), fontsize=9, loc="left")
        whole_numbers(panel)
        panel.legend(frameon=False, fontsize=8)
    fewer = "" if len(shown) == len(fields) else f" ({len(shown)} of {len(fields)} fields)"
    return Picture(figure, f"How common each allele is, over all individuals and the genes of a field{fewer}.")


def _runs(ordered: Integer[ndarray, "G N"]) -> tuple[ndarray, ndarray, ndarray]:
    """Equal numbers of sorted rows: the row, the number and how many, an entry a run."""
    new = np.ones(ordered.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.flatnonzero(new)
    return starts // ordered.shape[1], ordered.ravel()[starts], np.diff(starts, append=ordered.size)


def _most_common(alleles: Int64[ndarray, "N genes"]) -> tuple[Float64[ndarray, " genes"], Int64[ndarray, " genes"]]:
    """The share of each gene's most common allele, and which it is; the highest of equals."""
    gene, allele, length = _runs(np.sort(alleles.T, axis=1))
    order = np.lexsort((length, gene))
    last = order[np.append(np.diff(gene[order]) > 0, True)]
    return length[last] / len(alleles), allele[last]
