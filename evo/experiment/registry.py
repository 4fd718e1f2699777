"""Which classes stand behind the names of a config: those of the house, and a stranger's as `module:Class`."""

from __future__ import annotations

import inspect
from typing import Any, get_origin

from evo.experiment.goals import GOALS, Goals
from evo.search.algorithms import SEARCHES
from evo.search.base import Search
from genomes.encoding import Encoding
from genomes.encodings import ENCODINGS
from genomes.errors import InputError, nearest
from genomes.foreign import imported
from inner_loop.objective import Objective
from inner_loop.objectives import OBJECTIVES
from inner_loop.rule import LearningRule
from inner_loop.rules import RULES
from inner_loop.target import Target
from inner_loop.targets import TARGETS
from inner_loop.task import Task
from inner_loop.tasks import TASKS
from inner_loop.world import World
from inner_loop.worlds import WORLDS

REGISTRY: dict[str, tuple[type, ...]] = {
    "encoding": ENCODINGS,
    "rule": RULES,
    "objective": OBJECTIVES,
    "task": TASKS,
    "world": WORLDS,
    "target": TARGETS,
    "goals": GOALS,
    "search": SEARCHES,
}
"""The classes of each seam, by its key in a config."""

SEAMS: dict[str, type] = {
    "encoding": Encoding,
    "rule": LearningRule,
    "objective": Objective,
    "task": Task,
    "world": World,
    "target": Target,
    "goals": Goals,
    "search": Search,
}
"""The abstract class of each seam."""


def seam_named(hint: Any) -> str | None:
    """The seam that a type of a field stands for, so that a component may hold components; None for other types."""
    base = get_origin(hint) or hint
    return next((seam for seam, each in SEAMS.items() if each is base), None)


def component_seam(value: object) -> str | None:
    """The seam that a value is a component of; None for other values."""
    return next((seam for seam, base in SEAMS.items() if isinstance(value, base)), None)


def names(seam: str) -> tuple[str, ...]:
    """The classes of the house for a seam, by name."""
    return tuple(registered.__name__ for registered in REGISTRY[seam])


def resolve(seam: str, kind: str, allow_code: bool = False) -> type:
    """The class that a config means by `kind`.

    Args:
        kind: a name in the registry, or `module:Class` from an installed package or the current folder.
        allow_code: whether a stranger's module may be imported, which runs its code.

    Raises:
        InputError: an unknown name, code that is not allowed, or a class that is no component of this seam.
    """
    for registered in REGISTRY[seam]:
        if registered.__name__ == kind:
            return registered
    if ":" not in kind:
        # nearest() lists the names itself when none is near
        known, guess = ", ".join(names(seam)), nearest(kind, names(seam))
        raise InputError(f"{seam}.kind: no {seam} '{kind}'; " + (f"{guess} ({known})" if "mean" in guess else guess))
    if not allow_code:
        raise InputError(f"{seam}.kind: {not_allowed(kind)}")
    found = named(kind, f"{seam}.kind")
    check_component(seam, found, f"{seam}.kind")
    return found


def not_allowed(text: str) -> str:
    """The sentence about code that a file names."""
    return f"'{text}' is code that is not part of instinct and would run here; allow it with --allow-code"


def named(kind: str, where: str) -> Any:
    """What stands in a module under `module:Class`; imports the module.

    Raises:
        InputError: the module cannot be imported, or has nothing of that name; the sentence begins with `where`.
    """
    module_name, _, path = kind.partition(":")
    found: Any = imported(module_name, where)
    for part in path.split("."):
        if not hasattr(found, part):
            classes = [name for name, value in vars(found).items() if isinstance(value, type)]
            raise InputError(f"{where}: no '{part}' in {module_name}; {nearest(part, classes)}")
        found = getattr(found, part)
    return found


def seam_of(found: Any, where: str) -> str:
    """The seam that a class is a component of.

    Raises:
        InputError: it is of none, or not complete.
    """
    for seam, base in SEAMS.items():
        if isinstance(found, type) and issubclass(found, base):
            check_component(seam, found, where)
            return seam
    bases = ", ".join(base.__name__ for base in SEAMS.values())
    raise InputError(f"{where}: expected a subclass of one of {bases}, got {_called(found)}")


def kind_of(seam: str, component: object) -> str:
    """What a config writes for a component's class: the inverse of `resolve`."""
    own = type(component)
    return own.__name__ if own in REGISTRY[seam] else f"{own.__module__}:{own.__qualname__}"


def check_component(seam: str, found: Any, where: str) -> None:
    """Raises InputError unless `found` is a class that a config can build for this seam."""
    base = SEAMS[seam]
    if not isinstance(found, type) or not issubclass(found, base):
        raise InputError(f"{where}: expected a subclass of {base.__name__}, got {_called(found)}")
    # the class's own decorator: one inherited from a parent would not see the fields written here
    parameters = vars(found).get("__dataclass_params__")
    if parameters is None or not parameters.frozen:
        raise InputError(f"{where}: expected a class with @dataclass(frozen=True), got {_called(found)}")
    if inspect.isabstract(found):
        lacks = ", ".join(sorted(found.__abstractmethods__))  # type: ignore[attr-defined]
        raise InputError(f"{where}: expected every method of {base.__name__}, but {_called(found)} lacks {lacks}")
    if "kind" in found.__dataclass_fields__:  # type: ignore[attr-defined]
        raise InputError(f"{where}: expected fields not called 'kind', which names the class, in {_called(found)}")


def _called(found: Any) -> str:
    return getattr(found, "__name__", None) or repr(found)
