"""Architecture rules, checked on the source: permitted imports, and constructs that must not occur."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("genomes", "inner_loop", "evo")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

PICKLES = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torch.load")
TRAPS = ("deap.creator", "ray.util.ActorPool", "ray.util.actor_pool", "ray.util.multiprocessing")
CONSTRUCTORS = ("numpy.random.Generator", "numpy.random.Philox", "torch.Generator")
DRAWN = (
    *("manual_seed", "seed", "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like"),
    *("bernoulli", "multinomial", "normal", "poisson", "get_rng_state", "set_rng_state"),
)
GLOBAL_CHANCE = (
    "random",
    "secrets",
    "numpy.random",
    "torch.random",
    "torch.nn.init",
    *(f"torch.{name}" for name in DRAWN),
)
IN_PLACE = {"normal_", "uniform_", "random_", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_"}


def names_used(tree: ast.AST) -> list[tuple[int, str]]:
    """Every dotted name in a file with its line, the aliases of imports resolved: `np.random.rand` is numpy's."""
    aliases, used = {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                used.append((node.lineno, name.name))
                root = name.name if name.asname else name.name.split(".")[0]
                aliases[name.asname or root] = root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for name in node.names:
                used.append((node.lineno, f"{node.module}.{name.name}"))
                aliases[name.asname or name.name] = f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        parts, inner = [], node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in aliases and isinstance(node, (ast.Attribute, ast.Name)):
            used.append((node.lineno, ".".join([aliases[inner.id], *reversed(parts)])))
    return used


def under(name: str, roots: tuple[str, ...]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def pickles(tree: ast.AST) -> list[str]:
    """Returns the calls that could run foreign code while they read a file."""
    found = [f"line {line}: {name}" for line, name in names_used(tree) if under(name, PICKLES)]
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            refused = isinstance(node.value, ast.Constant) and node.value.value is False
            found += [] if refused else [f"line {node.value.lineno}: allow_pickle"]
        if isinstance(node, ast.Attribute) and node.attr in ("unsafe_load", "UnsafeLoader", "FullLoader"):
            found.append(f"line {node.lineno}: {node.attr}")
    return found


def traps(tree: ast.AST) -> list[str]:
    """DEAP's run-time class factory and Ray's pools: TRAPS D1, D2, D13, D17."""
    return [f"line {line}: {name}" for line, name in names_used(tree) if under(name, TRAPS)]


def hashes(tree: ast.AST) -> list[str]:
    """Calls of hash(), which differs between processes; comparing two, asking for one or defining it is fine."""
    fine = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "__hash__":
            fine |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.Expr):
            fine.add(id(node.value))
        if isinstance(node, ast.Compare):
            fine |= {id(side) for side in (node.left, *node.comparators)}
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and id(node) not in fine)
    return [f"line {c.lineno}: hash()" for c in calls if isinstance(c.func, ast.Name) and c.func.id == "hash"]


def global_chance(tree: ast.AST) -> list[str]:
    """Numbers from a generator that is shared by everything in the process."""
    found = []
    for line, name in names_used(tree):
        allowed = name == "numpy.random" or under(name, CONSTRUCTORS)
        if under(name, GLOBAL_CHANCE) and not allowed:
            found.append(f"line {line}: {name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in IN_PLACE:
            found.append(f"line {node.lineno}: {node.attr}")
    return found


def too_long(path: Path, tree: ast.AST) -> list[str]:
    """Files over 300 lines and functions over 40, decorators left out."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    found = [f"{lines} lines"] if lines > 300 else []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            found += [f"{node.name}: {length} lines"] if length > 40 else []
    return found


def undocumented(tree: ast.Module, path: str = "") -> list[str]:
    """Public modules, classes, functions and methods that say nothing; what overrides is said by its name."""
    found = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            name = f"{path}{node.name}"
            found += [] if ast.get_docstring(node) else [name]
            if isinstance(node, ast.ClassDef):
                found += undocumented(node, f"{name}.")
    return found


def report(check) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {found}" for path, tree in TREES.items() for found in check(path, tree)]


@pytest.mark.process
def test_imports_go_downwards():
    # In a process of its own: import-linter configures logging, which silences every logger that is there.
    lint = "from importlinter import cli; raise SystemExit(cli.lint_imports('pyproject.toml', no_cache=True))"
    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    contracts = (ROOT / "pyproject.toml").read_text().count("[[tool.importlinter.contracts]]")
    assert f"{contracts} kept, 0 broken" in done.stdout


def circles(trees: dict[str, ast.AST]) -> list[list[str]]:
    """Modules that import each other, by any way; imports in functions and for annotations alone are counted."""
    graph = networkx.DiGraph()
    for module, tree in trees.items():
        for _, name in names_used(tree):
            parts = name.split(".")
            known = [".".join(parts[:length]) for length in range(len(parts), 1, -1)]
            graph.add_edges_from([(module, other) for other in known if other in trees][:1])
    found = [sorted(circle) for circle in networkx.strongly_connected_components(graph) if len(circle) > 1]
    return [*found, *([module] for module in graph if graph.has_edge(module, module))]


@pytest.mark.slow
def test_no_modules_import_each_other():
    trees = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): TREES[path] for path in FILES
    }
    assert circles(trees) == []


def test_a_circle_is_found_however_it_imports():
    one = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.two import x"
    trees = {
        "a.one": one,
        "a.two": "def f():\n    import a.three",
        "a.three": "from a import one",
        "a.four": "import a.one",
    }
    assert circles({name: ast.parse(text) for name, text in trees.items()}) == [["a.one", "a.three", "a.two"]]


@pytest.mark.slow
def test_nothing_is_pickled():
    """But Numba's machine code, in a folder of the user's own like Python's byte code; no run folder ever holds any."""
    allowed = ROOT / "inner_loop/twins/cache.py"
    assert report(lambda path, tree: [] if path == allowed else pickles(tree)) == []


@pytest.mark.slow
def test_known_traps_of_deap_and_ray_cannot_occur():
    assert report(lambda path, tree: traps(tree)) == []


def test_nothing_is_seeded_or_ordered_by_hash():
    assert report(lambda path, tree: hashes(tree)) == []


def test_below_the_outer_loop_nothing_draws_from_a_global_generator():
    below = [p for p in FILES if p.relative_to(ROOT).parts[0] in ("genomes", "inner_loop")]
    assert [f"{p.relative_to(ROOT)}: {found}" for p in below for found in global_chance(TREES[p])] == []


def test_files_and_functions_stay_short():
    assert report(too_long) == []


def test_everything_public_is_documented():
    assert report(lambda path, tree: undocumented(tree)) == []
    silent = [p for p, tree in TREES.items() if not ast.get_docstring(tree) and p.name != "__init__.py"]
    assert [str(p.relative_to(ROOT)) for p in silent] == []


def registries() -> dict[str, tuple[type, ...]]:
    """Every literal tuple of classes in the three packages: NAME: tuple[type[Seam], ...] = (...)."""
    found = {}
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).startswith("tuple[type["):
                parts = path.relative_to(ROOT).with_suffix("").parts
                module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found[node.target.id] = getattr(importlib.import_module(module), node.target.id)
    return found


