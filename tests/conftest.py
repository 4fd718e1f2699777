"""Shared by all tests: one thread, and shapes that are checked in every call."""

import os

os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

import pytest
import torch
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

install_import_hook(["genomes", "inner_loop", "evo"], "beartype.beartype")

from evo.numerics import settle  # noqa: E402  (after the hook)

settle()

# how long an example takes, to draw or to try, says something about the machine alone
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that need a GPU are left out where there is none, and counted as deselected."""
    if not torch.cuda.is_available():
        gpu = [item for item in items if item.get_closest_marker("gpu")]
        items[:] = [item for item in items if not item.get_closest_marker("gpu")]
        config.hook.pytest_deselected(items=gpu)
