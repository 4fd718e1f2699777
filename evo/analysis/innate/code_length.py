"""Sizes in bits: genomes requantised with fewer bits a number, and the code length of numbers, positions and decoders.

Levels are coded by an adaptive arithmetic code. It learns their frequencies during coding, so that no frequency table
is stored: Krichevsky & Trofimov 1981, IEEE Trans. Inf. Theory 27:199.
"""

from __future__ import annotations

import inspect
import math
import sys
import zlib
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from jaxtyping import Float64, Int64, Integer, Shaped
from numpy import ndarray
from scipy.special import gammaln

from genomes.encoding import Encoding
from genomes.spec import GenomeSpec
from genomes.topology import Topology

FLOAT = 32  # bits of a number that is stored as a float

TERMS = {
    "numbers": "number of stored numbers, without the positions of weights",
    "fixed bits": "size if every number has a fixed number of bits; genes that are switched off count too",
    "coded bits": "size if the levels of each field or matrix are entropy coded (adaptive arithmetic code of order 0, "
    "Krichevsky & Trofimov 1981): no frequency table is stored, and the code includes the cost of learning the "
    "frequencies. Each quantised matrix of a network without a genome takes 16 bits more, for its scale",
}

_SCALE = 16.0  # bits of the end of a range: 8 bits of mantissa, and sign and exponent
_RANGES = np.arange(1, 21) / 20  # candidates for the end of the levels, in shares of the largest magnitude


@final
@dataclass(frozen=True)
class Bits:
    """Size of a description; the sizes of parts can be added.

    Attributes:
        numbers: number of stored numbers.
        fixed: bits if every number has a fixed number of bits.
        coded: bits if entropy coded.
    """

    numbers: int = 0
    fixed: float = 0.0
    coded: float = 0.0

    def __add__(self, other: Bits) -> Bits:
        return Bits(self.numbers + other.numbers, self.fixed + other.fixed, self.coded + other.coded)


def adaptive_bits(symbols: Int64[ndarray, " n"], alphabet: int) -> float:
    """Computes the length of n symbols in the adaptive arithmetic code of order 0, in bits.

    The length includes the cost of learning the frequencies. Symbol s has probability (n_s + 1/2) / (n + L/2) after n
    symbols, n_s of them s. The product over all symbols is Gamma(L/2) / Gamma(n + L/2) * prod_s Gamma(n_s + 1/2) /
    Gamma(1/2) and does not depend on their order. An arithmetic coder needs at most 2 bits more (Witten, Neal & Cleary
    1987, Commun. ACM 30:520).

    Args:
        symbols: the symbols, 0 to L - 1.
        alphabet: L, the size of the alphabet.
    """
    counts = np.unique(symbols, return_counts=True)[1]
    whole = gammaln(alphabet / 2) - gammaln(len(symbols) + alphabet / 2)
    each = (gammaln(counts + 0.5) - gammaln(0.5)).sum()
    return float(-(whole + each) / math.log(2))


def of_symbols(symbols: Int64[ndarray, " n"], alphabet: int) -> Bits:
    """Returns the size by the shorter of the adaptive and the fixed code; one bit tells which code is used."""
    fixed = len(symbols) * math.log2(alphabet)
    return Bits(len(symbols), fixed, 1 + min(fixed, adaptive_bits(symbols, alphabet)) if len(symbols) else 0.0)


def of_positions(places: int, taken: int) -> float:
    """Computes the bits that encode the taken places: their number, and one of the choose(places, taken) sets."""
    sets = gammaln(places + 1) - gammaln(taken + 1) - gammaln(places - taken + 1)
    return float(math.log2(places + 1) + sets / math.log(2))


