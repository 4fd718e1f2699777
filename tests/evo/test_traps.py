"""Known traps of DEAP and Ray: each shown not to occur here. Those of torch are in test_traps_torch.py.

D1, D2, D13 and D17 (deap.creator, Ray's pools) and D10 (hash()) are read from the source in test_architecture.py; D4
(two-point crossover) is in test_deap_individual.py.
"""

import ast
import importlib.metadata
import importlib.util
import os
import pickle
import random
from collections import Counter

import numpy as np
import pytest
from deap import tools

from evo.distribution.ray_executor import OnRay
from evo.evaluation.evaluate import evaluate
from evo.evaluation.outcome import Outcome, joined
from evo.evolution.generation import screened
from evo.experiment.contracts import check_search
from evo.experiment.goals import Scores
from evo.search.algorithms import SEARCHES
from evo.search.algorithms.evolution_strategy import EvolutionStrategy
from evo.search.algorithms.genetic import Genetic
from evo.search.algorithms.steady_state import SteadyState
from evo.search.operators import deap_individual as population
from evo.search.operators.deap_individual import Fitness, Individual, individuals
from genomes.evolve import Evolve
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime
from inner_loop.rules.backprop import Backprop
from inner_loop.tasks.digits import Digits

GOALS = Scores(("a", "b"))
SPEC = GenomeSpec((Field("x", (4,)),))


def small_search(kind):
    return kind(8, 8) if kind is SteadyState else kind(9 if kind is EvolutionStrategy else 8)


def streams(index):
    return derive(0, "search", index)


def test_d1_d2_what_crosses_a_process_knows_no_individual_and_no_tensor(small, founded):
    experiment = small()
    cohort = founded(experiment)
    for crossing in (experiment, cohort, evaluate(experiment, cohort)):
        words = pickle.dumps(crossing)
        assert not any(word in words for word in (b"deap", b"Individual", b"torch", b"lambda"))


@pytest.mark.ray
def test_d2_classes_are_the_same_after_a_journey(small, generation, ray_executor):
    experiment = small()
    before = (Individual, Fitness, type(experiment.search))
    outcomes = dict(ray_executor.outcomes(experiment, generation(experiment)))
    assert all(type(outcome) is Outcome for outcome in outcomes.values())
    assert (population.Individual, population.Fitness, type(experiment.search)) == before
    back = pickle.loads(pickle.dumps(Individual([0.5], (1.0,))))
    assert (type(back), type(back.fitness)) == (Individual, Fitness)


def test_d3_individuals_are_raw_arrays():
    one = Individual(np.linspace(0.0, 1.0, 10_000))
    assert len(pickle.dumps(one)) < 8 * 10_000 + 1000
    assert one.itemsize == 8
    assert one.typecode == "d"


@pytest.mark.slow
def test_d4_d12_nothing_of_deaps_that_compares_keeps_or_forgets_individuals_is_used(sources):
    forbidden = ("HallOfFame", "ParetoFront", "History", "Statistics", "MultiStatistics", "Logbook", "Toolbox")
    forbidden += ("algorithms", "varAnd", "varOr", "eaSimple", "eaMuPlusLambda", "eaMuCommaLambda", "eaGenerateUpdate")
    for path, tree in sources.items():
        nodes = [*ast.walk(tree)]
        named = {getattr(node, key, None) for node in nodes for key in ("attr", "id", "name")}
        assert not named & set(forbidden), path


def test_d5_a_nan_would_win_in_deap_and_never_gets_there(small, founded):
    assert Fitness((np.nan,)) > Fitness((1.0,)), "the trap is there"
    experiment = small(rule=Backprop(Evolve((1e-2, 1e30), "log", 4), 0.5), lifetime=Lifetime(6, 4))
    cohort = founded(experiment)
    cohort.levels[:, experiment.genome.spec.slices["rule.learning_rate"]] = np.array([[0], [15], [0], [15]])
    outcome = evaluate(experiment, cohort)
    goals = screened(experiment.goals, outcome.measurements, outcome.failures)
    assert outcome.failures == ("", "nan", "", "nan")
    assert {one.row for one in tools.selBest(individuals(np.zeros((4, 1)), goals), 2)} == {0, 2}


