"""Finished cohorts are on disk once `append` returns; what a crash tore is dropped, and no more than that."""

from __future__ import annotations

import errno
import os
from time import monotonic

import numpy as np
import pytest

from evo.storage import atomic
from evo.storage.journal import Journal
from genomes.errors import InputError


def cohort(number: int) -> dict[str, np.ndarray]:
    return {"accuracy": np.full(2, number / 7)}


def same(found, numbers) -> bool:
    return found.keys() == set(numbers) and all(
        found[n][name].tobytes() == array.tobytes() for n in numbers for name, array in cohort(n).items()
    )


@pytest.fixture
def journal(tmp_path) -> Journal:
    journal = Journal(tmp_path / "journal")
    for number in (2, 0, 5):
        journal.append(7, number, cohort(number))
    return journal


def ends(path) -> list[int]:
    """Returns the ends of the records of a journal, which have equal lengths."""
    whole = path.stat().st_size
    return [whole // 3, 2 * whole // 3, whole]


def test_nothing_is_in_a_journal_that_is_not_there(tmp_path):
    assert Journal(tmp_path / "journal").read(0) == {}
    assert os.listdir(tmp_path) == []


def test_cohorts_come_back_by_generation_and_number(journal):
    journal.append(8, 1, cohort(1))
    assert same(Journal(journal.path).read(7), (0, 2, 5))
    assert same(Journal(journal.path).read(8), (1,))
    assert journal.read(6) == {}


def test_the_first_answer_counts(journal):
    journal.append(7, 2, cohort(99))
    assert same(journal.read(7), (0, 2, 5))


def test_clearing_forgets_everything(journal):
    journal.clear()
    assert journal.read(7) == {}
    journal.append(8, 3, cohort(3))
    assert same(Journal(journal.path).read(8), (3,))
    journal.clear()
    journal.clear()


def test_a_tail_torn_anywhere_costs_one_record_and_is_replaced(journal):
    whole, (_, second, third) = journal.path.read_bytes(), ends(journal.path)
    for length in range(second, third):
        journal.path.write_bytes(whole[:length])
        assert Journal(journal.path).read(7).keys() == {0, 2}
    for length in range(second, third, 37):
        journal.path.write_bytes(whole[:length])
        journal.append(7, 5, cohort(5))
        assert journal.path.read_bytes() == whole


def test_reading_changes_nothing(journal):
    torn = journal.path.read_bytes()[:-5]
    journal.path.write_bytes(torn)
    Journal(journal.path).read(7)
    assert journal.path.read_bytes() == torn


def test_a_flipped_bit_in_the_middle_ends_what_can_be_read(journal):
    whole, (first, second, _) = journal.path.read_bytes(), ends(journal.path)
    for place in range(first, second):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        journal.path.write_bytes(flipped)
        assert Journal(journal.path).read(7).keys() == {2}
    Journal(journal.path).append(7, 9, cohort(9))  # in place of what cannot be read, where it can be found again
    assert same(Journal(journal.path).read(7), (2, 9))


def test_a_length_beyond_the_file_takes_no_memory(journal):
    data = bytearray(journal.path.read_bytes())
    data[4:12] = (2**63).to_bytes(8, "big")
    journal.path.write_bytes(data)
    assert journal.read(7) == {}


def test_a_record_that_is_no_archive_is_lived_again(journal, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("evo.storage.journal.pack", lambda arrays: b"no archive")
        journal.append(7, 1, cohort(1))
    assert same(journal.read(7), (0, 2, 5))
    journal.append(7, 1, cohort(1))
    assert same(Journal(journal.path).read(7), (0, 1, 2, 5))


def test_appends_are_synchronised_five_times_a_second(journal, monkeypatch):
    base = monotonic() + 100.0
    now = [base]
    monkeypatch.setattr("evo.storage.journal.monotonic", lambda: now[0])
    synchronised, real = [], atomic._SYNC_DATA

    def watched(descriptor):
        synchronised.append(os.fstat(descriptor).st_size)
        real(descriptor)

    monkeypatch.setattr(atomic, "_SYNC_DATA", watched)
    sizes = []
    for number, at in enumerate((0.0, 0.1, 0.19, 0.25, 0.3)):
        now[0] = base + at
        journal.append(7, number, cohort(1))
        sizes.append(journal.path.stat().st_size)
    assert synchronised == [sizes[0], sizes[3]]


def test_a_full_disk_costs_the_record_alone(journal, monkeypatch):
    whole, real = journal.path.read_bytes(), os.write

    def full(descriptor, data):
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data[:50])

    with monkeypatch.context() as patched:
        patched.setattr(atomic.os, "write", full)
        with pytest.raises(InputError, match=r"journal: cannot be written \(No space left on device\)"):
            journal.append(7, 1, cohort(1))
    assert journal.path.read_bytes() == whole
    journal.append(7, 1, cohort(1))
    assert same(journal.read(7), (0, 1, 2, 5))


def test_short_writes_are_carried_on(journal, monkeypatch):
    real = os.write
    monkeypatch.setattr(atomic.os, "write", lambda descriptor, data: real(descriptor, data[:11]))
    journal.append(7, 1, cohort(1))
    assert same(journal.read(7), (0, 1, 2, 5))
