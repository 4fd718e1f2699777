"""All mistakes are reported at once, and those of the command line are separated from those of the file."""

import pytest

from evo.experiment.config import load, read, shipped
from genomes.errors import InputError

DIGITS = shipped()["digits"].read_text(encoding="utf-8")


def told(*overrides, text=DIGITS):
    with pytest.raises(InputError) as raised:
        read(text, "x.yaml", overrides)
    return str(raised.value).splitlines()


def keys(sentences):
    return [sentence.split(": ")[1] for sentence in sentences]


@pytest.mark.parametrize(
    ("overrides", "wrong"),
    [
        (["generations=-3", "seed=x"], ["generations", "seed"]),
        (["generations=-3", "cohort=1"], ["generations", "cohort"]),
        (["generations=-3", "search.population=-1"], ["search.population", "generations"]),
        (["in_flight=0", "keep=0", "device=tpu"], ["device", "in_flight", "keep"]),
        (["seed=x", "topology.groups.digit.size=11"], ["seed", "topology.groups.digit.size"]),
        (["generations=0", "goals=[innate.nothing]"], ["generations", "goals.names"]),
        (["search.population=-1", "search.sigma=-1"], ["search.population", "search.sigma"]),
        (["search.population=x", "search.sigma=-1"], ["search.population", "search.sigma"]),
        (["search.populaton=4", "search.sigma=-1"], ["search.populaton", "search.sigma"]),
        (["encoding.genes=0", "encoding.bits=99"], ["encoding.genes", "encoding.bits"]),
        (["lifetime.steps=x", "lifetime.batch=-1"], ["lifetime.steps", "lifetime.batch"]),
        (["task.test=0", "task.train=-1"], ["task.train", "task.test"]),
        (["cohort=1", "topology.groups.hidden.size=0"], ["topology.groups.hidden.size", "cohort"]),
    ],
)
def test_of_several_mistakes_each_is_told_once(overrides, wrong):
    assert sorted(keys(told(*overrides))) == sorted(wrong)


@pytest.mark.parametrize(
    ("overrides", "wrong"),
    [
        # more elites than the default population has: the intended population is not known
        (["search={kind: Genetic, population: x, elites: 5000}"], ["search.population"]),
        (["search={kind: Genetic, populaton: 9000, elites: 5000}"], ["search.populaton"]),
        # units have no default
        (["topology.groups.hidden.size=x", "topology.groups.hidden.types=40"], ["topology.groups.hidden.size"]),
        # the names that a goal can use depend on the life, which is no number
        (["lifetime.steps=x", "goals=[area]"], ["lifetime.steps"]),
        (["search.population=x"], ["search.population"]),
    ],
)
def test_what_may_be_the_fault_of_a_default_is_not_told(overrides, wrong):
    assert keys(told(*overrides)) == wrong


def test_a_key_below_the_one_that_a_sentence_is_about_is_the_command_lines():
    (sentence,) = told("rule.learning_rate.bits=99")
    assert sentence.startswith("command line: rule.learning_rate: ")
    (sentence,) = told("topology.projections=[pixels -> hidden]")
    assert sentence.startswith("command line: topology: ")


def test_a_key_of_the_file_that_no_longer_fits_is_both_theirs():
    (sentence,) = told("topology.groups.pixels.size=63")
    assert sentence.startswith("x.yaml with the command line: topology.groups.pixels.grid: ")


def test_a_mistake_that_the_file_has_by_itself_is_the_files():
    wrong = DIGITS.replace("name: digit, size: 10", "name: digit, size: 11")
    assert wrong != DIGITS
    (sentence,) = told("topology.groups.hidden.activation=relu", "seed=3", text=wrong)
    assert sentence.startswith("x.yaml: topology.groups.digit.size: ")


def test_the_choices_of_an_activation_are_listed_beside_the_nearest():
    with pytest.raises(InputError) as raised:
        load("digits", ["topology.groups.hidden.activation=gelu"])
    sentence = str(raised.value)
    assert sentence.startswith("command line: topology.groups.hidden.activation: ")
    assert "absolute, cosine, gaussian, inverse, linear, relu" in sentence
    assert "did you mean 'relu'?" in sentence
