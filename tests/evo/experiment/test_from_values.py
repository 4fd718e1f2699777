"""Generated configs: components drawn at random can be read back; mutants of a config are read or refused."""

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evo.experiment.config import read, understood
from evo.experiment.dump import dump
from evo.experiment.experiment import Experiment
from genomes.errors import InputError

PLAIN: dict[str, Any] = {
    "topology": {
        "groups": [{"name": "senses", "size": 6, "grid": [2, 3]}, {"name": "answer", "size": 2, "types": 2}],
        "projections": ["senses -> answer"],
    },
    "encoding": {"kind": "Direct", "bits": 3, "gain": {"evolve": [1, 2.5]}},
    "rule": {
        "kind": "Hebbian",
        "learning_rate": {"evolve": [0.001, 1], "scale": "log", "per": "types"},
        "taught": True,
    },
    "objective": {"kind": "SquaredError"},
    "task": {"kind": "Teacher", "inputs_size": 6, "outputs_size": 2, "teacher_seed": None},
    "goals": {"kind": "Scores", "names": ["innate.explained_variance", "learned.explained_variance"]},
    "search": {"kind": "NSGA2", "population": 8, "variation": {"coding": "gray", "eta": 3.5}},
    "lifetime": {"steps": 10, "criterion": 0.5, "common": False},
    "generations": 3,
}


WHOLE = st.integers(1, 16)
NUMBER = st.floats(-1e6, 1e6) | st.builds(
    lambda low, ratio, scale, bits: {"evolve": [low, low * ratio], "scale": scale, "bits": bits},
    st.floats(1e-12, 1e6),
    st.floats(1.5, 1e6),
    st.sampled_from(["linear", "log"]),
    WHOLE,
)
NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="->"), min_size=1, max_size=8).filter(
    lambda name: name == name.strip() and name.isprintable()
)
COMPONENTS = {
    "encoding": [
        {
            "kind": st.just("GeneExpression"),
            "genes": WHOLE,
            "bits": WHOLE,
            "bias": st.sampled_from(["direct", "none"]),
            "gain": NUMBER,
        },
        {"kind": st.just("Direct"), "bits": WHOLE, "gain": NUMBER, "bias": st.booleans()},
    ],
    "rule": [
        {"kind": st.just("Backprop"), "learning_rate": NUMBER, "momentum": NUMBER},
        {"kind": st.just("Hebbian"), "constant": NUMBER, "bound": st.floats(1e-9, 9.0), "taught": st.booleans()},
    ],
    "objective": [{"kind": st.sampled_from(["CrossEntropy", "SquaredError"])}],
    "search": [
        {"kind": st.just("RandomSearch"), "population": st.integers(2, 10**7)},
        {
            "kind": st.sampled_from(["Genetic", "NSGA2"]),
            "variation": st.fixed_dictionaries(
                {"coding": st.sampled_from(["real", "gray"]), "eta": st.floats(1e-9, 9)}
            ),
        },
    ],
    "lifetime": [{"criterion": st.floats(-1e300, 1e300), "common": st.booleans(), "steps": WHOLE}],
}
PARTS = st.fixed_dictionaries(
    {part: st.one_of([st.fixed_dictionaries(fields) for fields in kinds]) for part, kinds in COMPONENTS.items()}
    | {"seed": st.integers(-(2**99), 2**99)}
)


@pytest.mark.slow
@settings(max_examples=20)
@given(PARTS, st.lists(NAME, min_size=2, max_size=2, unique=True), st.none() | st.integers(-(2**60), 2**60))
def test_what_is_dumped_is_read_back(parts: dict[str, Any], groups: list[str], seed: int | None) -> None:
    first, second = groups
    topology = {
        "groups": [{"name": first, "size": 6}, {"name": second, "size": 2, "types": 2, "activation": "relu"}],
        "projections": [f"{first} -> {second}"],
    }
    experiment = understood(
        PLAIN | {"topology": topology} | parts | {"task": PLAIN["task"] | {"teacher_seed": seed}}, "x"
    )
    assert experiment.lifetime.criterion == parts["lifetime"]["criterion"]
    assert read(dump(experiment), "x.yaml") == experiment


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every key and index, at any depth."""
    if not isinstance(data, (dict, list)):
        return []
    keys = list(data) if isinstance(data, dict) else list(range(len(data)))
    return [place for key in keys for place in ((*path, key), *places(data[key], (*path, key)))]


VALUES = [None, True, 0, -1, 3, 2**100, 0.5, -0.0, 1e300, float("nan"), float("inf"), "", "x", "os:system", "a -> b"]
VALUES += [[], [1, 2], [[]], {}, {"evolve": [0, 1]}, {"kind": "Direct"}, {"": {}}, {"name": "senses", "size": 6}]


def mutant(rng: random.Random) -> Any:
    """The valid config with one or two keys dropped, renamed, doubled under another name, or of another type."""
    data = copy.deepcopy(PLAIN)
    for _ in range(rng.randint(1, 2)):
        *path, last = rng.choice(places(data))
        inner: Any = data
        for key in path:
            inner = inner[key]
        act = rng.choice(["drop", "rename", "retype", "retype", "retype"])
        value = inner.pop(last) if act != "retype" else None
        if act == "retype":
            inner[last] = copy.deepcopy(rng.choice(VALUES))
        elif act == "rename" and isinstance(inner, dict):
            inner[rng.choice([f"{last}s", str(last)[1:], "kind", "evolve"])] = value
    return data


def complaints(data: Any) -> list[str]:
    """The mistakes of a config, a sentence each; does not catch exceptions other than InputError."""
    try:
        assert isinstance(understood(data, "x.yaml"), Experiment)
    except InputError as error:
        return str(error).splitlines()
    return []


@pytest.mark.slow
def test_mutants_of_a_config_are_read_or_refused() -> None:
    rng, refused = random.Random(3), 0
    assert isinstance(understood(PLAIN, "x.yaml"), Experiment)
    for _ in range(300):
        data = mutant(rng)
        before = repr(data)
        sentences = complaints(data)
        assert all(line.startswith("x.yaml: ") and ": " in line[8:] for line in sentences), data
        assert repr(data) == before, "what was given is left alone"
        refused += bool(sentences)
    assert 150 < refused < 300
