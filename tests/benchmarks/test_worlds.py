"""benchmarks/worlds.py at toy length: its rivals do the same work as ours, it notices if they do not, its JSON."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

pytest.importorskip("gymnasium")

HAS_JAX = importlib.util.find_spec("jax") is not None
KEYS = (
    *("W3_over_naive", "W3_over_jax", "W4_over_naive", "W4_over_jax", "cartpole_steps_over_gymnasium"),
    *("cartpole_step_over_gymnasium", "cartpole_life_over_gymnasium"),
)
DIGESTS = {"digest_avx512": "0a", "digest_avx2": "0b", "digest_x86_64": None}


@pytest.fixture
def worlds(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import worlds

    return worlds


@pytest.fixture
def sequences(worlds):
    workload = worlds.recurrent_workload
    return workload.born(workload.Workload(updates=4, steps=7, samples=3, cohort=3))


@pytest.fixture
def poles(worlds):
    workload = worlds.hebbian_workload
    return workload.born(workload.Workload(episodes=2, steps=80, cohort=8))


def test_w3_naive_learns_what_ours_learns(worlds, sequences):
    ours = worlds.recurrent_ours.prepare(sequences)()
    for fused in (None, True):
        naive = worlds.recurrent_naive.prepare(sequences, 3, fused)()
        assert worlds.distance(naive, ours) < 1e-5
    assert (worlds.apart(sequences.weights, ours) > 0.01).all(), "something was learned"


@pytest.mark.slow
def test_w3_learns_its_sequences(worlds):
    """The error of the naive modules after many updates, on the last sequences, is far below that at birth."""
    workload = worlds.recurrent_workload
    newborns = workload.born(workload.Workload(updates=300, steps=10, samples=8, cohort=1))
    network = worlds.recurrent_naive.modules(newborns, 0)
    inputs, targets = (list(t.mT.contiguous()) for t in (newborns.inputs, newborns.targets))

    def error():
        recurrent, readout = network
        return (readout(recurrent(inputs[-1])[0]) - targets[-1]).square().mean().item()

    before = error()
    worlds.recurrent_naive.learn(*network, inputs, targets)
    assert error() < 0.2 * before


@pytest.mark.slow
def test_w4_naive_lives_as_ours_does(worlds, poles):
    ours, naive = worlds.hebbian_ours.prepare(poles)(), worlds.hebbian_naive.prepare(poles, 8)()
    assert worlds.distance(naive, ours) < 1e-4
    assert (worlds.apart(poles.weights, ours[:2]) > 0.01).all(), "something was learned"
    rewards = naive[2]
    assert len(rewards.unique()) > 2
    assert rewards.min() < 2 * 80, "some fall, and what comes after does not count"


@pytest.mark.slow
def test_w4_nobody_leaves_an_episode_that_is_over(worlds, monkeypatch):
    """Once all have fallen the loop would break off; weights go on to change all the same."""
    short, long = (
        worlds.hebbian_workload.born(worlds.hebbian_workload.Workload(episodes=1, steps=steps, cohort=2))
        for steps in (150, 300)
    )
    early, late = (worlds.hebbian_ours.prepare(newborns)() for newborns in (short, long))
    assert torch.equal(early[2], late[2])
    assert early[2].max() < 150
    assert (worlds.apart(early[:2], late[:2]) > 0.01).all()


def test_jax_does_the_same(worlds, sequences, poles):
    pytest.importorskip("jax")
    from rivals import hebbian_jax, recurrent_jax

    for ours, theirs, newborns in (
        (worlds.recurrent_ours, recurrent_jax, sequences),
        (worlds.hebbian_ours, hebbian_jax, poles),
    ):
        for by_hand in (False, True):
            assert worlds.distance(theirs.prepare(newborns, by_hand)(), ours.prepare(newborns)()) < 1e-4


@pytest.mark.parametrize("wrong", [1e-3, float("nan")])
def test_rivals_that_did_something_else_are_found_out(worlds, wrong):
    reference = [torch.ones(4, 2, 3), torch.ones(4, 1)]
    finals = [layer.clone() for layer in reference]
    assert worlds.distance(finals, reference) == 0.0
    finals[1][2] += wrong
    with pytest.raises(ValueError, match="expected within"):
        worlds.distance(finals, reference)
    assert worlds.distance(finals, reference, astray=0.25) == 0.0
    with pytest.raises(ValueError, match="expected within"):
        worlds.distance(finals, reference, astray=0.2)


@pytest.mark.slow
def test_quick_run_ends_with_the_figures_for_scripts(worlds, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(worlds, "RECURRENT", worlds.recurrent_workload.Workload(2, 5, 3, 2))
    monkeypatch.setattr(worlds, "HEBBIAN", worlds.hebbian_workload.Workload(2, 20))
    monkeypatch.setattr(worlds.digests, "by_processor", lambda names: DIGESTS)
    for name, size in (("COHORTS", (2, 3)), ("SEQUENCED", (1, 2)), ("CARTS", 3), ("STEPS", 20)):
        monkeypatch.setattr(worlds, name, size)
    worlds.main(["--quick", "--json", "--output", str(tmp_path)])
    *text, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert set(KEYS) <= set(figures)
    assert {name: figures.pop(name) for name in DIGESTS} == DIGESTS
    assert "several processors are NOT the same" in "\n".join(text)
    for key, value in figures.items():
        assert (value is None) == (key.endswith("_over_jax") and not HAS_JAX)
        assert value is None or value > 0
    assert (tmp_path / "worlds.md").read_text() == "\n".join(text)