@pytest.mark.parametrize("kind", SEARCHES)
def test_d5_failures_do_not_reach_a_state(kind):
    """Half of every generation fails; everything that the search carries stays finite."""
    search = small_search(kind)
    state = search.begin(SPEC, streams(-1))
    for index in range(4):
        asked = search.ask(state, SPEC, streams(index))
        measured = asked.units.sum(1)
        measured[::2] = [np.nan, np.inf, -np.inf, np.nan, 1e308][: len(measured[::2])]
        failures = tuple("" if i % 2 else "nan" for i in range(len(measured)))
        goals = screened(GOALS, {"a": measured, "b": -measured}, failures)
        state = search.tell(state, asked, goals, SPEC, streams(index))
        assert all(np.isfinite(array).all() for array in state.values())


def test_d6_scores_live_in_the_record_and_a_fitness_holds_values_alone(small, founded):
    outcome = evaluate(small(), founded(small()))
    assert {"innate.explained_variance", "learned.explained_variance"} <= outcome.measurements.keys()
    assert set(vars(Individual([0.5], (1.0,)).clone().fitness)) == {"weights", "wvalues"}


def test_d7_a_lucky_score_does_not_live_on_with_an_elite():
    search = Genetic(8, elites=1)
    state = search.begin(SPEC, streams(-1))
    asked = search.ask(state, SPEC, streams(0))
    lucky = np.zeros((8, 1))
    lucky[5] = 100.0
    state = search.tell(state, asked, lucky, SPEC, streams(0))
    again = search.ask(state, SPEC, streams(1))
    assert (again.units[0] == asked.units[5]).all()
    sober = np.arange(8.0)[:, None]  # this time the elite, first in order, is the worst
    state = search.tell(state, again, sober, SPEC, streams(1))
    assert (search.ask(state, SPEC, streams(2)).units[0] == again.units[7]).all()


def test_d7_a_child_inherits_no_score():
    asked = Genetic(4).ask(Genetic(4).begin(SPEC, streams(-1)), SPEC, streams(0))
    assert set(vars(asked)) == {"units", "parents"}


@pytest.mark.parametrize("kind", SEARCHES)
def test_d8_states_and_populations_share_no_memory(kind):
    search = small_search(kind)
    state = search.begin(SPEC, streams(-1))
    for index in range(3):
        asked = search.ask(state, SPEC, streams(index))
        assert not any(np.shares_memory(asked.units, array) for array in state.values())
        goals = np.stack([asked.units.sum(1), asked.units[:, 0]], 1)
        state = search.tell(state, asked, goals, SPEC, streams(index))
        assert not any(np.shares_memory(told, array) for told in (asked.units, goals) for array in state.values())


@pytest.mark.parametrize("kind", SEARCHES)
def test_d9_searches_neither_read_nor_move_the_global_generators(kind):
    def bred():
        search = small_search(kind)
        state, units = search.begin(SPEC, streams(-1)), []
        for index in range(3):
            asked = search.ask(state, SPEC, streams(index))
            goals = np.stack([asked.units.sum(1), asked.units[:, 0]], 1)
            state = search.tell(state, asked, goals, SPEC, streams(index))
            units.append(asked.units.tobytes())
        return units

    kept = random.getstate(), np.random.get_state()
    try:
        every = []
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)
            before = str(np.random.get_state())
            every.append(bred())
            assert str(np.random.get_state()) == before
        assert every[0] == every[1]
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])


def test_d11_a_fitness_is_read_back_as_plain_floats():
    fitness = Fitness((0.0, -1.5))
    assert fitness.weights == (1.0, 1.0), "a weight of 0 could not be divided by"
    assert repr(fitness.values) == "(0.0, -1.5)"


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEARCHES)
def test_d12_a_state_is_plain_arrays(kind):
    assert any("plain" in sentence or "named arrays" in sentence for sentence in check_search(kind()))


