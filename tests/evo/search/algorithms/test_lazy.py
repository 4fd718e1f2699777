"""The lazy evolution strategy, which never holds a whole generation: its rows, gradient, results and memory."""

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from evo.experiment.contracts import check_search
from evo.search.algorithms import evolution_strategy
from evo.search.algorithms.evolution_strategy import EvolutionStrategy
from evo.search.algorithms.genetic import Genetic
from evo.search.algorithms.random_search import RandomSearch
from evo.search.base import Asked, Search
from evo.search.operators import noise_table
from genomes.errors import InputError
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive

SPEC = GenomeSpec((Field("x", (30,), bits=8),))
STATUS = Path("/proc/self/status")


def streams(generation, seed=0):
    return derive(seed, "search", generation)


@pytest.fixture
def forced(monkeypatch):
    """Every generation is too large to hold."""
    monkeypatch.setattr(evolution_strategy, "_HELD", 0)


def middle(search, spec=SPEC):
    return search.begin(spec, streams(-1)) | {"centre": np.full(spec.size, 0.5)}


def test_a_generation_is_lazy_above_two_to_the_24_numbers():
    def lazy(genes):
        return EvolutionStrategy(4097).lazy(GenomeSpec((Field("x", (genes,)),)))

    assert [lazy(4095), lazy(4096)] == [False, True]
    assert not Genetic(4097).lazy(GenomeSpec((Field("x", (4096,)),)))


def test_a_lazy_ask_gives_no_units_and_says_where_they_are(forced):
    asked = EvolutionStrategy(9).ask(middle(EvolutionStrategy(9)), SPEC, streams(0))
    assert asked.units is None
    assert asked.parents.tolist() == [[-1, -1]] * 9
    with pytest.raises(ValueError, match="a lazy search holds no units"):
        _ = asked.held


@pytest.mark.slow
def test_rows_are_the_centre_and_mirrored_windows_of_the_table(forced):
    search = EvolutionStrategy(9, sigma=0.01, sigma_end=0.01)
    units = search.rows(middle(search), np.arange(9), SPEC, streams(0))
    assert (units[0] == 0.5).all()
    assert np.allclose(units[1:5] - 0.5, 0.5 - units[5:], rtol=0, atol=1e-15)
    start = noise_table.starts(4, SPEC.size, streams(0))
    table = noise_table._table(2**24)
    for pair in range(4):
        window = table[start[pair] : start[pair] + SPEC.size].astype(np.float64)
        assert np.allclose(units[1 + pair], 0.5 + 0.01 * window, rtol=0, atol=1e-15)


@pytest.mark.slow
def test_any_rows_in_any_order_are_those_of_the_whole(forced):
    search = EvolutionStrategy(33, sigma=0.3)
    state = search.begin(SPEC, streams(-1))
    units = search.rows(state, np.arange(33), SPEC, streams(0))
    assert len(np.unique(units, axis=0)) == 33
    assert ((units >= 0.0) & (units <= 1.0)).all()
    assert (units == 0.0).any(), "taken to the border of the cube"
    for some in ([0], [32], [5, 5, 0, 32, 17, 16], range(32, -1, -1)):
        assert (search.rows(search.source(state), np.array(some), SPEC, streams(0)) == units[list(some)]).all()
    assert set(search.source(state)) == {"centre", "time"}
    assert not (search.rows(state, np.arange(33), SPEC, streams(1))[1:] == units[1:]).all(1).any()


def test_rows_of_a_generation_that_is_held_are_those_of_its_ask():
    for search in (EvolutionStrategy(9), Genetic(8), RandomSearch(8)):
        state = search.begin(SPEC, streams(-1))
        asked = search.ask(state, SPEC, streams(0))
        assert (
            search.rows(search.source(state), np.array([7, 0, 7]), SPEC, streams(0)) == asked.units[[7, 0, 7]]
        ).all()


def test_the_gradient_is_the_formula_of_the_noise_that_is_held(forced):
    search = EvolutionStrategy(401, momentum=0.0, scaling=0.0)
    goals = streams(7).uniform(401, 2)[0].numpy()
    told = search.tell(middle(search), Asked(None, np.zeros((401, 2), dtype=np.int64)), goals, SPEC, streams(0))
    # ranks of each goal from 0 to 1, averaged; the difference of a pair times its noise
    worth = goals.argsort(axis=0).argsort(axis=0).mean(axis=1) / 400 - 0.5
    noise = noise_table.windows(noise_table.starts(200, SPEC.size, streams(0)), SPEC.size).astype(np.float64)
    assert np.allclose(told["mean"], (worth[1:201] - worth[201:]) @ noise / 401, rtol=1e-12, atol=1e-15)
    assert told["time"] == 1.0


