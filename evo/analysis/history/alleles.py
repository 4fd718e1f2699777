"""Diversity of the genes, their fixation, and the frequency of every allele over the generations.

Diversity as entropy: Shannon 1948. Fixation alone is no evidence of selection: drift and hitch-hiking fix genes too
(Maynard Smith & Haigh 1974, Genetical Research 23:23).
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
"""Distance of random genomes: root mean square distance of two uniform random numbers of the unit interval."""

_ALIKE, _SPAN, _REST, _ROWS, _PANELS, _CURVES = 0.95, 1 / 8, 1 / 16, 100, 4, 6

TERMS = {
    "chromosome": "encoding (wiring), rule (plasticity) or objective (the loss that a life minimises); all: the whole "
    "genome",
    "genes": "number of genes",
    "bits": "exact size: sum over genes of log2 of the number of levels",
    "entropy": "diversity: entropy of a gene's levels in the generation, divided by the bits of the gene, mean over "
    "genes; 0: all individuals equal, 1: all levels equally common; N individuals show at most log2 N bits",
    "distance": "diversity: distance of two individuals in the unit cube, root mean square over pairs and genes; 0.41 "
    "for random genomes",
    **{
        f"{when} {of}": f"`{of}` in the {when} generation"
        for when in ("first", "last")
        for of in ("entropy", "distance")
    },
    "field": "part of the genome, named by its config path",
    "kind": "quantitative genes, or alleles: categories and binary genes",
    "fixed": "share of the field's genes that are fixed in the last generation. Alleles: at least 95 % of the "
    "individuals have the same allele until the end. Quantitative: the middle 90 % of the individuals span at most 1/8 "
    "of the range in every generation until the end",
    "fixed since": "generation from which a gene is fixed, of the generations shown: median over the fixed genes",
    "settled since": "generation from which the mean of a quantitative gene stays within 1/16 of its range around its "
    "final value: median over genes",
    "allele": "possible value of a category or of a binary gene; levels with the same meaning are one allele",
    "share": "share of the individuals and of the field's genes that have the allele",
}
"""Meanings of the table columns."""


@final
@dataclass(frozen=True, eq=False)
class Census:
    """Statistics of the genes of one generation.

    Attributes:
        mean: (G,) mean level, scaled from 0 (lowest) to 1 (highest); for alleles the mean of their scaled numbers.
        variance: (G,) unbiased variance in the unit cube.
        entropy: (G,) entropy of the levels divided by the bits of the gene, 0 to 1.
        narrow: (G,) True where the generation meets the criterion of a fixed gene.
        common: (G,) the most common allele; 0 for quantitative genes.
        shares: frequency of each allele over the individuals and the genes of its field, by field and allele.
    """

    mean: Float64[ndarray, " G"]
    variance: Float64[ndarray, " G"]
    entropy: Float64[ndarray, " G"]
    narrow: Bool[ndarray, " G"]
    common: Int64[ndarray, " G"]
    shares: Mapping[str, Mapping[str, float]]


def allele_names(encoding: Encoding, field: Field) -> tuple[str, ...]:
    """Returns the name of each level of a category of the genome; levels with the same name are one allele."""
    if field.name.startswith("encoding."):
        return encoding.level_names(replace(field, name=field.name.removeprefix("encoding.")))
    return tuple(str(level) for level in range(field.levels))


def census(spec: GenomeSpec, encoding: Encoding, levels: Integer[ndarray, "N G"]) -> Census:
    """Computes the statistics of the genes of a generation."""
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
    """Statistics of the genes over the generations.

    Attributes:
        spec: specification of the genome.
        generations: (T,) the generations that were counted.
        counted: the Census of each generation.
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
        """Generation from which each gene is fixed; nan where it is not fixed in the last generation."""
        common = np.stack([each.common for each in self.counted])
        return self._since(np.stack([each.narrow for each in self.counted]) & (common == common[-1]))

    @cached_property
    def settled_since(self) -> Float64[ndarray, " G"]:
        """Generation from which the mean of each gene stays near its final value."""
        return self._since(np.abs(self.mean - self.mean[-1]) <= _REST)

    def _since(self, holds: Bool[ndarray, "T G"]) -> Float64[ndarray, " G"]:
        until_end = np.logical_and.accumulate(holds[::-1])[::-1]
        return np.where(holds[-1], np.asarray(self.generations, np.float64)[until_end.argmax(0)], np.nan)

    @property
    def chromosomes(self) -> dict[str, Bool[ndarray, " G"]]:
        """Masks of the genes of each chromosome, with the whole genome first."""
        of = np.repeat([f.name.partition(".")[0] for f in self.spec.fields], [f.size for f in self.spec.fields])
        return {"all": np.ones(self.spec.size, bool)} | {str(c): of == c for c in dict.fromkeys(of.tolist())}


