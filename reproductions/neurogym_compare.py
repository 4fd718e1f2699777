#!/usr/bin/env python3
"""Compares the five cognitive worlds with NeuroGym (Molano-Mazón et al. 2022).

NeuroGym 2.3.1 needs Gymnasium 0.29 and numpy 2.2, so it gets its own environment (it imports torch without declaring
it), and the comparison has two halves with a file of facts between them:

    python3 -m venv neurogym && neurogym/bin/pip install torch neurogym==2.3.1
    neurogym/bin/python reproductions/neurogym_compare.py record facts.json     # there: NeuroGym alone
    python reproductions/neurogym_compare.py compare facts.json                 # here: instinct alone

`record` drives NeuroGym without noise: trials of many conditions, with several scripted behaviours each. `compare`
draws trials of our worlds, finds the same trials among them (same observations and targets at every step), drives them
in the same way and compares rewards, the end of the trial and its success; then the lengths of trials of random
duration, and the size of the noise. It prints a line for each comparison, and exits with 1 if any differs.

Not compared, because NeuroGym differs by design: its `reset` takes a first, random action, so the first trial after a
reset is seen from its second step on; its GoNogo loses the success of no-go trials, except in the first trial. Its
ReadySetGo counts the interval from the start of Set for rewards, and from the end of Set in its ground truth; this is
compared, and `ReadySetGo(aligned=True)` corrects it.

Any other environment of NeuroGym can be used through the world `Gymnasium`. One obstacle: NeuroGym ignores the seed of
`reset`. A file seeded.py registers an environment that uses it:

    import gymnasium, neurogym

    class Seeded(gymnasium.Wrapper):
        def reset(self, *, seed=None, options=None):
            if seed is not None:
                self.unwrapped.seed(seed)
            return self.env.reset(seed=seed, options=options)

    gymnasium.register("Seeded/AntiReach-v0", lambda **given: Seeded(neurogym.make("AntiReach-v0", **given)))

With `world: {kind: Gymnasium, id: Seeded/AntiReach-v0, longest: 45}` in experiment.yaml, instinct installed beside
NeuroGym, and in one process, since no other process has imported seeded.py:

    neurogym/bin/python -c "import seeded; from evo.cli.main import main; main()" evolve experiment.yaml --serial
"""

from __future__ import annotations

import importlib
import itertools
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ABOUT = (
    "NeuroGym's own behaviour, written by reproductions/neurogym_compare.py record; the reference, not to be edited."
)
DRAWN, MANY, NOISY = 1024, 50_000, 2_000  # trials to find one in, to time, to measure the noise of


@dataclass(frozen=True)
class Case:
    """One environment with its arguments, our world with its fields, and the trials to be driven."""

    environment: str
    world: str
    arguments: dict[str, Any]
    fields: dict[str, Any]
    trials: tuple[dict[str, Any], ...] = ({},)
    stimulus: tuple[slice, ...] = ()  # steps and channels with noise


def every(**values: Sequence[Any]) -> tuple[dict[str, Any], ...]:
    """All combinations."""
    return tuple(dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values()))


DOTS = "PerceptualDecisionMaking-v0", "perceptual_decision:PerceptualDecision"
MATCH = "DelayMatchSample-v0", "delayed_match:DelayedMatch"
CONTEXT = "ContextDecisionMaking-v0", "context_integration:ContextIntegration"
GO = "GoNogo-v0", "go_no_go:GoNoGo"
READY = "ReadySetGo-v0", "ready_set_go:ReadySetGo"
STILL = {"sigma": 0.0}
FOUR = {"dim_ring": 4, "abort": True, "timing": {"stimulus": 550, "delay": 300, "decision": 300}}
OUR_FOUR = {"directions": 4, "scheme": {"must_fixate": True}, "stimulus": 550.0, "delay": 300.0, "decision": 300.0}
CUED, OUR_CUED = {"use_expl_context": True, "timing": {"delay": 600}}, {"delay": 600.0}
SECOND = {"impl_context_modality": 1, "dim_ring": 3, "timing": {"delay": 350}}
OUR_SECOND = {"context": "second", "directions": 3, "delay": 350.0}
SAMPLES = every(ground_truth=[1, 2], sample_theta=[0.0, math.pi])

TRIALS = {
    "dots": Case(*DOTS, STILL, STILL, every(ground_truth=[0, 1], coh=[0, 6.4, 12.8, 25.6, 51.2])),
    "four ways": Case(*DOTS, STILL | FOUR, STILL | OUR_FOUR, every(ground_truth=[0, 1, 3], coh=[25.6])),
    "match": Case(*MATCH, STILL, STILL, SAMPLES),
    "match of eight": Case(*MATCH, STILL | {"dim_ring": 8}, STILL | {"directions": 8}, SAMPLES),
    "context": Case(
        *CONTEXT, STILL | CUED, STILL | OUR_CUED,
        every(ground_truth=[1, 2], other_choice=[1, 2], context=[0, 1], coh_1=[5, 50], coh_2=[15]),
    ),
    "no cue": Case(
        *CONTEXT, STILL | SECOND, STILL | OUR_SECOND,
        every(ground_truth=[1, 3], other_choice=[2], coh_1=[15], coh_2=[5, 50]),
    ),
    "go": Case(*GO, {}, {}, every(ground_truth=[0, 1])),
    "ready": Case(*READY, {"timing": {"measure": 1000}}, {"measure": 1000.0}),
    "gain": Case(*READY, {"timing": {"measure": 810}, "gain": 1.5}, {"measure": 810.0, "gain": 1.5}),
}  # fmt: skip
"""Worlds that are compared step by step."""

