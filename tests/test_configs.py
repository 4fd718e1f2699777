"""Every shipped config: it loads, says on its first line what it shows, and comes back from its resolved form."""

import re
from pathlib import Path

import pytest

from evo.evaluation.cohort import cohorts
from evo.evaluation.evaluate import evaluate
from evo.experiment.config import load, read, shipped
from evo.experiment.dump import dump
from evo.experiment.experiment import measurement_names
from evo.search.base import founders
from genomes.streams import derive

FOLDER = Path(__file__).parents[1] / "configs"


def test_every_file_is_shipped_by_name() -> None:
    assert shipped().keys() == {path.stem for path in FOLDER.iterdir()}
    assert {"digits", "teacher"} <= shipped().keys()


@pytest.mark.parametrize("name", sorted(shipped()))
def test_loads_and_round_trips(name: str) -> None:
    experiment = load(name)
    assert read(dump(experiment), name) == experiment
    first = (FOLDER / f"{name}.yaml").read_text().splitlines()[0]
    assert re.fullmatch(r"# \w.{30,}\.", first), "the first line says what the config shows"


WORLDS = [name for name in sorted(shipped()) if "\nworld:" in shipped()[name].read_text()]


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_lives_in_the_worlds_of_configs_are_measured(name: str) -> None:
    experiment = load(name, ["cohort=2", "lifetime.births=1", "lifetime.exams=1"])
    spec = experiment.genome.spec
    cohort = cohorts(0, spec.quantise(founders(2, spec, derive(0, "founders"))), 2)[0]
    outcome = evaluate(experiment, cohort)
    assert outcome.failures == ("", "")
    assert set(measurement_names(experiment)) <= outcome.measurements.keys()


@pytest.mark.slow
def test_the_classic_control_environments_run_by_name(tmp_path: Path) -> None:
    from evo import evolve

    sizes = {"CartPole-v1": (4, 2), "Acrobot-v1": (6, 3), "MountainCar-v0": (2, 3), "Pendulum-v1": (3, 1)}
    sizes["MountainCarContinuous-v0"] = (2, 1)
    for name, (inputs, outputs) in sizes.items():
        text = f"""
topology:
  groups: [{{name: senses, size: {inputs}}}, {{name: action, size: {outputs}}}]
  projections: [senses -> action]
encoding: Direct
rule: Frozen
world: {{kind: Gymnasium, id: {name}, longest: 20}}
lifetime: {{episodes: 0, exams: 1, measured: [innate]}}
goals: [innate.return]
search: {{kind: RandomSearch, population: 2}}
generations: 1
cohort: 2
"""
        generations = list(evolve(read(text, name), tmp_path / name))
        assert generations[0].failures == ("", ""), name
