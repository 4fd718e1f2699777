"""The report of genomic_bottleneck.py: learning curves aligned at equal score, the table, the figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy import ndarray

CRITERION = 0.95
WINDOW = 10  # epochs over which aligned curves are compared
SMOOTH = 9  # updates in the running mean that finds a crossing: a single noisy exam would cross too early


@final
@dataclass(frozen=True, eq=False)
class Row:
    """One kind of birth.

    Attributes:
        name: of the genome, or `usual`.
        hidden: H of each g-network; None: no genome.
        parameters: of the genome.
        weights: of the network.
        coarse_bits: of the genome when its parameters are stored in 8 bits each.
        coarse: accuracy at birth with these, (seeds,).
    """

    name: str
    hidden: int | None
    parameters: int
    weights: int
    coarse_bits: int | None = None
    coarse: ndarray | None = None


@final
@dataclass(frozen=True, eq=False)
class Alignment:
    """Learning curves of a genome and the usual ones, from the score of the genome at birth; all (seeds,).

    Attributes:
        start: update at which the usual network has the genome's score at birth.
        window: updates compared from there on.
        slope, usual_slope: accuracy gained per unit of log(1 + update) in the window, by least squares.
        gap: mean over the window of the genome's accuracy minus the usual network's.
        updates, usual_updates: from the equal score to CRITERION; nan when it is not reached.
    """

    start: ndarray
    window: ndarray
    slope: ndarray
    usual_slope: ndarray
    gap: ndarray
    updates: ndarray
    usual_updates: ndarray

    @property
    def slope_difference(self) -> ndarray:
        """The genome's slope minus the usual one, (seeds,)."""
        return self.slope - self.usual_slope


def smooth(curve: ndarray) -> ndarray:
    """Running mean over SMOOTH updates, over fewer towards the ends; (updates,)."""
    ones = np.ones(min(SMOOTH, len(curve)))
    return np.convolve(curve, ones, "same") / np.convolve(np.ones(len(curve)), ones, "same")


def crossing(curve: ndarray, score: float) -> float:
    """The first update at which the smooth curve has the score, nan if never."""
    reached = smooth(curve) >= score
    return float(reached.argmax()) if reached.any() else np.nan


def align(genomes: ndarray, usual: ndarray, epoch: int) -> Alignment:
    """Compares curves (seeds, updates + 1) of accuracy after every update, of both kinds, seed by seed."""
    rows = []
    for curve, other in zip(genomes, usual, strict=True):
        begin = crossing(other, curve[0])
        start = len(other) - 2 if np.isnan(begin) else min(int(begin), len(other) - 2)
        window = min(WINDOW * epoch, len(other) - 1 - start)
        a, b = curve[: window + 1], other[start : start + window + 1]
        axis = np.log1p(np.arange(window + 1))
        slopes = [np.polyfit(axis, c, 1)[0] for c in (a, b)]
        rest = other[start:]
        rows.append((start, window, *slopes, (a - b).mean(), crossing(curve, CRITERION), crossing(rest, CRITERION)))
    return Alignment(*np.array(rows, dtype=float).T)


def spread(values: ndarray, digits: int = 3, sign: str = "") -> str:
    """Mean and standard deviation over the seeds."""
    return f"{values.mean():{sign}.{digits}f} ± {values.std(ddof=1):.{digits}f}"


def markdown(
    rows: list[Row], curves: dict[str, ndarray], alignments: dict[str, Alignment], epoch: int, where: str
) -> str:
    """The whole report."""
    epochs = (curves["usual"].shape[1] - 1) // epoch + 1
    lines = [
        "# Genomic bottleneck",
        "",
        "`python reproductions/genomic_bottleneck.py`",
        "",
        where,
        "",
        "Real digits of 8 x 8 pixels, 64-256-10, ReLU, no biases. Accuracy on the test split, which neither the loop "
        "nor the choice of its best generation (selection split) saw; mean ± standard deviation over seeds. At 8 bits "
        "a parameter the largest one of each layer and its biases is stored beside them, 32 bits each.",
        "",
        "| genome | H | parameters | compression | bits (32 each) | at birth | bits (8 each) | at birth | 1 epoch | "
        f"{epochs} epochs |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        curve = curves[row.name]
        cells = [row.name if row.hidden else "none: random weights", str(row.hidden or "-"), f"{row.parameters:,}"]
        cells += [f"{row.weights / row.parameters:.1f}x", f"{row.parameters * 32:,}", spread(curve[:, 0])]
        cells += ["-", "-"] if row.coarse is None else [f"{row.coarse_bits:,}", spread(row.coarse)]
        cells += [spread(curve[:, min(epoch, curve.shape[1] - 1)]), spread(curve[:, -1])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_aligned(alignments), ""])


