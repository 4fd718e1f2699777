"""Analysis of the wiring of a genome: rules by pair of cell types, matrices, degrees, and motifs against chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Int
from numpy import ndarray

from evo.analysis.connectomics import random_founders as founders
from evo.analysis.connectomics.graph import binary, cell_types, distributions, is_reciprocal, neuron_graph, quantities
from evo.analysis.connectomics.motifs import Measure, against_chance, measured
from evo.analysis.report.section import Picture, Section, canvas
from evo.analysis.report.style import INNATE, LEARNED, QUIET
from genomes.errors import require
from genomes.intervention import grown
from genomes.phenotype import Phenotype

if TYPE_CHECKING:
    import pandas

_FEWEST = 19  # draws: with fewer no p can be .05
_MOST_OPERATIONS = 5e9  # draws x neurons cubed

_TERMS = {
    "projection": "the synapses from one group of neurons to another (`pre -> post`); `all`: the whole network",
    "from type": "cell type of the presynaptic neuron",
    "to type": "cell type of the postsynaptic neuron",
    "synapses": "number of synapses that grew",
    "probability": "share of possible synapses that grew",
    "excitatory": "share of the synapses that grew with a weight above 0",
    "mean weight": "mean over the synapses that grew, signs kept",
    "mean strength": "mean of |weight| over the synapses that grew",
    "sd of weight": "standard deviation of the weights of the synapses that grew",
    "sd of births": "standard deviation over further births of the same genome, of the mean weight or of the measure",
    "quantity": "weight: of the synapses that grew. Degree: number of inputs or outputs of a neuron, over the synapses "
    "that grew or, where all grew, over the strongest. Strength: sum of |weight| over all inputs or outputs",
    "mean": "mean over synapses or neurons",
    "sd": "standard deviation over synapses or neurons",
    "skewness": "third standardised moment: 0 if symmetric, above 0 with a long tail of large values",
    "excess kurtosis": "fourth standardised moment less 3: 0 for a normal distribution, above 0 with heavy tails",
    "Gini": "Gini coefficient from 0 (all equal) to 1 (one has everything); for weights that of |weight|",
    "measure": "bicliques a x b: number of sets of a presynaptic and b postsynaptic neurons with all synapses between "
    "them (Barabasi & Barabasi 2020, Neuron). triads: classes of three neurons, by their numbers of pairs connected in "
    "both directions, in one and in none (Holland & Leinhardt 1970, Am. J. Sociol.). reciprocity: share of synapses "
    "with a synapse in the opposite direction. modularity: Q of the modules found by the Louvain method (Blondel et "
    "al. 2008, J. Stat. Mech.). clustering: share of possible triangles on paths of two synapses that exist (Fagiolo "
    "2007, Phys. Rev. E), or, where projections allow no triangle, share of paths of three that close to a square "
    "(Robins & Alexander 2004). path length: mean steps between neurons, along the direction of synapses if the "
    "topology allows synapses in both directions, otherwise without direction. small-worldness: "
    "clustering over its expectation, divided by path length over its expectation (Humphries & Gurney 2008, PLoS ONE). "
    "wire length: mean distance that a synapse spans; weighted: each synapse counted by |weight|",
    "null": "null model: `degrees`, random wiring in which every neuron keeps its numbers of inputs and outputs in "
    "each projection (Strona et al. 2014, Nat. Commun.); `synapses`, the same synapses between other pairs of neurons",
    "observed": "value in the network that was born first",
    "expected": "mean over the draws of the null model",
    "expected sd": "standard deviation over the draws of the null model",
    "z": "observed minus expected, in standard deviations of the null model",
    "p": "two-sided probability under the null, (k + 1) / (n + 1) for n draws",
    "p corrected": "probability under the null that any measure of the table deviates as much (Westfall & Young 1993)",
}


Names = Sequence[str]
Networks = Sequence[Phenotype]


def wiring(
    newborn: Phenotype, seed: int, draws: int = 200, strongest: float = 0.2, names: Names = (), random: Networks = ()
) -> Section:
    """Analyses the wiring of the first of P births of a genome; further births measure the variation between births.

    Args:
        draws: number of draws of each null model; reduced for large networks, and none if fewer than 19 are feasible.
        strongest: share of the strongest synapses that count in a projection in which all synapses grew.
        names: names of the classes that the output neurons represent.
        random: networks of random founders, whose wiring is compared; fewer are used for large networks.

    Raises:
        InputError: fewer than 19 draws, or a share outside 0 to 1.
    """
    require(draws >= _FEWEST, "wiring.draws", f"at least {_FEWEST}", draws)
    require(0 < strongest < 1, "wiring.strongest", "a share between 0 and 1", strongest)
    counted = binary(newborn, strongest)
    neurons = sum(group.size for group in newborn.topology.groups)
    most = int(_MOST_OPERATIONS / neurons**3)
    affordable = min(draws, most)
    measures = measured(newborn, counted, seed, affordable) if affordable >= _FEWEST else []
    chance, types = against_chance(measures), cell_types(newborn)
    some = founders.affordable(random, most)
    if some and not chance.empty:
        chance = founders.beside(chance, some, strongest, seed)
    tables = {"cell-types": types, "distributions": distributions(newborn, counted)}
    return Section(
        key="wiring",
        title="Wiring",
        sentences=(
            *_first_sentences(newborn, types, strongest),
            *_chance_sentences(chance, affordable, neurons, len(some)),
            *founders.missing(random, some, neurons),
            *_limits(newborn, [] if chance.empty else measures),
        ),
        terms=_TERMS | (founders.TERMS if some else {}) | _inherited_terms(newborn),
        tables=tables if chance.empty else tables | {"chance": chance},
        pictures=_pictures(newborn, counted, chance, measures),
        graphs={"neurons": neuron_graph(newborn, names=names)},
    )


def _inherited_terms(newborn: Phenotype) -> dict[str, str]:
    names = {name for synapses in newborn.projections.values() for name in synapses.parameters}
    return {name: f"mean of {name}, a number of each synapse, over those that grew" for name in names}


def _pictures(
    newborn: Phenotype,
    counted: dict[str, Bool[ndarray, "P post pre"]],
    chance: pandas.DataFrame,
    measures: Sequence[Measure],
) -> dict[str, Picture]:
    pictures = {"matrices": _matrices(newborn), "distributions": _distributions(newborn, counted)}
    if chance["z"].notna().any():
        pictures["chance"] = _against_chance(chance, [m for m in measures if m.testable])
    return pictures


def _first_sentences(newborn: Phenotype, types: pandas.DataFrame, strongest: float) -> list[str]:
    """Describes the amount of wiring, its strongest rule, and the variation between births."""
    synapses, possible = int(types["synapses"].sum()), newborn.topology.synapses
    neurons = sum(group.size for group in newborn.topology.groups)
    excited = float((types["excitatory"] * types["synapses"]).sum() / max(synapses, 1))
    kept = "all possible ones" if synapses == possible else f"{100 * (synapses / possible):.0f} % of the possible ones"
    said = [f"{synapses:,} synapses connect {neurons:,} neurons, {kept}; {100 * excited:.0f} % of them excite."]
    if len(types) > len(newborn.projections) and synapses:
        rule = types.loc[types["mean weight"].abs().idxmax()]
        does = "excites" if rule["mean weight"] > 0 else "inhibits"
        pre, post = rule["projection"].split(" -> ")
        said.append(
            f"The strongest rule between cell types: type {rule['from type']} of {pre} {does} type "
            f"{rule['to type']} of {post} (mean weight {rule['mean weight']:.2g}, {rule['synapses']:,} synapses)."
        )
    full = [name for name, s in newborn.projections.items() if bool(grown(s).all())]
    if full:
        said.append(
            f"Degrees, modules and motifs need a graph in which some synapses are missing: in {', '.join(full)}, where "
            f"all synapses grew, only the strongest {100 * strongest:.0f} % by |weight| count."
        )
    if newborn.lives > 1:
        spread = np.concatenate([s.weight.std(0).flatten().cpu().numpy() for s in newborn.projections.values()]).mean()
        whole = np.concatenate([s.weight[0].flatten().cpu().numpy() for s in newborn.projections.values()]).std()
        differ = f"a weight varies by {spread / (whole or 1.0):.2g} times the standard deviation of all weights"
        differ = differ if spread else "no weight varies: development is deterministic"
        said.append(f"Over {newborn.lives} births {differ}.")
    return said


def _chance_sentences(chance: pandas.DataFrame, draws: int, neurons: int, random: int) -> list[str]:
    """Describes the largest deviations from chance, at most two of different kinds, or states that there is none."""
    if draws < _FEWEST:
        return [f"Nothing is compared with chance: {neurons:,} neurons are too many for {_FEWEST} draws of a null."]
    if chance.empty:
        return ["Nothing can be compared with chance: the degrees leave no other wiring, or no motif occurs in it."]
    sure = chance[chance["p corrected"] <= 0.05].sort_values("z", key=abs, ascending=False)
    if sure.empty:
        least = _p(chance["p corrected"].min())
        return [f"None of {len(chance)} measures exceeds chance (smallest p {least}, corrected; {draws} draws)."]
    kinds = sure["measure"].str.split(" ").str[0] + sure["projection"]
    largest = sure[~kinds.duplicated()].head(2)
    rows = largest.to_dict("records")
    said = [f"{_deviation(row)}{founders.in_words(row, random) if random else ''}." for row in rows]
    return [*said, f"{len(sure)} of {len(chance)} measures differ from chance at p <= .05, corrected; {draws} draws."]


def _deviation(row: dict[str, Any]) -> str:
    """Describes one row of the table in words."""
    kind, _, which = row["measure"].partition(" ")
    where = "the whole network" if row["projection"] == "all" else row["projection"]
    chance = "wiring with the same degrees" if row["null"] == "degrees" else "the same synapses placed at random"
    sure = f"(z = {row['z']:.1f}, p {_p(row['p corrected'])}, corrected)"
    if kind in ("bicliques", "triads"):
        what = f"Bicliques of {which} neurons" if kind == "bicliques" else f"Triads {which}"
        times = f"{row['observed'] / row['expected']:.2g} times as often as" if row["expected"] else "but never"
        return f"{what} in {where} occur {times} in {chance} {sure}"
    name = row["measure"].capitalize()
    return f"{name} of {where} is {row['observed']:.3g}, in {chance} {row['expected']:.3g} {sure}"


def _limits(newborn: Phenotype, measures: Sequence[Measure]) -> list[str]:
    """Lists the measures that the wiring does not have or that the null model cannot change."""
    missing = {
        "reciprocity (no two neurons can have synapses on each other)": not is_reciprocal(newborn.topology),
        "triads (their numbers follow from the degrees, or are too small)": not any(
            m.testable for m in measures if m.name.startswith("triads")
        ),
        "small-worldness (no measure of clustering fits these projections)": not any(
            m.name == "small-worldness" for m in measures
        ),
        "wire length (no projection joins groups in one space)": not any("wire" in m.name for m in measures),
    }
    said = [what for what, lacks in missing.items() if lacks and measures]
    return [f"Not compared with chance: {'; '.join(said)}."] if said else []


def _p(value: float) -> str:
    return f"= {value:.3f}".replace("0.", ".") if value < 0.9995 else "= 1"


def _matrices(newborn: Phenotype) -> Picture:
    """Draws the weights of every projection, with neurons ordered by cell type and by similarity of their weights."""
    from matplotlib.colors import LinearSegmentedColormap

    edges, columns = newborn.topology.edges, min(3, len(newborn.topology.edges))
    rows = -(-len(edges) // columns)
    figure, axes = canvas(7.2, 3.2 * rows, rows, columns)
    colours = LinearSegmentedColormap.from_list("sign", [INNATE, "white", LEARNED])
    order = {group.name: _order(newborn, group.name) for group in newborn.topology.groups}
    for axis in np.ravel(axes)[len(edges) :]:
        axis.set_visible(False)
    for axis, edge in zip(np.ravel(axes), edges, strict=False):
        synapses, pre, post = newborn.projections[edge.name], order[edge.pre], order[edge.post]
        weight = synapses.weight[0].detach().cpu().numpy()[post][:, pre]
        there, largest = grown(synapses)[0].cpu().numpy()[post][:, pre], float(np.abs(weight).max()) or 1.0
        shown = np.ma.masked_where(~there, weight)
        axis.set_facecolor("0.85")
        drawn = axis.imshow(shown, colours, aspect="auto", interpolation="nearest", vmin=-largest, vmax=largest)
        figure.colorbar(drawn, ax=axis, shrink=0.8).ax.tick_params(labelsize=8)
        for name, line in ((edge.pre, axis.axvline), (edge.post, axis.axhline)):
            types = newborn.topology.group(name).cell_types.numpy()[order[name]]
            for place in np.flatnonzero(np.diff(types)):
                line(place + 0.5, color="0.3", linewidth=0.6)
        axis.set(xlabel=edge.pre, ylabel=edge.post, xticks=[], yticks=[])
        axis.set_title(edge.name, fontsize=9)
    return Picture(
        figure,
        "Weights at birth: rows are postsynaptic, columns presynaptic; orange excites, teal inhibits, grey did not "
        "grow. Neurons are ordered by cell type (lines) and within a type by similarity of their weights.",
    )


def _order(newborn: Phenotype, name: str) -> Int[ndarray, " units"]:
    """Orders the neurons of a group by type, and within a type by the leaves of a clustering of their weights."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import pdist

    weights = {edge: newborn.projections[edge.name].weight[0].detach().double() for edge in newborn.topology.edges}
    received = [weight for edge, weight in weights.items() if edge.post == name]
    sent = [weight.T for edge, weight in weights.items() if edge.pre == name]
    profile, types = torch.cat([*received, *sent], dim=1).cpu().numpy(), newborn.topology.group(name).cell_types.numpy()
    members = [np.flatnonzero(types == kind) for kind in range(types.max() + 1)]
    return np.concatenate([m[leaves_list(linkage(pdist(profile[m]), "average"))] if len(m) > 2 else m for m in members])


