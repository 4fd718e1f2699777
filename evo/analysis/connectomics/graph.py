"""Conversion of newborn networks to graphs, and batched graph measures.

Modularity by the Louvain method (Blondel, Guillaume, Lambiotte & Lefebvre 2008, J. Stat. Mech. P10008); clustering and
path length for small-worldness (Humphries & Gurney 2008, PLoS ONE 3:e0002051), in directed graphs (Fagiolo 2007, Phys.
Rev. E 76:026107) and in bipartite graphs (Robins & Alexander 2004, Comput. Math. Organ. Theory 10:69). D graphs are one
array (D, neurons, neurons) with postsynaptic rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int
from numpy import ndarray

from genomes.errors import require
from genomes.intervention import grown
from genomes.phenotype import Phenotype
from genomes.topology import Projection, Topology

if TYPE_CHECKING:
    import networkx
    import pandas


def neuron_graph(newborn: Phenotype, individual: int = 0, names: Sequence[str] = ()) -> networkx.DiGraph:
    """Builds the graph of the neurons of one network and the synapses that grew, for Gephi and Cytoscape.

    Nodes `group/i` have the attributes `group`, `type`, `x`, `y`, `z` if they have coordinates, the numbers of
    neurons such as `bias` and `leak`, and, for output neurons, `class` if classes have names. Edges have `weight` and
    every number of a synapse by its name, such as `rule.learning_rate`.

    Args:
        newborn: the networks.
        individual: index of the network.
        names: names of the classes that the output neurons represent.

    Raises:
        InputError: there is no such individual.
    """
    import networkx

    require(0 <= individual < newborn.lives, "individual", f"0 to {newborn.lives - 1}", individual)
    graph = networkx.DiGraph()
    for group in newborn.topology.groups:
        units = newborn.groups.get(group.name, {})
        own = {what: numbers[individual].tolist() for what, numbers in units.items()}
        for i in range(group.size):
            place = {} if group.coordinates is None else dict(zip("xyz", group.coordinates[i].tolist(), strict=False))
            more = {what: numbers[i] for what, numbers in own.items()}
            if names and group is newborn.topology.output:
                more["class"] = names[i]
            graph.add_node(f"{group.name}/{i}", group=group.name, type=int(group.cell_types[i]), **place, **more)
    for edge in newborn.topology.edges:
        synapses = newborn.projections[edge.name]
        numbers = {"weight": synapses.weight, **synapses.parameters}
        tables = {what: n.expand_as(synapses.weight)[individual].tolist() for what, n in numbers.items()}
        for post, pre in grown(synapses)[individual].nonzero().tolist():
            said = {what: table[post][pre] for what, table in tables.items()}
            graph.add_edge(f"{edge.pre}/{pre}", f"{edge.post}/{post}", **said)
    return graph


def binary(newborn: Phenotype, strongest: float) -> dict[str, Bool[ndarray, "P post pre"]]:
    """Returns the synapses that count, by projection: those that grew, or the strongest share if all of them grew.

    Ties with the weakest counted synapse count too, so that the order in the matrix has no effect.
    """
    counted = {}
    for name, synapses in newborn.projections.items():
        there = grown(synapses).cpu().numpy()
        if there.all():
            strength = synapses.weight.detach().abs().double().cpu().numpy()
            most = max(1, round(strongest * strength[0].size))
            weakest = np.sort(strength.reshape(len(strength), -1), axis=1)[:, -most]
            there = strength >= weakest[:, None, None]
        counted[name] = there
    return counted


def assembled(
    topology: Topology, projections: Mapping[str, Bool[ndarray, "D post pre"]]
) -> Bool[ndarray, "D neurons neurons"]:
    """Assembles graphs of all neurons, in the order of the groups, from the synapses of each projection."""
    ends = np.cumsum([0] + [group.size for group in topology.groups]).tolist()
    graphs = np.zeros((len(next(iter(projections.values()))), ends[-1], ends[-1]), dtype=bool)
    for edge in topology.edges:
        post, pre = topology.index[edge.post], topology.index[edge.pre]
        graphs[:, ends[post] : ends[post + 1], ends[pre] : ends[pre + 1]] = projections[edge.name]
    return graphs


def is_bipartite(topology: Topology) -> bool:
    """Tells whether the groups form two sides without projections within a side, which excludes triangles."""
    import networkx

    return bool(networkx.is_bipartite(networkx.Graph([(edge.pre, edge.post) for edge in topology.edges])))


def is_reciprocal(topology: Topology) -> bool:
    """Tells whether two neurons can have synapses on each other."""
    pairs = {(edge.pre, edge.post) for edge in topology.edges}
    return any((post, pre) in pairs for pre, post in pairs)


def reciprocity(graphs: Bool[ndarray, "D neurons neurons"]) -> Float64[ndarray, " D"]:
    """Computes the share of synapses with one in the opposite direction, without autapses; nan without synapses."""
    ordinary = graphs & ~np.eye(graphs.shape[1], dtype=bool)
    return _share((ordinary & ordinary.swapaxes(1, 2)).sum((1, 2)), ordinary.sum((1, 2)))


def clustering(graphs: Bool[ndarray, "D neurons neurons"], bipartite: bool) -> Float64[ndarray, " D"]:
    """Computes the share of possible triangles on paths of two synapses, in any direction, that exist (Fagiolo 2007).

    Synapses in both directions count as two, so that their number does not change the expected value. In bipartite
    graphs it is the share of paths of three that close to a square; this has no meaning if synapses go in both
    directions. It is nan if there is no such path.
    """
    links = _links(graphs)
    degree = links.sum(2, dtype=np.float64)
    if not bipartite:
        pairs = degree * (degree - 1) - (links == 2).sum(2) * 2
        return _share(((links @ links) * links).sum((1, 2), dtype=np.float64), 2 * pairs.sum(1))
    common = (links @ links).astype(np.float64)
    closed = (common * (common - 1)).sum((1, 2)) - (degree * (degree - 1)).sum(1)  # four a square and direction
    return _share(closed, (links * (degree - 1)[:, :, None] * (degree - 1)[:, None, :]).sum((1, 2)))


def path_length(graphs: Bool[ndarray, "D neurons neurons"], directed: bool) -> Float64[ndarray, " D"]:
    """Computes the mean number of steps between neurons that can reach each other; nan if there are none."""
    itself = np.eye(graphs.shape[1], dtype=bool)
    links = (graphs & ~itself if directed else _links(graphs) > 0).astype(np.float32)
    new, steps = links > 0, 1
    reached = new | itself
    total, pairs = np.zeros(len(links)), np.zeros(len(links))
    while new.any():
        found = new.sum((1, 2))
        total, pairs, steps = total + steps * found, pairs + found, steps + 1
        new = (new.astype(np.float32) @ links > 0) & ~reached
        reached |= new
    return _share(total, pairs)


def modularity(graphs: Bool[ndarray, "D neurons neurons"], seed: int) -> Float64[ndarray, " D"]:
    """Computes Newman & Girvan's Q of the modules that the Louvain method finds; nan without synapses.

    Directions are ignored: the weight of a link is the number of synapses between two neurons.
    """
    import networkx

    found = np.full(len(graphs), np.nan)
    for i, links in enumerate(_links(graphs)):
        graph = networkx.Graph()
        graph.add_nodes_from(range(len(links)))
        graph.add_weighted_edges_from((a, b, float(links[a, b])) for a, b in np.argwhere(np.triu(links)).tolist())
        if graph.size():
            modules = networkx.community.louvain_communities(graph, seed=seed)
            found[i] = networkx.community.modularity(graph, modules)
    return found


def wire_lengths(
    lengths: Float64[ndarray, "#draws synapses"], weights: Float64[ndarray, "#draws synapses"]
) -> Float64[ndarray, " each"]:
    """Computes the weighted mean length of wires, in the units of the coordinates."""
    return _share((lengths * weights).sum(1), weights.sum(1))


def cell_types(newborn: Phenotype) -> pandas.DataFrame:
    """Returns the rules of the first birth, one row a projection and pair of cell types; nan if no synapse grew."""
    import pandas

    tables = []
    for edge in newborn.topology.edges:
        synapses, pre, post = newborn.projections[edge.name], *_ends(newborn, edge)
        keys = {"from type": np.tile(pre, len(post)), "to type": np.repeat(post, len(pre))}
        there, weight = grown(synapses).flatten(1).cpu().numpy(), synapses.weight.detach().flatten(1).cpu().numpy()
        own = {n: p.expand_as(synapses.weight)[0].flatten().cpu().numpy() for n, p in synapses.parameters.items()}
        pairs = pandas.DataFrame({**keys, "weight": weight[0], **own})
        by = pairs[there[0]].groupby([*keys])
        possible = pairs.groupby([*keys]).size()
        table = pandas.DataFrame({"synapses": by.size().reindex(possible.index, fill_value=0)})
        table["probability"] = table["synapses"] / possible
        table["excitatory"] = by["weight"].agg(lambda w: (w > 0).mean())
        table["mean weight"], table["sd of weight"] = by["weight"].mean(), by["weight"].std()
        table["mean strength"] = by["weight"].agg(lambda w: w.abs().mean())
        table[[*own]] = by[[*own]].mean()
        if newborn.lives > 1:
            born = [
                pandas.DataFrame({**keys, "w": w})[t].groupby([*keys])["w"].mean()
                for w, t in zip(weight, there, strict=True)
            ]
            table["sd of births"] = pandas.concat(born, axis=1).std(axis=1)
        table = table.reset_index()
        table.insert(0, "projection", edge.name)
        tables.append(table)
    return pandas.concat(tables, ignore_index=True)


def distributions(newborn: Phenotype, counted: dict[str, Bool[ndarray, "P post pre"]]) -> pandas.DataFrame:
    """Returns moments and inequality of weights, degrees and strengths of the first birth, by projection."""
    import pandas

    rows = [
        {"projection": name, "quantity": quantity, **_moments(values)}
        for name in newborn.projections
        for quantity, values in quantities(newborn, name, counted[name][0]).items()
    ]
    return pandas.DataFrame(rows)


def _ends(newborn: Phenotype, edge: Projection) -> tuple[Int[ndarray, " pre"], Int[ndarray, " post"]]:
    """Returns the cell types of the presynaptic and of the postsynaptic neurons."""
    topology = newborn.topology
    return topology.group(edge.pre).cell_types.numpy(), topology.group(edge.post).cell_types.numpy()


def quantities(newborn: Phenotype, name: str, counted: Bool[ndarray, "post pre"]) -> dict[str, ndarray]:
    """Returns weights of one projection, and degrees and strengths of its neurons, in the first birth."""
    synapses = newborn.projections[name]
    weight, there = synapses.weight[0].detach().double().cpu().numpy(), grown(synapses)[0].cpu().numpy()
    strength = np.abs(weight) * there
    degrees = {"in-degree": counted.sum(1).astype(np.float64), "out-degree": counted.sum(0).astype(np.float64)}
    return {"weight": weight[there], **degrees, "in-strength": strength.sum(1), "out-strength": strength.sum(0)}


def _moments(values: ndarray) -> dict[str, float]:
    from scipy.stats import kurtosis, skew

    mean, size = (float(values.mean()), np.sort(np.abs(values))) if len(values) else (math.nan, values)
    varied = len(values) > 2 and np.ptp(values) > 1e-6 * size[-1]
    gini = (
        2 * float(np.arange(1, len(size) + 1) @ size) / (len(size) * size.sum()) - 1 - 1 / len(size)
        if size.any()
        else 0
    )
    return {
        "mean": mean,
        "sd": float(values.std(ddof=1)) if len(values) > 1 else math.nan,
        "skewness": float(skew(values)) if varied else math.nan,
        "excess kurtosis": float(kurtosis(values)) if varied else math.nan,
        "Gini": gini if len(size) else math.nan,
    }


def _links(graphs: Bool[ndarray, "D neurons neurons"]) -> Float32[ndarray, "D neurons neurons"]:
    """Counts the synapses, 0 to 2, between two neurons, without autapses; sums of them are exact in float32."""
    ordinary = (graphs & ~np.eye(graphs.shape[1], dtype=bool)).astype(np.float32)
    return ordinary + ordinary.swapaxes(1, 2)


def _share(part: ndarray, whole: ndarray) -> Float64[ndarray, " D"]:
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0)
