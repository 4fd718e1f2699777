"""The contract of tasks, written as code, for those of instinct and for user-defined ones."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor

from genomes.contract import Clauses
from genomes.streams import Streams, derive
from inner_loop.contracts import specimen
from inner_loop.contracts.specimen import OTHERS, WRONG, nearly, rows_of, same_bytes
from inner_loop.lives.sequences import asked
from inner_loop.task import SPLITS, Samples, Split, Task


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
    clauses.hold(same_bytes(_pair(task.draw(split, 7, streams)), drawn), f"{split}: the same draw gives the same bytes")
    first, then = _pair(task.draw(split, 3, streams)), _pair(task.draw(split, 4, streams, 3))
    goes_on = all(nearly(torch.cat([first[name], then[name]], -1), t, 1e-5) for name, t in drawn.items())
    clauses.hold(goes_on, f"{split}: a draw begins where the one before it ended")
    alone = _pair(task.draw(split, 7, Streams(streams.keys[1:2])))
    own = all(nearly(alone[name], t[1:2], 1e-5) for name, t in drawn.items())
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
        f"draws of {size} that differ, with only {different} different samples, not more than measure the split",
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
    wrong = task.scores(noise.clone().index_fill_(0, torch.tensor(WRONG), torch.nan), targets)
    hidden = [name for name, score in wrong.items() if bool(score[WRONG].isfinite())]
    clauses.hold(not hidden, "outputs that are not numbers get no finite score", hidden)
    same = same_bytes(rows_of(wrong, OTHERS), rows_of(random, OTHERS))
    clauses.hold(same, "outputs that are not numbers leave the scores of the other lives alone")


def _pair(samples: Samples) -> dict[str, Tensor]:
    return {"inputs": samples.inputs, "targets": samples.targets}


def _counted(samples: Samples) -> Counter[bytes]:
    """The count of each sample with its target in the first stream."""
    both = torch.cat([samples.inputs[0], samples.targets[0]], dim=-2).movedim(-1, 0).contiguous().cpu().numpy()
    return Counter(row.tobytes() for row in both)
