"""Archives of a run or a genome that an attacker made.

Each function makes a good run hostile and returns the commands to open it with; None: every command that opens a run.
Checksums protect against damage, not against attackers, who can compute them: these archives have valid checksums.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable

import numpy as np

from fault_injection.classes.hostile_place import Commands, Opened, Place, archive, header, npy, sealed


def _evil_array(place: Place) -> np.ndarray:
    found = np.empty(1, dtype=object)
    found[0] = Opened(place.canary)
    return found


def pickle_in_a_generation(place: Place) -> None:
    """An array of objects among a generation's."""
    place.arrays("generations/00001.npz", lambda arrays: arrays | {"levels": _evil_array(place)})


def pickle_in_a_state(place: Place) -> None:
    """An array of objects in the state of the search."""
    place.arrays("state/00001.npz", lambda arrays: dict.fromkeys(arrays, _evil_array(place)))


def pickle_in_the_journal(place: Place) -> None:
    """A cohort in the journal that is an archive of objects."""
    payload = archive({"failures": _evil_array(place), "columns": _evil_array(place), "measured": _evil_array(place)})
    head = struct.pack("<4sQQQ", b"coho", len(payload), 2, 0)
    (place.run / "journal").write_bytes(head + hashlib.sha256(head + payload).digest() + payload)


def pickle_as_a_generation(place: Place) -> None:
    """A pickle in the place of a generation."""
    (place.run / "generations" / "00001.npz").write_bytes(pickle.dumps(Opened(place.canary)))


def pickle_as_a_state(place: Place) -> None:
    """A pickle that is an .npy in the place of a state."""
    (place.run / "state" / "00001.npz").write_bytes(npy(_evil_array(place)))


def pickle_in_a_genome(place: Place) -> Commands:
    """A genome in a file, of objects."""
    (place.work / "genome.npz").write_bytes(archive({"levels": _evil_array(place)}, seal=False))
    return [["innate", "genome.npz", "--config", "teacher", "--serial"]]


def pickle_in_responses(place: Place) -> Commands:
    """Measured responses of objects."""
    (place.work / "measured.npz").write_bytes(archive({"responses": _evil_array(place)}, seal=False))
    return [["inspect", str(place.run), "--measured", "measured.npz", "--serial", "--births", "2", "--draws", "19"]]


def pickle_as_the_experiment(place: Place) -> None:
    """A pickle in the place of the experiment."""
    (place.run / "experiment.yaml").write_bytes(pickle.dumps(Opened(place.canary)))


def zip_bomb_in_a_generation(place: Place) -> None:
    """A megabyte that decompresses to a gigabyte."""
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (1073741824,)}"
    path = place.run / "generations" / "00001.npz"
    path.write_bytes(archive({"levels.npy": header(text, bytes(2**30))}, deflated=True))


def zip_bomb_in_a_genome(place: Place) -> Commands:
    """A genome in a file that decompresses to two gigabytes."""
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2147483648,)}"
    data = archive({"levels.npy": header(text, bytes(2**31))}, deflated=True, seal=False)
    (place.work / "genome.npz").write_bytes(data)
    return [["innate", "genome.npz", "--config", "teacher", "--serial"]]


def zip_that_lies_about_its_size(place: Place) -> Commands:
    """A genome whose directory declares ten bytes for data that decompress to a gigabyte."""
    data = bytearray(archive({"levels.npy": bytes(2**30)}, deflated=True, seal=False))
    for signature, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = data.find(signature)
        data[start + at : start + at + 4] = struct.pack("<I", 10)
    (place.work / "genome.npz").write_bytes(data)
    return [["innate", "genome.npz", "--config", "teacher", "--serial"]]


def shape_of_a_terabyte(place: Place) -> None:
    """An array that declares a terabyte."""
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (137438953472,)}"
    (place.run / "state" / "00001.npz").write_bytes(archive({"units.npy": header(text, bytes(64))}))


