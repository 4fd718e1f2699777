"""Layers and neurons of planted codes: what is known of them is what the section says."""

import math
from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.representation import layers, neurons
from evo.analysis.representation import neural_codes as inside_module
from evo.analysis.representation.neural_codes import inside
from evo.analysis.representation.recordings import Measured, read_measured
from evo.analysis.representation.similarity import debiased_cka, dissimilarities
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Scores
from evo.search.algorithms.random_search import RandomSearch
from evo.search.base import founders
from genomes.encodings.direct import Direct
from genomes.encodings.random_wiring import RandomWiring
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology, layered
from inner_loop.life import LifeStreams
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.recording import observe
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.tasks.digits import Digits
from inner_loop.worlds.cart_pole import CartPole
from inner_loop.worlds.retina import Retina

TOPOLOGY = layered(64, 12, 10)


def digits(rule=None, steps=80):
    return Experiment(
        topology=TOPOLOGY,
        encoding=Direct(bits=4),
        rule=rule or Backprop(0.5, 0.9),
        objective=CrossEntropy(),
        task=Digits(train=597, selection=1000, test=100),
        goals=Scores(("innate.accuracy",)),
        search=RandomSearch(4),
        lifetime=Lifetime(steps, 32),
        cohort=4,
    )


def genome(experiment, seed=5):
    spec = experiment.genome.spec
    return spec.quantise(founders(1, spec, derive(seed, "a genome")))[0]


def seen(experiment, levels):
    """Returns the activity of the evolved network, at the same birth as in the section."""
    newborn = experiment.birth(np.stack([levels, levels]), derive(experiment.seed, "birth", 3, [1, 2]))
    streams = derive(experiment.seed, "life", 3)
    return observe(
        newborn,
        experiment.rule,
        experiment.objective,
        experiment.environment,
        experiment.lifetime,
        LifeStreams.of(streams, newborn),
    )


@pytest.fixture(scope="module", autouse=True)
def quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "_HALVES", 40)
        patch.setattr(neurons, "_ORDERS", 199)
        yield


@pytest.fixture(scope="module")
def learner():
    experiment = digits()
    levels = genome(experiment)
    return seen(experiment, levels), inside(experiment, levels, 3, 1)


