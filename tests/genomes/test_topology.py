"""Topologies, and every way in which they can be wrong, each with its one sentence."""

from __future__ import annotations

import re

import pytest
import torch

from genomes.errors import InputError
from genomes.topology import Group, Projection, Topology, layered

CHOICES = "absolute, cosine, gaussian, inverse, linear, relu, sigmoid, sine, square, step, tanh"

EYE, HIDDEN, DEEP, HAND = Group("eye", 4), Group("hidden", 3, "tanh"), Group("deep", 2, "relu"), Group("hand", 2)


def sentence(text: str) -> str:
    """A pattern that the whole message must match, and that allows one line only."""
    return f"^{re.escape(text)}$"


def test_a_projection_is_read_as_it_is_written():
    for text in ("eye -> hidden", "eye->hidden", "  eye  ->hidden "):
        edge = Projection.parse(text)
        assert edge == Projection("eye", "hidden")
        assert edge.name == "eye -> hidden"


@pytest.mark.parametrize("text", ["eye", "eye > hidden", "eye ->", "-> hidden", "a -> b -> c", ""])
def test_what_is_no_projection_is_refused(text):
    with pytest.raises(InputError, match=sentence(f"projection: expected 'pre -> post', got {text!r}")):
        Projection.parse(text)


def test_kinds_of_projection():
    texts = ("eye -> hidden", "hidden -> hand", "eye -> hand", "hidden -> hidden", "hand -> hidden")
    topology = Topology((EYE, HIDDEN, HAND), texts)
    kinds = [topology.kind(edge) for edge in topology.edges]
    assert kinds == ["feed-forward", "feed-forward", "skip", "lateral", "recurrent"]
    assert not topology.is_feedforward
    assert Topology((EYE, HIDDEN, HAND), texts[:3]).is_feedforward
    assert not Topology((EYE, HIDDEN, HAND), texts[:4]).is_feedforward
    assert not Topology((EYE, HIDDEN, HAND), (*texts[:3], texts[4])).is_feedforward


def test_sizes_and_places_of_the_parts():
    topology = Topology((EYE, HIDDEN, DEEP, HAND), ("eye -> hidden", "hidden -> deep", "deep -> hand", "eye -> hand"))
    assert topology.sensory is EYE
    assert topology.output is HAND
    assert topology.group("deep") is DEEP
    assert topology.index == {"eye": 0, "hidden": 1, "deep": 2, "hand": 3}
    assert [topology.shape(edge) for edge in topology.edges] == [(3, 4), (2, 3), (2, 2), (2, 4)]
    assert topology.synapses == 12 + 6 + 4 + 8


@pytest.mark.parametrize(
    ("groups", "projections", "message"),
    [
        ((EYE,), (), "topology.groups: expected at least two groups, got 1"),
        ((EYE, EYE, HAND), ("eye -> hand",), "topology: expected every group once, got ['eye']"),
        (
            (EYE, HAND),
            ("eye -> hand", "eye->hand"),
            "topology: expected every projection once, got ['eye -> hand']",
        ),
        (
            (EYE, HIDDEN, HAND),
            ("eye -> hiden", "hidden -> hand"),
            "projection eye -> hiden: no group 'hiden'; did you mean 'hidden'?",
        ),
        (
            (EYE, HAND),
            ("eye -> hand", "xyz -> hand"),
            "projection xyz -> hand: no group 'xyz'; choose from eye, hand",
        ),
        (
            (EYE, HAND),
            ("eye -> hand", "hand -> eye"),
            "projection hand -> eye: expected no input to the sensory group, got 'hand -> eye'",
        ),
        (
            (EYE, HAND),
            ("eye -> hand", "eye -> eye"),
            "projection eye -> eye: expected no input to the sensory group, got 'eye -> eye'",
        ),
        (
            (EYE, HIDDEN, DEEP, HAND),
            ("eye -> hand", "hidden -> deep", "deep -> hidden"),
            "topology: expected a path from the sensory group to every group, got ['hidden', 'deep']",
        ),
        ((EYE, HAND), (), "topology: expected a path from the sensory group to every group, got ['hand']"),
    ],
)
def test_a_bad_topology_gets_its_sentence(groups, projections, message):
    with pytest.raises(InputError, match=sentence(message)):
        Topology(groups, projections)