TIMED = {"context": Case(*CONTEXT, {}, {}), "ready": Case(*READY, {}, {})}
"""Worlds of random length, by default."""

NOTHING = {"coherences": (0.0,)}
BRIEF, OUR_BRIEF = {"dt": 20, "timing": {"stimulus": 200}}, NOTHING | {"dt": 20.0, "stimulus": 200.0}
NOISE = {
    "dots": Case(*DOTS, {}, NOTHING, ({"coh": 0},), (slice(1, 21), slice(1, 3))),
    "steps of 20 ms": Case(*DOTS, BRIEF, OUR_BRIEF, ({"coh": 0},), (slice(5, 15), slice(1, 3))),
    "context": Case(*CONTEXT, {}, NOTHING, ({"coh_1": 0, "coh_2": 0},), (slice(3, 10), slice(1, 5))),
}
"""Worlds with stimuli of 0.5 plus noise, by default."""


def behaviours(truth: Sequence[int], decision: int, actions: int) -> Iterator[tuple[str, list[int]]]:
    """The behaviours in a trial with its decision period from step `decision` on: a name, and an action a step."""
    before, during = [0] * decision, truth[decision:]
    answer, other, silent = max(during), during[0] % (actions - 1) + 1, [0] * len(during)
    right = [answer if step == during.index(answer) else 0 for step in range(len(during))]
    yield "none", before + silent
    yield "right", before + right
    yield "late", [*before, *silent[1:], answer]
    yield "other, late", [*before, *silent[1:], other]
    yield "other", [*before, other, *silent[1:]]
    yield "other, then right", [*before, other, *(answer for _ in silent[1:])]
    yield "premature", [1, *before[1:], *right]
    yield "early", [1 for _ in before] + right
    if during.count(answer) == 1 < len(during):  # the time of the answer matters
        for step in range(len(during)):
            yield f"at step {step}", before + [int(step == i) for i in range(len(during))]


def squeezed(values: Sequence[Any]) -> list[list[Any]]:
    """Runs of equal values: their lengths and values."""
    return [[len(list(run)), value] for value, run in itertools.groupby(values)]


def stretched(runs: Sequence[Sequence[Any]]) -> list[Any]:
    """The inverse of the run-length code."""
    return [value for count, value in runs for _ in range(count)]


def record(path: Path) -> int:
    """Writes the facts; runs in NeuroGym's environment."""
    from importlib.metadata import version

    facts: dict[str, Any] = {"about": ABOUT, "versions": {name: version(name) for name in ("neurogym", "gymnasium")}}
    facts["trials"] = {name: [_recorded(case, given) for given in case.trials] for name, case in TRIALS.items()}
    facts["lengths"] = {name: _lengths(case) for name, case in TIMED.items()}
    facts["noise"] = {name: _deviation(case) for name, case in NOISE.items()}
    text = json.dumps(facts, separators=(",", ":"))
    path.write_text(text.replace('{"given"', '\n{"given"').replace('"lengths"', '\n"lengths"') + "\n", encoding="utf-8")
    print(f"{path}: {len(text)} bytes")
    return 0


def _made(case: Case) -> Any:
    import neurogym

    return neurogym.make(case.environment, **case.arguments).unwrapped


def _begun(environment: Any, given: dict[str, Any]) -> None:
    """A trial from its first step on, which `reset` would skip."""
    environment.new_trial(**given)
    environment.t = environment.t_ind = 0


def _recorded(case: Case, given: dict[str, Any]) -> dict[str, Any]:
    environment = _made(case)
    _begun(environment, given)
    truth = [int(true) for true in environment.gt]
    decision = environment.start_ind.get("decision", environment.start_ind.get("production"))
    shown, done = list[Any](), dict[str, Any]()
    for name, actions in behaviours(truth, decision, int(environment.action_space.n)):
        _begun(environment, given)
        seen, paid = [environment.ob[0]], []
        for action in actions:
            observation, reward, _, _, info = environment.step(action)
            paid.append(float(reward))
            if info["new_trial"]:
                break
            seen.append(observation)
        shown = [[round(float(number), 6) for number in row] for row in seen] if name == "none" else shown
        done[name] = [squeezed([round(reward, 6) for reward in paid]), float(info["performance"])]
    return {"given": given, "decision": decision, "truth": squeezed(truth), "shown": squeezed(shown), "done": done}


