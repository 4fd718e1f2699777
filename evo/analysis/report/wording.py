"""How units of inheritance, their effects and the conditions are called in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from evo.analysis.report.style import CONDITIONS
from evo.analysis.statistics import Estimate
from genomes.wiring_rule import WiringRule


def says(unit: WiringRule, verb: str) -> str:
    """A rule as a statement, `neurons of A excite neurons of B`; whatever joins nobody by its name."""
    if not (unit.pre and unit.post):
        return unit.name
    one = unit.pre.startswith("neuron ")
    return f"{unit.pre} {'s and '.join(verb.split(' and ')) + 's' if one else verb} {unit.post}"


def moment(condition: str) -> str:
    """`at birth`, `after learning` ..."""
    return CONDITIONS[condition][0]


def number(main: str, value: float) -> str:
    """A score or a difference of scores without its sign: in points of a hundred for shares, three digits else."""
    return f"{abs(value) * 100:.1f}" if is_share(main) else f"{abs(value):.3g}"


def signed(main: str, value: float) -> str:
    """The same with a minus where it is below 0."""
    text = number(main, value)
    return f"-{text}" if value < 0 and float(text) else text


def went(ends: Iterable[float], several: bool) -> str:
    """`went from 0.1 to 0.9`; where there is one only, `was 0.1`."""
    first, last = (f"{end:.3g}" for end in ends)
    return f"went from {first} to {last}" if several else f"was {first}"


def is_share(main: str) -> bool:
    """Whether a score is a share of answers."""
    return main == "accuracy"


def score(main: str, found: Estimate) -> str:
    """`95.5 % [93.2, 97.4]`."""
    unit = " %" if is_share(main) else ""
    if isnan(found.mean):
        return "no score"
    ends = "" if isnan(found.low) else f" [{signed(main, found.low)}, {signed(main, found.high)}]"
    return f"{signed(main, found.mean)}{unit}{ends}"


def loss(main: str, found: Estimate) -> str:
    """What a knock-out costs: `20.1 points less [18.0, 22.3]`; `no clear change` where the interval covers 0."""
    if isnan(found.low):
        return "not to be said (too few lives had a score)"
    if found.low == found.high == 0.0:
        return "no change"
    if not found.low * found.high > 0:
        return f"no clear change [{signed(main, found.low)}, {signed(main, found.high)}]"
    if found.low == found.high:
        more = "less" if found.mean > 0 else "more"
        return f"{number(main, found.mean)} {'points ' if is_share(main) else ''}{more} in every life"
    less = found.mean > 0
    low, high = (found.low, found.high) if less else (-found.high, -found.low)
    unit = "points " if is_share(main) else ""
    return f"{number(main, found.mean)} {unit}{'less' if less else 'more'} [{number(main, low)}, {number(main, high)}]"
