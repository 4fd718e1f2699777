"""Unit cube <-> levels <-> named numbers <-> bit strings; the genome's size in bits is exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from genomes.errors import InputError
from genomes.evolve import Evolve, ends
from genomes.spec import Field, GenomeSpec

MIXED = GenomeSpec(
    (
        Field("weight", (2, 3), -1.0, 1.0, bits=6),
        Field("rate", (), 1e-4, 1.0, scale="log", bits=5),
        Field("switch", (4,), choices=2),
        Field("kind", (2,), choices=5),
        Field("none", (0, 3), bits=16),
        Field("fine", (1,), 0.0, 2.0, bits=16),
    )
)
quick = settings(max_examples=60)


@st.composite
def fields(draw) -> dict[str, object]:
    """A random field. Built in the test: beartype checks at random, which hypothesis forbids in a strategy."""
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    if draw(st.booleans()):
        return {"shape": shape, "choices": draw(st.integers(2, 300))}
    low = draw(st.floats(1e-6, 10))
    high = low + draw(st.floats(1e-3, 10))
    scale = draw(st.sampled_from(["linear", "log"]))
    return {"shape": shape, "low": low, "high": high, "scale": scale, "bits": draw(st.integers(1, 16))}


@st.composite
def genomes(draw) -> tuple[list[dict[str, object]], np.ndarray]:
    """The fields of a genome, and a cohort of unit-cube genomes that exceed both ends."""
    parts = draw(st.lists(fields(), max_size=4))
    size = sum(math.prod(part["shape"]) for part in parts)
    shape = (draw(st.integers(1, 3)), size)
    return parts, draw(hnp.arrays(np.float64, shape, elements=st.floats(-0.5, 1.5)))


def built(parts: list[dict[str, object]]) -> GenomeSpec:
    return GenomeSpec(tuple(Field(f"field{i}", **part) for i, part in enumerate(parts)))


@given(genomes())
@quick
def test_units_to_levels_and_back(genome):
    spec, units = built(genome[0]), genome[1]
    levels = spec.quantise(units)
    assert levels.shape == units.shape
    assert levels.dtype == spec.level_dtype
    for row, unit_row in zip(levels.tolist(), units.tolist(), strict=True):
        for level, unit, count in zip(row, unit_row, spec.level_counts.tolist(), strict=True):
            assert level == min(math.floor(min(max(unit, 0.0), 1.0) * count), count - 1)
    middle = spec.units(levels)
    assert ((middle > 0) & (middle < 1)).all()
    assert np.array_equal(spec.quantise(middle), levels)
    assert (np.abs(middle - units.clip(0, 1)) <= 0.5 / spec.level_counts + 1e-12).all()


@given(genomes())
@quick
def test_levels_to_bit_strings_and_back(genome):
    spec, units = built(genome[0]), genome[1]
    levels = spec.quantise(units)
    strings = spec.bit_strings(levels)
    assert strings.shape == (len(units), spec.string_length)
    assert strings.dtype == bool
    back = spec.from_bit_strings(strings)
    assert back.dtype == spec.level_dtype
    assert np.array_equal(back, levels)


@given(genomes(), st.sampled_from([torch.float32, torch.float64]))
@quick
def test_genes_are_the_values_of_their_levels(genome, dtype):
    spec, units = built(genome[0]), genome[1]
    levels = spec.quantise(units)
    genes = spec.genes(levels, dtype=dtype)
    assert list(genes) == [field.name for field in spec.fields]
    for field in spec.fields:
        assert genes[field.name].shape == (len(units), *field.shape)
        assert genes[field.name].dtype == dtype
        expected = field.table[levels[:, spec.slices[field.name]]]
        assert torch.equal(genes[field.name].flatten(), torch.tensor(expected, dtype=dtype).flatten())


@given(fields())
@quick
def test_a_table_ascends_from_end_to_end_exactly(parts):
    field = Field("a", **parts)
    table = field.table
    assert len(table) == field.levels
    assert (np.diff(table) > 0).all()
    if field.choices is None:
        assert table[0] == field.low
        assert table[-1] == field.high
    else:
        assert table.tolist() == list(range(field.choices))


def test_quantise_by_hand():
    spec = GenomeSpec((Field("a", (3,), bits=2), Field("b", (2,), choices=3)))
    units = np.array(
        [[0.0, 0.2499, 0.25, 0.333, 0.334], [1.0, 0.9999, 0.75, 1.0, 0.667], [-5.0, 7.0, np.inf, -np.inf, 0.5]]
    )
    assert spec.quantise(units).tolist() == [[0, 0, 1, 0, 1], [3, 3, 3, 2, 2], [0, 3, 3, 0, 1]]


def test_scales_by_hand():
    assert Field("a", (), -1.0, 2.0, bits=2).table.tolist() == [-1.0, 0.0, 1.0, 2.0]
    assert np.allclose(Field("a", (), 1e-3, 1.0, scale="log", bits=2).table, [1e-3, 1e-2, 1e-1, 1.0], rtol=1e-14)
    assert np.allclose(Field("a", (), 1e-4, 0.3, scale="log", bits=1).table, [1e-4, 0.3], rtol=0, atol=0)


def test_bits_are_exact():
    assert [field.total_bits for field in MIXED.fields] == [36.0, 5.0, 4.0, 2 * math.log2(5), 0.0, 16.0]
    assert MIXED.bits == 36 + 5 + 4 + 2 * math.log2(5) + 16
    assert MIXED.size == 6 + 1 + 4 + 2 + 0 + 1
    assert MIXED.string_length == 36 + 5 + 4 + 2 * 3 + 16
    assert MIXED.level_counts.tolist() == [64] * 6 + [32] + [2] * 4 + [5] * 2 + [65536]
    assert GenomeSpec(()).bits == 0


@pytest.mark.slow
@pytest.mark.parametrize("bits", [1, 2, 5, 9, 16])
def test_neighbouring_levels_differ_in_one_bit(bits):
    spec = GenomeSpec((Field("a", (1,), bits=bits),))
    strings = spec.bit_strings(np.arange(2**bits)[:, None])
    assert ((strings[1:] != strings[:-1]).sum(1) == 1).all()
    assert len(np.unique(strings, axis=0)) == 2**bits


def test_gray_code_of_three_bits_most_significant_first():
    strings = GenomeSpec((Field("a", (1,), bits=3),)).bit_strings(np.arange(8)[:, None])
    assert " ".join("".join(map(str, row)) for row in strings.astype(int)) == "000 001 011 010 110 111 101 100"


def test_a_code_beyond_the_last_category_is_the_last():
    spec = GenomeSpec((Field("kind", (1,), choices=5), Field("switch", (1,), choices=2)))
    assert spec.string_length == 4
    strings = np.array([[a, b, c, d] for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)], dtype=bool)
    levels = spec.from_bit_strings(strings)
    of_code = {0b000: 0, 0b001: 1, 0b011: 2, 0b010: 3, 0b110: 4, 0b111: 4, 0b101: 4, 0b100: 4}
    for string, level in zip(strings.astype(int), levels, strict=True):
        assert level.tolist() == [of_code[int("".join(map(str, string[:3])), 2)], string[3]]


def test_level_dtype_is_the_smallest_that_holds_them():
    for choices, dtype in ((2, np.uint8), (256, np.uint8), (257, np.uint16), (65536, np.uint16)):
        spec = GenomeSpec((Field("a", (1,), choices=choices),))
        assert spec.level_dtype is dtype
        assert spec.quantise(np.ones((1, 1))).item() == choices - 1
    assert GenomeSpec(()).level_dtype is np.uint8


def test_join_and_prefixed():
    other = GenomeSpec((Field("gain", (1,), 0.0, 1.0, bits=3),))
    joined = GenomeSpec.join([MIXED.prefixed("encoding."), other.prefixed("rule.")])
    assert joined.size == MIXED.size + 1
    assert joined.bits == MIXED.bits + 3
    assert joined.fields[0] == Field("encoding.weight", (2, 3), -1.0, 1.0, bits=6)
    assert joined.slices["encoding.rate"] == slice(6, 7)
    assert joined.slices["rule.gain"] == slice(14, 15)
    with pytest.raises(InputError, match=r"^genome: expected every field once, got "):
        GenomeSpec.join([other, other])


def test_a_field_of_no_shape_is_one_number_a_life():
    genes = MIXED.genes(MIXED.quantise(np.zeros((3, MIXED.size))), dtype=torch.float64)
    assert genes["rate"].shape == (3,)
    assert genes["rate"].tolist() == [1e-4] * 3
    assert genes["none"].shape == (3, 0, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MIXED.quantise(np.full((2, 14), np.nan)), "genome: expected numbers, got 'nan'"),
        (lambda: MIXED.quantise(np.zeros((2, 3))), "genome: expected 14 numbers, got 3"),
        (lambda: MIXED.genes(np.zeros((2, 15), np.uint8)), "genome: expected 14 numbers, got 15"),
        (
            lambda: MIXED.genes(np.full((1, 14), 5, np.uint8)),
            "genome: expected levels below their number, got 'a level that is too high'",
        ),
        (
            lambda: MIXED.genes(np.full((1, 14), -1, np.int64)),
            "genome: expected levels from 0 upwards, got 'a level below 0'",
        ),
        (lambda: Field("a", (-1,)), "a: expected a shape without negative lengths, got (-1,)"),
        (lambda: Field("a", bits=0), "a: expected 1 to 16 bits, got 0"),
        (lambda: Field("a", bits=17), "a: expected 1 to 16 bits, got 17"),
        (lambda: Field("a", (), 1.0, 1.0), "a: expected [lowest, highest] with lowest < highest, got [1.0, 1.0]"),
        (lambda: Field("a", (), 0.0, math.inf), "a: expected [lowest, highest] with lowest < highest, got [0.0, inf]"),
        (lambda: Field("a", (), math.nan, 1.0), "a: expected [lowest, highest] with lowest < highest, got [nan, 1.0]"),
        (lambda: Field("a", (), 0.0, 1.0, "log"), "a: expected a lowest above 0 on a log scale, got 0.0"),
        (lambda: Field("a", choices=1), "a: expected 2 to 65536 choices, got 1"),
        (lambda: Field("a", choices=2**16 + 1), "a: expected 2 to 65536 choices, got 65537"),
        (lambda: Evolve((1.0, 0.0)), "evolve: expected [lowest, highest] with lowest < highest, got [1.0, 0.0]"),
        (lambda: Evolve((0.0, 1.0), "log"), "evolve: expected a lowest above 0 on a log scale, got 0.0"),
        (lambda: Evolve((0.0, 1.0), bits=0), "evolve: expected 1 to 16 bits, got 0"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(call, message):
    with pytest.raises(InputError) as raised:
        call()
    assert str(raised.value) == message


def test_evolve_gives_its_field():
    number = Evolve((1e-3, 1.0), scale="log", bits=4, per="projection")
    assert number.field("rate", (2,)) == Field("rate", (2,), 1e-3, 1.0, scale="log", bits=4)


@pytest.mark.parametrize("per", ["individual", "projection", "types"])
def test_only_synapses_share_their_numbers(per):
    assert Evolve((0.0, 1.0), per="synapse", shared=1).shared == 1
    assert Evolve((0.0, 1.0), per=per).shared is None
    for wrong in ({"per": per, "shared": 3}, {"per": "synapse", "shared": 0}):
        with pytest.raises(InputError) as raised:
            Evolve((0.0, 1.0), **wrong)
        message = "evolve.shared: expected at least 1 number, with per: synapse, got "
        assert str(raised.value) == f"{message}{wrong['shared']}"


def test_a_range_is_checked_at_its_edges():
    assert Field("a", bits=1).levels == 2
    assert Field("a", bits=16).levels == 65536
    assert Field("a", choices=2).levels == 2
    assert Field("a", choices=2**16).levels == 2**16
    assert Field("a", (0,)).size == 0
    assert Field("a", (), -1.0, 0.0).low == -1.0
    assert Field("a", (), 1e-9, 1.0, "log").table[0] == 1e-9
    for wrong in ({"low": -math.inf}, {"low": math.nan}, {"high": math.nan}, {"low": 1.0, "high": 0.5}):
        with pytest.raises(InputError, match=r"^a: expected \[lowest, highest\]"):
            Field("a", (), **wrong)


def test_ends_of_genes_and_of_constants():
    assert ends(Evolve((0.25, 1.0))) == (0.25, 1.0)
    assert ends(0.5) == (0.5,)


def test_values_of_an_edit_stand_in_for_those_of_the_levels():
    spec = GenomeSpec((Field("a", (2,), 0.0, 3.0, bits=2), Field("b", (1, 2), choices=5)))
    levels = np.array([[0, 1, 2, 3], [3, 2, 1, 0]], np.uint8)
    edits = np.array([[np.nan, 9.0, np.nan, np.nan], [np.nan, np.nan, 7.5, np.nan]])
    genes = spec.genes(levels, torch.float64, edits=edits)
    assert genes["a"].tolist() == [[0.0, 9.0], [3.0, 2.0]]
    assert genes["b"].tolist() == [[[2.0, 3.0]], [[7.5, 0.0]]]
    assert spec.genes(levels)["a"].dtype == torch.float32
    with pytest.raises(InputError, match="expected numbers, got 'nan'"):
        spec.quantise(np.array([[0.5, 0.5, np.nan, 0.5]]))


def test_levels_below_and_above_are_found_anywhere():
    spec = GenomeSpec((Field("a", (2,), bits=1), Field("b", (1,), bits=2)))
    assert spec.genes(np.array([[1, 1, 3]]))["b"].tolist() == [[1.0]]
    for wrong, said in (([[0, 0, 4]], "too high"), ([[0, 2, 0]], "too high"), ([[0, 0, -1]], "below 0")):
        with pytest.raises(InputError, match=said):
            spec.genes(np.array(wrong))


def test_an_empty_genome_has_no_levels_and_no_bits():
    none = GenomeSpec(())
    assert none.level_counts.dtype == np.int64
    assert (none.size, none.string_length, none.slices) == (0, 0, {})
    strings = none.bit_strings(np.zeros((3, 0), np.uint8))
    assert strings.shape == (3, 0)
    assert none.from_bit_strings(strings).shape == (3, 0)
    assert none.quantise(np.zeros((3, 0))).shape == (3, 0)
