"""Wording of units of inheritance, their effects and conditions in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from evo.analysis.report.numbers import number as written
from evo.analysis.report.style import CONDITIONS
from evo.analysis.statistics import Estimate
from genomes.wiring_rule import WiringRule
from inner_loop.environment import Score


def says(unit: WiringRule, verb: str) -> str:
    """Writes a rule as a statement, `neurons of A excite neurons of B`; a unit that connects no neurons by its name."""
    if not (unit.pre and unit.post):
        return unit.name
    one = unit.pre.startswith("neuron ")
    return f"{unit.pre} {'s and '.join(verb.split(' and ')) + 's' if one else verb} {unit.post}"


def moment(condition: str) -> str:
    """Returns the label of a condition: `at birth`, `after learning` ..."""
    return CONDITIONS[condition][0]


def number(main: Score, value: float) -> str:
    """Writes a score or a difference of scores without sign: in percent for shares, else with three digits."""
    return f"{abs(value) * 100:.1f}" if main.share else f"{abs(value):.3g}"


def signed(main: Score, value: float) -> str:
    """Writes a score or a difference like `number`, with a minus sign if it is below 0."""
    text = number(main, value)
    return f"-{text}" if value < 0 and float(text) else text


def went(ends: Iterable[float], several: bool, again: bool = False) -> str:
    """Writes a change, `went from 0.1 to 0.9`, or a single value, `was 0.1`; `again` leaves out the verb."""
    first, last = map(written, ends)
    verb = "" if again else "went " if several else "was "
    return f"{verb}from {first} to {last}" if several else f"{verb}{first}"


def score(main: Score, found: Estimate) -> str:
    """Writes a score with its interval: `95.5 % [93.2, 97.4]`."""
    unit = " %" if main.share else ""
    if isnan(found.mean):
        return "no score"
    ends = "" if isnan(found.low) else f" [{signed(main, found.low)}, {signed(main, found.high)}]"
    return f"{signed(main, found.mean)}{unit}{ends}"


def loss(main: Score, found: Estimate) -> str:
    """Writes the loss by a knock-out, `20.1 points less [18.0, 22.3]`, or `no clear change` if it may be 0."""
    if isnan(found.low):
        return "unknown (too few lives had a score)"
    if found.low == found.high == 0.0:
        return "no change"
    if not found.low * found.high > 0:
        unit = " points" if main.share else ""
        return f"no clear change [{signed(main, found.low)}, {signed(main, found.high)}]{unit}"
    if found.low == found.high:
        more = "less" if found.mean > 0 else "more"
        return f"{number(main, found.mean)} {'points ' if main.share else ''}{more} in every life"
    less = found.mean > 0
    low, high = (found.low, found.high) if less else (-found.high, -found.low)
    unit = "points " if main.share else ""
    return f"{number(main, found.mean)} {unit}{'less' if less else 'more'} [{number(main, low)}, {number(main, high)}]"