def _distributions(newborn: Phenotype, counted: dict[str, Bool[ndarray, "P post pre"]]) -> Picture:
    """Draws weights, degrees and strengths, one row a projection."""
    edges = newborn.topology.edges
    figure, axes = canvas(7.2, 2.2 * len(edges), len(edges), 3)
    for row, edge in zip(np.reshape(axes, (-1, 3)), edges, strict=True):
        found = quantities(newborn, edge.name, counted[edge.name][0])
        row[0].hist(found["weight"], bins=30, color=QUIET)
        row[0].set(xlabel="weight", ylabel=edge.name)
        for axis, what in ((row[1], "degree"), (row[2], "strength")):
            both = [found[f"in-{what}"], found[f"out-{what}"]]
            axis.hist(both, bins=12, density=True, histtype="step", color=[INNATE, LEARNED], label=["in", "out"])
            axis.set(xlabel=what, yticks=[])
        row[1].legend(frameon=False, fontsize=8)
    return Picture(
        figure,
        "Weights of the synapses that grew; degrees (numbers of inputs and outputs) and strengths (sums of |weight|) "
        "of neurons, as densities.",
    )


def _against_chance(chance: pandas.DataFrame, tested: Sequence[Measure]) -> Picture:
    """Draws observed measures among those of the null models, in standard deviations."""
    height = np.arange(len(chance))[::-1]
    figure, axis = canvas(7.2, 1.1 + 0.24 * len(chance))
    ends = np.stack([np.percentile(measure.drawn, (2.5, 97.5)) for measure in tested])
    centre, spread = chance["expected"].to_numpy(), chance["expected sd"].to_numpy()
    low, high = ((ends - centre[:, None]) / np.where(spread > 0, spread, 1.0)[:, None]).T
    axis.hlines(height, low, high, color=QUIET, linewidth=6, alpha=0.4)
    colours = [LEARNED if p <= 0.05 else QUIET for p in chance["p corrected"]]
    dots = axis.scatter(chance["z"], height, c=colours, s=24, zorder=3)
    dots.set_gid("chance-observed")
    axis.axvline(0, color="0.3", linewidth=0.8)
    if chance["z"].abs().max() > 20:
        axis.set_xscale("symlog", linthresh=5)
        axis.xaxis.set_major_formatter("{x:g}")
    names = chance["measure"].where(chance["projection"] == "all", chance["projection"] + ", " + chance["measure"])
    axis.set_yticks(height, names, fontsize=8)
    axis.set_xlabel("standard deviations of the null model")
    tips = [f"{n}: {o:.4g}, expected {e:.4g}" for n, o, e in zip(names, chance["observed"], centre, strict=True)]
    return Picture(
        figure,
        "Measures of the newborn wiring (dots; orange where p <= .05, corrected) and the middle 95 % of the null "
        "model (bars).",
        {"chance-observed": tips},
    )
