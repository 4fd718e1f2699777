"""Phenotypes: named tensors of a cohort."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from genomes.errors import InputError
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology, layered

LIVES = 3
TOPOLOGY = Topology(
    (Group("eye", 5), Group("V1.L4", 4, "tanh"), Group("type", 3, "sigmoid"), Group("hand", 2)),
    ("eye -> V1.L4", "V1.L4 -> type", "eye -> type", "type -> hand", "eye -> hand"),
)


def newborn(topology: Topology = TOPOLOGY, biased: tuple[str, ...] = ("V1.L4", "type", "hand")) -> Phenotype:
    numbers = derive(0, "phenotype", owners=range(LIVES))
    projections = {e.name: Synapses(numbers.stream(e.name).normal(*topology.shape(e))) for e in topology.edges}
    groups = {name: {"bias": numbers.stream(name).normal(topology.group(name).size)} for name in biased}
    return Phenotype(topology, projections, groups)


def test_synapses_grown_counts_masks():
    phenotype = newborn()
    assert phenotype.synapses_grown().tolist() == [TOPOLOGY.synapses] * LIVES
    name = "eye -> V1.L4"
    mask = torch.zeros(LIVES, 4, 5, dtype=torch.bool)
    mask[1, :, 0] = True
    mask[2] = True
    masked = {**phenotype.projections, name: Synapses(phenotype.projections[name].weight * mask, mask)}
    grown = replace(phenotype, projections=masked).synapses_grown()
    assert grown.tolist() == [TOPOLOGY.synapses - 20, TOPOLOGY.synapses - 16, TOPOLOGY.synapses]
    assert grown.dtype == torch.float64


def changed(weight=None, mask=None, groups=None):
    """A cohort with another value for one projection or for the groups."""
    topology = layered(5, 4, 2)
    good = newborn(topology, biased=())
    synapses = Synapses(good.projections["layer0 -> layer1"].weight if weight is None else weight)
    object.__setattr__(synapses, "mask", mask)  # bypasses the check of shapes that only tests switch on
    return Phenotype(topology, {**good.projections, "layer0 -> layer1": synapses}, groups or {})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"weight": torch.zeros(LIVES, 5, 4)},
            "layer0 -> layer1: expected weights of shape (3, 4, 5), got (3, 5, 4)",
        ),
        (
            {"mask": torch.ones(LIVES, 4, 1, dtype=torch.bool)},
            "layer0 -> layer1: expected a mask of shape (3, 4, 5), got (3, 4, 1)",
        ),
        (
            {"groups": {"layer1": {"bias": torch.zeros(LIVES, 2)}}},
            "layer1: expected bias of shape (3, 4), got (3, 2)",
        ),
        (
            {"groups": {"layer1": {"bias": torch.zeros(1, 4)}}},
            "layer1: expected bias of shape (3, 4), got (1, 4)",
        ),
        ({"groups": {"layr1": {}}}, "phenotype: no group 'layr1'; did you mean 'layer1'?"),
    ],
)
def test_wrong_shapes_and_names_are_refused(parts, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        changed(**parts)


def test_lives_of_different_projections_must_agree():
    with pytest.raises(InputError, match=r"got \(2, 2, 4\)$|got \(3, 2, 4\)$"):
        changed(weight=torch.zeros(2, 4, 5))


def test_every_projection_and_no_other_must_be_there():
    topology = layered(5, 4, 2)
    projections = newborn(topology, biased=()).projections
    message = "phenotype: expected the projections ['layer0 -> layer1', 'layer1 -> layer2'], got ['layer0 -> layer1']"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        Phenotype(topology, {"layer0 -> layer1": projections["layer0 -> layer1"]})
    with pytest.raises(InputError, match=r"^phenotype: expected the projections "):
        Phenotype(topology, {**projections, "layer0 -> layer2": Synapses(torch.zeros(LIVES, 2, 5))})


def test_parameters_are_added_beside_what_is_there():
    first = newborn(layered(5, 4, 2), biased=())
    names = list(first.projections)
    second = first.with_parameters(
        {"rule.momentum": torch.ones(LIVES)}, {"rule.rate": {n: torch.full((LIVES, 1, 1), 2.0) for n in names}}
    )
    third = second.with_parameters({"x": torch.zeros(LIVES)}, {"rule.x": {n: torch.zeros(LIVES, 1, 1) for n in names}})
    assert first.traits == {}
    assert all(s.parameters == {} for s in first.projections.values())
    assert third.traits.keys() == {"rule.momentum", "x"}
    for name in names:
        assert third.projections[name].parameters.keys() == {"rule.rate", "rule.x"}
        assert (third.projections[name].parameters["rule.rate"] == 2).all()
        assert third.projections[name].weight is first.projections[name].weight
    assert third.lives == LIVES
    assert third.like.dtype == torch.float64
