"""Classes of faults, one in each file: the fault, its number of attempts, and the property that must hold."""

from __future__ import annotations

CLASSES = (
    "driver_killed",
    "worker_killed",
    "node_killed",
    "poison",
    "damaged_files",
    "full_disks",
    "mutated_configs",
    "hostile_folders",
    "two_drivers",
)
"""Modules of this package, in the order of the table.

Each has NAME, also of its positive control `tests/fault_injection/patches/NAME.patch`; TRIED, attempts of the full
campaign; SECONDS, the time limit of one; HOLDS, the property that must hold; and `attempts(place)`, a context manager
that gives `attempt(number, place, rng)`.
"""