def row(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.slow
def test_numbers_are_those_of_the_network_itself(learner):
    observed, section = learner
    table = section.tables["layers"]
    for group in ("layer1", "layer2"):
        born, lived = observed.birth[group][0].T, observed.after[group][0].T
        found = row(table, group=group, comparison="birth and after", measure="CKA")
        assert found.similarity == pytest.approx(debiased_cka(born, lived), abs=1e-5)
        found = row(table, group=group, comparison="class after learning")
        assert found.similarity == pytest.approx(debiased_cka(lived, observed.targets), abs=1e-5)
        assert found.low < found.similarity < found.high
        assert found["founders low"] <= found.founders <= found["founders high"]
    found = row(section.tables["between"], group="layer0", other="layer2")
    assert found["at birth"] == pytest.approx(debiased_cka(observed.birth["layer0"][0].T, born), abs=1e-5)


def test_what_was_learned_is_seen_and_an_untrained_genome_is_among_founders(learner):
    _, section = learner
    table, tuning = section.tables["layers"], section.tables["tuning"]
    born, lived = (row(table, group="layer2", comparison=f"class {when}") for when in ("at birth", "after learning"))
    assert lived.low > born.high
    assert born["founders low"] - 0.1 < born.similarity < born["founders high"] + 0.1
    born, lived = (row(tuning, group="layer2", when=when) for when in ("at birth", "after learning"))
    assert lived.selectivity > born.selectivity + 0.2
    assert lived.tuned == 1.0
    assert section.sentences[0].startswith("Of 2 groups behind the senses the life changes the code of")
    assert "random founders" in section.sentences[0]
    assert 3 <= len(section.sentences) <= 6
    assert "that of all 19 random founders" in section.sentences[2]
    assert "probability 1 / 20 (p = 0.05, one-sided" in section.sentences[2]


def test_founders_are_as_many_as_it_says():
    _, *others = inside_module._observed(digits(steps=0), genome(digits()), 0, 0, 5).birth["layer2"]
    assert len(others) == 19
    assert len({other.tobytes() for other in others}) == 19


def test_the_senses_do_not_change(learner):
    _, section = learner
    tuning = section.tables["tuning"]
    born, lived = (row(tuning, group="layer0", when=when) for when in ("at birth", "after learning"))
    assert born.selectivity == lived.selectivity == pytest.approx(born.founders, abs=0.02)
    assert "birth and after" not in set(section.tables["layers"].query("group == 'layer0'").comparison)


def test_every_neuron_has_a_dot_with_a_tip(learner):
    _, section = learner
    tips = section.pictures["tuning"].tips
    assert len(tips["tuning-1"]) == 12
    assert tips["tuning-2"][3].startswith("layer2 3: at birth ")
    assert "after learning" in tips["tuning-2"][3]
    drawn = {c.get_gid(): len(c.get_offsets()) for c in section.pictures["tuning"].figure.axes[0].collections}
    assert drawn == {gid: len(each) for gid, each in tips.items()}
    numbers = [text.get_text() for axes in section.pictures["between"].figure.axes for text in axes.texts]
    assert len(numbers) == 18
    assert numbers[0] == "1.00"


def test_the_best_class_of_a_learned_output_is_its_own(learner):
    tips = learner[1].pictures["tuning"].tips["tuning-2"]
    own = [f"most active for class {unit}" in tip.split("after learning")[1] for unit, tip in enumerate(tips)]
    assert sum(own) >= 9


@pytest.mark.slow
def test_it_is_the_same_again(learner):
    experiment = digits()
    again = inside(experiment, genome(experiment), 3, 1)
    assert again.sentences == learner[1].sentences
    assert all(again.tables[name].equals(table) for name, table in learner[1].tables.items())


@pytest.mark.slow
def test_without_learning_there_is_birth_alone():
    experiment = digits(steps=0)
    section = inside(experiment, genome(experiment))
    assert section.sentences[0].startswith("The life does not change the activity of any neuron")
    assert set(section.tables["layers"].comparison) == {"class at birth"}
    assert set(section.tables["tuning"].when) == {"at birth"}
    assert "after learning" not in section.tables["between"]
    assert len(section.pictures["between"].figure.axes) == 1
    assert not any("after learning" in tip for tip in section.pictures["tuning"].tips["tuning-1"])


def test_numbers_in_sentences_are_never_nan_nor_a_negative_zero():
    assert [layers.two_digits(value) for value in (-0.001, 0.519, np.nan)] == ["0.00", "0.52", "not measurable"]
    found = {"similarity": -0.001, "low": -0.1, "high": 0.002, "founders": np.nan}
    assert layers.in_words(found) == "0.00 [-0.10, 0.00], random founders not measurable"


def test_what_cannot_be_measured_can_be_read_on_a_heat_map():
    alike = {"at birth": np.array([[1.0, np.nan], [np.nan, 0.3]])}
    (axes,) = layers.heat_maps(["a", "b"], alike).figure.axes
    assert [(text.get_text(), text.get_color()) for text in axes.texts] == [
        ("1.00", "black"), ("-", "black"), ("-", "black"), ("0.30", "white"),
    ]  # fmt: skip


@pytest.mark.slow
def test_a_life_that_ends_in_no_numbers_is_said_and_breaks_nothing():
    experiment = digits(Backprop(3e38, 0.9), steps=5)
    section = inside(experiment, genome(experiment))
    assert math.isnan(row(section.tables["layers"], group="layer2", comparison="class after learning").similarity)
    assert math.isnan(row(section.tables["tuning"], group="layer2", when="after learning").selectivity)
    assert "not measurable" in " ".join(section.sentences)


RETINA = Retina(field=(4, 1), directions=4, wavelength=6.0, shown=10, blank=6)


def in_a_world(world, groups, projections, rule, goal, episodes):
    return Experiment(
        topology=Topology(groups, projections),
        encoding=Direct(bits=6),
        rule=rule,
        world=world,
        goals=Scores((goal,)),
        search=RandomSearch(4),
        lifetime=EpisodicLifetime(episodes=episodes, exams=4, measured=("innate",)),
        cohort=4,
    )


@pytest.mark.slow
def test_directions_of_motion():
    groups = (Group("bipolar", 8, types=2, leak=0.3), Group("tip", 1, "relu"))
    experiment = in_a_world(RETINA, groups, ("bipolar -> tip",), Frozen(), "innate.dsi", 0)
    section = inside(experiment, genome(experiment))
    found = row(section.tables["tuning"], group="tip")
    # with one time constant everywhere nothing linear prefers a direction
    assert found.selectivity == pytest.approx(0.0, abs=0.05)
    assert "gDSI" in section.sentences[3]
    assert "degrees" in section.pictures["tuning"].tips["tuning-1"][0]


@pytest.mark.slow
def test_a_world_that_asks_nothing_has_layers_and_no_tuning():
    groups = (Group("senses", 4), Group("hidden", 6, "tanh"), Group("action", 2, "tanh"))
    rule = Hebbian(0.05, 1.0)
    experiment = in_a_world(CartPole(), groups, ("senses -> hidden", "hidden -> action"), rule, "innate.return", 1)
    section = inside(experiment, genome(experiment))
    assert "tuning" not in section.tables
    assert "so there is no tuning to analyse" in section.sentences[1]
    assert set(section.tables["layers"].comparison) == {"birth and after"}
    assert set(section.tables["layers"].measure) == {"CKA", "RSA"}
    assert "test episodes" in section.sentences[-1]


@pytest.mark.slow
def test_a_world_that_asks_nothing_of_a_network_that_does_not_learn_leaves_its_layers_at_birth():
    groups = (Group("senses", 4), Group("action", 2, "tanh"))
    experiment = in_a_world(CartPole(), groups, ("senses -> action",), Frozen(), "innate.return", 0)
    section = inside(experiment, genome(experiment))
    assert set(section.tables) == {"between"}
    assert section.tables["between"].columns.tolist() == ["group", "other", "at birth"]
    assert len(section.sentences) == 3


def noisy(activities, level, seed):
    return activities + level * activities.std() * np.random.default_rng(seed).normal(size=activities.shape)


@pytest.mark.slow
def test_a_measured_representation_is_found_in_the_layer_that_it_was_measured_in(tmp_path):
    experiment = digits()
    levels = genome(experiment)
    planted = seen(experiment, levels).after["layer1"][0].T[::-2]
    np.savez(
        tmp_path / "cortex.npz",
        responses=np.stack([noisy(planted, 0.5, seed) for seed in range(3)]),
        stimuli=np.arange(100)[::-2],
    )
    measured = read_measured(tmp_path / "cortex.npz", 100)
    section = inside(experiment, levels, 3, 1, measured)
    table = section.tables["measured"]
    best = table[table.measure == "RSA"].sort_values("similarity").iloc[-1]
    assert (best.group, best.comparison) == ("layer1", "measured after learning")
    assert best["ceiling low"] < best["ceiling high"]
    assert best["ceiling low"] - 0.02 < best.similarity <= best["ceiling high"] + 0.02
    assert best.similarity > best["founders high"]
    assert row(table, group="layer1", comparison="measured after learning", measure="CKA").similarity > 0.8
    assert "Nearest to cortex.npz is layer1 after learning: RSA" in section.sentences[-2]
    assert "noise ceiling of its 3 repeats" in section.sentences[-2]


@pytest.mark.slow
def test_dissimilarities_alone_have_no_cka_and_no_ceiling():
    experiment = digits()
    levels = genome(experiment)
    matrix = dissimilarities(seen(experiment, levels).birth["layer0"][0].T[:30])
    section = inside(experiment, levels, 3, 1, Measured("pixels.npz", np.arange(30), matrix[None]))
    table = section.tables["measured"]
    assert set(table.measure) == {"RSA"}
    assert row(table, group="layer0").similarity == pytest.approx(1.0)
    assert table["ceiling low"].isna().all()
    assert "the best possible RSA is not known" in section.sentences[-2]


@pytest.mark.slow
def test_stimuli_that_were_not_met_are_refused(refused):
    experiment = digits()
    with refused("stimuli"):
        inside(experiment, genome(experiment), 3, 1, Measured("far.npz", np.arange(93, 101), np.zeros((1, 8, 8))))


@pytest.mark.slow
def test_founders_are_born_by_chance_of_their_own():
    """If no wiring is inherited, births with the same random numbers would all be the same network."""
    experiment = replace(digits(Backprop(Evolve((0.1, 1.0))), steps=0), encoding=RandomWiring(1.0))
    levels = genome(experiment)
    table = inside(experiment, levels, 3, 1).tables["layers"]
    for group in ("layer1", "layer2"):
        found = row(table, group=group, comparison="class at birth")
        assert found["founders low"] + 0.02 < found["founders high"]
