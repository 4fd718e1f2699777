"""Sizes in bits: genomes coded anew with fewer bits a number, and what numbers, positions and decoders take.

Levels are coded by an arithmetic code that learns their frequencies as it goes, so that no table of frequencies has to
be stored: Krichevsky & Trofimov 1981, IEEE Trans. Inf. Theory 27:199.
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

FLOAT = 32  # bits of a number that is stored as it is

TERMS = {
    "numbers": "how many are written down, positions of weights not counted",
    "fixed bits": "size when every number takes equally many bits; genes that are switched off count too",
    "coded bits": "size when the levels of each field or matrix are entropy coded (adaptive arithmetic code of order "
    "0, Krichevsky & Trofimov 1981): no table of frequencies is stored, learning them is paid for in the code. Each "
    "quantised matrix of a network without a genome takes 16 bits more, for its scale",
}

_SCALE = 16.0  # bits of the end of a range: 8 of its digits, sign and exponent
_RANGES = np.arange(1, 21) / 20  # shares of the largest magnitude that are tried as the end of the levels


@final
@dataclass(frozen=True)
class Bits:
    """What something takes to be written down; parts are added.

    Attributes:
        numbers: how many.
        fixed: bits when every number takes equally many.
        coded: bits when entropy coded.
    """

    numbers: int = 0
    fixed: float = 0.0
    coded: float = 0.0

    def __add__(self, other: Bits) -> Bits:
        return Bits(self.numbers + other.numbers, self.fixed + other.fixed, self.coded + other.coded)


def adaptive_bits(symbols: Int64[ndarray, " n"], alphabet: int) -> float:
    """Length of n symbols in the adaptive arithmetic code of order 0, the cost of learning their frequencies included.

    Symbol s has probability (n_s + 1/2) / (n + L/2) after n symbols, n_s of them s; the product over all symbols is
    Gamma(L/2) / Gamma(n + L/2) * prod_s Gamma(n_s + 1/2) / Gamma(1/2), whatever their order. An arithmetic coder needs
    at most 2 bits more (Witten, Neal & Cleary 1987, Commun. ACM 30:520).

    Args:
        alphabet: L, how many symbols there are; they are 0 to L - 1.
    """
    counts = np.unique(symbols, return_counts=True)[1]
    whole = gammaln(alphabet / 2) - gammaln(len(symbols) + alphabet / 2)
    each = (gammaln(counts + 0.5) - gammaln(0.5)).sum()
    return float(-(whole + each) / math.log(2))


def of_symbols(symbols: Int64[ndarray, " n"], alphabet: int) -> Bits:
    """The adaptive code or the fixed one, whichever is shorter; a bit says which."""
    fixed = len(symbols) * math.log2(alphabet)
    return Bits(len(symbols), fixed, 1 + min(fixed, adaptive_bits(symbols, alphabet)) if len(symbols) else 0.0)


def of_positions(places: int, taken: int) -> float:
    """Bits that say which of so many places are taken: their number, and which of the choose(places, taken) sets."""
    sets = gammaln(places + 1) - gammaln(taken + 1) - gammaln(places - taken + 1)
    return float(math.log2(places + 1) + sets / math.log(2))


def requantised(spec: GenomeSpec, levels: Integer[ndarray, " G"], bits: int) -> tuple[Float64[ndarray, " G"], Bits]:
    """A genome with at most so many bits a number: each takes the nearest of the fewer levels of its field.

    Fields keep their scale and their ends; those that have no more bits anyway, and categories, stay as they are.

    Returns:
        edits: (G,) the new values, nan where nothing changes.
        size: of the genome, each field coded by itself.
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
    """Numbers on 2^bits even levels from -r to r, and their size with that of r, 16 bits.

    Of 20 shares of the largest magnitude r is the one with the smallest squared error.
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
    """What unfolds a genome and is not in it.

    Attributes:
        encoding: its name.
        constants: numbers of the encoding, such as scales.
        drawn: fixed random numbers that it draws from a seed.
        program: bytes of the files that the encoding is written in, compressed: a crude upper bound of the size of the
            program; nan where there is no file.
    """

    encoding: str
    constants: int
    drawn: int
    program: float

    @property
    def bits(self) -> int:
        """Of the constants, and of one seed where anything is drawn."""
        return FLOAT * (self.constants + (self.drawn > 0))

    @property
    def stored_bits(self) -> int:
        """Of the constants, and of every number that is drawn."""
        return FLOAT * (self.constants + self.drawn)

    @property
    def sentence(self) -> str:
        """For people."""
        drawn = f", {self.drawn:,} fixed random numbers (a seed; all constants stored: {self.stored_bits:,} bits)"
        program = "has no file" if math.isnan(self.program) else f"takes {8 * self.program:,.0f} bits compressed"
        return (
            "Not in the genome is what unfolds it, the same for every genome: constants of the encoding "
            f"({self.constants}){drawn if self.drawn else ''}, {self.bits:,} bits; and the program, of which the file "
            f"of {self.encoding} {program}, a crude upper bound."
        )


def decoder(encoding: Encoding, topology: Topology) -> Decoder:
    """Read from what the encoding says of its constants: a whole number there counts fixed random numbers."""
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
    """The text of a module, behind it that of the parts of development that it uses."""
    used = {getattr(value, "__module__", None) or "" for value in vars(module).values()}
    shared = sorted(name for name in used if name.startswith("genomes.development."))
    return "\n".join(inspect.getsource(each) for each in (module, *(sys.modules[name] for name in shared)))
