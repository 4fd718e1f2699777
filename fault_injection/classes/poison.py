"""Individuals that hang, give nan, raise, eat memory or kill their process, alone and mixed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from evo.distribution.ray_executor import OnRay
from evo.evolution.evolve import evolve
from evo.evolution.generation import Generation
from evo.experiment.experiment import Experiment
from evo.experiment.limits import Limits
from fault_injection.classes.poisonous import REASONS, Poisonous
from fault_injection.classes.trial import Attempt, experiment
from genomes.evolve import Evolve

NAME, TRIED, SECONDS = "poison", 200, 300
HOLDS = "recorded with the reason; every neighbour's measurements are the undisturbed run's, to the bit"
_LIMITS = Limits(seconds=0.7, memory=2.0, failures=0.9)
_MOST = 2  # poisoned individuals of an attempt, each with a different poison


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """One Ray for all attempts; an attempt is one generation, which first runs with harmless poisons."""
    kinds = list(REASONS)
    with OnRay(workers=2):
        _born(_experiment(0, ()), place / "first", OnRay(workers=2))  # the first workers import

        def attempt(number: int, own: Path, rng: np.random.Generator) -> float:
            seed = int(rng.integers(2**31))
            harmless = _born(_experiment(seed, ()), own / "harmless")
            doses = _doses(_experiment(seed, ()), harmless)
            different = list(dict.fromkeys(doses))  # one poison for each individual: of two, one would hide the other
            count = int(rng.integers(1, _MOST + 1))
            chosen = [kinds[number % len(kinds)], *(str(kind) for kind in rng.choice(kinds, count - 1))]
            taken = rng.choice(different, min(count, len(different)), replace=False)
            poisons = tuple((float(dose), kind) for dose, kind in zip(taken, chosen, strict=False))
            began = time.perf_counter()
            found = _born(_experiment(seed, poisons), own / "poisoned", OnRay(workers=2))
            seconds = time.perf_counter() - began
            for slot, (dose, kind) in _poisoned(doses, poisons):
                reason = found.failures[slot]
                assert reason in REASONS[kind], f"{kind} of slot {slot}, dose {dose}: recorded as {reason!r} ({chosen})"
            _unchanged(found, harmless, [slot for slot, _ in _poisoned(doses, poisons)])
            return seconds

        yield attempt


def _poisoned(doses: list[float], poisons: tuple[tuple[float, str], ...]) -> list[tuple[int, tuple[float, str]]]:
    """Slot and poison of every poisoned individual; two individuals may have the same dose."""
    return [(slot, poison) for slot, dose in enumerate(doses) for poison in poisons if poison[0] == dose]


def _experiment(seed: int, poisons: tuple[tuple[float, str], ...]) -> Experiment:
    rule = Poisonous(Evolve((1e-3, 0.3), "log", per="projection"), poisons=poisons)
    return replace(experiment(generations=1, seed=seed), rule=rule, cohort=5, limits=_LIMITS)


def _born(of: Experiment, run: Path, executor: OnRay | None = None) -> Generation:
    return next(iter(evolve(of, run, executor)))


def _doses(of: Experiment, generation: Generation) -> list[float]:
    genes = of.genome.spec.genes(generation.levels, device="cpu")
    return [float(dose) for dose in genes["rule.dose"].flatten()]


def _unchanged(found: Generation, harmless: Generation, poisoned: list[int]) -> None:
    rest = [slot for slot in range(len(harmless.levels)) if slot not in poisoned]
    assert found.levels.tobytes() == harmless.levels.tobytes(), "other genomes"
    failed = [found.failures[slot] for slot in rest if found.failures[slot]]
    assert not failed, f"neighbours failed: {failed}"
    for name, measured in harmless.measurements.items():
        here = found.measurements[name]
        differ = [slot for slot in rest if here[slot].tobytes() != measured[slot].tobytes()]
        assert not differ, f"{name} of the neighbours {differ} is another"