def requantised(spec: GenomeSpec, levels: Integer[ndarray, " G"], bits: int) -> tuple[Float64[ndarray, " G"], Bits]:
    """Requantises a genome to at most `bits` bits a number: each gene takes the nearest of the remaining levels.

    Fields keep their scale and their ends. Fields with at most `bits` bits, and categories, do not change.

    Returns:
        edits: (G,) the new values; nan where nothing changes.
        size: size of the genome, with each field coded separately.
    """
    edits, size = np.full(spec.size, np.nan), Bits()
    for field in spec.fields:
        place, coarse = spec.slices[field.name], field
        ours = levels[place].astype(np.int64)
        if field.choices is None and bits < field.bits:
            coarse = replace(field, bits=bits)
            ours = np.rint(ours * (coarse.levels - 1) / (field.levels - 1)).astype(np.int64)
            edits[place] = coarse.table[ours]
        size += of_symbols(ours, coarse.levels)
    return edits, size


def quantised(array: Shaped[ndarray, ...], bits: int) -> tuple[Shaped[ndarray, ...], Bits]:
    """Quantises numbers to 2^bits even levels from -r to r; the size includes the 16 bits of r.

    The range r is the one with the smallest squared error among 20 shares of the largest magnitude.
    """
    top, best, largest = 2**bits - 1, np.zeros(array.shape, np.int64), float(np.abs(array).max(initial=0.0))
    if not array.size:
        return array, Bits()
    found, error = np.zeros(array.shape), math.inf
    for share in _RANGES if largest else ():
        mantissa, exponent = math.frexp(share * largest)
        end = math.ldexp(math.ceil(mantissa * 256) / 256, exponent)
        symbols = np.rint((array.clip(-end, end) / end + 1.0) * (top / 2)).astype(np.int64)
        values = (2.0 * symbols / top - 1.0) * end
        if (away := float(np.square(values - array).sum())) < error:
            found, best, error = values, symbols, away
    return found.astype(array.dtype), of_symbols(best.ravel(), top + 1) + Bits(0, _SCALE, _SCALE)


@final
@dataclass(frozen=True)
class Decoder:
    """The part of development that is not in the genome: constants, fixed random numbers and the program.

    Attributes:
        encoding: name of the encoding.
        constants: number of constants of the encoding, such as scales.
        drawn: number of fixed random numbers that the encoding draws from a seed.
        program: compressed bytes of the source files of the encoding, a crude upper bound of the size of the program;
            nan if there is no file.
    """

    encoding: str
    constants: int
    drawn: int
    program: float

    @property
    def bits(self) -> int:
        """Bits of the constants, and of one seed if random numbers are drawn."""
        return FLOAT * (self.constants + (self.drawn > 0))

    @property
    def stored_bits(self) -> int:
        """Bits of the constants, and of every random number that is drawn."""
        return FLOAT * (self.constants + self.drawn)

    @property
    def sentence(self) -> str:
        """Description for a report."""
        drawn = f", {self.drawn:,} fixed random numbers (a seed; all constants stored: {self.stored_bits:,} bits)"
        program = "has no file" if math.isnan(self.program) else f"takes {8 * self.program:,.0f} bits compressed"
        return (
            "The decoder is not part of the genome and is the same for every genome: constants of the encoding "
            f"({self.constants}){drawn if self.drawn else ''}, {self.bits:,} bits; and the program: the file of "
            f"{self.encoding} {program}, a crude upper bound."
        )


def decoder(encoding: Encoding, topology: Topology) -> Decoder:
    """Builds the Decoder from the constants of the encoding; an int among them is a count of fixed random numbers."""
    listed: tuple[Any, ...] = tuple(encoding.constants(topology).values())
    drawn = sum(int(value) for value in listed if isinstance(value, int))
    constants = sum(int(np.size(value)) for value in listed if not isinstance(value, int))
    name = type(encoding).__name__
    try:
        program = _program(inspect.getmodule(type(encoding)) or type(encoding))
    except (OSError, TypeError):
        return Decoder(name, constants, drawn, math.nan)
    return Decoder(name, constants, drawn, float(len(zlib.compress(program.encode(), 9))))


def _program(module: Any) -> str:
    """Returns the source of a module, followed by that of the parts of `genomes.development` that it uses."""
    used = {getattr(value, "__module__", None) or "" for value in vars(module).values()}
    shared = sorted(name for name in used if name.startswith("genomes.development."))
    return "\n".join(inspect.getsource(each) for each in (module, *(sys.modules[name] for name in shared)))
