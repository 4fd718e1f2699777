"""Hashes of the user-defined modules that an experiment runs: a run continues only with the code it began with."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from sysconfig import get_paths
from typing import TYPE_CHECKING, Any

from genomes.foreign import is_house, modules_in, parts

if TYPE_CHECKING:
    from evo.experiment.experiment import Experiment

_texts: dict[int, tuple[ModuleSpec, str]] = {}  # a module that is imported again has a new spec


def hashes(experiment: Experiment) -> dict[str, str]:
    """SHA-256 by name of the modules of its classes, and of all modules that these import and that are not installed.

    A class of `__main__`, which other processes cannot import, has only its own text, as `__main__:Class`.
    """
    found, wanted = dict[str, str](), list(modules_in(experiment))
    while wanted:
        name = wanted.pop()
        spec = _spec(name)
        if name in found or spec is None or own_file(spec) is None:
            continue
        with suppress(OSError, SyntaxError, UnicodeDecodeError):  # the module is loaded, but its file is gone
            text = source(spec)
            found[name] = _digest(text)
            wanted += [name.rpartition(".")[0], *_imports(text, spec)]
    for cls in {type(part) for part in parts(experiment)}:
        if cls.__module__ == "__main__":
            with suppress(OSError, TypeError):  # typed at a prompt
                found[f"__main__:{cls.__qualname__}"] = _digest(inspect.getsource(cls))
    return dict(sorted(found.items()))


def place_of(name: str) -> str:
    """The file of a module."""
    spec = _spec(name.partition(":")[0])
    file = getattr(sys.modules.get("__main__"), "__file__", None) if spec is None else spec.origin
    return str(file or name)


def own_file(spec: ModuleSpec) -> Path | None:
    """The file of a module that is neither instinct's nor installed; None for other modules."""
    file = Path(spec.origin or "")
    installed = {"site-packages", "dist-packages"} & set(file.parts) or file.is_relative_to(get_paths()["stdlib"])
    return None if file.suffix != ".py" or installed or is_house(spec.name) else file


def source(spec: ModuleSpec) -> str:
    """The text of a module at the first call: the code that runs here, even if the file has changed since.

    Raises:
        OSError: there is no such file.
    """
    if spec.name not in sys.modules:
        return read(Path(spec.origin or ""))
    if id(spec) not in _texts:
        _texts[id(spec)] = spec, read(Path(spec.origin or ""))
    return _texts[id(spec)][1]


def read(file: Path) -> str:
    """The text of a Python file, in the coding that it declares."""
    return importlib.util.decode_source(file.read_bytes())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _spec(name: str) -> ModuleSpec | None:
    """The spec of a module that is imported or could be; imports nothing itself."""
    if name in sys.modules:
        spec: Any = getattr(sys.modules[name], "__spec__", None)
        return spec if isinstance(spec, ModuleSpec) else None
    if name.rpartition(".")[0] in ("", *sys.modules):
        with suppress(ImportError, ValueError, AttributeError):
            return importlib.util.find_spec(name)
    return None


def _imports(text: str, spec: ModuleSpec) -> Iterator[str]:
    """The modules that a text imports, at its top or in functions."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, spec)
            yield base
            inside = _spec(base)
            if inside is not None and inside.submodule_search_locations is not None and own_file(inside) is not None:
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(node: ast.ImportFrom, spec: ModuleSpec) -> str:
    if not node.level:
        return node.module or ""
    with suppress(ImportError):  # the import goes beyond the top-level package
        return importlib.util.resolve_name("." * node.level + (node.module or ""), spec.parent or "")
    return ""
