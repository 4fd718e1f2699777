"""The cognitive worlds against NeuroGym 2.3.1: reproductions/neurogym_compare.py recorded its steps, neurogym.json.

NeuroGym cannot be installed in the same environment, so the recorded facts are the reference: the script's `record`
makes them in an environment of its own, and they are never edited.
"""

import importlib.util
import json
from copy import deepcopy
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPT = Path(__file__).parents[3] / "reproductions" / "neurogym_compare.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("neurogym_compare", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, spec.name, module)  # where dataclasses look for it
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(scope="module")
def facts():
    return json.loads((HERE / "neurogym.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_trials_payment_ends_lengths_and_noise_are_those_of_neurogym(script, facts):
    lines = list(script.compared(facts))
    assert [text for same, text in lines if not same] == []
    assert len(lines) > 400
    assert facts["versions"]["neurogym"] == "2.3.1"


def test_the_facts_are_many_conditions_of_five_environments(script, facts):
    assert facts["trials"].keys() == script.TRIALS.keys()
    assert len({case.environment for case in script.TRIALS.values()}) == 5
    assert sum(map(len, facts["trials"].values())) >= 35
    successes = [done[1] for trials in facts["trials"].values() for trial in trials for done in trial["done"].values()]
    assert set(successes) == {0.0, 1.0}


def damaged(facts, damage):
    """The facts of one trial of the dots, something of it changed."""
    facts = deepcopy(facts)
    facts["trials"]["dots"] = facts["trials"]["dots"][9:]
    damage(facts["trials"]["dots"][0])
    return facts


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda trial: trial["shown"][1][1].__setitem__(1, 0.4), "shown and true"),
        (lambda trial: trial["truth"][1].__setitem__(1, 1), "shown and true"),
        (lambda trial: trial.__setitem__("truth", [[20, 0], [2, 2]]), "shown and true"),
        (lambda trial: trial["done"]["right"][0][1].__setitem__(1, 0.9), "right: "),
        (lambda trial: trial["done"]["premature"][0][0].__setitem__(0, 2), "premature: "),
        (lambda trial: trial["done"]["none"].__setitem__(1, 1.0), "none: "),
    ],
)
def test_a_difference_would_be_seen(script, facts, monkeypatch, damage, what):
    monkeypatch.setattr(script, "TRIALS", {"dots": script.TRIALS["dots"]})
    monkeypatch.setattr(script, "TIMED", {})
    monkeypatch.setattr(script, "NOISE", {})
    assert all(same for same, _ in script.compared(damaged(facts, lambda trial: None)))
    differ = [text for same, text in script.compared(damaged(facts, damage)) if not same]
    assert len(differ) == 1
    assert what in differ[0]


def test_the_exit_code_tells(script, facts, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(script, "TRIALS", {"dots": script.TRIALS["dots"]})
    monkeypatch.setattr(script, "TIMED", {})
    monkeypatch.setattr(script, "NOISE", {})
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(damaged(facts, lambda trial: None)))
    assert script.main(["compare", str(path)]) == 0
    path.write_text(json.dumps(damaged(facts, lambda trial: trial["done"]["none"].__setitem__(1, 1.0))))
    assert script.main(["compare", str(path)]) == 1
    assert "DIFFERS dots {'ground_truth': 1, 'coh': 51.2}: none: " in capsys.readouterr().out
    assert script.main(["compare"]) == 2
