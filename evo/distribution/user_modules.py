"""What an experiment of one's own takes along to a cluster: the source of the modules that its classes stand in."""

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
    """The function, together with the source of the experiment's own modules, which a node of a cluster lacks.

    A worker reads a function before its arguments, so an experiment finds the classes that it is made of.
    """
    modules = own_modules(experiment)
    if not modules:
        return function
    luggage = (Modules(modules), function)  # in this order: the function may need the modules
    return lambda *arguments: luggage[1](*arguments)


@lru_cache(maxsize=8)  # as they were when first asked for: nodes that join later get the same
def own_modules(experiment: Experiment) -> tuple[tuple[str, str, str], ...]:
    """Name, file and source of every module that was imported here and is installed nowhere, and of its siblings.

    None when the experiment is made of the house's classes alone.

    Raises:
        InputError: they are too large.
    """
    if all(map(is_house, modules_in(experiment))):
        return ()
    found = {name: file for module in list(sys.modules.values()) for name, file in _files(module)}
    sources = tuple((name, str(file), _text(name, file)) for name, file in sorted(found.items()))
    size = sum(len(source) for _, _, source in sources)
    require(
        size <= _MOST_SOURCE, "code", f"at most {_MOST_SOURCE >> 20} MB of own modules to travel to a cluster", size
    )
    return sources


def _text(name: str, file: Path) -> str:
    """The text that runs here, where the module is imported."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return source(spec) if isinstance(spec, ModuleSpec) else read(file)


def _files(module: Any) -> Iterator[tuple[str, Path]]:
    """The files of a module, and of a package's modules, by name; none of what is installed."""
    spec = getattr(module, "__spec__", None)  # __main__ has none: Ray itself takes along what stands there
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
    """Modules that are imported from their source in memory: (name, file where it was read, source) of each."""

    def __init__(self, sources: tuple[tuple[str, str, str], ...]) -> None:
        self.sources = sources
        self._by_name = {name: (file, source) for name, file, source in sources}
        above = {name[:place] for name in self._by_name for place, letter in enumerate(name) if letter == "."}
        self._folders = above - self._by_name.keys()  # without a file of their own: namespaces

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self.sources,)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of a module that travelled; whatever else a worker imports is left to the others."""
        if name in self._folders:
            return PathFinder.find_spec(name, path) or ModuleSpec(name, None, is_package=True)
        if name not in self._by_name:
            return None
        spec = ModuleSpec(name, self, origin=self._by_name[name][0], is_package=self.is_package(name))
        spec.has_location = True
        return spec

    def is_package(self, name: str) -> bool:
        """Whether the module is the first of a folder."""
        return Path(self._by_name[name][0]).name == "__init__.py"

    def get_source(self, name: str) -> str:
        """Its text."""
        return self._by_name[name][1]

    def get_code(self, name: str) -> Any:
        """Compiled, with the name of its file: tracebacks point there."""
        return self.source_to_code(self.get_source(name), self._by_name[name][0])


def _unpacked(sources: tuple[tuple[str, str, str], ...]) -> Modules:
    """In a worker: from now on these modules can be imported, and come before any that are installed there."""
    for finder in sys.meta_path:
        if isinstance(finder, Modules) and finder.sources == sources:
            return finder
    modules = Modules(sources)
    sys.meta_path.insert(0, modules)
    return modules
