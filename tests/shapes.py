"""The types and shapes in the signatures of packages are checked once in every call; each call with shapes is a scope.

An import hook of jaxtyping does the same and more: it binds and checks the arguments of every call twice.
"""

import ast
import sys
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from functools import wraps
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from inspect import isgeneratorfunction
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any, get_args, get_type_hints

from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray, TypeCheckError, jaxtyped

_NAME = "__checked_in_tests__"
_ONCE = beartype(conf=BeartypeConf(violation_type=TypeCheckError))
_SCOPE = jaxtyped("context")


def _resolved(hint: object, names: dict[str, Any]) -> Any:
    """Returns what an annotation stands for; Any where it names what is only known to a type checker or later."""
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"it": hint}), names, include_extras=True)["it"]
    except (NameError, AttributeError, TypeError):
        return Any


def _has_shape(hint: object) -> bool:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(_has_shape(part) for part in get_args(hint))


def _function(function: Callable[..., Any]) -> Callable[..., Any]:
    hints = {name: _resolved(hint, function.__globals__) for name, hint in function.__annotations__.items()}
    if isgeneratorfunction(function):
        return jaxtyped(function, typechecker=beartype)
    written, function.__annotations__ = function.__annotations__, hints
    once = _ONCE(function)
    function.__annotations__ = written
    if once is function:
        return function
    once.__annotations__ = written
    if not any(map(_has_shape, hints.values())):
        return once

    @wraps(function)
    def scoped(*args: Any, **kwargs: Any) -> Any:
        with _SCOPE:
            return once(*args, **kwargs)

    return scoped


def checked(thing: Any) -> Any:
    """Returns a function that checks its calls, or a class whose `__init__` does, if a dataclass has written it."""
    if not isinstance(thing, type):
        return _function(thing)
    if is_dataclass(thing) and "__init__" in vars(thing) and not hasattr(thing.__init__, "__wrapped__"):
        thing.__init__ = _function(thing.__init__)  # type: ignore[misc]
    return thing


class _Decorated(ast.NodeTransformer):
    """Decorates every function first, before all other decorators, and every class last."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list.append(ast.copy_location(ast.Name(_NAME, ast.Load()), node))
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list.insert(0, ast.copy_location(ast.Name(_NAME, ast.Load()), node))
        return self.generic_visit(node)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return compile(_Decorated().visit(ast.parse(self.get_data(path), path)), path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)[_NAME] = checked
        super().exec_module(module)


class _Finder:
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] not in self._packages:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def check(*packages: str) -> None:
    """Checks the calls of whatever is imported from these packages from now on."""
    sys.meta_path.insert(0, _Finder(packages))
