"""The modules that an experiment with user-defined classes takes to a cluster, as source text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, final

from evo.experiment.user_code import own_file, read, source
from genomes.errors import require
from genomes.foreign import is_house, modules_in

if TYPE_CHECKING:
    from evo.experiment.experiment import Experiment

_MOST_SOURCE = 5 * 2**20  # characters of a user's modules


def travelling(function: Callable[..., Any], experiment: Experiment) -> Callable[..., Any]:
    """Binds the source of the experiment's user modules to a function, because cluster nodes lack these modules.

    A worker unpickles a function before its arguments, so the classes of the experiment can then be imported.
    """
    modules = own_modules(experiment)
    if not modules:
        return function
    luggage = (Modules(modules), function)  # modules first: the function may need them
    return lambda *arguments: luggage[1](*arguments)


@lru_cache(maxsize=8)  # cached at the first call, so that nodes that join later get the same source
def own_modules(experiment: Experiment) -> tuple[tuple[str, str, str], ...]:
    """Name, file and source of every imported module that is not installed, and of the other modules of its package.

    Empty when all classes of the experiment belong to this framework.

    Raises:
        InputError: the modules are too large.
    """
    if all(map(is_house, modules_in(experiment))):
        return ()
    found = {name: file for module in list(sys.modules.values()) for name, file in _files(module)}
    sources = tuple((name, str(file), _text(name, file)) for name, file in sorted(found.items()))
    size = sum(len(source) for _, _, source in sources)
    require(size <= _MOST_SOURCE, "code", f"at most {_MOST_SOURCE >> 20} MB of user modules to send to a cluster", size)
    return sources


def _text(name: str, file: Path) -> str:
    """The source that this process runs if the module is imported; else the text of the file."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return source(spec) if isinstance(spec, ModuleSpec) else read(file)


def _files(module: Any) -> Iterator[tuple[str, Path]]:
    """Yields names and files of a module and, for a package, of its modules; nothing for an installed module."""
    spec = getattr(module, "__spec__", None)  # __main__ has none: Ray itself sends its definitions
    if not isinstance(spec, ModuleSpec) or (file := own_file(spec)) is None:
        return
    name = spec.name
    yield name, file
    if file.name == "__init__.py":
        for path in file.parent.rglob("*.py"):
            parts = path.relative_to(file.parent).with_suffix("").parts
            if all(part.isidentifier() for part in parts):
                yield ".".join((name, *parts)).removesuffix(".__init__"), path


@final
class Modules(MetaPathFinder, InspectLoader):
    """Importer of modules from source in memory.

    Args:
        sources: (name, original file, source) of each module.
    """

    def __init__(self, sources: tuple[tuple[str, str, str], ...]) -> None:
        self.sources = sources
        self._by_name = {name: (file, source) for name, file, source in sources}
        above = {name[:place] for name in self._by_name for place, letter in enumerate(name) if letter == "."}
        self._folders = above - self._by_name.keys()  # namespace packages, which have no file

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self.sources,)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module from `sources`; None for all others, which other finders import."""
        if name in self._folders:
            return PathFinder.find_spec(name, path) or ModuleSpec(name, None, is_package=True)
        if name not in self._by_name:
            return None
        spec = ModuleSpec(name, self, origin=self._by_name[name][0], is_package=self.is_package(name))
        spec.has_location = True
        return spec

    def is_package(self, name: str) -> bool:
        """True if the module is the `__init__` of a package."""
        return Path(self._by_name[name][0]).name == "__init__.py"

    def get_source(self, name: str) -> str:
        """The source of a module."""
        return self._by_name[name][1]

    def get_code(self, name: str) -> Any:
        """The compiled module, with the name of its original file for tracebacks."""
        return self.source_to_code(self.get_source(name), self._by_name[name][0])


def _unpacked(sources: tuple[tuple[str, str, str], ...]) -> Modules:
    """Makes these modules importable in a worker; they take precedence over modules installed there."""
    for finder in sys.meta_path:
        if isinstance(finder, Modules) and finder.sources == sources:
            return finder
    modules = Modules(sources)
    sys.meta_path.insert(0, modules)
    return modules