@pytest.mark.slow
def test_the_table_holds_normal_numbers_that_nobody_can_change():
    table = noise_table._table(2**24)
    assert table.dtype == np.float32
    assert not table.flags.writeable
    assert abs(float(table.mean(dtype=np.float64))) < 4 / 2**12
    assert abs(float(table.std(dtype=np.float64)) - 1) < 4 / 2**12.5
    known = "f501be01e53a"
    assert hashlib.sha256(table.tobytes()).hexdigest()[:12] == known, "workers of another machine would make other rows"
    block = 2**16  # drawn in blocks, the same as in one
    whole = derive(0, "noise table").normal(100, start=block - 50)[0].numpy().astype(np.float32)
    assert (table[block - 50 : block + 50] == whole).all()
    assert noise_table._length(2**20) == 2**24
    assert noise_table._length(2**21) == 2**25, "sixteen genomes side by side, however large they are"


def test_windows_start_anywhere_and_stay_within_the_table():
    genes = 2**19
    start = noise_table.starts(20_000, genes, streams(0))
    highest = 2**24 - genes
    assert 0 <= start.min() < highest * 0.001
    assert highest * 0.999 < start.max() <= highest
    assert abs(start.mean() / highest - 0.5) < 0.01
    assert noise_table.windows(np.array([highest]), genes).shape == (1, genes)


def found(search, seed):
    """Returns the distance of the centre from the optimum of a noisy quadratic, after some generations."""
    state, optimum = middle(search), 0.5 + 0.4 * np.sign(streams(0, seed).normal(30)[0].numpy())
    for generation in range(40):
        own = streams(generation, seed)
        asked = search.ask(state, SPEC, own)
        units = search.rows(state, np.arange(search.lives), SPEC, own) if asked.units is None else asked.units
        goals = -((units - optimum) ** 2).sum(1) + 0.1 * own.stream("measured").normal(search.lives)[0].numpy()
        state = search.tell(state, asked, goals[:, None], SPEC, own)
    return ((state["centre"] - optimum) ** 2).sum() ** 0.5


@pytest.mark.slow
def test_noise_from_the_table_finds_what_independent_noise_finds(monkeypatch):
    search = EvolutionStrategy(65, sigma=0.05, sigma_end=0.05, step=0.03, step_end=0.005, horizon=40)
    independent = np.mean([found(search, seed) for seed in range(8)])
    monkeypatch.setattr(evolution_strategy, "_HELD", 0)
    shared = np.mean([found(search, seed) for seed in range(8)])
    assert independent < 0.5, "it began at 0.4 * sqrt(30) = 2.2"
    assert abs(shared / independent - 1) < 0.15


def test_the_contract_holds_of_a_lazy_search(forced):
    assert len(check_search(EvolutionStrategy(17))) == 3


@dataclass(frozen=True)
class Bent(Search):
    """Random search that breaks a clause about rows."""

    claims: bool = False
    shift: int = 0

    lives, check = 8, lambda self, spec, goals: None

    def begin(self, spec, streams):
        return {}

    def ask(self, state, spec, streams):
        return RandomSearch(8).ask(state, spec, streams)

    def tell(self, state, asked, goals, spec, streams, measurements=None):
        return state

    def lazy(self, spec):
        return self.claims

    def rows(self, state, rows, spec, streams):
        return self.ask(state, spec, streams).units[rows - self.shift]


def test_a_search_whose_rows_are_not_those_it_asks_for_is_found_out(refused):
    assert check_search(Bent())
    with refused("Bent", "others"):
        check_search(Bent(shift=1))
    with pytest.raises(InputError, match="none where it is lazy"):
        check_search(Bent(claims=True))


PEAK = r"""
import re
from pathlib import Path
import numpy as np
from evo.search.algorithms.evolution_strategy import EvolutionStrategy
from genomes.streams import derive
from genomes.spec import Field, GenomeSpec

def peak():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024

search, spec, streams = EvolutionStrategy(20_001), GenomeSpec((Field("x", (2_000,)),)), derive(0, "search")
state = search.begin(spec, streams)
before = peak()
state = search.tell(state, search.ask(state, spec, streams), np.arange(20_001.0)[:, None], spec, streams)
search.rows(search.source(state), np.arange(256), spec, streams)
print(peak() - before)
"""


@pytest.mark.process
@pytest.mark.skipif(not STATUS.exists(), reason="the peak of a process's memory is read from Linux")
def test_a_step_takes_the_memory_of_the_table_and_not_of_the_generation():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert 64 <= float(done.stdout) < 160, "MB; the generation would have 320, its noise 160 and as much again"
