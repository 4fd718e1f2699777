"""Shared by the tests of the verbs: analyses that are small, where a test asks what a verb says, writes and refuses."""

from collections.abc import Iterator

import pytest

_SMALLER = {  # what each of them is enough for is tested with the analysis that it belongs to
    "compressed_networks.STEPS": 20,
    "compressed_networks.RETRAINED": 5,
    "compressed_networks.NETWORKS": 2,
    "compressed_networks._DIRECT_BITS": (2, 8),
    "compressed_networks._SIZES": (2, 8, 32),
    "compressed_networks._SHARES": (1 / 8, 1 / 2),
    "compressed_networks._RANKS": 2,
    "training.RATES": (0.01, 0.03),
    "genome_size._FOUNDERS": 8,
    "genome_size._RESAMPLES": 40,
    "design._FEW": 40,
    "battery.RESAMPLES": 200,
    "curve_alignment.RESAMPLES": 200,
}


@pytest.fixture(scope="module")
def little_analyses() -> Iterator[None]:
    """Analyses examine fewer networks on fewer bootstrap samples, and networks without a genome learn for less long."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _SMALLER.items():
            patch.setattr(f"evo.analysis.innate.{name}", value)
        patch.setattr("evo.analysis.innate.compressed_networks.RATES", _SMALLER["training.RATES"])
        patch.setattr("evo.analysis.genetics.variants._FOUNDERS", 8)
        yield


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports draw nothing, since drawing takes most of the time of a small analysis."""
    for name in ("page.svg", "save.svg"):
        monkeypatch.setattr(f"evo.analysis.report.{name}", lambda picture, name: "<svg/>")
    monkeypatch.setattr("evo.analysis.report.save.drawn", lambda figure, form: form.encode())