def _aligned(alignments: dict[str, Alignment]) -> list[str]:
    lines = [
        "## Does the genome learn faster, or only start higher?",
        "",
        "The learning curve of the usual network is moved so that both begin at the score that the genome has at "
        f"birth (running mean of {SMOOTH} updates); then {WINDOW} epochs are compared. Slope: accuracy per unit of "
        "log(1 + update), by least squares; steeper with a lower mean is an early dip made good. A seed's networks see "
        "the same samples in the same order. The usual network is in motion where it is cut, the genome's starts at "
        "rest (momentum 0.9: about ten updates).",
        "",
        "| genome | updates by which the usual network is later | slope, genome | slope, usual | difference | "
        f"mean accuracy, genome - usual | updates to {CRITERION}, genome | usual |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, a in alignments.items():
        cells = [name, spread(a.start, 0), spread(a.slope, 4), spread(a.usual_slope, 4)]
        cells += [spread(a.slope_difference, 4, "+"), spread(a.gap, 4, "+")]
        cells += [spread(a.updates, 0), spread(a.usual_updates, 0)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def summary(
    rows: list[Row], curves: dict[str, ndarray], alignments: dict[str, Alignment], epoch: int
) -> dict[str, float | None]:
    """The numbers for scripts: means over the seeds, and standard deviations as `X_sd`; null if not finite."""
    found: dict[str, ndarray] = {}
    sizes: dict[str, float] = {}
    for row in rows:
        name, curve = "standard" if row.hidden is None else row.name, curves[row.name]
        found[f"innate_{name}"], found[f"learned_{name}"] = curve[:, 0], curve[:, -1]
        found[f"first_epoch_{name}"] = curve[:, min(epoch, curve.shape[1] - 1)]
        sizes[f"parameters_{name}"], sizes[f"compression_{name}"] = row.parameters, row.weights / row.parameters
        sizes[f"bits_{name}"] = row.parameters * 32
        if row.coarse is not None and row.coarse_bits is not None:
            sizes[f"bits_8bit_{name}"] = row.coarse_bits
            found[f"innate_8bit_{name}"] = row.coarse
    for name, a in alignments.items():
        found |= {f"slope_{name}": a.slope, f"slope_standard_at_{name}": a.usual_slope}
        found |= {f"slope_difference_{name}": a.slope_difference, f"score_difference_{name}": a.gap}
        found |= {f"updates_{name}": a.updates, f"updates_standard_at_{name}": a.usual_updates}
    found["slope_difference"] = np.mean([a.slope_difference for a in alignments.values()], axis=0)
    means = {name: values.mean() for name, values in found.items()}
    deviations = {f"{name}_sd": values.std(ddof=1) for name, values in found.items()}
    numbers = means | deviations | sizes
    return {name: None if np.isnan(value) else round(float(value), 5) for name, value in numbers.items()}


def runs(
    seeds: tuple[int, ...],
    rows: list[Row],
    curves: dict[str, ndarray],
    alignments: dict[str, Alignment],
    epoch: int,
) -> list[dict[str, object]]:
    """The stored results of each seed: test accuracy by kind of birth, and the gap between aligned curves."""
    stored: list[dict[str, object]] = []
    for i, seed in enumerate(seeds):
        kinds: dict[str, dict[str, float]] = {}
        for row in rows:
            curve = curves[row.name][i]
            kinds[row.name] = {"birth": float(curve[0]), "epoch1": float(curve[epoch]), "last": float(curve[-1])}
            if row.coarse is not None:
                kinds[row.name] |= {"coarse": float(row.coarse[i]), "gap": float(alignments[row.name].gap[i])}
        stored.append({"seed": seed, **kinds})
    return stored


def figure(curves: dict[str, ndarray], alignments: dict[str, Alignment], epoch: int, path: Path) -> None:
    """Learning curves as measured, and aligned at equal score; mean over seeds, and every seed as a thin line."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    colours = {"usual": "#8a8a8a", "32x": "#0b6e6e", "61x": "#d1603d"}
    with pyplot.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        drawn, axes = pyplot.subplots(1, 1 + len(alignments), figsize=(11, 3.6), layout="constrained")
        for name, curve in curves.items():
            label = "random weights" if name == "usual" else f"genome {name} smaller"
            _line(axes[0], curve, colours[name], label)
        axes[0].set(title="as they are", ylabel="accuracy, held-out split", ylim=(0, 1))
        axes[0].legend(frameon=False, loc="lower right")
        for axis, (name, a) in zip(axes[1:], alignments.items(), strict=True):
            window = int(a.window.min())
            usual = [c[int(s) : int(s) + window + 1] for c, s in zip(curves["usual"], a.start, strict=True)]
            _line(axis, np.stack(usual), colours["usual"], "random weights, moved")
            _line(axis, curves[name][:, : window + 1], colours[name], f"genome {name} smaller")
            axis.set(title=f"aligned at the score at birth, {name}")
            axis.legend(frameon=False, loc="upper left")
        for axis in axes:
            axis.set(xscale="symlog", xlabel="updates (log scale)")
            axis.set_xlim(0)
        drawn.savefig(path, dpi=130)
        pyplot.close(drawn)


def _line(axis: object, curves: ndarray, colour: str, label: str) -> None:
    for curve in curves:
        axis.plot(curve, color=colour, linewidth=0.5, alpha=0.4)
    axis.plot(curves.mean(0), color=colour, linewidth=1.8, label=label)
