"""The contract of learning rules, written as code, for those of instinct and for user-defined ones.

The check returns a list of sentences, one for each clause that holds, and raises InputError at the first clause that
does not hold. A component that would fail in a life fails here first, with a clear message.
"""

from __future__ import annotations

import torch

from genomes.contract import Clauses
from genomes.streams import derive
from inner_loop.contracts import specimen
from inner_loop.contracts.rules_by_twins import check_by_twin
from inner_loop.contracts.rules_in_episodes import check_in_episodes
from inner_loop.contracts.specimen import OTHERS, WRONG, nearly, rows_of, same_bytes
from inner_loop.network import Network, Weights
from inner_loop.rule import LearningRule

_STEPS = 12


def check_rule(rule: LearningRule, by_twin: bool = True) -> list[str]:
    """Checks a learning rule, in lives of a small network with a skip projection, biases and a sparse mask.

    Args:
        by_twin: False leaves out the compiled twin, which takes some seconds.

    Raises:
        InputError: the first clause that does not hold, or an error that the rule itself raises, in one sentence.
    """
    return Clauses(rule).through(lambda clauses: _rule(clauses, rule, by_twin))


def _rule(clauses: Clauses, rule: LearningRule, by_twin: bool) -> None:
    clauses.value()
    with torch.inference_mode():
        cohort, twin = specimen.newborn(rule), specimen.newborn(rule)
        born = specimen.tensors(cohort)
        lived = specimen.tensors(specimen.life(rule, cohort, _STEPS))
        layout = {name: (t.shape, t.dtype) for name, t in lived.items()}
        kept = layout == {name: (t.shape, t.dtype) for name, t in born.items()}
        clauses.hold(kept, "weights and biases keep their names, shapes and type")
        clauses.hold(same_bytes(specimen.tensors(twin), born), "a life leaves the newborn's own weights as they were")
        again = specimen.tensors(specimen.life(rule, twin, _STEPS))
        clauses.hold(same_bytes(again, lived), "the same life twice gives the same bytes")
        never = ~cohort.projections[specimen.SPARSE].mask  # type: ignore[operator]
        clauses.hold(bool((lived[specimen.SPARSE][never] == 0).all()), "no weight appears where no synapse grew")
        finite = all(bool(t.isfinite().all()) for t in lived.values())
        clauses.hold(finite, f"weights are finite after {_STEPS} steps with a small teacher")
        _check_neighbours(clauses, rule)
    if not rule.answers_itself:  # such a rule is met in samples alone
        check_in_episodes(clauses, rule)
    if by_twin:
        check_by_twin(clauses, rule)


def _check_neighbours(clauses: Clauses, rule: LearningRule) -> None:
    cohort = specimen.newborn(rule)
    for common, lessons in ((False, "lessons of its own"), (True, "common lessons")):
        clean = specimen.tensors(specimen.life(rule, cohort, _STEPS, common=common))
        beside = specimen.tensors(specimen.life(rule, specimen.with_nan(cohort, WRONG), _STEPS, common=common))
        same = same_bytes(rows_of(beside, OTHERS), rows_of(clean, OTHERS))
        clauses.hold(same, f"an individual that is not a number leaves its neighbours' bytes alone ({lessons})")
    _check_answer(clauses, rule)
    exact, order = specimen.newborn(rule, torch.float64), [2, 0, 3, 1]
    straight = specimen.tensors(specimen.life(rule, exact, _STEPS))
    shuffled = specimen.tensors(specimen.life(rule, specimen.chosen(exact, order), _STEPS, owners=order))
    near = all(nearly(shuffled[name], t, 1e-12) for name, t in rows_of(straight, order).items())
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
        nearly(beside, answers[network.output][order], 1e-12),
        "individuals in another order give the same answers",
    )
