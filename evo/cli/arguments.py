"""Arguments shared by several verbs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_executor(made: argparse.ArgumentParser) -> None:
    """Adds the options of the executor: --workers, --address or --serial."""
    where = made.add_mutually_exclusive_group()
    where.add_argument("--workers", type=whole_number, help="processes of a local Ray (default: one per core)")
    where.add_argument("--address", help="address of a running Ray cluster: auto, HOST:PORT or ray://HOST:PORT")
    where.add_argument("--serial", action="store_true", help="run in this process, without Ray")


def run_path(text: str) -> Path | str:
    """The folder or URL of a run; a URL is turned into a folder only when the verb runs, because that imports numpy."""
    return text if "://" in text else Path(text)


def whole_number(text: str) -> int:
    """Parses a whole number of at least 1.

    Raises:
        ArgumentTypeError: the text is not such a number.
    """
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got '{text}'")
    return int(text)


def is_override(word: str | Path) -> bool:
    """True if a word is KEY=VALUE and not the name of an existing file or folder."""
    return "=" in str(word) and not os.path.exists(word)
