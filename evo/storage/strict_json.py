"""Strictly valid JSON, as the command line prints it and run folders hold it."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np


def to_json(value: Any, indent: int | None = None, ascii_only: bool = False) -> str:
    """Writes strictly valid JSON: numbers that are not finite become null, numpy numbers become plain numbers.

    Args:
        ascii_only: escape all other characters, for a terminal whose encoding may lack them.
    """
    return json.dumps(_finite(value), indent=indent, ensure_ascii=ascii_only, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
