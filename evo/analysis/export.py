"""Exports the network of the best genome to common file formats."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from evo.analysis.connectomics.graph import neuron_graph
from evo.evolution.individual import RunIndividual
from evo.evolution.run import Run
from evo.storage.atomic import write_atomic
from evo.storage.folder_checks import make_folder
from evo.storage.user_paths import file_to_write
from genomes.phenotype import Phenotype
from inner_loop.module import PhenotypeModule


def export(run: Run, kind: str, path: Path | None = None) -> Path:
    """Writes the best genome as `npz`, `graphml`, `torch` or `csv`, by default to the folder `export/` of the run.

    Raises:
        InputError: no file can be written at the path.
    """
    write, suffix = EXPORTS[kind]
    path = file_to_write(path or run.path / "export" / f"best{suffix}")
    best = run.best()
    data = write(run, best, run.phenotype(best))
    make_folder(path.parent)
    write_atomic(path, data)
    return path


def _npz(run: Run, best: RunIndividual, newborn: Phenotype) -> bytes:
    """Stores the genome (levels, and every gene by name), and weights, masks and numbers of neurons at birth."""
    arrays = {"levels": best.levels}
    for name, values in run.experiment.genome.spec.genes(best.levels[None, :], dtype=torch.float64).items():
        arrays[f"gene.{name}"] = values[0].numpy()
    for name, synapses in newborn.projections.items():
        arrays[f"weight.{name}"] = synapses.weight[0].numpy()
        if synapses.mask is not None:
            arrays[f"mask.{name}"] = synapses.mask[0].numpy()
    for group in newborn.topology.groups:
        for called, number in newborn.groups.get(group.name, {}).items():
            arrays[f"{called}.{group.name}"] = number[0].numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _synapses(newborn: Phenotype) -> list[tuple[str, int, str, int, float]]:
    rows = []
    for edge in newborn.topology.edges:
        synapses = newborn.projections[edge.name]
        grown = torch.ones_like(synapses.weight[0], dtype=torch.bool) if synapses.mask is None else synapses.mask[0]
        for post, pre in grown.nonzero().tolist():
            rows.append((edge.pre, pre, edge.post, post, float(synapses.weight[0, post, pre])))
    return rows


def _csv(run: Run, best: RunIndividual, newborn: Phenotype) -> bytes:
    """Stores one row a synapse."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("pre_group", "pre", "post_group", "post", "weight"))
    table.writerows(_synapses(newborn))
    return text.getvalue().encode()


def _graphml(run: Run, best: RunIndividual, newborn: Phenotype) -> bytes:
    """Stores a directed graph of neurons, for Gephi and Cytoscape."""
    import networkx

    graph = neuron_graph(newborn, names=run.experiment.environment.class_names)
    return "\n".join(networkx.generate_graphml(graph)).encode()


def _torch(run: Run, best: RunIndividual, newborn: Phenotype) -> bytes:
    """Stores the state_dict of `PhenotypeModule(phenotype, 0)`: tensors only, for torch.load(weights_only=True)."""
    buffer = io.BytesIO()
    torch.save(PhenotypeModule(newborn, 0).state_dict(), buffer)
    return buffer.getvalue()


EXPORTS: dict[str, tuple[Callable[[Run, RunIndividual, Phenotype], bytes], str]] = {
    "npz": (_npz, ".npz"),
    "graphml": (_graphml, ".graphml"),
    "torch": (_torch, ".pt"),
    "csv": (_csv, ".csv"),
}
