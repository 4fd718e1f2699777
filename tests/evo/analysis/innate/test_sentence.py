"""The one line: exactly what is said of numbers that were made up."""

from dataclasses import replace

import pytest

from evo.analysis.innate.sentence import Wording, chances, number, one_line
from evo.evolution.run import Run
from evo.experiment.config import load
from inner_loop.environment import KNOWN, Score

DIGITS = {
    "innate": 0.948,
    "innate_ci": [0.93, 0.968],
    "learned": 0.981,
    "random_founders": 0.104,
    "random_founders_ci": [0.09, 0.112],
    "shuffled": 0.096,
    "p_random": 0.0149,
    "p_shuffled": 0.0149,
    "p_standard": 0.5,
    "conditions": {},
    "draws": 200,
    "runs": 1,
    "tests": 3,
}
RUN = Wording("In this run the evolved genome", KNOWN["accuracy"], "digits")


def test_of_digits():
    assert one_line(DIGITS, RUN) == (
        "In this run the evolved genome classifies 95 % [93, 97] of unseen digits at birth; "
        "random founders 10 % [9, 11]; shuffled wiring 10 %; after learning 98 %."
    )
    assert chances(DIGITS) == (
        "One-sided p against null models, 200 draws of each, corrected for 3 tests: "
        "random founders p = 0.015, shuffled wiring p = 0.015, standard initialisation p = 0.5."
    )


def test_the_headline_says_what_is_not_significant():
    said = one_line({**DIGITS, "p_random": 0.43, "p_shuffled": 0.05}, RUN)
    assert "random founders 10 % [9, 11] (not significant: p = 0.43); shuffled wiring 10 %; after" in said
    assert "shuffled wiring 10 % (not significant: p = 1);" in one_line({**DIGITS, "p_shuffled": 1.0}, RUN)
    assert "significant" not in one_line({**DIGITS, "p_random": None}, RUN)


def test_of_several_runs():
    several = replace(RUN, who="In 5 runs the evolved genomes", several=True)
    said = one_line(DIGITS, several)
    assert said.startswith("In 5 runs the evolved genomes classify 95 % [93, 97] of unseen digits at birth;")
    assert "Student's t over 5 runs" in chances({**DIGITS, "runs": 5})


def test_of_what_does_not_learn_and_of_what_failed():
    found = {**DIGITS, "learned": None, "innate_ci": [None, None]}
    assert one_line(found, RUN) == (
        "In this run the evolved genome classifies 95 % of unseen digits at birth; "
        "random founders 10 % [9, 11]; shuffled wiring 10 %."
    )
    assert "no finite score" in one_line({**DIGITS, "innate": None}, RUN)
    assert "random founders unknown" in chances({**DIGITS, "p_random": None})


def test_of_a_world_where_plasticity_is_chosen():
    off = {**DIGITS, "innate": 51.92, "innate_ci": [48.0, 55.0], "random_founders": 61.2, "learned": 472.1}
    off |= {"random_founders_ci": [50.0, 72.04], "shuffled": 58.3}
    on = {**off, "innate": 500.0, "innate_ci": [499.2, 500.0], "random_founders": 26.3, "learned": 500.0}
    wording = Wording("In this run the evolved genome", Score("return"), plastic=True)
    assert one_line({**off, "conditions": {"innate_plastic": on}}, wording) == (
        "In this run the evolved genome reaches a return of 51.9 [48.0, 55.0] at birth with plasticity off; "
        "random founders 61.2 [50.0, 72.0]; shuffled wiring 58.3; after learning 472. "
        "From birth with plasticity on it reaches a return of 500 [499, 500]; "
        "random founders 26.3 [50.0, 72.0]; shuffled wiring 58.3; after learning 500."
    )


def test_of_another_score():
    wording = Wording("In this run the evolved genome", KNOWN["explained_variance"], "samples")
    assert "scores 0.948 [0.930, 0.968] in explained variance at birth" in one_line(DIGITS, wording)


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.0001, "0.000"), (0.9213, "0.921"), (1.5, "1.50"), (52.34, "52.3"), (99.97, "100"), (-1234.5, "-1,234")],
)
def test_numbers(value, text):
    assert number(value) == text


def test_who_is_spoken_of(subject_of):
    digits, cart = load("digits"), load("cartpole-hebbian")
    run = Run.__new__(Run)  # any run: nothing is read from it
    own = subject_of(digits, run=run)
    assert Wording.of([own]) == RUN
    assert Wording.of([own, own]).who == "In 2 runs the evolved genomes"
    assert Wording.of([replace(own, bred=False)]).who == (
        "In this run, in an experiment it did not evolve in, the evolved genome"
    )
    assert Wording.of([subject_of(digits, name="net.npz")]).who == "The network of net.npz"
    assert Wording.of([subject_of(cart, run=run)]).plastic
    assert Wording.of([subject_of(cart, run=run)]).things is None
