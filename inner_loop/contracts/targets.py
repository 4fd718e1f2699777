"""The contract of a target, written as code: the scores of a newborn depend on that individual only."""

from __future__ import annotations

import torch

from genomes.contract import Clauses
from genomes.errors import InputError
from inner_loop.contracts import specimen
from inner_loop.rules.frozen import Frozen
from inner_loop.target import Target


def check_target(target: Target) -> list[str]:
    """Checks a target, on the specimen's networks if they fit its data.

    Raises:
        InputError: the first clause that does not hold, or an error that the target itself raises, in one sentence.
    """
    return Clauses(target).through(lambda clauses: _target(clauses, target))


def _target(clauses: Clauses, target: Target) -> None:
    clauses.value()
    names = target.score_names
    clauses.hold(names and len(set(names)) == len(names), "every score has a name of its own", names)
    clauses.hold(target.fingerprint() == target.fingerprint(), "the fingerprint of its data does not change")
    try:
        target.check(specimen.TOPOLOGY)
    except InputError as error:
        clauses.said.append(f"its data are of another network than the specimen's ({error}): no scores were tried")
        return
    with torch.inference_mode():
        newborn, order = specimen.newborn(Frozen(), torch.float64), [2, 0, 3, 1]
        scores, shuffled = target.scores(newborn), target.scores(specimen.chosen(newborn, order))
    fits = set(scores) == set(names) and all(s.shape == (newborn.lives,) for s in scores.values())
    clauses.hold(fits, "scores are those of `score_names`, one number an individual", list(scores))
    clauses.hold(all(bool(s.isfinite().all()) for s in scores.values()), "scores are finite")
    own = all(torch.allclose(scores[n][order], shuffled[n], rtol=1e-12, atol=1e-12) for n in names)
    clauses.hold(own, "individuals in another order have the same scores (to 1e-12)")
