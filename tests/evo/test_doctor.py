"""What the doctor sees on a machine that works, and what it says of one that does not."""

import pytest

from evo import doctor
from evo.doctor import findings


@pytest.mark.ray
def test_a_machine_that_works(ray_executor):
    seen = {finding.what: finding for finding in findings()}
    assert all(finding.well for finding in seen.values()), seen
    assert "equal to the bit" in seen["ray"].seen
    assert seen["torch"].seen


@pytest.mark.ray
def test_what_is_missing_is_named(ray_executor, monkeypatch):
    monkeypatch.setattr(doctor, "_NEEDED", ("torch", "a-package-that-nobody-has"))
    missing = [finding for finding in findings() if not finding.well]
    assert [(finding.what, finding.seen) for finding in missing] == [("a-package-that-nobody-has", "not installed")]