def diversity(counted: Census, genes: Bool[ndarray, " G"] | None = None) -> tuple[float, float]:
    """Returns entropy (0 to 1) and distance (0 to about 0.41) of a generation, over all genes or a subset."""
    some = slice(None) if genes is None else genes
    return float(counted.entropy[some].mean()), float((2 * counted.variance[some].mean()) ** 0.5)


def diversity_table(seen: Trajectories) -> pandas.DataFrame:
    """Returns one row a chromosome: its size, and its diversity in the first and the last generation."""
    import pandas

    bits, rows = np.log2(seen.spec.level_counts), []
    for name, genes in seen.chromosomes.items():
        row = {"chromosome": name, "genes": int(genes.sum()), "bits": float(bits[genes].sum())}
        for when, counted in (("first", seen.counted[0]), ("last", seen.counted[-1])):
            row |= dict(zip((f"{when} entropy", f"{when} distance"), diversity(counted, genes), strict=True))
        rows.append(row)
    return pandas.DataFrame(rows)


def fixation_table(seen: Trajectories) -> pandas.DataFrame:
    """Returns one row a field: the share of fixed genes, since when they are fixed, and since when they are settled."""
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
    """Returns the share of each allele, one row a generation, field and allele; empty where no field has alleles."""
    import pandas

    rows = [
        (generation, field, allele, share)
        for generation, counted in zip(seen.generations, seen.counted, strict=True)
        for field, shares in counted.shares.items()
        for allele, share in shares.items()
    ]
    return pandas.DataFrame(rows, columns=["generation", "field", "allele", "share"])


def sentences(seen: Trajectories, keeps_parents: bool) -> tuple[str, str]:
    """Describes diversity and fixation, with a caveat on selection that depends on whether the search keeps parents."""
    (entropy, distance), (later, nearer) = diversity(seen.counted[0]), diversity(seen.counted[-1])
    varied = (
        f"Diversity went from {entropy:.2f} to {later:.2f} of the bits of a gene (entropy; 1: all levels equally "
        f"common), and the distance of individuals from {distance:.3f} to {nearer:.3f} ({UNIFORM:.2f}: random genomes)."
    )
    since = seen.fixed_since[np.isfinite(seen.fixed_since)]
    when = f", half of these by generation {np.median(since):.0f}" if len(since) else ""
    fixed = f"{len(since):,} of {seen.spec.size:,} genes are fixed in the last generation{when}"
    if keeps_parents:
        return varied, f"{fixed}; fixation alone does not distinguish selection from drift, which fixes genes too."
    settled = seen.settled_since[[not field.choices for field in seen.spec.fields for _ in range(field.size)]]
    half = "half of them stay near their final value from generation"
    rest = f": {half} {np.median(settled):.0f} on" if len(settled) else ""
    return varied, (
        f"{fixed}; but this search keeps no parents and sets the spread of a generation itself, so fixation does not "
        f"show selection; the time at which the means of genes settle is informative{rest}."
    )


def shown_genes(spec: GenomeSpec, most: int = _ROWS) -> Int64[ndarray, " shown"]:
    """Chooses genes to draw, evenly within every field and at least one of each field."""
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
    """Draws the mean level of genes over the generations, one row a gene."""
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
            if (middle := rows.mean() + 0.5) - free >= len(genes) / 25:  # names must not overlap
                labels[middle], free = field.name.removeprefix("encoding."), middle
    axes.set_yticks(list(labels), list(labels.values()), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("generation")
    whole_numbers(axes)
    which = "all genes" if len(genes) == seen.spec.size else f"{len(genes)} of {seen.spec.size:,} genes, evenly chosen"
    caption = f"Allele trajectories: the mean level of a gene in the population, a row a gene ({which}, by field)."
    return Picture(figure, f"{caption} Alleles are numbered from the first (0) to the last (1).")


def share_curves(table: pandas.DataFrame) -> Picture:
    """Draws the allele shares of `shares_table` over the generations, one panel a field."""
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
    return Picture(figure, f"Frequency of each allele over all individuals and the genes of a field{fewer}.")


def _runs(ordered: Integer[ndarray, "G N"]) -> tuple[ndarray, ndarray, ndarray]:
    """Returns the runs of equal numbers in sorted rows: row, number and length of each run."""
    new = np.ones(ordered.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    starts = np.flatnonzero(new)
    return starts // ordered.shape[1], ordered.ravel()[starts], np.diff(starts, append=ordered.size)


def _most_common(alleles: Int64[ndarray, "N genes"]) -> tuple[Float64[ndarray, " genes"], Int64[ndarray, " genes"]]:
    """Returns the share and the index of the most common allele of each gene; of ties the highest index."""
    gene, allele, length = _runs(np.sort(alleles.T, axis=1))
    order = np.lexsort((length, gene))
    last = order[np.append(np.diff(gene[order]) > 0, True)]
    return length[last] / len(alleles), allele[last]
