"""The folder in which hostile runs are made, and tools that make their archives."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

SECRET = "the-secret-that-lies-outside-7d1f"
_SEAL = b"sha256:"
_SEAL_LENGTH = len(_SEAL) + 64

Commands = list[list[str]]
"""Commands of `instinct` that open a hostile run."""


@final
@dataclass(frozen=True)
class Place:
    """The place of a hostile run, and of the files beside it.

    Attributes:
        path: contains all of them; nothing in it may change except the run.
    """

    path: Path

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.path / "runs" / "hostile"

    @property
    def other(self) -> Path:
        """A good run beside it."""
        return self.path / "runs" / "good"

    @property
    def work(self) -> Path:
        """The user's current folder."""
        return self.path / "work"

    @property
    def outside(self) -> Path:
        """A folder of the user's, with a secret."""
        return self.path / "outside"

    @property
    def canary(self) -> Path:
        """A file that exists once foreign code was executed."""
        return self.path / "EXECUTED"

    def prepare(self) -> None:
        """Makes the files beside the run; converts the run's texts to an older format, without checksums."""
        self.work.mkdir(parents=True)
        self.outside.mkdir()
        (self.outside / "secret.txt").write_text(f"{SECRET}\n")
        (self.outside / "secret.json").write_text(json.dumps({"format": 1, "versions": SECRET}))
        (self.work / "evil.py").write_text(f"open({str(self.canary)!r}, 'w')\nclass Evil: ...\n")
        self.manifest(lambda made: made)
        self.config(lambda text: text)

    def manifest(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Changes the manifest."""
        path = self.run / "manifest.json"
        made = {key: value for key, value in json.loads(path.read_text()).items() if key != "seal"}
        path.write_text(json.dumps(change(made | {"format": 1})))

    def config(self, change: Callable[[str], str]) -> None:
        """Changes the resolved experiment."""
        path = self.run / "experiment.yaml"
        lines = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#")]
        path.write_text(change("".join(lines)))

    def arrays(self, name: str, change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> None:
        """Changes the arrays of an archive; its checksum is valid."""
        path = self.run / name
        with np.load(path) as found:
            arrays = {key: found[key] for key in found.files}
        path.write_bytes(archive(change(arrays)))

    def evolve(self, text: str) -> Commands:
        """Commands that begin a run of a config."""
        (self.work / "hostile.yaml").write_text(text)
        return [["evolve", "hostile.yaml", "--serial", "--run", str(self.run / "new")]]


class Opened:
    """An object that runs code when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return open, (str(self.canary), "w")


def sealed(data: bytes) -> bytes:
    """An archive with a valid checksum as its comment."""
    end = data.rfind(b"PK\x05\x06")
    body = data[: end + 20] + struct.pack("<H", _SEAL_LENGTH)
    return body + _SEAL + hashlib.sha256(body).hexdigest().encode()


def archive(members: dict[str, Any], deflated: bool = False, seal: bool = True) -> bytes:
    """An .npz of arrays, or of members that are given as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as made:
        for name, content in members.items():
            made.writestr(name if isinstance(content, bytes) else f"{name}.npy", npy(content))
    return sealed(buffer.getvalue()) if seal else buffer.getvalue()


def npy(content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    buffer = io.BytesIO()
    np.save(buffer, content, allow_pickle=True)
    return buffer.getvalue()


def header(text: str, data: bytes = b"", version: int = 1) -> bytes:
    """An .npy file with any header."""
    padded = text.encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(padded))
    return b"\x93NUMPY" + bytes([version, 0]) + size + padded + data
