"""Numbers in sentences."""

import math

import pytest

from evo.analysis.report.numbers import interval, number, two_digits


@pytest.mark.parametrize(
    ("value", "text"),
    [(499.6, "500"), (12345.6, "12,346"), (52.34, "52.3"), (0.9214, "0.921"), (1.004, "1.00"), (-0.0004, "0.000"),
     (99.96, "100"), (9.996, "10.0"), (-3.14159, "-3.14"), (math.nan, "no score")],
)  # fmt: skip
def test_a_number_has_about_three_digits(value, text):
    assert number(value) == text


def test_a_sign_an_interval_and_what_is_not_known():
    assert number(0.25, "+") == "+0.250"
    assert interval(0.81, 0.934) == " [0.810, 0.934]"
    assert interval(math.nan, math.nan) == ""
    assert (two_digits(-0.001), two_digits(math.inf)) == ("0.00", "not measurable")