def test_a_path_may_come_back_from_a_later_group():
    topology = Topology((EYE, HIDDEN, DEEP, HAND), ("eye -> hand", "hand -> deep", "deep -> hidden"))
    assert [topology.kind(edge) for edge in topology.edges] == ["skip", "recurrent", "recurrent"]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"name": ""}, "group: expected a printable name without '->' and without spaces around it, got ''"),
        ({"name": "a->b"}, "group: expected a printable name without '->' and without spaces around it, got 'a->b'"),
        ({"name": " a "}, "group: expected a printable name without '->' and without spaces around it, got ' a '"),
        ({"size": 0}, "group eye.size: expected a size of at least 1, got 0"),
        ({"size": -3}, "group eye.size: expected a size of at least 1, got -3"),
        ({"grid": (3, 3)}, "group eye.grid: expected a grid of 4 places, got [3, 3]"),
        ({"grid": ()}, "group eye.grid: expected a grid of 4 places, got []"),
        ({"grid": (-2, -2)}, "group eye.grid: expected a grid of 4 places, got [-2, -2]"),
        ({"types": 0}, "group eye.types: expected 1 to 4 cell types, got 0"),
        ({"types": 5}, "group eye.types: expected 1 to 4 cell types, got 5"),
        (
            {"activation": "tahn"},
            "group eye.activation: no activation 'tahn'; did you mean 'tanh'? (" + CHOICES + ")",
        ),
        (
            {"activation": "xx"},
            "group eye.activation: no activation 'xx'; choose from " + CHOICES,
        ),
    ],
)
def test_a_bad_group_gets_its_sentence(numbers, message):
    with pytest.raises(InputError, match=sentence(message)):
        Group(**{"name": "eye", "size": 4, **numbers})


def test_coordinates_are_the_middles_of_the_cells_in_row_major_order():
    assert EYE.coordinates is None
    line = Group("line", 4, grid=(4,)).coordinates
    assert torch.equal(line, torch.tensor([[0.125], [0.375], [0.625], [0.875]], dtype=torch.float64))
    sheet = Group("sheet", 6, grid=(2, 3)).coordinates
    expected = [[(r + 0.5) / 2, (c + 0.5) / 3] for r in range(2) for c in range(3)]
    assert torch.allclose(sheet, torch.tensor(expected, dtype=torch.float64), atol=1e-15)
    block = Group("block", 8, grid=(2, 2, 2)).coordinates
    assert block.shape == (8, 3)
    assert block[1].tolist() == [0.25, 0.25, 0.75]


def test_cell_types_take_turns():
    assert Group("cells", 5, types=3).cell_types.tolist() == [0, 1, 2, 0, 1]
    assert EYE.cell_types.tolist() == [0, 0, 0, 0]


def test_layered_joins_neighbours_and_ends_linear():
    topology = layered(4, 3, 5, 2, activation="relu")
    assert [g.name for g in topology.groups] == ["layer0", "layer1", "layer2", "layer3"]
    assert [g.size for g in topology.groups] == [4, 3, 5, 2]
    assert [g.activation for g in topology.groups] == ["linear", "relu", "relu", "linear"]
    assert [e.name for e in topology.edges] == ["layer0 -> layer1", "layer1 -> layer2", "layer2 -> layer3"]
    assert topology.is_feedforward
    with pytest.raises(InputError, match="at least two groups"):
        layered(4)


def test_equal_topologies_are_equal_and_hash_alike():
    assert layered(4, 2) == layered(4, 2)
    assert hash(layered(4, 2)) == hash(layered(4, 2))
    assert layered(4, 2) != layered(4, 3)
