"""Small mistakes in a Python file, one at a time, with which `scripts/mutants.py` tests the tests."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import TypeAlias, final

Place: TypeAlias = tuple[ast.AST, str, int | None]
"""A field of a node, and an index where the field is a list."""

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_TWINS = [("min", "max"), ("minimum", "maximum"), ("any", "all"), ("floor", "ceil"), ("nanmin", "nanmax")]
_TWINS += [("partition", "rpartition"), ("removeprefix", "removesuffix")]
_NAMES = {one: other for pair in _TWINS for one, other in (pair, pair[::-1])}
_NAMES |= {"appendleft": "append", "popleft": "pop"}
_AROUND = 25  # letters shown before and behind a mistake
_WORDS = {"require", "InputError", "ResultMismatch", "ClusterUnreachable", "say", "warning", "info", "debug"}
"""Calls whose text is for a reader: tests check its meaning, not every letter."""


@final
@dataclass(frozen=True, eq=False)
class Mutant:
    """A file with one mistake.

    Attributes:
        function: the qualified name of the function or method that holds it; the constant's name outside of one.
        constant: True if it is a constant of the module.
        line: the line of the statement.
        met: lines that a test executes if it can see the mistake: the statement's, or those that read the constant.
        change: the original text and the new text.
    """

    function: str
    constant: bool
    line: int
    met: frozenset[int]
    change: str
    _tree: ast.Module

    def code(self, path: str) -> CodeType:
        """The whole file, compiled."""
        return compile(ast.fix_missing_locations(self._tree), path, "exec", dont_inherit=True)

    def statement(self, path: str) -> CodeType:
        """The statement of the constant, compiled."""
        (found,) = (each for each in self._tree.body if each.lineno == self.line)
        return compile(ast.fix_missing_locations(ast.Module([found], [])), path, "exec", dont_inherit=True)


def mutants(source: str) -> Iterator[Mutant]:
    """All mistakes of these kinds, in the order of the file.

    Not changed: annotations, decorators, defaults of parameters and of fields, docstrings, assertions, the `strict` of
    a zip, and text for readers.
    """
    tree = ast.parse(source)
    for statement in tree.body:
        for function, constant, root in _holders(statement, ""):
            for where, stated in _places(root, root):
                yield from _of(tree, function, constant, where, stated)


def _holders(statement: ast.stmt, prefix: str) -> Iterator[tuple[str, bool, ast.stmt]]:
    if isinstance(statement, ast.FunctionDef):
        yield prefix + statement.name, False, statement
    elif isinstance(statement, ast.ClassDef):
        for inner in statement.body:
            if isinstance(inner, ast.FunctionDef):
                yield from _holders(inner, f"{prefix}{statement.name}.")
    elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name | ast.Tuple):
        yield ast.unparse(statement.targets[0]), True, statement


def _places(node: ast.AST, statement: ast.stmt) -> Iterator[tuple[Place, ast.stmt]]:
    """All places below a node that may hold a mistake, with their statements."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(child, ast.AST) or _is_left_alone(node, child):
                continue
            inner = child if isinstance(child, ast.stmt) else statement
            yield (node, field, index), inner
            yield from _places(child, inner)


def _is_left_alone(node: ast.AST, child: ast.AST) -> bool:
    if isinstance(child, ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.expr_context):
        return True
    if isinstance(child, ast.keyword) and child.arg == "strict":
        return True
    if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
        return True  # a docstring
    text = isinstance(child, ast.Constant) and isinstance(child.value, str)
    if text and (len(child.value) > 30 or child.value.count(" ") > 3):
        return True
    called = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
    return text and called in _WORDS


def _of(tree: ast.Module, function: str, constant: bool, where: Place, stated: ast.stmt) -> Iterator[Mutant]:
    node, field, index = where
    held = getattr(node, field)
    child = held if index is None else held[index]
    for new in changed(child):
        if constant and not (isinstance(child, ast.Constant) and isinstance(child.value, int | float)):
            continue
        old = _first_line(stated)
        _put(where, new)
        now = _first_line(new if child is stated else stated)
        met = _readers(tree, stated) if constant else _lines(stated)
        yield Mutant(function, constant, stated.lineno, met, _difference(old, now), copy.deepcopy(tree))
        _put(where, child)


