"""Goals of selection: named columns of the measurements, all maximised."""

import dataclasses

import numpy as np
import pytest

from evo.experiment.contracts import check_goals
from evo.experiment.experiment import measurement_names
from evo.experiment.goals import GOALS, Scores
from genomes.errors import InputError
from inner_loop.life import CONDITIONS
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.lives.samples import Lifetime
from inner_loop.tasks.digits import Digits
from inner_loop.tasks.teacher import Teacher


def names_in(task):
    return (*Lifetime().names(task.score_names), "genome_bits", "wiring_bits")


@pytest.mark.parametrize("goals", GOALS)
def test_the_contract_holds(goals):
    assert check_goals(goals())


def test_columns_come_in_the_order_of_the_names():
    measured = {"gain": np.array([1.0, 2.0]), "genome_bits": np.array([30.0, 40.0]), "synapses": np.array([5.0, 6.0])}
    goals = Scores(("synapses", "-genome_bits", "gain"))
    assert goals.count == 3
    assert goals.of(measured).tolist() == [[5.0, -30.0, 1.0], [6.0, -40.0, 2.0]]
    assert measured["genome_bits"].tolist() == [30.0, 40.0]


def test_a_task_gives_its_scores_at_birth_and_after_life():
    names = names_in(Digits())
    assert {"innate.accuracy", "learned.log_likelihood", "area", "gain", "trials_to_criterion"} <= set(names)
    assert {"synapses", "genome_bits", "wiring_bits"} <= set(names)
    assert "innate.accuracy" not in names_in(Teacher())
    assert "learned.explained_variance" in names_in(Teacher())
    assert len(set(names)) == len(names)


def test_a_life_in_a_world_gives_its_scores_in_every_condition_measured():
    names = EpisodicLifetime().names(("return",))
    assert {f"{condition}.return" for condition in CONDITIONS} <= set(names)
    assert {"gain", "area", "trials_to_criterion", "steps", "synapses"} <= set(names)
    few = EpisodicLifetime(episodes=0, measured=("innate_plastic",)).names(("return", "dsi"))
    assert few == ("innate_plastic.return", "innate_plastic.dsi", "synapses")


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("inate.accuracy", "did you mean 'innate.accuracy'?"),
        ("-genome_bit", "did you mean 'genome_bits'?"),
        ("--genome_bits", "did you mean 'genome_bits'?"),
        ("", "choose from area, gain, "),
        ("curve", "choose from area, gain, "),
    ],
)
def test_an_unknown_name_gets_the_nearest(name, tail):
    with pytest.raises(InputError) as caught:
        Scores(("gain", name)).check(names_in(Digits()))
    assert str(caught.value).startswith(f"goals.names: no measurement '{name}'; {tail}")


def test_names_of_another_task_are_refused():
    Scores(("innate.accuracy", "-genome_bits")).check(names_in(Digits()))
    with pytest.raises(InputError, match=r"no measurement 'innate.accuracy'"):
        Scores(("innate.accuracy",)).check(names_in(Teacher()))


def test_at_least_one_goal():
    with pytest.raises(InputError, match=r"goals\.names: expected at least one goal"):
        Scores(())


def test_a_goal_for_every_measurement_that_a_life_gives(small, founded):
    from evo.evaluation.evaluate import evaluate

    experiment = small()
    measured = evaluate(experiment, founded(experiment)).measurements
    named = set(measurement_names(experiment))
    assert measured.keys() - named == {"curve"}, "the curve is no single number"
    assert named <= measured.keys()
    of_all = dataclasses.replace(experiment, goals=Scores(tuple(sorted(named))))
    assert np.isfinite(of_all.goals.of(measured)).all()


def test_the_best_of_a_run_is_chosen_in_the_conditions_that_goals_name():
    measured = ("innate", "innate_plastic", "learned")
    assert Scores(("learned.return", "-genome_bits")).conditions(measured) == ("learned",)
    assert Scores(("learned.return", "innate_plastic.dsi")).conditions(measured) == ("innate_plastic", "learned")
    assert Scores(("innate.return", "innate.dsi")).conditions(measured) == ("innate",), "innate_plastic is another"
    assert Scores(("gain", "-synapses")).conditions(measured) == measured, "none is named"
