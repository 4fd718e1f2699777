"""Findings of the doctor on a machine that works and on one that does not."""

from types import SimpleNamespace

import pytest

from evo.cli import doctor
from evo.cli.doctor import findings
from evo.distribution.cluster import Cluster, Node


@pytest.mark.ray
def test_a_machine_that_works(ray_executor):
    seen = {finding.what: finding for finding in findings()}
    assert all(finding.well for finding in seen.values()), seen
    assert "with bit-identical results" in seen["lives on Ray"].seen
    assert seen["torch"].seen


@pytest.mark.ray
def test_what_is_missing_is_named(ray_executor, monkeypatch):
    monkeypatch.setattr(doctor, "_NEEDED", ("torch", "a-package-that-does-not-exist"))
    missing = [finding for finding in findings() if not finding.well]
    assert [(finding.what, finding.seen) for finding in missing] == [("a-package-that-does-not-exist", "not installed")]


def test_a_cluster_that_does_not_answer_is_one_sentence(monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    (cluster,) = [finding for finding in findings("not an address") if finding.what == "cluster"]
    assert not cluster.well
    assert "expected auto, HOST:PORT or ray://HOST:PORT" in cluster.seen


NOW = 1.8e9  # here, and where a look does not say otherwise


class Asked:
    def __init__(self, answer):
        self.answer = answer

    def remote(self, *arguments):
        return self.answer


def answered(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer() if callable(answer) else answer


def of_nodes(monkeypatch, *looks, lived=b"bits", cpus=2):
    """Returns the findings for nodes that give these answers, or raise them: one check a node, the same life in all."""
    living = tuple(Node(f"{i:056x}", f"10.0.0.{i}", f"host{i}", cpus, 0) for i in range(len(looks)))
    monkeypatch.setattr(doctor, "_answer", answered)
    monkeypatch.setattr(doctor, "time", SimpleNamespace(time=lambda: NOW))
    monkeypatch.setattr(Cluster, "nodes", lambda self: living)
    monkeypatch.setattr(Cluster, "task", lambda self, function, device, experiment: function.__name__)
    monkeypatch.setattr(
        Cluster, "on", lambda self, task, node, **options: Asked(looks[int(node, 16)] if task == "look" else lived)
    )
    whole, *nodes = doctor._nodes(Cluster(), "10.0.0.1:6379", None, None, b"bits")
    assert whole.seen.startswith(f"{len(looks)} node")
    return nodes


def like_here(**other):
    return lambda: doctor._looker()() | {"time": NOW} | other


def test_nodes_that_are_like_this_machine_are_well(monkeypatch):
    nodes = of_nodes(monkeypatch, like_here(), like_here())
    assert [node.what for node in nodes] == ["node host0 000000", "node host1 000000"]
    assert all(node.well and "with bit-identical results" in node.seen and "clock +0.0" in node.seen for node in nodes)


def test_what_does_not_match_is_named_with_both_versions(monkeypatch):
    here, other = of_nodes(monkeypatch, like_here(), like_here(torch="2.0.0", python="3.11.0"))
    assert here.well
    assert not other.well
    assert "torch is 2.0.0 there and" in other.seen
    assert "python is 3.11.0 there and" in other.seen


def test_a_node_without_instinct_is_a_sentence_and_no_cohort_is_waited_for(monkeypatch):
    (node,) = of_nodes(monkeypatch, like_here(instinct="missing"), lived=AssertionError("asked for"))
    assert not node.well
    assert "instinct is missing there" in node.seen
    assert "no cohort can be evaluated there" in node.seen


def test_a_node_with_other_bits_is_not_well(monkeypatch):
    (node,) = of_nodes(monkeypatch, like_here(), lived=b"bats")
    assert not node.well
    assert "a cohort was evaluated there, but with other results" in node.seen


def test_a_clock_that_is_off_is_named(monkeypatch):
    (node,) = of_nodes(monkeypatch, like_here(time=NOW - 90))
    assert node.well
    assert "clock -90.000 s" in node.seen
    assert "more than one second off" in node.seen


def test_a_node_that_takes_no_tasks_is_not_asked_to_live(monkeypatch):
    (node,) = of_nodes(monkeypatch, like_here(), lived=AssertionError("asked for"), cpus=0)
    assert "takes no tasks" in node.seen


def test_a_node_that_does_not_answer_is_a_sentence(monkeypatch):
    (node,) = of_nodes(monkeypatch, RuntimeError("the node died\nmany lines"))
    assert (node.well, node.seen) == (False, "does not answer: the node died")
