"""reproductions/genomic_bottleneck.py at toy length: sizes, a fit that fits, an alignment that aligns, its JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from genomes.streams import derive


@pytest.fixture
def bottleneck(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "reproductions")
    import genomic_bottleneck

    return genomic_bottleneck


@pytest.fixture
def report(bottleneck):
    return bottleneck.report


@pytest.fixture
def own():
    return derive(0, "test", owners=[100, 101])


@pytest.mark.parametrize(("size", "parameters"), [("32x", 582), ("61x", 312)])
def test_sizes_are_the_published_ones(bottleneck, own, size, parameters):
    g = bottleneck.encoding(bottleneck.SIZES[size])
    genes = bottleneck.founders(g, own)
    assert sum(gene[0].numel() for gene in genes.values()) == parameters
    weights = bottleneck.written(g, genes, own)
    assert [tuple(w.shape) for w in weights.values()] == [(2, 256, 64), (2, 10, 256)]
    assert sum(w[0].numel() for w in weights.values()) == 18_944
    assert round(18_944 / parameters) == pytest.approx(float(size[:-1]), abs=1)


def test_founders_write_weights_of_the_usual_mean_and_variance(bottleneck, own):
    g = bottleneck.encoding(5)
    usual = bottleneck.usual(own).projections
    for name, weight in bottleneck.written(g, bottleneck.founders(g, own), own).items():
        assert weight.mean((1, 2)).abs().max() < 1e-3
        assert torch.allclose(weight.std((1, 2)), usual[name].weight.std((1, 2)), rtol=0.05)


@pytest.mark.slow
def test_two_alternations_fit_the_learned_weights(bottleneck, own):
    g, loop = bottleneck.encoding(5), bottleneck.Loop(generations=2, lessons=36, fits=40)
    inherited = bottleneck.alternate(g, loop, own)
    before, after = inherited.errors[:, 0], inherited.errors[:, 1]
    assert before.shape == (2, 2)
    assert (after < before).all()
    assert inherited.births.shape == (2, 2)
    weights = bottleneck.written(g, inherited.genes, own)
    assert bottleneck.at_birth(weights, "selection") == pytest.approx(inherited.births.max(0))


def test_a_life_lowers_the_error_of_the_usual_network(bottleneck, own):
    born = {name: s.weight for name, s in bottleneck.usual(own).projections.items()}
    before = {name: weight.clone() for name, weight in born.items()}
    learned = bottleneck.learned(born, own, 0, 40)
    assert (bottleneck.at_birth(learned, "selection") > bottleneck.at_birth(born, "selection") + 0.3).all()
    assert all(torch.equal(born[name], before[name]) for name in born)


def test_coarse_genes_lie_within_half_a_level_and_on_few_values(bottleneck, own):
    g = bottleneck.encoding(5)
    genes = {name: gene.detach() for name, gene in bottleneck.founders(g, own).items()}
    for name, rounded in bottleneck.coarse(g, genes, bits=3).items():
        for gene, level in zip(genes[name], rounded, strict=True):
            assert len(level.unique()) <= 8
            assert (gene - level).abs().max() <= gene.abs().max() / 7 * 1.001


def test_a_curve_aligned_with_its_own_delayed_copy_has_the_same_slope(report):
    genome = 0.98 - 0.1 * np.exp(-np.arange(300) / 60)
    usual = np.concatenate([np.linspace(0.1, genome[0] - 0.02, 50), genome])[:300]
    aligned = report.align(genome[None], usual[None], epoch=10)
    assert aligned.start[0] == pytest.approx(50, abs=report.SMOOTH)
    assert aligned.slope_difference[0] == pytest.approx(0.0, abs=2e-3)
    assert aligned.gap[0] == pytest.approx(0.0, abs=5e-3)
    faster = report.align(0.98 - 0.1 * np.exp(-np.arange(300) / 20)[None], usual[None], epoch=10)
    assert faster.slope_difference[0] > 3e-3
    assert faster.gap[0] > 0.01
    assert faster.updates[0] < faster.usual_updates[0]


@pytest.mark.slow
def test_quick_run_ends_with_the_figures_for_scripts(bottleneck, capsys, tmp_path):
    bottleneck.main(["--quick", "--json", "--output", str(tmp_path)])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    wanted = {
        f"{what}_{size}" for what in ("innate", "learned", "innate_8bit", "slope_difference") for size in ("32x", "61x")
    }
    assert wanted | {"learned_standard", "slope_difference", "slope_difference_sd", "innate_32x_sd"} <= set(figures)
    assert (figures["parameters_32x"], figures["parameters_61x"]) == (582, 312)
    assert figures["compression_32x"] == pytest.approx(32.5, abs=0.1)
    assert figures["learned_standard"] > figures["innate_standard"] + 0.5
    assert "| 61x | 5 | 312 | 60.7x |" in (tmp_path / "genomic_bottleneck.md").read_text()
    assert (tmp_path / "genomic_bottleneck.png").stat().st_size > 10_000
