"""The contracts of rules, tasks and objectives, written as code, for those of instinct and for user-defined ones.

Each check returns a list of sentences, one for each clause that holds, and raises InputError at the first clause that
does not hold. A component that would fail in a life fails here first, with a clear message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genomes.contract import Clauses
from genomes.streams import Streams, derive
from inner_loop.contracts import specimen
from inner_loop.contracts.rules_in_episodes import check_in_episodes
from inner_loop.lives.sequences import asked
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived, Objective, error_by_autograd, weight_error_by_autograd
from inner_loop.rule import LearningRule
from inner_loop.task import SPLITS, Samples, Split, Task

_STEPS = 12
_WRONG = 1  # the individual whose numbers are set to nan
_OTHERS = [owner for owner in specimen.OWNERS if owner != _WRONG]


def check_rule(rule: LearningRule) -> list[str]:
    """Checks a learning rule, in lives of a small network with a skip projection, biases and a sparse mask.

    Raises:
        InputError: the first clause that does not hold, or an error that the rule itself raises, in one sentence.
    """
    return Clauses(rule).through(lambda clauses: _rule(clauses, rule))


def _rule(clauses: Clauses, rule: LearningRule) -> None:
    clauses.value()
    with torch.inference_mode():
        cohort, twin = specimen.newborn(rule), specimen.newborn(rule)
        born = specimen.tensors(cohort)
        lived = specimen.tensors(specimen.life(rule, cohort, _STEPS))
        layout = {name: (t.shape, t.dtype) for name, t in lived.items()}
        kept = layout == {name: (t.shape, t.dtype) for name, t in born.items()}
        clauses.hold(kept, "weights and biases keep their names, shapes and type")
        clauses.hold(_same(specimen.tensors(twin), born), "a life leaves the newborn's own weights as they were")
        again = specimen.tensors(specimen.life(rule, twin, _STEPS))
        clauses.hold(_same(again, lived), "the same life twice gives the same bytes")
        never = ~cohort.projections[specimen.SPARSE].mask  # type: ignore[operator]
        clauses.hold(bool((lived[specimen.SPARSE][never] == 0).all()), "no weight appears where no synapse grew")
        finite = all(bool(t.isfinite().all()) for t in lived.values())
        clauses.hold(finite, f"weights are finite after {_STEPS} steps with a small teacher")
        _check_neighbours(clauses, rule)
    if not rule.answers_itself:  # such a rule is met in samples alone
        check_in_episodes(clauses, rule)


def _check_neighbours(clauses: Clauses, rule: LearningRule) -> None:
    cohort = specimen.newborn(rule)
    for common, lessons in ((False, "lessons of its own"), (True, "common lessons")):
        clean = specimen.tensors(specimen.life(rule, cohort, _STEPS, common=common))
        beside = specimen.tensors(specimen.life(rule, specimen.with_nan(cohort, _WRONG), _STEPS, common=common))
        same = _same(_rows(beside, _OTHERS), _rows(clean, _OTHERS))
        clauses.hold(same, f"an individual that is not a number leaves its neighbours' bytes alone ({lessons})")
    _check_answer(clauses, rule)
    exact, order = specimen.newborn(rule, torch.float64), [2, 0, 3, 1]
    straight = specimen.tensors(specimen.life(rule, exact, _STEPS))
    shuffled = specimen.tensors(specimen.life(rule, specimen.chosen(exact, order), _STEPS, owners=order))
    near = all(_close(shuffled[name], t, 1e-12) for name, t in _rows(straight, order).items())
    clauses.hold(near, "individuals in another order live the same lives (to 1e-12)")


def _check_answer(clauses: Clauses, rule: LearningRule) -> None:
    """Activities of every group, those of an individual its own."""
    network, cohort = Network(specimen.TOPOLOGY), specimen.newborn(rule, torch.float64)
    inputs = derive(0, "exam").normal(specimen.TOPOLOGY.sensory.size, 5)
    weights, order = Weights.born(cohort), [2, 0, 3, 1]
    answers = rule.answer(network, weights, inputs, cohort)
    sizes = {g.name: {(cohort.lives, g.size, 5), (1, g.size, 5)} for g in specimen.TOPOLOGY.groups}
    fits = set(answers) == set(sizes) and all(answers[name].shape in sizes[name] for name in sizes)
    clauses.hold(fits, "answers are activities of every group, (P, units, B)", {n: a.shape for n, a in answers.items()})
    kept = all(map(torch.equal, specimen.tensors(weights).values(), specimen.tensors(Weights.born(cohort)).values()))
    clauses.hold(kept, "an answer does not write into the weights")
    other = specimen.chosen(cohort, order)
    beside = rule.answer(network, Weights.born(other), inputs, other)[network.output]
    clauses.hold(
        _close(beside, answers[network.output][order], 1e-12), "individuals in another order give the same answers"
    )


def check_objective(objective: Objective) -> list[str]:
    """Checks an objective: its error is the gradient of its loss, a mean over the samples.

    Raises:
        InputError: the first clause that does not hold, or an error that the objective itself raises, in one sentence.
    """
    return Clauses(objective).through(lambda clauses: _objective(clauses, objective))


def _objective(clauses: Clauses, objective: Objective) -> None:
    clauses.value()
    lived = specimen.moment(objective)
    before = {name: y.clone() for name, y in (*lived.activities.items(), ("targets", lived.targets))}
    loss = objective.loss(lived)
    clauses.hold(loss.shape == (len(specimen.OWNERS),), "loss is one number a life, (P,)", tuple(loss.shape))
    clauses.hold(bool(loss.isfinite().all()), "loss is finite")
    error, by_weights = objective.error(lived), objective.weight_error(lived)
    told = bool(error or by_weights) and set(error) <= set(lived.activities)
    clauses.hold(told, "errors are named by group, or by projection those of the weights", [*error, *by_weights])
    shapes = {name: tuple(e.shape) for name, e in error.items()}
    wanted = {name: tuple(lived.activities[name].shape) for name in error}
    clauses.hold(shapes == wanted, "errors have the shape of the activity, (P, units, B)", shapes)
    given = {**lived.activities, "targets": lived.targets}
    clauses.hold(_same(before, given), "neither loss nor error writes into the activity or the targets")
    lent = {t.untyped_storage().data_ptr() for t in given.values()}
    new = all(e.untyped_storage().data_ptr() not in lent for e in error.values())
    clauses.hold(new, "errors are newly allocated, so that a rule may write into them")
    _check_error(clauses, objective, lived, loss, error)
    slopes = weight_error_by_autograd(objective, lived)
    assert lived.weights is not None, "a specimen has weights"
    nothing = {name: torch.zeros_like(w) for name, w in lived.weights.projections.items()}
    equal = all(_close({**nothing, **by_weights}[n], {**nothing, **slopes}[n], 1e-12) for n in nothing)
    clauses.hold(equal, "weight_error is the gradient of loss by the weights (autograd, to 1e-12)")
    _check_memory(clauses, objective, lived)


def _check_memory(clauses: Clauses, objective: Objective, lived: Lived) -> None:
    """Checks that `after` is pure, and that the memory of an individual does not depend on the others."""
    kept = [part.clone() for part in _remembered(lived.memory)]
    once, again = objective.after(lived), objective.after(lived)
    pure = all(map(torch.equal, _remembered(once), _remembered(again)))
    clauses.hold(pure, "the same step twice is remembered in the same way")
    clauses.hold(all(map(torch.equal, _remembered(lived.memory), kept)), "after does not write into the memory")
    wrong = {name: y.clone().index_fill_(0, torch.tensor(_WRONG), torch.nan) for name, y in lived.activities.items()}
    beside = _remembered(objective.after(replace(lived, activities=wrong)))
    own = all(torch.equal(a[_OTHERS], b[_OTHERS]) for a, b in zip(beside, _remembered(once), strict=True))
    clauses.hold(own, "an individual that is not a number leaves its neighbours' memory alone")


def _remembered(memory: Any) -> list[Tensor]:
    """All tensors of a memory."""
    if isinstance(memory, Tensor):
        return [memory]
    inner = memory.values() if isinstance(memory, Mapping) else memory if isinstance(memory, (tuple, list)) else ()
    return [tensor for part in inner for tensor in _remembered(part)]


def _check_error(clauses: Clauses, objective: Objective, lived: Lived, loss: Tensor, error: dict[str, Tensor]) -> None:
    slopes = error_by_autograd(objective, lived)
    nothing = {name: torch.zeros_like(y) for name, y in lived.activities.items()}
    equal = all(_close({**nothing, **error}[n], {**nothing, **slopes}[n], 1e-12) for n in nothing)
    clauses.hold(equal, "error is the gradient of loss (autograd, to 1e-12)")
    doubled = {name: torch.cat([y, y], 2) for name, y in lived.activities.items()}
    twice = objective.loss(replace(lived, activities=doubled, targets=torch.cat([lived.targets] * 2, 2)))
    clauses.hold(_close(twice, loss, 1e-12), "loss is a mean over the samples: each of them twice changes nothing")
    wrong = {name: y.clone().index_fill_(0, torch.tensor(_WRONG), torch.nan) for name, y in lived.activities.items()}
    beside = objective.error(replace(lived, activities=wrong))
    same = _same(_rows(beside, _OTHERS), _rows(error, _OTHERS))
    clauses.hold(same, "an individual that is not a number leaves its neighbours' errors alone")


def check_task(task: Task) -> list[str]:
    """Checks a task: a stream depends only on its key, the splits share no samples, and the scores are meaningful.

    Raises:
        InputError: the first clause that does not hold, or an error that the task itself raises, in one sentence.
    """
    return Clauses(task).through(lambda clauses: _task(clauses, task))


def _task(clauses: Clauses, task: Task) -> None:
    clauses.value()
    units = (task.inputs, task.outputs)
    clauses.hold(min(units) >= 1, "inputs and outputs are at least one unit each", units)
    names = task.score_names
    clauses.hold(names and len(set(names)) == len(names), "every score has a name of its own", names)
    clauses.hold(task.fingerprint() == task.fingerprint(), "the fingerprint of its data does not change")
    if task.steps:
        ordered = sorted({*task.answered} & {*range(task.steps)})
        clauses.hold(ordered and ordered == list(task.answered), "answered steps ascend within a sequence", ordered)
    contents = {}
    for split in SPLITS:
        size = task.size(split)
        clauses.hold(size >= 1, f"{split}: at least one sample measures it", size)
        _check_stream(clauses, task, split)
        contents[split] = _check_cover(clauses, task, split, size)
    for split in ("train", "selection"):
        mine, held_out = contents[split], contents["test"]
        if mine is not None and held_out is not None:
            shared = len(mine.keys() & held_out.keys())
            clauses.hold(shared == 0, f"{split} and test share no sample", f"{shared} in both")
    _check_scores(clauses, task)


def _check_stream(clauses: Clauses, task: Task, split: Split) -> None:
    streams = derive(0, "check", owners=(11, 5, 8))
    drawn = _pair(task.draw(split, 7, streams))
    shapes = {name: tuple(t.shape) for name, t in drawn.items()}
    time, named = ((task.steps,), "K, T") if task.steps else ((), "K")
    wanted = {"inputs": (3, *time, task.inputs, 7), "targets": (3, *time, task.outputs, 7)}
    clauses.hold(
        shapes == wanted, f"{split}: inputs ({named}, input units, n), targets ({named}, output units, n)", shapes
    )
    clauses.hold(all(bool(t.isfinite().all()) for t in drawn.values()), f"{split}: samples are finite")
    clauses.hold(_same(_pair(task.draw(split, 7, streams)), drawn), f"{split}: the same draw gives the same bytes")
    first, then = _pair(task.draw(split, 3, streams)), _pair(task.draw(split, 4, streams, 3))
    goes_on = all(_close(torch.cat([first[name], then[name]], -1), t, 1e-5) for name, t in drawn.items())
    clauses.hold(goes_on, f"{split}: a draw begins where the one before it ended")
    alone = _pair(task.draw(split, 7, Streams(streams.keys[1:2])))
    own = all(_close(alone[name], t[1:2], 1e-5) for name, t in drawn.items())
    clauses.hold(own, f"{split}: a stream does not depend on how many others there are")


def _check_cover(clauses: Clauses, task: Task, split: Split, size: int) -> Counter[bytes] | None:
    """The count of each sample in a finite split; None if the streams differ or have no end."""
    streams = [derive(0, f"check {i}") for i in range(3)]
    first, then = ([_counted(task.draw(split, size, stream, start)) for stream in streams] for start in (0, size))
    if first == then:
        common = first[0] == first[1] == first[2]
        what = "it" if common else "what a stream has"
        clauses.hold(True, f"{split}: a draw of its size covers {what} exactly once, epoch after epoch")
        return first[0] if common else None
    different = len(first[0] | first[1] | first[2])
    clauses.hold(
        different > size and first[0] != first[1],
        f"{split}: either a draw of its size covers it exactly once, or there is no end to its samples",
        f"draws of {size} that differ, with {different} different samples in all",
    )
    return None


def _check_scores(clauses: Clauses, task: Task) -> None:
    count = min(task.size("selection"), 256)
    targets = task.draw("selection", count, derive(0, "check")).targets
    targets = asked(targets, task) if task.steps else targets
    noise = derive(1, "check", owners=specimen.OWNERS).normal(*targets.shape[1:]).to(targets)
    right = task.scores(targets.expand(len(noise), -1, -1), targets)
    random = task.scores(noise, targets)
    clauses.hold(sorted(right) == sorted(task.score_names), "scores are those in score_names", list(right))
    shaped = all(s.shape == (len(noise),) and s.dtype == torch.float64 for s in (*right.values(), *random.values()))
    clauses.hold(shaped, "each score is one number a life, (P,) float64")
    for name in task.score_names:
        better = bool((right[name] >= random[name]).all())
        clauses.hold(better, f"{name}: the targets themselves score no worse than random outputs")
    wrong = task.scores(noise.clone().index_fill_(0, torch.tensor(_WRONG), torch.nan), targets)
    hidden = [name for name, score in wrong.items() if bool(score[_WRONG].isfinite())]
    clauses.hold(not hidden, "outputs that are not numbers get no finite score", hidden)
    same = _same(_rows(wrong, _OTHERS), _rows(random, _OTHERS))
    clauses.hold(same, "outputs that are not numbers leave the scores of the other lives alone")


def _pair(samples: Samples) -> dict[str, Tensor]:
    return {"inputs": samples.inputs, "targets": samples.targets}


def _counted(samples: Samples) -> Counter[bytes]:
    """The count of each sample with its target in the first stream."""
    both = torch.cat([samples.inputs[0], samples.targets[0]], dim=-2).movedim(-1, 0).contiguous().cpu().numpy()
    return Counter(row.tobytes() for row in both)


def _rows(named: Mapping[str, Tensor], rows: list[int]) -> dict[str, Tensor]:
    return {name: t[rows] for name, t in named.items()}


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Compares bit for bit; nan counts as equal to nan."""
    return one.keys() == other.keys() and all(
        one[name].shape == other[name].shape
        and torch.equal(one[name].nan_to_num(), other[name].nan_to_num())
        and torch.equal(one[name].isnan(), other[name].isnan())
        for name in one
    )


def _close(one: Tensor, other: Tensor, tolerance: float) -> bool:
    return torch.allclose(one, other, rtol=tolerance, atol=tolerance)
