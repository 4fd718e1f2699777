"""Every registered rule, task and objective keeps its contract; and a contract that is broken is noticed, in words."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.evolve import Evolvable, Evolve
from genomes.streams import derive
from inner_loop.contracts import specimen
from inner_loop.contracts.objectives import check_objective
from inner_loop.contracts.rules import check_rule
from inner_loop.contracts.tasks import check_task
from inner_loop.lives.samples import Lifetime, live
from inner_loop.network import Weights
from inner_loop.objective import Objective
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rule import LearningRule
from inner_loop.rules import RULES
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.rules.output_only import OutputOnly
from inner_loop.task import Samples, Task
from inner_loop.tasks import TASKS
from inner_loop.tasks.arrays import Arrays
from inner_loop.tasks.copy_memory import CopyMemory
from inner_loop.tasks.sinusoid import Sinusoid
from inner_loop.tasks.teacher import Teacher

TEACHER = Teacher(4, 3, hidden=0, measured=40, teacher_seed=1)
RATE = {per: Evolve((1e-3, 0.1), scale="log", per=per) for per in ("individual", "projection", "types")}
EVOLVED = [
    *(Backprop(learning_rate=rate, momentum=Evolve((0.0, 0.95))) for rate in RATE.values()),
    OutputOnly(learning_rate=RATE["types"], momentum=Evolve((0.0, 0.95))),
    Hebbian(learning_rate=RATE["types"], constant=Evolve((-1.0, 1.0), per="projection"), taught=True),
]
VARIANTS = [*(rule() for rule in RULES), *(pytest.param(rule, marks=pytest.mark.slow) for rule in EVOLVED)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "data.npz"
    numbers = np.random.default_rng(0)
    labels = {f"y_{part}": np.arange(n) % 3 for part, n in (("train", 60), ("test", 20))}
    np.savez(path, x_train=numbers.normal(size=(60, 5)), x_test=numbers.normal(size=(20, 5)), **labels)
    return str(path)


@pytest.mark.parametrize("rule", VARIANTS, ids=repr)
def test_rules_keep_their_contract(rule):
    said = check_rule(rule, by_twin=False)
    assert len(said) >= 10
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("task", TASKS)
def test_tasks_keep_their_contract(task, data):
    said = check_task(task(data) if task is Arrays else task())
    finite = [sentence for sentence in said if "exactly once, epoch after epoch" in sentence]
    assert len(finite) == {Teacher: 0, Sinusoid: 1, CopyMemory: 0}.get(task, 3)
    assert ("train and test share no sample" in said) == (task not in (Teacher, Sinusoid, CopyMemory))


@dataclass(frozen=True)
class Broken(LearningRule[tuple[()]]):
    """Moves every grown weight by what `change` says."""

    change: object = None

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return self.change(weights, lived, newborn) or weights, state


def noise(weights, lived, newborn):
    weights.projections["hidden -> output"] += torch.rand(())


def everywhere(weights, lived, newborn):
    weights.flat.add_(0.1)


def by_place(weights, lived, newborn):
    weights.projections["hidden -> output"] += torch.arange(4.0).to(weights.flat)[:, None, None]


def by_the_mean(weights, lived, newborn):
    weights.projections["hidden -> output"] -= weights.projections["hidden -> output"].mean(0, keepdim=True)


def into_birth(weights, lived, newborn):
    newborn.projections["hidden -> output"].weight.mul_(0.5)


def explode(weights, lived, newborn):
    weights.projections["hidden -> output"] *= 1e20


def transposed(weights, lived, newborn):
    blocks = {name: w.mT.contiguous() for name, w in weights.projections.items()} if lived.step == 11 else None
    return blocks and Weights.packed(blocks, weights.biases)


def raises(weights, lived, newborn):
    return newborn.traits["rule.momentum"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (noise, "the same life twice gives the same bytes"),
        (everywhere, "no weight appears where no synapse grew"),
        (by_place, "individuals in another order"),
        (by_the_mean, "leaves its neighbours' bytes alone"),
        (into_birth, "leaves the newborn's own weights"),
        (explode, "weights are finite"),
        (transposed, r"expected weights of input -> hidden of shape \(4, 6, 5\), got \(4, 5, 6\)"),
        (raises, r"raises\(\), line \d+: raised KeyError: 'rule.momentum'"),
    ],
)
def test_a_broken_rule_is_told_what_is_broken(change, words):
    with pytest.raises(InputError, match="Broken: ") as caught:
        check_rule(Broken(change))
    assert caught.match(words)


def test_a_component_that_is_no_value_is_refused():
    class Stateful(LearningRule[tuple[()]]):
        init = step = None

    with pytest.raises(InputError, match="frozen dataclass"):
        check_rule(Stateful())


@dataclass(frozen=True)
class Spoilt(Task):
    """A teacher with one fault; or a table of 40 numbers, finite."""

    fault: str
    good: Task = TEACHER

    inputs = property(lambda self: self.good.inputs + (self.fault == "units"))
    outputs = property(lambda self: self.good.outputs)
    score_names = property(lambda self: () if self.fault == "names" else self.good.score_names)

    def size(self, split):
        return 0 if self.fault == "empty" else self.good.size(split)

    def draw(self, split, samples, streams, start=0):
        if self.fault == "random":
            samples_ = self.good.draw(split, samples, streams, start)
            return Samples(samples_.inputs + torch.rand(()), samples_.targets)
        if self.fault == "start":
            return self.good.draw(split, samples, streams)
        if self.fault == "owners":
            samples_ = self.good.draw(split, samples, streams, start)
            return Samples(samples_.inputs + streams.owners, samples_.targets)
        if self.fault == "nan":
            samples_ = self.good.draw(split, samples, streams, start)
            return Samples(samples_.inputs, samples_.targets / 0.0)
        if self.fault in ("replacement", "leak"):
            return self.table(split, samples, streams, start)
        return self.good.draw(split, samples, streams, start)

    def table(self, split, samples, streams, start):
        """40 samples: drawn with replacement, or the same ones in every split."""
        index = streams.integers(40, samples, start=start)
        if self.fault == "leak":
            index = (torch.arange(samples) + start).expand(streams.owners, -1) % 40
        inputs = index[:, None, :].float() + torch.arange(self.inputs)[:, None]
        return Samples(inputs, inputs[:, :3] * 2.0)

    def scores(self, outputs, targets):
        scores = self.good.scores(outputs, targets)
        if self.fault == "float32":
            return {name: s.float() for name, s in scores.items()}
        if self.fault == "backwards":
            return {name: -s for name, s in scores.items()}
        if self.fault == "hides nan":
            return {name: s.nan_to_num(0.0) for name, s in scores.items()}
        if self.fault == "spreads nan":
            return {name: s + 0.0 * s.sum() for name, s in scores.items()}
        return scores


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("units", r"inputs \(K, input units, n\)"),
        ("names", "every score has a name"),
        ("empty", "at least one sample"),
        ("random", "the same draw gives the same bytes"),
        ("start", "begins where the one before it ended"),
        ("owners", "does not depend on how many others"),
        ("nan", "samples are finite"),
        ("replacement", "either a draw of its size covers it exactly once"),
        ("leak", "train and test share no sample; got 40 in both"),
        ("float32", r"\(P,\) float64"),
        ("backwards", "score no worse than random outputs"),
        ("hides nan", "get no finite score"),
        ("spreads nan", "leave the scores of the other lives alone"),
    ],
)
def test_a_broken_task_is_told_what_is_broken(fault, words):
    assert check_task(Spoilt("none"))
    with pytest.raises(InputError, match=words):
        check_task(Spoilt(fault))


@dataclass(frozen=True)
class Wrong(Objective):
    """Squared error with one fault."""

    fault: str

    def loss(self, lived):
        loss = SquaredError().loss(lived)
        if self.fault == "sum":
            return loss * lived.targets.shape[2]
        return loss.sum() if self.fault == "scalar" else loss

    def error(self, lived):
        output = lived.activities[lived.output]
        error = SquaredError().error(lived)["output"]
        faulty = {
            "slope": {"output": error * 1.001},
            "sum": {"output": error * output.shape[2]},
            "hidden": {"output": error, "hidden": lived.activities["hidden"]},
            "lent": {"output": output},
            "shape": {"output": error[:, :1]},
            "name": {"readout": error},
            "mean": {"output": error + 0.0 * error.mean(0)},
        }
        if self.fault == "writes":
            return {"output": output.sub_(lived.targets).div(output.shape[2])}
        return faulty.get(self.fault, {"output": error})


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("slope", "gradient of loss"),
        ("sum", "a mean over the samples"),
        ("scalar", r"\(P,\)"),
        ("hidden", "newly allocated"),
        ("lent", "newly allocated"),
        ("shape", r"\(P, units, B\)"),
        ("name", "named by group.*; got \\['readout'\\]"),
        ("mean", "leaves its neighbours' errors alone"),
        ("writes", "writes into the activity"),
    ],
)
def test_a_broken_objective_is_told_what_is_broken(fault, words):
    assert check_objective(Wrong("none"))
    with pytest.raises(InputError, match=words):
        check_objective(Wrong(fault))


def test_an_error_that_forgets_a_group_is_noticed():
    @dataclass(frozen=True)
    class Sparse(Objective):
        def loss(self, lived):
            return SquaredError().loss(lived) + lived.activities["hidden"].square().sum(1).mean(1)

        def error(self, lived):
            return SquaredError().error(lived)

    assert replace(Sparse()) == Sparse()
    with pytest.raises(InputError, match="gradient of loss"):
        check_objective(Sparse())


@final
@dataclass(frozen=True)
class Settled(LearningRule[tuple[()]]):
    """A rule whose networks answer by a hidden activity that is doubled, as a settled activity may be."""

    own: bool = True

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state

    def answer(self, network, weights, inputs, newborn):
        activities = network.activity(weights, inputs)
        return {**activities, network.output: -activities[network.output]}


def test_a_rule_that_answers_in_its_own_way_is_examined_so_at_birth_and_after():
    newborn, task = specimen.newborn(Frozen(), torch.float64), Teacher(5, 3, hidden=4, measured=64)
    plain, own = (live(newborn, rule, None, task, Lifetime(2, 4), derive(0, "life")) for rule in (Frozen(), Settled()))
    assert "answers are activities of every group, (P, units, B)" in check_rule(Settled())
    for when in ("innate", "learned"):
        assert (own[f"{when}.explained_variance"] != plain[f"{when}.explained_variance"]).all()
    assert Settled().answers_itself
    assert not Frozen().answers_itself


@final
@dataclass(frozen=True)
class Restless(LearningRule[tuple[()]]):
    """Hebb's rule that does not look at which episodes have ended, or divides by a number that may be silent."""

    scale: Evolvable = 1.0
    fault: str = ""

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        for edge in newborn.topology.edges:
            pre, post = network.presynaptic(edge, lived.activities, lived.before), lived.activities[edge.post]
            if lived.alive is not None and self.fault != "ended":
                post = torch.where(lived.alive[:, None, :], post, 0.0)
                pre = torch.where(lived.alive[:, None, :], pre, 0.0)
            scale = newborn.traits["rule.scale"][:, None, None].to(post)
            change = 0.01 * torch.tanh(post @ pre.mT) * (1.0 / scale if self.fault == "divides" else scale)
            mask = newborn.projections[edge.name].mask
            weights.projections[edge.name] += change if mask is None else torch.where(mask, change, 0.0)
        return weights, state


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "clause"),
    [("ended", "where lived.alive is False, teaches nothing"), ("divides", "every number at its neutral value")],
)
def test_a_rule_that_is_broken_in_episodes_is_told_so(fault, clause):
    assert any("recurrent" in sentence for sentence in check_rule(Restless()))
    with pytest.raises(InputError, match=clause):
        check_rule(Restless(fault=fault))