@pytest.mark.ray
def test_d13_an_error_costs_its_cohort_and_no_other(small, generation, ray_executor):
    experiment = small(cohort=2)
    tried = generation(experiment, 16)

    def raises_at_times(experiment, cohort, assay):
        if cohort.number == 1:
            return Outcome({}, ("raised",) * cohort.real)
        return Outcome({"number": np.full(cohort.real, float(cohort.number))}, ("",) * cohort.real)

    with OnRay(2, evaluator=raises_at_times) as executor:
        outcomes = dict(executor.outcomes(experiment, tried))
    assert sorted(outcomes) == list(range(8))
    measured, failures = joined([outcomes[i] for i in range(8)])
    assert [i for i, failure in enumerate(failures) if failure] == [2, 3]
    assert np.isnan(measured["number"][2:4]).all()
    assert np.delete(measured["number"], [2, 3]).tolist() == [0, 0, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]


def test_d13_d14_t2_ray_runs_stateless_tasks_that_say_what_they_need(calls, sources):
    remote = [(path, node) for path, name, node in calls if name == "ray.remote"]
    assert {path for path, _ in remote} <= {"evo/distribution/cluster.py", "evo/cli/doctor.py"}
    assert all("max_retries=0" in [ast.unparse(k) for k in node.keywords] for _, node in remote)
    dictionaries = [
        ast.unparse(node) for node in ast.walk(sources["evo/distribution/cluster.py"]) if isinstance(node, ast.Dict)
    ]
    assert {"{'num_cpus': 1}", "{'num_gpus': 1, 'num_cpus': 0}"} <= set(dictionaries), "a core or a GPU each"
    nodes = [node for tree in sources.values() for node in ast.walk(tree)]
    decorators = [ast.unparse(decorator) for node in nodes for decorator in getattr(node, "decorator_list", [])]
    assert not [name for name in decorators if name.startswith("ray")], "no actors"
    gets = [ast.unparse(node) for _, name, node in calls if name == "ray.get"]
    assert set(gets) <= {"ray.get(reference)", "ray.get(reference, timeout=_PATIENCE)"}, "one result at a time"


@pytest.mark.ray
def test_d14_d15_one_task_a_cohort_in_workers_that_are_used_again(small, generation, ray_executor):
    experiment = small(cohort=2)

    def where(experiment, cohort, assay):
        import os

        return Outcome({"worker": np.full(cohort.real, float(os.getpid()))}, ("",) * cohort.real)

    with OnRay(2, evaluator=where) as executor:
        outcomes = dict(executor.outcomes(experiment, generation(experiment, 24)))
    assert len(outcomes) == 12
    workers = Counter(outcome.measurements["worker"][0] for outcome in outcomes.values())
    assert len(workers) <= 4
    assert os.getpid() not in workers


def test_d15_t13_data_do_not_travel_with_a_task(small, founded):
    experiment = small(
        topology=layered(64, 4, 10), task=Digits(), goals=Scores(("innate.accuracy",)), lifetime=Lifetime(1, 4)
    )
    evaluate(experiment, founded(experiment))  # the images are in this process now
    assert len(pickle.dumps(experiment)) < 3000
    assert len(pickle.dumps(founded(experiment))) < 100_000, "inline, not through the object store"


def test_d16_deap_is_one_that_runs_here():
    version = tuple(int(part) for part in importlib.metadata.version("deap").split(".")[:2])
    assert version >= (1, 4)
    required = [r for r in importlib.metadata.requires("instinct") or [] if r.startswith("deap")]
    assert required == ["deap>=1.4.3"]


def test_d17_the_classes_can_be_made_twice_without_a_word():
    described = importlib.util.spec_from_file_location("another_population", population.__file__)
    twin = importlib.util.module_from_spec(described)
    described.loader.exec_module(twin)  # every warning is an error here
    assert twin.Individual is not Individual
    assert Individual([0.5], (1.0,)).fitness.values == twin.Individual([0.5], (1.0,)).fitness.values
