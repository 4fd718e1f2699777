"""The twin of all worlds of single trials: a step of 16 trials reads one row of the tables that the reset wrote."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32

from inner_loop.twins.layout import WIDTH, Places
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import fill, load, store, where


def begin(world: Any, block: Any) -> Any:
    """The block's part of the tables; False: no trial is closed, none is correct."""
    zero = fill(float32(0.0))
    return block % len(world.rows), zero > zero, zero > zero


def sense(world: Any, state: Any, block: Any, time: Any, activity: Any) -> Any:
    """The observation of this row."""
    rows, row = world.rows.reshape(-1), WIDTH * world.columns * (state[0] * world.steps + time)
    for i in range(0, WIDTH * world.inputs, WIDTH):
        store(activity, i, load(rows, row + i))


def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
    """The reward of the action in this row, as in `Scheme.step`."""
    part, closed, correct = state
    rows, row = world.rows.reshape(-1), WIDTH * world.columns * (part * world.steps + time)
    pay = row + WIDTH * world.inputs
    right = pay + WIDTH * world.actions
    decides = right + WIDTH * world.actions
    zero, one = fill(float32(0.0)), fill(float32(1.0))
    reward, success = zero, zero
    for i in range(world.actions):
        chosen = action == float32(i)
        reward = where(chosen, load(rows, pay + WIDTH * i), reward)
        success = where(chosen, load(rows, right + WIDTH * i), success)
    undecided, last = where(closed, zero, one), load(rows, decides + WIDTH) > zero
    correct = correct | (success * undecided > zero)
    closed = closed | ((action > zero) & (load(rows, decides) > zero)) | last
    ended = closed if world.interrupt else last
    return (part, closed, correct), reward * undecided, ended


def teach(world: Any, state: Any, block: Any, time: Any, targets: Any, at_targets: Any) -> Any:
    """The right action, one-hot, and the weight of this row."""
    rows, row = world.rows.reshape(-1), WIDTH * world.columns * (state[0] * world.steps + time)
    target = row + WIDTH * (world.inputs + 2 * world.actions + 2)
    for i in range(0, WIDTH * world.actions, WIDTH):
        store(targets, at_targets + i, load(rows, target + i))
    return load(rows, target + WIDTH * world.actions)


def finish(world: Any, state: Any, block: Any) -> Any:
    """1 for a correct trial."""
    correct = where(state[2], fill(float32(1.0)), fill(float32(0.0)))
    store(world.correct.reshape(-1), WIDTH * block, correct)


@twin(begin=begin, sense=sense, step=step, teach=teach, finish=finish)
class TrialTwin(NamedTuple):
    """Trials of 16 episodes side by side.

    Attributes:
        steps, inputs, actions: of the world.
        columns: numbers of a row.
        interrupt: as in `Scheme`.
        rows: the numbers of each step: the observation; the reward of each action; for each action, 1 if it is a
            success; 1 if any action but fixation is the answer; 1 at the last step; the target of each output, and its
            weight. (parts, steps * columns, 16).
        correct: written: 1 for a correct trial, (blocks, 1, 16).
    """

    steps: int
    inputs: int
    actions: int
    columns: int
    interrupt: bool
    rows: np.ndarray
    correct: np.ndarray


def twin_of(trial: Any, steps: int, interrupt: bool, places: Places) -> TrialTwin:
    """The twin of trials, from their tables (`Trial`), whose row after the last step is not needed."""
    flags = torch.stack((trial.decides, trial.last), 2)
    parts = trial.observation, trial.pay, trial.right, flags, trial.target, trial.weight[:, :, None]
    tables = [table[:steps].float() for table in parts]
    rows = torch.cat(tables, 2)
    inputs, actions, columns = trial.observation.shape[2], trial.pay.shape[2], rows.shape[2]
    in_lanes = places.table(rows.movedim(0, 1).flatten(1, 2))
    return TrialTwin(steps, inputs, actions, columns, interrupt, in_lanes, places.zeros())