def _put(where: Place, child: ast.AST) -> None:
    node, field, index = where
    if index is None:
        setattr(node, field, child)
    else:
        getattr(node, field)[index] = child


def _first_line(statement: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(statement)).partition("\n")[0]


def _difference(old: str, new: str) -> str:
    """Both texts, from a few letters before their first difference to a few behind."""
    start = _alike(old, new)
    end = min(_alike(old[::-1], new[::-1]), len(old) - start, len(new) - start)
    around = [text[max(0, start - _AROUND) : max(start, len(text) - end) + _AROUND] for text in (old, new)]
    return " -> ".join(around)


def _alike(one: str, other: str) -> int:
    """The number of letters that both begin with."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _lines(statement: ast.stmt) -> frozenset[int]:
    """For a statement with a body, the lines before the body."""
    below = getattr(statement, "body", None)
    last = statement.end_lineno or statement.lineno
    return frozenset(range(statement.lineno, max(statement.lineno, below[0].lineno - 1 if below else last) + 1))


def _readers(tree: ast.Module, statement: ast.stmt) -> frozenset[int]:
    set_here = {
        node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return frozenset(n.lineno for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in set_here)


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """The possible mistakes of a node."""
    match node:
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value / 2 if isinstance(value, float) and value else value + 1)
        case ast.Constant(value=str() as value):
            yield ast.Constant(value + "X")
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(operator)](), right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.And() if isinstance(operator, ast.Or) else ast.Or(), values)
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield operand
        case ast.IfExp(test, body, orelse) if not _turns_itself(test):
            yield ast.IfExp(test, orelse, body)
        case ast.Name(id=name) if name in _NAMES:
            yield ast.Name(_NAMES[name], node.ctx)
        case ast.Attribute(value, name) if name in _NAMES:
            yield ast.Attribute(value, _NAMES[name], node.ctx)
        case ast.Compare():
            yield from _compared(node)
        case ast.Call(keywords=keywords):
            for place, keyword in enumerate(keywords):
                if keyword.arg not in (None, "strict"):  # `strict` only asserts equal lengths
                    yield ast.Call(node.func, node.args, keywords[:place] + keywords[place + 1 :])
        case ast.comprehension(ifs=conditions):
            for place, condition in enumerate(conditions):
                if _turns_itself(condition):
                    continue
                turned = [*conditions[:place], _negated(condition), *conditions[place + 1 :]]
                yield ast.comprehension(node.target, node.iter, turned, node.is_async)
        case ast.stmt():
            yield from _stated(node)


def _compared(node: ast.Compare) -> Iterator[ast.Compare]:
    for place, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            yield ast.Compare(node.left, [*node.ops[:place], other(), *node.ops[place + 1 :]], node.comparators)


def _stated(node: ast.stmt) -> Iterator[ast.stmt]:
    nothing = ast.copy_location(ast.Pass(), node)
    match node:
        case ast.If(test, body, orelse) if not _turns_itself(test):
            yield ast.copy_location(ast.If(_negated(test), body, orelse), node)
        case ast.While(test, body, orelse) if not _turns_itself(test):
            yield ast.copy_location(ast.While(_negated(test), body, orelse), node)
        case ast.Break():
            yield ast.copy_location(ast.Continue(), node)
        case ast.Continue():
            yield ast.copy_location(ast.Break(), node)
        case ast.AugAssign(target, operator, value):
            yield nothing
            if type(operator) in _OPERATORS:
                yield ast.copy_location(ast.AugAssign(target, _OPERATORS[type(operator)](), value), node)
        case ast.Expr() | ast.Raise() | ast.Delete():
            yield nothing
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield nothing


def _turns_itself(test: ast.expr) -> bool:
    """True if a mistake in the condition alone is its negation."""
    return isinstance(test, ast.UnaryOp) or (isinstance(test, ast.Compare) and len(test.ops) == 1)


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)
