"""The classes behind the names of a config: those of instinct, and user-defined ones as `module:Class`."""

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
from genomes.neuron import Neuron
from inner_loop.neurons import NEURONS
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
    "neuron": NEURONS,
    "rule": RULES,
    "objective": OBJECTIVES,
    "task": TASKS,
    "world": WORLDS,
    "target": TARGETS,
    "goals": GOALS,
    "search": SEARCHES,
}
"""The classes of each interface, by its key in a config."""

SEAMS: dict[str, type] = {
    "encoding": Encoding,
    "neuron": Neuron,
    "rule": LearningRule,
    "objective": Objective,
    "task": Task,
    "world": World,
    "target": Target,
    "goals": Goals,
    "search": Search,
}
"""The abstract class of each interface."""


def seam_named(hint: Any) -> str | None:
    """The key of the interface that a field's type names, so that components may hold components; None otherwise."""
    base = get_origin(hint) or hint
    return next((seam for seam, each in SEAMS.items() if each is base), None)


def component_seam(value: object) -> str | None:
    """The key of the interface that a value implements; None for other values."""
    return next((seam for seam, base in SEAMS.items() if isinstance(value, base)), None)


def names(seam: str) -> tuple[str, ...]:
    """The names of instinct's classes for an interface."""
    return tuple(registered.__name__ for registered in REGISTRY[seam])


def resolve(seam: str, kind: str, allow_code: bool = False) -> type:
    """The class that `kind` names.

    Args:
        kind: a name in the registry, or `module:Class` from an installed package or the current folder.
        allow_code: True allows the import of a user's module, which runs its code.

    Raises:
        InputError: the name is unknown, the code is not allowed, or the class does not implement this interface.
    """
    for registered in REGISTRY[seam]:
        if registered.__name__ == kind:
            return registered
    if ":" not in kind:
        # nearest() itself lists the names when none is near
        known, guess = ", ".join(names(seam)), nearest(kind, names(seam))
        raise InputError(f"{seam}.kind: no {seam} '{kind}'; " + (f"{guess} ({known})" if "mean" in guess else guess))
    if not allow_code:
        raise InputError(f"{seam}.kind: {not_allowed(kind)}")
    found = named(kind, f"{seam}.kind")
    check_component(seam, found, f"{seam}.kind")
    return found


def not_allowed(text: str) -> str:
    """The message about code that a file names without permission."""
    how = "allow it with --allow-code (in Python allow_code=True)"
    return f"'{text}' is code that is not part of instinct and would run here; {how}"


def named(kind: str, where: str) -> Any:
    """Imports a module and returns the object that `module:Class` names.

    Raises:
        InputError: the module cannot be imported, or has no such name; the message begins with `where`.
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
    """The key of the interface that a class implements.

    Raises:
        InputError: it implements none, or is not complete.
    """
    for seam, base in SEAMS.items():
        if isinstance(found, type) and issubclass(found, base):
            check_component(seam, found, where)
            return seam
    bases = ", ".join(base.__name__ for base in SEAMS.values())
    raise InputError(f"{where}: expected a subclass of one of {bases}, got {_called(found)}")


def kind_of(seam: str, component: object) -> str:
    """The text of a component's class in a config: the inverse of `resolve`."""
    own = type(component)
    return own.__name__ if own in REGISTRY[seam] else f"{own.__module__}:{own.__qualname__}"


def check_component(seam: str, found: Any, where: str) -> None:
    """Raises InputError unless a config can build `found` for this interface."""
    base = SEAMS[seam]
    if not isinstance(found, type) or not issubclass(found, base):
        raise InputError(f"{where}: expected a subclass of {base.__name__}, got {_called(found)}")
    # the class's own decorator: a decorator of the parent class would not see the fields of this class
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