def shape_that_overflows(place: Place) -> None:
    """An array whose shape overflows."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**62}, {2**62}, 0)}}"
    (place.run / "state" / "00001.npz").write_bytes(archive({"units.npy": header(text)}))


def negative_shape(place: Place) -> None:
    """An array whose shape is negative."""
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -8)}"
    (place.run / "state" / "00001.npz").write_bytes(archive({"units.npy": header(text, bytes(64))}))


def items_of_no_bytes(place: Place) -> None:
    """An array of 2^60 items that take no byte."""
    text = f"{{'descr': '|S0', 'fortran_order': False, 'shape': ({2**60},)}}"
    (place.run / "generations" / "00001.npz").write_bytes(archive({"levels.npy": header(text)}))


def header_that_is_code(place: Place) -> None:
    """A header that is a call in Python."""
    text = f"open({str(place.canary)!r}, 'w')"
    (place.run / "generations" / "00001.npz").write_bytes(archive({"levels.npy": header(text)}))


def header_without_end(place: Place) -> None:
    """A header of ten megabytes of brackets."""
    data = archive({"levels.npy": header("(" * 10_000_000, version=2)})
    (place.run / "generations" / "00001.npz").write_bytes(data)


def paths_in_an_archive(place: Place) -> None:
    """Members that are called ../../../x and /x."""
    evil = {"../../../EXECUTED.npy": npy(np.zeros(3)), f"{place.path}/EXECUTED.npy": npy(np.zeros(3))}
    place.arrays("generations/00001.npz", lambda arrays: arrays | evil)  # type: ignore[operator]


def two_members_of_one_name(place: Place) -> None:
    """Two arrays of one name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("levels.npy", npy(np.zeros(3)))
        twin = zipfile.ZipInfo("levelz.npy")
        made.writestr(twin, npy(np.zeros(4)))
    data = buffer.getvalue().replace(b"levelz", b"levels")
    (place.run / "generations" / "00001.npz").write_bytes(sealed(data))


def other_levels(place: Place) -> None:
    """Levels that no gene has."""
    place.arrays("generations/00001.npz", lambda a: a | {"levels": np.full_like(a["levels"], 255)})


def levels_of_another_shape(place: Place) -> None:
    """A genome of a hundred thousand genes in a generation."""
    place.arrays("generations/00001.npz", lambda a: a | {"levels": np.zeros((9, 100_000), np.uint8)})


def failures_of_no_kind(place: Place) -> None:
    """Failures with a number that stands for no reason."""
    place.arrays("generations/00001.npz", lambda a: a | {"failures": np.full_like(a["failures"], 255)})


def arrays_missing(place: Place) -> None:
    """A generation without its levels."""
    place.arrays("generations/00001.npz", lambda a: {name: each for name, each in a.items() if name != "levels"})


def arrays_of_text(place: Place) -> None:
    """A generation whose numbers are text with terminal escapes."""
    place.arrays("generations/00001.npz", lambda a: dict.fromkeys(a, np.array(["\x1b[2J"] * 9)))


def measurements_of_nan(place: Place) -> None:
    """A generation whose measurements are nan and whose goals are infinite."""
    place.arrays(
        "generations/00001.npz",
        lambda a: {
            n: np.full_like(x, np.nan if "measure" in n else np.inf) if x.dtype.kind == "f" else x for n, x in a.items()
        },
    )


def state_missing_parts(place: Place) -> None:
    """A state with other arrays than the search's."""
    place.arrays("state/00001.npz", lambda a: {"nonsense": np.zeros(3)})


def state_of_another_shape(place: Place) -> None:
    """A state whose arrays are of no dimension and not finite."""
    place.arrays("state/00001.npz", lambda a: {name: np.array(np.nan) for name in a})


def journal_of_nonsense(place: Place) -> None:
    """Cohorts in the journal with columns that claim a terabyte."""
    columns = np.array(json.dumps([["\x1b[2J", [2**40]], ["innate.explained_variance", [-1]]]))
    payload = archive({"failures": np.zeros(2, np.uint8), "columns": columns, "measured": np.zeros((2, 3))})
    head = struct.pack("<4sQQQ", b"coho", len(payload), 2, 0)
    (place.run / "journal").write_bytes(head + hashlib.sha256(head + payload).digest() + payload)


def journal_without_end(place: Place) -> None:
    """A record in the journal that claims 2^63 bytes."""
    (place.run / "journal").write_bytes(struct.pack("<4sQQQ", b"coho", 2**63, 2, 0) + bytes(100))


def generation_of_a_huge_number(place: Place) -> None:
    """A generation with a number of thirty digits."""
    os.rename(place.run / "generations" / "00001.npz", place.run / "generations" / f"{'9' * 30}.npz")


ARCHIVES: tuple[Callable[[Place], Commands | None], ...] = (
    pickle_in_a_generation,
    pickle_in_a_state,
    pickle_in_the_journal,
    pickle_as_a_generation,
    pickle_as_a_state,
    pickle_in_a_genome,
    pickle_in_responses,
    pickle_as_the_experiment,
    zip_bomb_in_a_generation,
    zip_bomb_in_a_genome,
    zip_that_lies_about_its_size,
    shape_of_a_terabyte,
    shape_that_overflows,
    negative_shape,
    items_of_no_bytes,
    header_that_is_code,
    header_without_end,
    paths_in_an_archive,
    two_members_of_one_name,
    other_levels,
    levels_of_another_shape,
    failures_of_no_kind,
    arrays_missing,
    arrays_of_text,
    measurements_of_nan,
    state_missing_parts,
    state_of_another_shape,
    journal_of_nonsense,
    journal_without_end,
    generation_of_a_huge_number,
)