def test_the_registries_are_found():
    assert registries().keys() >= {"ENCODINGS", "RULES", "OBJECTIVES", "TASKS", "GOALS"}
    assert all(registries().values())


@pytest.mark.parametrize("seam", sorted(registries()))
def test_registered_components_are_final_frozen_dataclasses(seam):
    for kind in registries()[seam]:
        assert getattr(kind, "__final__", False), f"{kind.__name__} is not marked @final"
        assert "__dataclass_params__" in vars(kind), f"{kind.__name__} is no dataclass"
        assert kind.__dataclass_params__.frozen, f"{kind.__name__} is not frozen"
        assert not kind.__subclasses__(), f"{kind.__name__} has subclasses"
        assert not kind.__abstractmethods__, f"{kind.__name__} lacks {set(kind.__abstractmethods__)}"


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (pickles, "import pickle"),
        (pickles, "from torch import load"),
        (pickles, "import torch as t\nt.load('x')"),
        (pickles, "import numpy as np\nnp.load('x', allow_pickle=True)"),
        (pickles, "f(allow_pickle=flag)"),
        (traps, "from deap import base, creator"),
        (traps, "import deap\ndeap.creator.create"),
        (traps, "from ray.util import ActorPool"),
        (traps, "import ray.util.multiprocessing"),
        (hashes, "seed = hash('a')"),
        (hashes, "order = hash(a) % 7 == 0"),
        (global_chance, "import random"),
        (global_chance, "from random import shuffle"),
        (global_chance, "import numpy as np\nnp.random.rand(3)"),
        (global_chance, "from numpy import random as r\nr.seed(1)"),
        (global_chance, "import numpy as np\nnp.random.default_rng()"),
        (global_chance, "import torch\ntorch.randn(3)"),
        (global_chance, "from torch import rand"),
        (global_chance, "import torch\ntorch.empty(3).normal_()"),
        (global_chance, "from torch.nn import init\ninit.ones_"),
        (undocumented, "class Public:\n    '''Said.'''\n    def method(self): pass"),
        (undocumented, "def function(): pass"),
        (lambda tree: too_long(Path(__file__), tree), "def f():\n" + "    pass\n" * 40),
    ],
)
def test_a_breach_is_found(check, source):
    assert check(ast.parse(source))


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (pickles, "import numpy as np\nnp.load('x', allow_pickle=False)"),
        (hashes, "hash(a)\nassert hash(a) == hash(b)"),
        (hashes, "class A:\n    def __hash__(self): return hash(self.x)"),
        (global_chance, "import numpy as np\nnp.random.Generator(np.random.Philox(3))"),
        (global_chance, "import torch\ntorch.Generator().manual_seed(3)\ntorch.ones(3)\nrandom = 3"),
        (undocumented, "def _private(): pass"),
        (lambda tree: too_long(Path(__file__), tree), "def f():\n" + "    pass\n" * 39),
    ],
)
def test_what_is_allowed_is_no_breach(check, source):
    assert check(ast.parse(source)) == []


def test_no_public_name_is_that_of_a_submodule():
    """A submodule becomes an attribute of its package once it is imported: it would hide the public name."""
    for package in (importlib.import_module(name) for name in PACKAGES):
        submodules = {path.stem for path in Path(package.__path__[0]).iterdir()}
        assert not submodules & set(getattr(package, "__all__", ())), package.__name__


@pytest.mark.process
def test_every_public_name_is_what_it_says_whatever_was_imported_before():
    told = "import evo, evo.evaluation.evaluate, evo.evolution.evolve\n"
    told += "print(*(type(getattr(evo, n)).__name__ for n in evo.__all__))"
    names = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert "module" not in names, names
