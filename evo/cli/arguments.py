"""Arguments that several verbs share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_executor(made: argparse.ArgumentParser) -> None:
    """Where lives are lived: --workers, --address or --serial."""
    where = made.add_mutually_exclusive_group()
    where.add_argument("--workers", type=whole_number, help="processes of a local Ray (default: one a core)")
    where.add_argument("--address", help="of a running Ray cluster: auto, HOST:PORT or ray://HOST:PORT")
    where.add_argument("--serial", action="store_true", help="in this process, without Ray")


def run_path(text: str) -> Path | str:
    """The folder or URL of a run; a URL becomes a folder when the verb runs, since that loads numpy."""
    return text if "://" in text else Path(text)


def whole_number(text: str) -> int:
    """A number of at least 1.

    Raises:
        ArgumentTypeError: the text is another.
    """
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got '{text}'")
    return int(text)


def is_override(word: str | Path) -> bool:
    """Whether a word is KEY=VALUE, rather than the name of something that is there."""
    return "=" in str(word) and not os.path.exists(word)
