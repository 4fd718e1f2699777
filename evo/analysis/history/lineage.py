"""Ancestors of an individual, back to the founders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Bool, Integer
from numpy import ndarray

from evo.analysis.report.section import Picture, bottomless, canvas
from evo.analysis.report.style import CONDITIONS, QUIET, whole_numbers
from evo.evolution.generation import Generation
from evo.evolution.individual import RunIndividual
from evo.evolution.run import Run
from evo.evolution.thinning import judged_scores

if TYPE_CHECKING:
    import networkx
    import pandas

_NODES = 2000

TERMS = {
    "slot": "place in its generation, from 0",
    "parents": "parents as generation/slot; an elite that survives has one parent, itself one generation earlier",
    "changed": "number of genes whose level differs from the row above: from the nearer parent, or, where no parents "
    "are known, from the previous leader",
    "ancestors": "number of individuals born in that generation that are ancestors of the best, by any path",
    "in line": "yes if the individual belongs to the line of the table",
}
"""Meanings of the table columns and of the graph's attributes."""


@final
@dataclass(frozen=True, eq=False)
class Ancestor:
    """An individual of a line.

    Attributes:
        generation, slot: generation and slot in which it was born.
        levels: (G,) its genome.
        parents: generation and slot of each that is known.
        scores: the main score in every condition that was measured.
        genome_bits: size of its genome.
    """

    generation: int
    slot: int
    levels: Integer[ndarray, " G"]
    parents: tuple[tuple[int, int], ...]
    scores: Mapping[str, float]
    genome_bits: float

    @property
    def name(self) -> str:
        """Name of the individual, `generation/slot`."""
        return f"{self.generation}/{self.slot}"

    def changed(self, other: Ancestor) -> int:
        """Counts the genes in which the two individuals differ."""
        return int((self.levels != other.levels).sum())


@final
@dataclass(frozen=True, eq=False)
class Pedigree:
    """All ancestors of an individual, including itself.

    Attributes:
        born: number of ancestors born in each generation.
        founders: number of ancestors without parents.
        graph: edges from parent to child, of the 2,000 youngest; node attributes are `generation`, `slot` and scores.
    """

    born: Mapping[int, int]
    founders: int
    graph: networkx.DiGraph


@final
@dataclass(frozen=True, eq=False)
class Descent:
    """Sentence, tables, picture and graphs about the ancestors of an individual, for a Section."""

    sentence: str
    tables: Mapping[str, pandas.DataFrame]
    picture: Picture
    graphs: Mapping[str, networkx.DiGraph]


def descent(run: Run, best: RunIndividual, generations: Sequence[int]) -> Descent:
    """Describes the line of `best` and its pedigree, or the leaders of `generations` if the search keeps no parents."""
    main, count = run.experiment.main, len(generations)
    if not keeps_parents(run):
        chain = leaders(run, generations)
        search = type(run.experiment.search).__name__
        caption = "The leader of each generation: its scores, and the number of genes that differ from the one before."
        said = f"{search} keeps no parents and samples each generation anew, so there is no lineage of the best"
        said = f"{said}: the leaders of {count} generations are shown instead."
        said = said if count > 1 else "There is one generation and so no lineage of the best: its leader is shown."
        return Descent(said, {"leaders": line_table(chain)}, line_picture(chain, main, caption), {})
    if (missing := len(run.generations) - len(run.whole)) > 0:
        chain = leaders(run, generations)
        caption = "The leader of each whole generation: its scores, and the number of genes that differ."
        said = f"Of {missing:,} generations only the best were kept (keep: {run.experiment.keep}), so the line of the "
        said += f"best genome cannot be traced: the leaders of {count} whole generations are shown."
        return Descent(said, {"leaders": line_table(chain)}, line_picture(chain, main, caption), {})
    chain, tree = line(run, best), pedigree(run, best)
    steps = [one.changed(before) for before, one in pairwise(chain)]
    caption = "The best genome and the line of its ancestors: scores, and the number of genes changed at each step."
    many, older = f"{len(steps)} step{'s' * (len(steps) > 1)}", sum(tree.born.values()) - 1
    said = (
        f"The best genome ({chain[-1].name}, generation/slot) descends in {many} from founder {chain[0].name}, with "
        f"{sum(steps):,} gene changes along the line and {chain[-1].changed(chain[0]):,} of {len(best.levels):,} "
        f"genes different at its end; by any path it has {older:,} ancestor{'s' * (older > 1)}, {tree.founders:,} "
        "of them founders."
    )
    if not steps:
        said = f"The best genome ({chain[-1].name}, generation/slot) is a founder: it has no ancestors."
    tables = {"lineage": line_table(chain, tree.born)}
    return Descent(said, tables, line_picture(chain, main, caption), {"lineage": tree.graph})


def keeps_parents(run: Run) -> bool:
    """Tells whether the search records parents; searches that sample around a centre have none."""
    return bool((run.generation(run.generations[-1]).parents >= 0).any())


