"""Exit codes of the command, and the type of a verb."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from rich.console import Console

DONE, FAILED, WRONG = 0, 1, 2

Verb = Callable[[argparse.Namespace, Console], dict[str, Any]]
"""Function of a verb: takes the options, prints text, returns the answer for `--json`."""
