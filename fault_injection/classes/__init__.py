"""Classes of faults, one a file: what is broken, how often, and what must hold all the same."""

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
campaign; SECONDS, that one may take; HOLDS, what must hold; and `attempts(place)`, a context manager that gives
`attempt(number, place, rng)`.
"""