def line(run: Run, best: RunIndividual) -> list[Ancestor]:
    """Traces the line from a founder to `best`.

    Each step back goes to the parent that differs in the fewest genes, the first one of ties. A parent can be more
    than one generation older than its child: in a search for a front, parents survive.
    """
    reader = _reader(run)
    child = _ancestor(run, reader(best.generation), best.slot)
    chain = [child]
    while child.parents:
        parents = [_ancestor(run, reader(generation), slot) for generation, slot in child.parents]
        child = min(parents, key=child.changed)
        chain.append(child)
    return chain[::-1]


def leaders(run: Run, generations: Sequence[int]) -> list[Ancestor]:
    """Returns the best of each generation by the sum of main scores over the conditions that the goals name."""
    judged, found = judged_scores(run.experiment), []
    for index in generations:
        generation = run.generation(index)
        found.append(_ancestor(run, generation, int(generation.slots[generation.ranked(judged)[0]])))
    return found


def pedigree(run: Run, best: RunIndividual) -> Pedigree:
    """Collects every ancestor, by any path."""
    import networkx

    lives, graph, founders = run.experiment.search.lives, networkx.DiGraph(), 0
    born: dict[int, int] = {}
    wanted: dict[int, Bool[ndarray, " N"]] = {best.generation: np.arange(lives) == best.slot}
    for index in range(best.generation, -1, -1):
        if index not in wanted:
            continue
        generation, rows = run.generation(index), np.flatnonzero(wanted.pop(index))
        parents, room = generation.parents[rows], max(_NODES - sum(born.values()), 0)
        born[index], founders = len(rows), founders + int((parents < 0).all(1).sum())
        for number in np.unique(parents[parents >= 0]).tolist():
            wanted.setdefault(number // lives, np.zeros(lives, bool))[number % lives] = True
        for slot in rows[:room].tolist():
            one = _ancestor(run, generation, slot)
            graph.add_node(one.name, generation=index, slot=slot, **one.scores)
            graph.add_edges_from((f"{g}/{s}", one.name) for g, s in one.parents)
    # an edge adds its parent as a node: parents beyond the limit have no attributes and are removed
    graph.remove_nodes_from([node for node, known in list(graph.nodes(data=True)) if not known])
    return Pedigree(born, founders, graph)


def line_table(chain: Sequence[Ancestor], born: Mapping[int, int] | None = None) -> pandas.DataFrame:
    """Returns one row an individual, the oldest first; `ancestors` is the `born` of a pedigree, if it is given."""
    import pandas

    rows = []
    for before, one in zip([None, *chain[:-1]], chain, strict=True):
        row: dict[str, object] = {"generation": one.generation, "slot": one.slot}
        if born is not None:
            row["parents"] = ", ".join(f"{generation}/{slot}" for generation, slot in one.parents)
            row["ancestors"] = born[one.generation]
        row |= {**one.scores, "genome bits": one.genome_bits}
        rows.append(row | {"changed": np.nan if before is None else one.changed(before)})
    return pandas.DataFrame(rows)


def line_picture(chain: Sequence[Ancestor], main: str, caption: str) -> Picture:
    """Draws the scores along a line, and the number of genes changed at each step."""
    figure, (above, below) = canvas(7.2, 4.6, rows=2)
    generations, tips = [one.generation for one in chain], {}
    changed = [0, *(one.changed(before) for before, one in pairwise(chain))]
    for condition in chain[0].scores:
        text, colour = CONDITIONS.get(condition, (condition, QUIET))
        scores = [one.scores[condition] for one in chain]
        above.plot(generations, scores, color=colour, linewidth=1.2, label=text)
        above.scatter(generations, scores, s=12, color=colour, gid=f"line-{condition}")
        tips[f"line-{condition}"] = [
            f"{one.name}: {score:.3g} {text}, {step} genes changed"
            for one, score, step in zip(chain, scores, changed, strict=True)
        ]
    above.set(ylabel=main.replace("_", " "))
    above.legend(frameon=False, fontsize=8)
    below.vlines(generations, 0, changed, color=QUIET, linewidth=1.2)
    bottomless(above, [score for one in chain for score in one.scores.values()])
    for panel in (above, below):
        whole_numbers(panel)
    below.set(xlabel="generation", ylabel="genes changed", ylim=(0, None))
    return Picture(figure, caption, tips)


def _reader(run: Run) -> Callable[[int], Generation]:
    """Reads generations on demand and caches the last few, since parents often share a generation."""
    return lru_cache(maxsize=4)(run.generation)


def _ancestor(run: Run, generation: Generation, slot: int) -> Ancestor:
    lives, main = run.experiment.search.lives, run.experiment.main
    row = generation.row(slot)
    known = [number for number in generation.parents[row].tolist() if number >= 0]
    parents = tuple(divmod(number, lives) for number in dict.fromkeys(known))  # a parent drawn twice counts once
    scores = {c: float(generation.measurements[f"{c}.{main}"][row]) for c in run.experiment.distinct_conditions}
    bits = float(generation.measurements["genome_bits"][row])
    (levels,) = generation.genomes(np.array([row]), run.experiment)
    return Ancestor(generation.index, slot, levels, parents, scores, bits)
