"""The genome that an experiment needs, and the births from it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from evo.experiment.goals import Scores
from evo.search.algorithms.cma_es import CMAES
from evo.search.algorithms.nsga2 import NSGA2
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology, layered
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.tasks.teacher import Teacher

RATE = Evolve((1e-3, 1.0), "log", 5, "projection")
MOMENTUM = Evolve((0.0, 0.9), bits=3)
GAIN = Evolve((0.5, 2.0), bits=2)


def born(experiment, levels):
    return experiment.birth(levels, derive(0, "birth", owners=range(len(levels))))


def random_levels(experiment, count):
    spec = experiment.genome.spec
    return spec.quantise(derive(1, "levels", owners=range(count)).uniform(spec.size).numpy())


def test_a_genome_is_three_chromosomes(small):
    spec = small(encoding=GeneExpression(2, 4, gain=GAIN), rule=Backprop(RATE, MOMENTUM)).genome.spec
    names = [field.name for field in spec.fields]
    wiring, plasticity = names[:-2], names[-2:]
    assert all(name.startswith("encoding.") for name in wiring)
    assert {"encoding.expression.layer0", "encoding.interaction.layer0 -> layer1", "encoding.gain"} < set(wiring)
    assert plasticity == ["rule.learning_rate", "rule.momentum"]
    of_wiring = 2 * (5 + 4 + 3) + 2 * (2 * 2) + 2 * 2  # expression, interactions, biases
    assert spec.size == of_wiring + 1 + 2 + 1
    assert spec.bits == 4 * of_wiring + 2 + 2 * 5 + 3


def test_constants_are_no_genes(small):
    plain = small(encoding=Direct(6), rule=Backprop(0.1, 0.9))
    assert [field.name for field in plain.genome.spec.fields] == [
        "encoding.weight.layer0 -> layer1",
        "encoding.weight.layer1 -> layer2",
    ]
    assert plain.genome.spec.bits == 6 * (5 * 4 + 4 * 3)
    assert replace(plain, rule=Frozen()).genome.spec == plain.genome.spec


def test_numbers_of_constants_and_of_genes_are_found_under_the_same_names(small):
    constant = small(rule=Backprop(0.25, 0.5))
    evolved = small(rule=Backprop(RATE, MOMENTUM))
    one, two = (born(e, random_levels(e, 6)) for e in (constant, evolved))
    for newborn in (one, two):
        assert newborn.traits.keys() == {"genome_bits", "rule.momentum"}
        assert newborn.traits["rule.momentum"].shape == (6,)
        for synapses in newborn.projections.values():
            assert synapses.parameters.keys() == {"rule.learning_rate"}
            assert synapses.parameters["rule.learning_rate"].shape == (6, 1, 1)
    assert (one.traits["rule.momentum"] == 0.5).all()
    assert all((s.parameters["rule.learning_rate"] == 0.25).all() for s in one.projections.values())


def test_a_gene_has_the_value_of_its_level(small):
    experiment = small(rule=Backprop(RATE, MOMENTUM))
    spec = experiment.genome.spec
    levels = np.zeros((3, spec.size), dtype=np.uint8)
    levels[:, spec.slices["rule.learning_rate"]] = [[0, 31], [31, 0], [10, 20]]
    levels[:, spec.slices["rule.momentum"]] = [[0], [7], [3]]
    newborn = born(experiment, levels)
    assert np.allclose(newborn.traits["rule.momentum"], [0.0, 0.9, 0.9 * 3 / 7])
    rates = [s.parameters["rule.learning_rate"].flatten().tolist() for s in newborn.projections.values()]
    step = math.log(1000.0) / 31
    wanted = [[1e-3, 1.0, 1e-3 * math.exp(10 * step)], [1.0, 1e-3, 1e-3 * math.exp(20 * step)]]
    assert np.allclose(rates, wanted, rtol=1e-6)


def test_a_rate_can_belong_to_pairs_of_cell_types(small):
    groups = (Group("layer0", 5, types=2), Group("layer1", 3, types=3))
    experiment = small(
        topology=Topology(groups, ("layer0 -> layer1",)), rule=Hebbian(Evolve((0.0, 1.0), bits=4, per="types"))
    )
    spec = experiment.genome.spec
    assert spec.fields[-1].shape == (6,)
    levels = np.zeros((2, spec.size), dtype=np.uint8)
    levels[:, spec.slices["rule.learning_rate"]] = np.arange(6)
    rate = born(experiment, levels).projections["layer0 -> layer1"].parameters["rule.learning_rate"]
    assert rate.shape == (2, 3, 5)
    assert np.allclose(rate[0] * 15, [[0, 1, 0, 1, 0], [2, 3, 2, 3, 2], [4, 5, 4, 5, 4]])


def test_the_size_of_a_genome_is_a_trait(small):
    experiment = small(rule=Backprop(RATE, 0.9))
    bits = born(experiment, random_levels(experiment, 3)).traits["genome_bits"]
    assert bits.dtype == torch.float64
    assert bits.tolist() == [experiment.genome.spec.bits] * 3


def test_switched_off_genes_are_free_and_the_others_chromosomes_never_are(small):
    experiment = small(encoding=GeneExpression(3, 4, switches=True, gain=GAIN), rule=Backprop(RATE, 0.9))
    spec = experiment.genome.spec
    levels = random_levels(experiment, 4)
    levels[:, spec.slices["encoding.switch"]] = [[0, 0, 0], [1, 0, 0], [0, 1, 1], [1, 1, 1]]
    bits = born(experiment, levels).traits["genome_bits"].tolist()
    always = 3 + 2 + 2 * 5  # switches, gain, rates
    on = [4 * (12 * g + 2 * g * g + 2 * g) for g in (0, 1, 2, 3)]  # expression, interactions, biases
    assert bits == [always + expressed for expressed in on]
    assert bits[-1] == spec.bits


def test_silent_genes_grow_nothing(small):
    experiment = small(encoding=GeneExpression(2, 4, switches=True))
    levels = random_levels(experiment, 2)
    levels[0, experiment.genome.spec.slices["encoding.switch"]] = 0
    newborn = born(experiment, levels)
    assert all((s.weight[0] == 0).all() for s in newborn.projections.values())
    assert not any((s.weight[1] == 0).all() for s in newborn.projections.values())


def test_bits_of_the_wiring_are_32_a_weight(small):
    experiment = small()
    assert born(experiment, random_levels(experiment, 2)).wiring_bits == 32 * (5 * 4 + 4 * 3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"topology": layered(6, 4, 3)},
            "topology.groups.layer0.size: expected 5 units, the inputs of Teacher, got 6",
        ),
        (
            {"topology": layered(5, 4, 2)},
            "topology.groups.layer2.size: expected 3 units, the outputs of Teacher, got 2",
        ),
        ({"task": Teacher(7, 3)}, "topology.groups.layer0.size: expected 7 units, the inputs of Teacher, got 5"),
        ({"generations": 0}, "generations: expected at least 1, got 0"),
        ({"cohort": 1}, "cohort: expected at least 2 individuals, got 1"),
        ({"goals": Scores(("innate.accuracy",))}, "goals.names: no measurement 'innate.accuracy'; "),
        ({"goals": Scores(("gain",)), "search": NSGA2(8)}, "search NSGA2: expected at least two goals, got 1"),
        (
            {"topology": layered(5, 999, 3), "encoding": Direct(), "search": CMAES(8)},
            "search CMAES: expected a genome of at most 3000 numbers, got 7993",
        ),
    ],
)
def test_parts_that_do_not_fit_are_told_apart(small, changes, sentence):
    with pytest.raises(InputError) as caught:
        small(**changes)
    assert str(caught.value).startswith(sentence)


def test_an_experiment_is_a_value(small):
    assert small() == small()
    assert hash(small()) == hash(small())
    assert small() != small(seed=1)
    assert small().genome.spec is small().genome.spec, "worked out once"
