"""Reaction of a dispatcher to each fault, on a simulated Ray: tasks end when and as a test says, at once."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import ray

from evo.distribution import dispatcher
from evo.distribution.cluster import Cluster, ClusterUnreachable, Node
from evo.distribution.dispatcher import Dispatcher, is_audited
from evo.distribution.jobs import DispatchHistory
from evo.distribution.worker import ResultMismatch, WorkerResult
from evo.evaluation.cohort import SELECTION, Cohort
from evo.evaluation.fingerprint import Fingerprint
from evo.evaluation.outcome import Outcome
from genomes.errors import InputError
from genomes.streams import derive

CRASHED, FULL = ray.exceptions.WorkerCrashedError(), ray.exceptions.OutOfMemoryError("full")
STALE = ray.exceptions.RayTaskError("answer", "InputError: mine.npz has changed", InputError("mine.npz has changed"))
GONE = ray.exceptions.NodeDiedError("gone")
NODES = (Node("n0", "10.0.0.1", "n0", 2, 0), Node("n1", "10.0.0.2", "n1", 1, 0), Node("head", "10.0.0.3", "head", 0, 0))


def outcome_of(cohort, add=0.0, failures=None):
    return Outcome({"gain": cohort.slots[: cohort.real] + add}, failures or ("",) * cohort.real)


def answer(cohort, node="n0", seconds=1.0, add=0.0, failures=None):
    return WorkerResult(outcome_of(cohort, add, failures), node, 7, "AVX2", seconds)


@dataclass(eq=False)
class Sent:
    """A task that was sent out."""

    cohort: Cohort
    guarded: bool
    number: int  # how many attempts at this cohort there were before
    options: dict[str, Any]
    begins: float
    seconds: float = 1.0
    result: Any = None

    @property
    def node(self) -> str:
        """Node of the task: the first one that it is not kept away from."""
        away = str(self.options.get("label_selector", ""))
        return next((node.id for node in NODES if node.cpus and node.id not in away), "n0")


@dataclass(eq=False)
class Played:
    """A Ray in which `play(sent)` gives seconds and what comes back: an answer, or an exception."""

    play: Callable[[Sent], tuple[float, Any]] = lambda sent: (1.0, answer(sent.cohort, sent.node))
    sent: list[Sent] = field(default_factory=list)
    cancelled: list[Any] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)

    def options(self, **options):
        return replace(self, said=options, sent=self.sent)

    def remote(self, evaluator, experiment, cohort, assay, proof, guarded):
        number = sum(one.cohort is cohort for one in self.sent)
        self.sent.append(Sent(cohort, guarded, number, self.said, CLOCK[0]))
        self.sent[-1].seconds, self.sent[-1].result = self.play(self.sent[-1])
        return self.sent[-1]

    def wait(self, references, num_returns=1, timeout=None):
        ends = sorted(one.begins + one.seconds for one in references)
        latest = float("inf") if timeout is None else CLOCK[0] + timeout
        CLOCK[0] = max(CLOCK[0], min(ends[num_returns - 1], latest))
        done = [one for one in references if one.begins + one.seconds <= CLOCK[0]][:num_returns]
        return done, [one for one in references if one not in done]

    def get(self, reference):
        if isinstance(reference.result, Exception):
            raise reference.result
        return reference.result


CLOCK = [1000.0]


@pytest.fixture
def played(monkeypatch):
    """`played(play, ...)` is the Ray of this test."""

    def begun(play=None, **more):
        CLOCK[0] = 1000.0
        there = Played(play, **more) if play else Played(**more)
        for name in ("wait", "get"):
            monkeypatch.setattr(f"ray.{name}", getattr(there, name))
        monkeypatch.setattr("ray.cancel", lambda reference, force: there.cancelled.append((reference, force)))
        return there

    return begun


@pytest.fixture
def work(small, generation):
    """An experiment, and cohorts of two of it."""
    experiment = small(cohort=2)
    return experiment, generation(experiment, count=24)


def begin(experiment, there, cohorts, proof=None, history=None, nodes=NODES):
    cluster = Cluster(address="auto")
    cluster._read = (float("inf"), nodes)
    history = history or DispatchHistory(Counter())
    began = Dispatcher(cluster, there, None, experiment, cohorts, SELECTION, proof, history, lambda: CLOCK[0])
    return began, history


def dispatched(experiment, there, cohorts, **more):
    began, history = begin(experiment, there, cohorts, **more)
    return dict(began.arriving()), history


def is_right(found, cohorts):
    return sorted(found) == list(range(len(cohorts))) and all(
        found[k].measurements["gain"].tolist() == outcome_of(cohort).measurements["gain"].tolist()
        for k, cohort in enumerate(cohorts)
    )


def away_of(sent):
    return sent.options.get("label_selector")


def test_every_cohort_is_answered_and_two_for_each_core_are_out_at_once(work, played):
    experiment, cohorts = work
    there = played()
    began, history = begin(experiment, there, iter(cohorts))
    began.submit()
    assert [one.cohort.number for one in there.sent] == [0, 1, 2, 3, 4, 5], "two for each of three cores"
    assert not any(one.guarded or one.options for one in there.sent)
    course = began.arriving()
    first, _ = next(course)
    assert first == 0
    assert len(there.sent) == 6
    found = {first: outcome_of(cohorts[0]), **dict(course)}
    assert is_right(found, cohorts)
    assert len(there.sent) == len(cohorts), "each once"
    assert history.incidents == {}
    assert list(history.seconds) == [1.0] * len(cohorts)
    assert (history.late, history.away) == ({}, set())


def test_a_cluster_without_a_core_is_given_one_at_a_time(work, played):
    experiment, cohorts = work
    there = played()
    began, _ = begin(experiment, there, cohorts, nodes=NODES[2:])
    began.submit()
    assert len(there.sent) == 2
    assert is_right(dict(began.arriving()), cohorts)


def test_an_outcome_is_given_as_soon_as_it_is_there(work, played):
    experiment, cohorts = work
    there = played(lambda sent: (0.1 if sent.cohort.number == 2 else 100.0, answer(sent.cohort)))
    began, _ = begin(experiment, there, cohorts[:6])
    place, _ = next(began.arriving())
    assert (place, CLOCK[0]) == (2, pytest.approx(1000.1))


def test_none_ends_a_look_and_the_next_one_goes_on(work, played):
    experiment, cohorts = work
    there, known = played(), []

    def in_turn():
        for number, cohort in enumerate(cohorts[:4]):
            while len(known) < number:
                yield None
            yield cohort

    began, _ = begin(experiment, there, in_turn())
    for place, _ in began.arriving():
        known.append(place)
    assert known == [0, 1, 2, 3]


@pytest.mark.parametrize(("death", "why"), [(CRASHED, "lost"), (FULL, "memory")])
def test_who_kills_twenty_workers_has_no_score(work, played, death, why):
    """Each further attempt is met in a child of a worker, and goes before what was not begun."""
    experiment, cohorts = work
    there = played(lambda sent: (1.0, death if sent.cohort.number == 1 else answer(sent.cohort)))
    found, history = dispatched(experiment, there, cohorts)
    assert (found[1].measurements, found[1].failures) == ({}, (why, why))
    assert sorted(found) == list(range(len(cohorts)))
    assert history.incidents == {"lost_with_worker": 20}
    attempts = [one for one in there.sent if one.cohort.number == 1]
    assert [one.guarded for one in attempts] == [False] + [True] * 19
    assert [one.cohort.number for one in there.sent][:8] == [0, 1, 2, 3, 4, 5, 1, 6]


def test_a_worker_that_dies_once_costs_a_second_attempt(work, played):
    experiment, cohorts = work
    there = played(lambda sent: (1.0, CRASHED if sent.number == 0 and sent.cohort.number == 2 else answer(sent.cohort)))
    found, history = dispatched(experiment, there, cohorts)
    assert is_right(found, cohorts)
    assert history.incidents == {"lost_with_worker": 1}
    assert [one.guarded for one in there.sent if one.cohort.number == 2] == [False, True]


def test_a_cohort_is_not_guilty_of_the_death_of_a_node(work, played):
    experiment, cohorts = work
    there = played(lambda sent: (1.0, GONE if sent.number < 20 and sent.cohort.number == 2 else answer(sent.cohort)))
    found, history = dispatched(experiment, there, cohorts)
    assert is_right(found, cohorts)
    assert history.incidents == {"lost_with_node": 20}
    assert not any(one.guarded for one in there.sent)
    there = played(lambda sent: (1.0, GONE if sent.cohort.number == 2 else answer(sent.cohort)))
    with pytest.raises(
        ClusterUnreachable, match=r"cohort 2 of generation 0 was lost by the death of more than 20 nodes"
    ):
        dispatched(experiment, there, cohorts)
    assert sum(one.cohort.number == 2 for one in there.sent) == 21


@pytest.mark.parametrize(
    "error", [ray.exceptions.RaySystemError("head gone\nat line 3"), ray.exceptions.RpcError("head gone")]
)
def test_a_cluster_that_is_gone_is_one_sentence(work, played, monkeypatch, error):
    experiment, cohorts = work
    there = played()

    def fails(*_, **__):
        raise error

    monkeypatch.setattr("ray.wait", fails)
    with pytest.raises(ClusterUnreachable, match=r"^Ray: the cluster does not answer: .*head gone") as raised:
        dispatched(experiment, there, cohorts)
    assert "line 3" not in str(raised.value)


@pytest.fixture
def audited(work, monkeypatch):
    """Every cohort is."""
    monkeypatch.setattr(dispatcher, "_AUDITED", 1.0)
    experiment, cohorts = work
    return experiment, cohorts, Fingerprint(experiment, "0" * 64)


def test_an_audit_is_made_on_another_node_and_two_that_agree_are_believed(audited, played):
    experiment, cohorts, proof = audited
    there = played()
    found, history = dispatched(experiment, there, cohorts, proof=proof)
    assert is_right(found, cohorts)
    assert history.incidents == {"audited": len(cohorts)}
    assert history.away == set()
    for cohort in cohorts:
        one, two = (sent for sent in there.sent if sent.cohort is cohort)
        assert (one.options, one.node) == ({}, "n0")
        assert two.node == "n1"
        assert away_of(two) == {"ray.io/node-id": "!in(n0)"}
        assert not two.guarded


def test_without_a_proof_nothing_is_audited(audited, played):
    experiment, cohorts, _ = audited
    there = played()
    dispatched(experiment, there, cohorts)
    assert len(there.sent) == len(cohorts)


@pytest.mark.parametrize("liar", [0, 1])
def test_an_answer_that_two_others_contradict_is_outvoted_and_its_node_sent_away(audited, played, caplog, liar):
    experiment, cohorts, proof = audited

    def play(sent):
        lies = sent.number == liar and sent.cohort.number == 2
        return 1.0, answer(sent.cohort, f"n{sent.number}-of-the-cluster{'!' * lies}", add=1e-9 * lies)

    there = played(play)
    found, history = dispatched(experiment, there, cohorts[:4], proof=proof)
    assert is_right(found, cohorts[:4])
    assert history.incidents == {"audited": 4, "corrupted": 1}
    assert history.away == {f"n{liar}-of-the-cluster!"}
    assert sum(sent.cohort.number == 2 for sent in there.sent) == 3
    (record,) = (one for one in caplog.records if one.levelno == logging.WARNING)
    assert record.getMessage().startswith(
        f"cohort 2 of generation 0 gave a result in process 7 on node n{liar}-of-th that differs"
    )


def test_the_only_node_is_not_sent_away_for_a_wrong_answer(audited, played, caplog):
    experiment, cohorts, proof = audited
    there = played(lambda sent: (1.0, answer(sent.cohort, add=1e-9 * (sent.number == 0))))
    found, history = dispatched(experiment, there, cohorts[:1], proof=proof, nodes=NODES[:1])
    assert is_right(found, cohorts[:1])
    assert history.away == set()
    assert history.incidents["corrupted"] == 1


def test_three_results_of_one_cohort_stop_the_run(audited, played):
    experiment, cohorts, proof = audited
    there = played(lambda sent: (1.0, answer(sent.cohort, f"node-{sent.number}-of-three", add=float(sent.number))))
    with pytest.raises(ResultMismatch, match=r"cohort 0 of generation 0 gave three different results") as raised:
        dispatched(experiment, there, cohorts[:1], proof=proof)
    assert "process 7 on node node-0-o, process 7 on node node-1-o, process 7 on node node-2-o" in str(raised.value)
    assert len(there.sent) == 3


def test_an_audit_that_cannot_be_made_keeps_the_first_answer(audited, played):
    experiment, cohorts, proof = audited
    there = played(lambda sent: (1.0, CRASHED if sent.number else answer(sent.cohort)))
    found, history = dispatched(experiment, there, cohorts[:1], proof=proof)
    assert is_right(found, cohorts[:1])
    assert history.incidents == {"lost_with_worker": 20}


@pytest.mark.parametrize("first", [True, False])
def test_what_a_limit_of_the_machine_ended_contradicts_nothing(audited, played, first):
    """Met first it is the answer; met in the repeat the first one stays."""
    experiment, cohorts, proof = audited
    slow = ("", "timeout")
    there = played(lambda sent: (1.0, answer(sent.cohort, failures=slow if (sent.number == 0) == first else None)))
    found, history = dispatched(experiment, there, cohorts[:1], proof=proof)
    assert found[0].failures == (slow if first else ("", ""))
    assert len(there.sent) == (1 if first else 2)
    assert history.incidents == {}


def test_a_node_that_computes_other_bits_gets_no_cohorts_and_its_attempts_are_made_elsewhere(work, played, caplog):
    experiment, cohorts = work

    def play(sent):
        unfit = replace(answer(sent.cohort, sent.node), outcome=None)
        return 1.0, unfit if sent.node == "n0" else answer(sent.cohort, sent.node)

    there = played(play)
    found, history = dispatched(experiment, there, cohorts)
    assert is_right(found, cohorts)
    assert history.away == {"n0"}
    assert history.incidents == {"nodes_away": 6}, "what was out already"
    assert len(there.sent) == len(cohorts) + 6
    assert {away_of(sent)["ray.io/node-id"] for sent in there.sent[6:]} == {"!in(n0)"}
    order = [sent.cohort.number for sent in there.sent]
    assert max(order[6:12]) <= 6, "they go before what was not begun"
    assert list(history.seconds) == [1.0] * len(cohorts), "of cohorts that were evaluated"
    assert "node n0 (AVX2) computes other last bits" in caplog.text
    assert "--portable" in caplog.text


def test_when_no_node_computes_the_bits_of_the_run_it_stops(work, played):
    experiment, cohorts = work
    there = played(lambda sent: (1.0, replace(answer(sent.cohort), outcome=None)))
    with pytest.raises(InputError, match=r"^Ray: node n0 \(AVX2\) computes other last bits.*use --portable"):
        dispatched(experiment, there, cohorts, nodes=NODES[:1])


def slow_once(seconds, number=1, add=0.0, others=1.0):
    """The first attempt at a cohort takes long."""

    def play(sent):
        slow = sent.cohort.number == number and sent.number == 0
        return (seconds, answer(sent.cohort, add=add)) if slow else (others, answer(sent.cohort, seconds=others))

    return play


def test_a_straggler_is_repeated_after_three_medians_and_at_least_two_seconds(work, played, monkeypatch):
    monkeypatch.setattr(dispatcher, "_LOOK", 0.05)
    experiment, cohorts = work
    for seconds, patience in ((0.1, 2.0), (2.0, 6.0)):
        there = played(slow_once(1e6, number=11, others=seconds))
        found, history = dispatched(experiment, there, cohorts)
        assert is_right(found, cohorts)
        one, two = (sent for sent in there.sent if sent.cohort.number == 11)
        assert history.incidents == {"repeated": 1}
        assert patience < two.begins - one.begins < patience + 2 * seconds + 0.11
        assert two.options == {"scheduling_strategy": "SPREAD"}
        (late,) = history.late.values()
        assert (late[0] is found[11], late[1]) == (True, "cohort 11 of generation 0")


def test_before_any_cohort_is_known_a_minute_is_waited(work, played, monkeypatch):
    monkeypatch.setattr(dispatcher, "_LOOK", 0.05)
    experiment, cohorts = work
    there = played(lambda sent: (1e6 if not sent.number else 1.0, answer(sent.cohort)))
    found, _ = dispatched(experiment, there, cohorts[:1])
    assert is_right(found, cohorts[:1])
    assert 60 < there.sent[1].begins - there.sent[0].begins < 60.11


def test_what_waits_for_a_core_has_not_begun_and_is_no_straggler(work, played):
    """Three cores: of six cohorts that are out three may have begun."""
    experiment, cohorts = work
    there = played(lambda sent: (30.0 if sent.cohort.number < 3 else 59.0, answer(sent.cohort, seconds=30.0)))
    _, history = dispatched(experiment, there, cohorts[:6])
    assert history.incidents == {}


def test_copies_are_four_at_most_and_each_is_waited_for_twice_as_long(work, played):
    experiment, cohorts = work
    there = played(lambda sent: (1000.0 if sent.number == 0 else 1e6, answer(sent.cohort)))
    found, history = dispatched(experiment, there, cohorts[:1])
    assert is_right(found, cohorts[:1])
    waited = np.diff([sent.begins for sent in there.sent])
    ages = np.cumsum(waited)
    assert len(there.sent) == 4
    assert np.allclose(ages, [60, 120, 240], atol=1.5)
    assert history.incidents == {"repeated": 3}
    assert len(history.late) == 3


def test_a_cohort_that_was_answered_is_not_begun_again_for_an_attempt_that_died(work, played):
    """Both copies end in the same look, the one that died first."""
    experiment, cohorts = work
    seconds = {0: (70.0, CRASHED), 1: (70.0, None)}

    def play(sent):
        if sent.cohort.number:
            return 70.0, answer(sent.cohort)
        late, result = seconds.get(sent.number, (1.0, None))
        return 1000.0 + late - CLOCK[0], result or answer(sent.cohort)

    there = played(play)
    found, history = dispatched(experiment, there, cohorts[:1])
    assert is_right(found, cohorts[:1])
    assert len(there.sent) == 2
    assert history.incidents == {"repeated": 1, "lost_with_worker": 1}


def test_while_as_many_are_busy_as_there_are_cores_nothing_is_repeated(work, played, monkeypatch):
    monkeypatch.setattr(dispatcher, "_LOOK", 0.1)
    experiment, cohorts = work
    there = played(
        lambda sent: (1e4 if sent.cohort.number + sent.number == 0 else 2.0, answer(sent.cohort, seconds=2.0))
    )
    found, _ = dispatched(experiment, there, cohorts[:12], nodes=NODES[:1])
    assert is_right(found, cohorts[:12])
    one, two = (sent.begins for sent in there.sent if sent.cohort.number == 0)
    assert two - one == pytest.approx(8.0), "overdue since 6 s; the last two others end at 8"


def test_all_late_answers_are_compared_in_one_look(work, played):
    experiment, cohorts = work
    there, history = (
        played(lambda sent: (100.0 if not sent.number else 1.0, answer(sent.cohort))),
        DispatchHistory(Counter()),
    )
    dispatched(experiment, there, cohorts[:3], history=history)
    late = dict(history.late)
    assert len(late) == 3
    hangs = Sent(cohorts[3], False, 0, {}, CLOCK[0], 1e6)
    history.late[hangs] = (outcome_of(cohorts[3]), "one that hangs", CLOCK[0])
    CLOCK[0] = began = 2000.0
    history.late[hangs] = (*history.late[hangs][:2], CLOCK[0])
    there.play = lambda sent: (0.5, answer(sent.cohort))
    dispatched(experiment, there, cohorts[:1], history=history)
    assert list(history.late) == [hangs]
    assert there.cancelled == []
    assert CLOCK[0] == began + 0.5, "the dispatcher does not wait for a node that hangs"


def test_attempts_that_died_are_no_copies(work, played):
    """After some deaths a cohort that hangs is repeated as any other is."""
    experiment, cohorts = work

    def play(sent):
        return (1.0, CRASHED) if sent.number < 6 else (1e6 if sent.number == 6 else 1.0, answer(sent.cohort))

    there = played(play)
    found, history = dispatched(experiment, there, cohorts[:1])
    assert is_right(found, cohorts[:1])
    assert history.incidents == {"lost_with_worker": 6, "repeated": 1}
    assert there.sent[7].begins - there.sent[6].begins == pytest.approx(60, abs=2)


def test_stragglers_are_repeated_only_where_a_core_is_free_and_nothing_waits(work, played):
    """Overdue cohorts take no place themselves: their machine may be no more."""
    experiment, cohorts = work
    there = played(lambda sent: (1.0 if sent.number else 1e4, answer(sent.cohort)))
    found, history = dispatched(experiment, there, cohorts[:3], nodes=NODES[:1])
    assert is_right(found, cohorts[:3])
    repeats = [sent for sent in there.sent if sent.number]
    assert [sent.cohort.number for sent in repeats] == [0, 1, 2]
    assert (np.diff([sent.begins for sent in repeats]) > 0).all(), "the third one has a core before it has begun"
    assert history.incidents == {"repeated": 3}
    there = played(lambda sent: (1.0 if sent.number else 1e4, answer(sent.cohort)))
    dispatched(experiment, there, cohorts[:2], nodes=NODES[:1])
    one, two = (sent.begins for sent in there.sent if sent.number)
    assert one == two, "both cores are free again"


def test_a_late_answer_is_compared_and_forgotten_where_it_agrees(work, played):
    experiment, cohorts = work
    for add in (0.0, 1e-9):
        there = played(slow_once(100.0, add=add))
        history = DispatchHistory(Counter())
        dispatched(experiment, there, cohorts[:3], history=history)
        assert len(history.late) == 1
        CLOCK[0] += 100.0
        if add:
            with pytest.raises(
                ResultMismatch, match=r"^cohort 1 of generation 0 gave another result on node n0, after"
            ):
                dispatched(experiment, there, cohorts[:1], history=history)
        else:
            dispatched(experiment, there, cohorts[:1], history=history)
        assert history.late == {}
        assert there.cancelled == []


@pytest.mark.parametrize("end", [CRASHED, STALE], ids=["died", "failed"])
def test_a_late_attempt_that_died_or_failed_says_nothing(work, played, end):
    """The files of a run that has ended may have changed when its last attempt reads them: that is no later run's."""
    experiment, cohorts = work

    def play(sent):
        return (100.0, end) if sent.cohort.number == 1 and not sent.number else (1.0, answer(sent.cohort))

    there, history = played(play), DispatchHistory(Counter())
    dispatched(experiment, there, cohorts[:3], history=history)
    CLOCK[0] += 100.0
    dispatched(experiment, there, cohorts[:1], history=history)
    assert history.late == {}


def test_what_hangs_for_more_than_a_minute_and_four_patiences_is_ended(work, played):
    experiment, cohorts = work
    for seconds, patience in ((1.0, 60.0), (10.0, 120.0)):
        there, history = played(slow_once(1e6, others=seconds)), DispatchHistory(Counter())
        dispatched(experiment, there, cohorts[:3], history=history)
        ((reference, (_, _, since)),) = history.late.items()
        CLOCK[0] = since + patience - seconds - 0.01
        dispatched(experiment, there, cohorts[:1], history=history)
        assert list(history.late) == [reference]
        dispatched(experiment, there, cohorts[2:3], history=history)
        assert history.late == {}
        assert there.cancelled == [(reference, True)]


def test_which_cohorts_are_audited_is_drawn_from_the_seed_and_the_generation(small, founded):
    cohort = founded(small())
    for seed, generation in ((0, 0), (3, 5)):
        words = derive(seed, "audit", generation).words(600)[0].tolist()
        which = [is_audited(seed, replace(cohort, generation=generation, number=number)) for number in range(600)]
        assert which == [word < 0.01 * 2**32 for word in words]
        assert any(which)
