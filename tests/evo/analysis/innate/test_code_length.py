"""Sizes against counting, against an arithmetic coder that really codes, and against the entropy."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import final

import numpy as np
import pytest
from scipy.stats import entropy

from evo.analysis.innate.code_length import (
    FLOAT,
    Bits,
    adaptive_bits,
    decoder,
    of_positions,
    of_symbols,
    quantised,
    requantised,
)
from genomes.encoding import Encoding
from genomes.encodings.direct import Direct
from genomes.encodings.spatial_expression import SpatialExpression
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive
from genomes.topology import Group, Topology, layered

SPEC = GenomeSpec(
    (
        Field("weights", (40,), -1.0, 3.0, bits=6),
        Field("rates", (30,), 1e-3, 1.0, scale="log", bits=5),
        Field("kinds", (20,), choices=3),
        Field("signs", (10,), -1.0, 1.0, bits=1),
    )
)


def levels_of(spec, seed=0):
    return spec.quantise(derive(seed, "genome").uniform(spec.size).numpy())[0]


def shares(counts, alphabet):
    """The predictive probabilities of Krichevsky and Trofimov, exact."""
    return [Fraction(2 * counts[s] + 1, 2 * sum(counts) + alphabet) for s in range(alphabet)]


def arithmetic_code(symbols, alphabet):
    """A number in [0, 1) with as few binary digits as single out the interval of the message, and their number."""
    low, width, counts = Fraction(0), Fraction(1), [0] * alphabet
    for symbol in symbols:
        parts = shares(counts, alphabet)
        low, width = low + width * sum(parts[:symbol], Fraction(0)), width * parts[symbol]
        counts[symbol] += 1
    digits = 0
    while True:
        number = Fraction(math.ceil(low * 2**digits), 2**digits)
        if number + Fraction(1, 2**digits) <= low + width:
            return number, digits
        digits += 1


def decoded(number, length, alphabet):
    counts, symbols = [0] * alphabet, []
    for _ in range(length):
        ends = np.cumsum([Fraction(0), *shares(counts, alphabet)])
        symbol = int(np.sum(ends[1:] <= number))
        number = (number - ends[symbol]) / (ends[symbol + 1] - ends[symbol])
        counts[symbol] += 1
        symbols.append(symbol)
    return symbols


@pytest.mark.parametrize("alphabet", [2, 5])
def test_the_adaptive_length_is_what_an_arithmetic_coder_needs(alphabet):
    symbols = (derive(alphabet, "message").uniform(60)[0].numpy() ** 3 * alphabet).astype(np.int64)
    number, digits = arithmetic_code(symbols.tolist(), alphabet)
    assert decoded(number, len(symbols), alphabet) == symbols.tolist()
    length = adaptive_bits(symbols, alphabet)
    assert length <= digits <= math.ceil(length) + 1


def test_the_adaptive_length_tends_to_the_entropy():
    symbols = (derive(0, "message").uniform(200_000)[0].numpy() ** 2 * 16).astype(np.int64)
    bound = len(symbols) * entropy(np.bincount(symbols), base=2)
    learning = 15 / 2 * math.log2(len(symbols)) + 4
    assert bound < adaptive_bits(symbols, 16) < bound + learning


def test_one_level_costs_almost_nothing_and_uniform_levels_their_bits():
    same = of_symbols(np.full(5000, 3), 8)
    assert same.fixed == 15_000
    assert same.coded < 0.02 * same.fixed
    even = of_symbols(derive(0, "levels").integers(64, 20_000)[0].numpy(), 64)
    assert even.coded / even.numbers == pytest.approx(6, abs=0.02)
    assert even.coded <= even.fixed + 1
    assert of_symbols(np.zeros(0, np.int64), 8) == Bits()


def test_positions_cost_the_choice_among_all_sets_of_them():
    for places, taken in ((7, 3), (10, 0), (10, 10), (12, 6)):
        sets = len(list(combinations(range(places), taken)))
        assert of_positions(places, taken) == pytest.approx(math.log2(places + 1) + math.log2(sets))


def test_at_full_bits_nothing_of_a_genome_changes():
    edits, size = requantised(SPEC, levels_of(SPEC), 6)
    assert np.isnan(edits).all()
    assert size.fixed == SPEC.bits
    assert size.numbers == SPEC.size


@pytest.mark.parametrize("bits", [1, 2, 4, 5])
def test_fewer_bits_are_the_nearest_levels_between_the_same_ends(bits):
    levels = levels_of(SPEC)
    levels[:2], levels[40:42] = (0, 63), (0, 31)
    edits, size = requantised(SPEC, levels, bits)
    weights, rates = edits[SPEC.slices["weights"]], edits[SPEC.slices["rates"]]
    assert np.isnan(edits[70:]).all(), "categories, and what has no more bits, stay"
    assert weights[:2].tolist() == [-1.0, 3.0]
    old = SPEC.fields[0].table[levels[:40]]
    grid = np.linspace(-1, 3, 2**bits)
    assert np.allclose(weights, grid[np.abs(old[:, None] - grid).argmin(1)])
    if bits == 5:
        assert np.isnan(rates).all()
    else:
        grid = np.geomspace(1e-3, 1, 2**bits)
        assert np.allclose(rates, grid[np.abs(np.log(SPEC.fields[1].table[levels[40:70], None] / grid)).argmin(1)])
        assert rates[:2].tolist() == [1e-3, 1.0]
    assert size.fixed == pytest.approx(70 * bits + 20 * math.log2(3) + 10)


def test_the_size_of_a_genome_is_that_of_its_fields_coded_apart():
    levels = levels_of(SPEC)
    apart = [of_symbols(levels[SPEC.slices[f.name]].astype(np.int64), f.levels).coded for f in SPEC.fields]
    assert requantised(SPEC, levels, 6)[1].coded == pytest.approx(sum(apart))


def test_numbers_are_rounded_to_levels_that_fit_them():
    numbers = derive(0, "numbers").normal(30, 20)[0].numpy()
    errors = []
    for bits in range(1, 9):
        values, size = quantised(numbers, bits)
        assert len(np.unique(values)) <= 2**bits
        assert size.numbers == 600
        assert size.fixed == 600 * bits + 16
        errors.append(float(np.square(values - numbers).mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx(1 - 2 / math.pi, abs=0.05), "one bit of a normal number, Max 1960"
    assert errors[3] < 0.02
    assert np.allclose(quantised(numbers * 1e-30, 8)[0] * 1e30, quantised(numbers, 8)[0], atol=0.05)


def test_zeros_and_nothing_can_be_rounded_too():
    assert quantised(np.zeros(5), 3)[0].tolist() == [0.0] * 5
    assert quantised(np.zeros((0, 4)), 3)[1] == Bits()


def test_the_decoder_counts_constants_and_what_is_drawn():
    direct = decoder(Direct(bits=4), layered(5, 4, 3))
    assert (direct.constants, direct.drawn, direct.bits) == (2, 0, 2 * FLOAT)
    assert 300 < direct.program < 10_000
    sheet = Topology((Group("sheet", 16, grid=(4, 4)), Group("answer", 3)), ("sheet -> answer",))
    spatial = decoder(SpatialExpression(genes=5, readout="random"), sheet)
    assert spatial.drawn == 15
    assert spatial.stored_bits - spatial.bits == 14 * FLOAT
    assert "15 fixed random numbers" in spatial.sentence
    assert "random" not in direct.sentence


@final
@dataclass(frozen=True)
class Typed(Encoding):
    """As if typed at a prompt: there is no file."""

    def spec(self, topology):
        return GenomeSpec(())

    def develop(self, genes, topology, streams):
        raise NotImplementedError

    def constants(self, topology):
        return {"matrix": np.zeros((3, 4)), "scale": 0.5}


def test_an_encoding_without_a_file_has_a_program_of_unknown_size(monkeypatch):
    monkeypatch.setattr(Typed, "__module__", "nowhere")
    found = decoder(Typed(), layered(5, 4, 3))
    assert found.constants == 13
    assert math.isnan(found.program)
    assert "has no file" in found.sentence


def test_the_shorter_of_two_codes_is_taken_and_a_bit_says_which():
    """Without that bit nothing that reads the symbols would know how."""
    same, each = np.full(50, 3), np.arange(8)
    assert of_symbols(same, 8).coded == pytest.approx(1 + adaptive_bits(same, 8), abs=1e-9)
    assert adaptive_bits(same, 8) < 150
    assert of_symbols(each, 8).coded == 1 + 8 * 3
    assert adaptive_bits(each, 8) > 8 * 3
