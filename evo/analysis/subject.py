"""Subject of an analysis: genomes of a run, or a genome or network in a file, with the experiment they live in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from evo.evolution.hall_of_fame import hall_of_fame
from evo.evolution.individual import RunIndividual
from evo.evolution.run import Run
from evo.experiment.config import load, read
from evo.experiment.experiment import Experiment
from evo.storage.arrays import unpack_foreign
from genomes.errors import InputError, nearest, require
from genomes.intervention import Intervention
from genomes.interventions.given import Given
from genomes.topology import Topology


@final
@dataclass(frozen=True, eq=False)
class Subject:
    """Genomes and the experiment in which they are examined.

    Attributes:
        name: name of the subject in the sentences of the report.
        experiment: the experiment in which the genomes are examined.
        levels: (N, G) genomes, the best first.
        labels: a label for each genome.
        interventions: applied to every newborn before any other: sets the weights that a file contains.
        run: the run that the genomes come from; None if they come from a file.
        best: the best individual of the run.
        bred: True if the experiment is the one in which the genomes evolved.
    """

    name: str
    experiment: Experiment
    levels: Integer[ndarray, "N G"]
    labels: tuple[str, ...]
    interventions: tuple[Intervention, ...] = ()
    run: Run | None = None
    best: RunIndividual | None = None
    bred: bool = True


def subject(
    path: Path,
    genomes: str = "best",
    config: str | None = None,
    overrides: Sequence[str] = (),
    allow_code: bool = False,
) -> Subject:
    """Opens a run folder, or an `.npz` of `instinct export`.

    Args:
        path: the run folder or the file.
        genomes: selection of genomes of a run: `best`, `front`, or a number N for the N best different genomes.
        config: config of the experiment in which the genomes are examined; required for a file, by default that of
            the run.
        overrides: KEY=VALUE, as on the command line of `evolve`, for example another task or other episodes.
        allow_code: allows configs that import user-defined code.

    Raises:
        InputError: the path cannot be opened, or the genomes do not fit the experiment.
    """
    if path.is_file():
        return _of_file(path, config, overrides, allow_code)
    run = Run(path, allow_code)
    own = run.experiment
    if config is not None:
        experiment = load(config, overrides, allow_code)
    else:
        text = run.folder.experiment_yaml
        given = read(text, f"{path}/experiment.yaml", overrides, allow_code) if overrides else own
        experiment = run.with_its_engine(given)
    best = run.best()
    chosen = [best] if genomes == "best" else hall_of_fame(run, genomes, best)
    levels = np.stack([each.levels for each in chosen])
    _check_genome(str(path), own, experiment)
    labels = tuple(f"generation {each.generation}, slot {each.slot}" for each in chosen)
    return Subject(str(path), experiment, levels, labels, run=run, best=best, bred=experiment == own)


def _check_genome(name: str, own: Experiment, experiment: Experiment) -> None:
    """Checks that both experiments have the same genome: the same fields in the same order."""
    here, there = own.genome.spec, experiment.genome.spec
    differ = [field.name for field in here.fields if field not in there.fields]
    require(here == there, name, "an experiment whose genome is the run's own", f"another {', '.join(differ[:3])}")


def _of_file(path: Path, config: str | None, overrides: Sequence[str], allow_code: bool) -> Subject:
    require(config, str(path), "--config, the experiment that the network is to live in", None)
    experiment = load(str(config), overrides, allow_code)
    arrays, spec = unpack_foreign(path), experiment.genome.spec
    weights = {name.removeprefix("weight."): array for name, array in arrays.items() if name.startswith("weight.")}
    levels = arrays.get("levels")
    if levels is not None:
        whole = levels.dtype.kind in "iu" and (levels >= 0).all()
        require(whole, f"{path}: levels", "whole numbers from 0", f"an array of {levels.dtype}")
    if levels is not None and levels.shape == (spec.size,) and (levels < spec.level_counts).all():
        return Subject(str(path), experiment, levels[None].astype(spec.level_dtype), (path.stem,))
    what = f"`levels` of {spec.size} genes or `weight.PROJECTION`"
    if not weights:
        raise InputError(f"{path}: expected {what}, got {sorted(arrays)[:5]}; {nearest('levels', sorted(arrays))}")
    _check_complete(path, weights, experiment.topology)
    given = _given(arrays, weights, experiment.topology)
    given.check(experiment.topology)
    # the file gives weights only: all other numbers of the genome (its plasticity) are the middle of their ranges
    middle = spec.quantise(np.full((1, spec.size), 0.5))
    return Subject(str(path), experiment, middle, (path.stem,), (given,), bred=False)


def _check_complete(path: Path, weights: dict[str, ndarray], topology: Topology) -> None:
    for edge in topology.edges:
        if edge.name not in weights:
            raise InputError(f"{path}: no weight.{edge.name}; {nearest(edge.name, weights)}")


def _given(arrays: dict[str, ndarray], weights: dict[str, ndarray], topology: Topology) -> Given:
    """Builds the intervention that sets the weights of the file; biases that the file lacks are set to 0."""
    masks = {name.removeprefix("mask."): array for name, array in arrays.items() if name.startswith("mask.")}
    units: dict[str, dict[str, ndarray]] = {g.name: {"bias": np.zeros(g.size)} for g in topology.groups[1:]}
    for name, array in arrays.items():
        called, _, group = name.partition(".")
        if group in topology.index and called not in ("weight", "mask", "gene"):
            units.setdefault(group, {})[called] = array
    return Given(weights, masks, units)
