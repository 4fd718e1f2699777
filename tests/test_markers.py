"""Tests that start Ray, another process or a browser carry the marks that keep them out of `make test`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CALLS = {
    "ray": {"OnRay", "ray.init"},
    "process": {"multiprocessing.get_context", "os.fork", "os.posix_spawn"}
    | {f"subprocess.{name}" for name in ("Popen", "run", "call", "check_call", "check_output")},
}
FIXTURES = {"ray_executor": "ray"}
FILES = {"browser.py": "browser", "crashes.py": "process"}  # programs beside the tests, by what they start

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = Function.__args__
Needs = dict[str, set[str]]


def calls(nodes: Sequence[ast.AST], aliases: dict[str, str]) -> Iterator[str]:
    """The dotted names of what is called, with the names that imports give them resolved."""
    for inner in nodes:
        if isinstance(inner, ast.Call):
            root, dot, rest = ast.unparse(inner.func).partition(".")
            yield f"{aliases.get(root, root)}{dot}{rest}"


def aliases_of(tree: ast.Module) -> dict[str, str]:
    """What an import calls otherwise: `from subprocess import run` and `import subprocess as sp`; OnRay is OnRay."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.asname: name.name for name in node.names if name.asname}
        elif isinstance(node, ast.ImportFrom):
            own = {name.asname or name.name: name.name for name in node.names}
            found |= {k: v if v == "OnRay" else f"{node.module}.{v}" for k, v in own.items()}
    return found


def words(nodes: Sequence[ast.AST]) -> set[object]:
    """The constants that something is called with."""
    called = [inner for inner in nodes if isinstance(inner, ast.Call)]
    return {word.value for call in called for word in call.args if isinstance(word, ast.Constant)}


def marks(node: ast.AST) -> set[str]:
    """The marks that an expression names; those of one case of a parametrized test count for the whole test."""
    return {
        inner.attr
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute) and ast.unparse(inner.value).endswith("pytest.mark")
    }


def arguments(node: ast.AST) -> set[str]:
    """The fixtures that a function asks for, by argument or by `usefixtures`."""
    asked = {name.arg for name in node.args.args} if isinstance(node, Function) else set()
    for call in (inner for place in getattr(node, "decorator_list", []) for inner in ast.walk(place)):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("mark.usefixtures"):
            asked |= {name.value for name in call.args if isinstance(name, ast.Constant)}
    return asked


def is_automatic(node: ast.AST) -> bool:
    return isinstance(node, Function) and any("autouse=True" in ast.unparse(place) for place in node.decorator_list)


def starts(tree: ast.Module, inherited: Needs) -> Needs:
    """The marks that a use of each name in a module calls for, by its own calls or by those of what it names."""
    aliases, uses, needs = aliases_of(tree), {}, {name: set(found) for name, found in inherited.items()}
    for node in tree.body:
        names = [node.name] if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else []
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)]
        inside = list(ast.walk(node))
        called, spoken = set(calls(inside, aliases)), words(inside)
        own = {mark for mark, known in CALLS.items() if called & known}
        own |= {mark for name, mark in FILES.items() if name in spoken}
        asked = set().union(*(arguments(inner) for inner in inside if isinstance(inner, (*FUNCTIONS, ast.ClassDef))))
        named = {inner.id for inner in inside if isinstance(inner, ast.Name)} | asked
        own |= {mark for name, mark in FIXTURES.items() if name in asked}
        for name in names:
            uses[name], needs[name] = named, own
    changed = True
    while changed:
        changed = False
        for name, named in uses.items():
            more = set().union(*(needs.get(other, set()) for other in named)) - needs[name]
            needs[name], changed = needs[name] | more, changed or bool(more)
    return needs


def unmarked(tree: ast.Module, inherited: Needs | None = None) -> list[str]:
    """The tests of a module that lack a mark, each with the mark."""
    needs = starts(tree, inherited or {})
    automatic = set().union(*(needs[node.name] for node in tree.body if is_automatic(node)))
    carried = {mark for node in tree.body if "pytestmark" in ast.unparse(node).split(" = ")[0] for mark in marks(node)}
    found = []
    for node in tree.body:
        if isinstance(node, Function) and node.name.startswith("test_"):
            has = carried.union(*(marks(place) for place in node.decorator_list))
            found += [f"{node.name}: {mark}" for mark in sorted((needs[node.name] | automatic) - has)]
    return found


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def fixtures_of(folder: Path) -> Needs:
    """What the fixtures of a folder and of those above it start."""
    found = fixtures_of(folder.parent) if folder != HERE else {}
    file = folder / "conftest.py"
    return found | starts(parsed(file), found) if file.exists() else found


@pytest.mark.slow
def test_whatever_starts_something_is_marked():
    found = {
        path.relative_to(HERE).as_posix(): unmarked(parsed(path), fixtures_of(path.parent))
        for path in sorted(HERE.rglob("test_*.py"))
    }
    assert {path: tests for path, tests in found.items() if tests} == {}


@pytest.mark.parametrize(
    ("mark", "source"),
    [
        ("process", "import subprocess\ndef test_a(): subprocess.run(['true'])"),
        ("process", "import subprocess as sp\ndef test_a(): sp.Popen(['true'])"),
        ("process", "from subprocess import check_output as told\ndef test_a(): told(['true'])"),
        ("process", "import os\ndef test_a(): os.fork()"),
        ("process", "import subprocess\ndef ask(): subprocess.run(['true'])\ndef test_a(): ask()"),
        ("process", "import subprocess\n@pytest.fixture\ndef ran(): subprocess.run(['true'])\ndef test_a(ran): pass"),
        ("process", "import subprocess\n@pytest.fixture(autouse=True)\ndef _r(): subprocess.run([])\ndef test_a(): 0"),
        ("process", "import subprocess\n@pytest.fixture\ndef a(): subprocess.run([])\n@pytest.fixture\ndef b(a): 0\n"
         "@pytest.mark.usefixtures('b')\ndef test_a(): pass"),
        ("process", "import subprocess\nRAN = subprocess.run(['true'])\ndef test_a(): RAN"),
        ("process", "HOW = Path('crashes.py')\ndef test_a(): HOW"),
        ("ray", "def test_a(ray_executor): pass"),
        ("ray", "from evo.distribution.ray_executor import OnRay\ndef test_a():\n    with OnRay(2): pass"),
        ("ray", "def test_a():\n    import ray\n    ray.init()"),
        ("browser", "D = run_path(name('browser.py'))\n@pytest.fixture\ndef page(): D\ndef test_a(page): 0"),
    ],
)  # fmt: skip
def test_what_lacks_its_mark_is_found(mark, source):
    assert unmarked(ast.parse(source)) == [f"test_a: {mark}"]
    assert unmarked(ast.parse(f"pytestmark = pytest.mark.{mark}\n{source}")) == []
    assert unmarked(ast.parse(f"pytestmark = [pytest.mark.slow, pytest.mark.{mark}]\n{source}")) == []
    head, _, body = source.rpartition("def test_a")
    assert unmarked(ast.parse(f"{head}@pytest.mark.{mark}\ndef test_a{body}")) == []


def test_what_starts_nothing_needs_no_mark():
    source = "import subprocess\ndef ask() -> subprocess.Popen: ...\ndef test_a(): ask(), x.run(), OnSleepers()"
    assert unmarked(ast.parse(source)) == []
