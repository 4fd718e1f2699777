"""The whole of an experiment, as a value; and the genome that it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import final

import torch
from jaxtyping import Integer
from numpy import ndarray

from evo.goals import Goals
from evo.search.base import Search
from genomes.chance import Chance
from genomes.encoding import Encoding, develop, encoding_spec
from genomes.evolvable import endowed, evolved_spec
from genomes.expect import Unexpected, expect
from genomes.phenotype import Phenotype
from genomes.spec import GenomeSpec
from genomes.topology import Topology
from inner_loop.lifetime import Lifetime
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule
from inner_loop.task import Task

_CHROMOSOMES = ("encoding", "rule", "objective")


@final
@dataclass(frozen=True)
class Experiment:
    """Everything that decides a result, together with nothing that does not.

    Attributes:
        topology: groups of neurons and the projections between them: given.
        encoding: how a genome specifies the weights: wiring, inherited.
        rule: how a life changes the weights; its Evolve numbers are inherited.
        objective: what a life makes small; its Evolve numbers are inherited.
        task: what there is to learn.
        lifetime: how long a life learns.
        goals: what is selected for.
        search: how a population is bred.
        generations: how many.
        seed: of all randomness.
        cohort: individuals that live side by side; part of the experiment because it decides the last bits of a result.
        device: where lives are computed; a run never mixes devices.
    """

    topology: Topology
    encoding: Encoding
    rule: LearningRule
    objective: Objective
    task: Task
    goals: Goals
    search: Search
    lifetime: Lifetime = field(default_factory=Lifetime)
    generations: int = 100
    seed: int = 0
    cohort: int = 32
    device: str = "cpu"

    def __post_init__(self) -> None:
        expect(self.generations >= 1, "generations", "at least 1", self.generations)
        expect(self.cohort >= 2, "cohort", "at least 2 individuals", self.cohort)
        _check_device(self.device)
        for group, units, side in (
            (self.topology.sensory, self.task.inputs, "inputs"),
            (self.topology.output, self.task.outputs, "outputs"),
        ):
            fits = f"{units} units, the {side} of {type(self.task).__name__}"
            expect(group.size == units, f"topology.groups.{group.name}.size", fits, group.size)
        self.goals.check(self.task)
        expect(assemble(self).size > 0, "encoding", "a genome with at least one gene", 0)
        self.search.check(assemble(self), self.goals.count)


def _check_device(name: str) -> None:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise Unexpected(f"device: expected a device that torch finds here, such as cpu, got {name!r}") from error


@lru_cache(maxsize=8)
def assemble(experiment: Experiment) -> GenomeSpec:
    """The genome: the encoding's fields and every Evolve number, each under its config path.

    Three chromosomes, `encoding.` (wiring), `rule.` (plasticity) and `objective.`: the three components of Richards et
    al. 2019, all of which must pass through the genome (Zador 2019).
    """
    wiring = encoding_spec(experiment.encoding, experiment.topology).prefixed("encoding.")
    others = [evolved_spec(getattr(experiment, c), experiment.topology).prefixed(f"{c}.") for c in _CHROMOSOMES[1:]]
    return GenomeSpec.join([wiring, *others])


def birth(experiment: Experiment, levels: Integer[ndarray, "P G"], chance: Chance) -> Phenotype:
    """Genomes to newborn networks: wiring from the encoding, the numbers of rule and objective beside it.

    Traits: `genome_bits` (P,), and `rule.X` and `objective.X` for every Evolvable number, constants and genes alike.
    """
    spec, topology = assemble(experiment), experiment.topology
    genes = spec.genes(levels, device=experiment.device)
    own = {c: {n.removeprefix(f"{c}."): g for n, g in genes.items() if n.startswith(f"{c}.")} for c in _CHROMOSOMES}
    newborn = develop(experiment.encoding, own["encoding"], topology, chance)
    bits = torch.full((newborn.lives,), spec.bits, dtype=torch.float64, device=experiment.device)
    on = experiment.encoding.expressed_bits(own["encoding"], topology)
    if on is not None:
        bits += on - experiment.encoding.spec(topology).bits
    newborn = newborn.with_parameters({"genome_bits": bits}, {})
    for chromosome in _CHROMOSOMES[1:]:
        newborn = endowed(newborn, chromosome, getattr(experiment, chromosome), own[chromosome])
    return newborn


def wiring_bits(newborn: Phenotype) -> float:
    """Bits of the wiring that a genome unfolds into, when every synapse grows: 32 a weight."""
    return float(newborn.topology.synapses * torch.finfo(newborn.like.dtype).bits)
