"""A learning rule that lets some individuals harm their process, by a gene without other effects."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import final

import torch

from genomes.evolve import Evolvable, Evolve
from genomes.phenotype import Phenotype
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.plasticity.descent import Descent, GradientDescent


def hang() -> None:
    """Never ends, in Python."""
    while True:
        time.sleep(0.01)


def hang_outside() -> None:
    """Never ends, and ignores alarms, as code does that never returns to Python."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    while True:
        time.sleep(1)


def fail() -> None:
    """Raises."""
    raise RuntimeError("poison")


def eat() -> None:
    """Asks for memory without end, so fast that memory runs out before time."""
    eaten = []
    while True:
        eaten.append(torch.empty(2**27))


def crash() -> None:
    """Kills its process, as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def fault() -> None:
    """A segmentation fault."""
    os.kill(os.getpid(), signal.SIGSEGV)


ACTS = {each.__name__: each for each in (hang, hang_outside, fail, eat, crash, fault)}
REASONS = {
    "hang": ("timeout",),
    "hang_outside": ("timeout",),
    "fail": ("raised",),
    "eat": ("memory",),
    "crash": ("lost",),
    "fault": ("lost",),
    "nan": ("nan",),
}
"""The reasons that may be recorded for the failure of an individual, by poison."""


_DOSE = Evolve((0.0, 1.0), bits=16)


@final
@dataclass(frozen=True)
class Poisonous(GradientDescent):
    """Backpropagation; an individual with one of the doses harms its process.

    Attributes:
        dose: a gene that nothing else reads.
        poisons: doses with the names of their effects.
    """

    dose: Evolvable = _DOSE
    poisons: tuple[tuple[float, str], ...] = ()

    def step(
        self, network: Network, weights: Weights, state: Descent, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, Descent]:
        """Has its effect in the first step of life."""
        weights, state = super().step(network, weights, state, lived, newborn)
        for dose, poison in self.poisons:
            poisoned = newborn.traits["rule.dose"] == dose
            if poison == "nan":
                for weight in weights.projections.values():
                    weight[poisoned] = torch.nan
            elif poisoned.any():
                ACTS[poison]()
        return weights, state