def _lengths(case: Case) -> dict[int, int]:
    environment = _made(case)
    environment.seed(0)
    counts: Counter[int] = Counter()
    for _ in range(MANY):
        environment.new_trial()
        counts[len(environment.ob)] += 1
    return dict(sorted(counts.items()))


def _deviation(case: Case) -> float:
    environment = _made(case)
    environment.seed(0)
    squares = []
    for _ in range(NOISY):
        environment.new_trial(**case.trials[0])
        squares.append(float(((environment.ob[case.stimulus].astype(float) - 0.5) ** 2).mean()))
    return round((sum(squares) / NOISY) ** 0.5, 5)


def compared(facts: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    """Compares in instinct's environment; each result is True if both agree, with the name of the comparison."""
    for name, case in TRIALS.items():
        for trial in facts["trials"][name]:
            yield from _same_trial(f"{name} {trial['given'] or ''}".strip(), _ours(case), trial)
    for name, case in TIMED.items():
        theirs = Counter({int(length): count for length, count in facts["lengths"][name].items()})
        ours = Counter((_lived(_ours(case), range(MANY))[3].int().argmax(0) + 1).tolist())
        apart = (theirs - ours).total() / MANY
        yield theirs.keys() == ours.keys() and apart < 0.02, f"{name}: lengths of trials, {apart:.4f} apart"
    for name, case in NOISE.items():
        there, here = facts["noise"][name], _our_deviation(case)
        yield abs(here / there - 1.0) < 0.01, f"{name}: noise of {here:.4f}, there {there:.4f}"


def _ours(case: Case) -> Any:
    module, _, name = case.world.partition(":")
    given = dict(case.fields)
    if "scheme" in given:
        given["scheme"] = importlib.import_module("inner_loop.trials.periods").Scheme(**given["scheme"])
    return getattr(importlib.import_module(f"inner_loop.worlds.{module}"), name)(**given)


def _lived(world: Any, trials: Sequence[int], does: Sequence[Sequence[int]] = ()) -> tuple[Any, ...]:
    """(shown, truth, paid, ended), each (steps, lives, ...), and accuracy, (lives,); without `does`, action 0."""
    import torch

    from genomes.streams import derive

    streams = derive(0, "neurogym", owners=trials)
    actions = torch.tensor(does or [[0] * world.steps]).expand(max(len(does), len(trials)), -1)
    (state, moment), moments = world.reset(streams, 1, streams), []
    for action in actions.T:
        moments.append(moment)
        state, moment = world.step(state, action[:, None])
    shown = torch.stack([m.observation[:, :, 0].expand(len(actions), -1) for m in moments])
    truth = torch.stack([m.target[:, :, 0].argmax(1).expand(len(actions)) for m in moments])
    after = [*moments[1:], moment]
    paid, ended = (torch.stack([getattr(m, name)[:, 0] for m in after]) for name in ("reward", "terminated"))
    return shown, truth, paid, ended, world.scores(state, torch.zeros_like(actions[:, :1]).double())["accuracy"]


def _same_trial(name: str, world: Any, trial: dict[str, Any]) -> Iterator[tuple[bool, str]]:
    import torch

    truth, steps = stretched(trial["truth"]), sum(count for count, _ in trial["truth"])
    shown, true, _, ended, _ = _lived(world, range(DRAWN))
    wanted = torch.tensor(stretched(trial["shown"]))[:, None]
    same = (true[:steps] == torch.tensor(truth)[:, None]).all(0) & (ended.int().argmax(0) == steps - 1)
    same &= (shown.shape[2] == wanted.shape[2]) and ((shown[:steps] - wanted).abs() < 1e-5).all(2).all(0)
    found = same.nonzero().flatten().tolist()
    yield bool(found), f"{name}: shown and true in {steps} steps"
    if not found:
        return
    done = dict(behaviours(truth, trial["decision"], world.outputs))
    _, _, ours, ended, accuracy = _lived(world, found[:1], list(done.values()))
    for life, what in enumerate(done):
        runs, success = trial["done"][what]
        paid, ends = torch.tensor(stretched(runs)), int(ended[:, life].int().argmax()) + 1
        same = ends == len(paid) and bool(((ours[:ends, life] - paid).abs() < 1e-5).all())
        text = f"{name}: {what}: paid {paid.sum():.4g} in {ends} steps, success {success:g}"
        yield same and float(accuracy[life]) == success, text


def _our_deviation(case: Case) -> float:
    steps, channels = case.stimulus
    return float((_lived(_ours(case), range(NOISY))[0][steps, :, channels].double() - 0.5).square().mean().sqrt())


def main(arguments: Sequence[str]) -> int:
    """0: all is the same, or recorded; 1: something differs; 2: unknown arguments."""
    if len(arguments) != 2 or arguments[0] not in ("record", "compare"):
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(arguments[1])
    if arguments[0] == "record":
        return record(path)
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    lines = list(compared(json.loads(path.read_text(encoding="utf-8"))))
    for same, text in lines:
        print("same   " if same else "DIFFERS", text)
    differ = sum(not same for same, _ in lines)
    print(f"{len(lines) - differ} the same, {differ} differ")
    return int(differ > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
