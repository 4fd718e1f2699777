"""Pictures as inline SVG: the same bytes, ids of their own, words over the right marks."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pytest

from evo.analysis.report.section import Picture, bottomless, canvas
from evo.analysis.report.svg import drawn, svg

SVG = "{http://www.w3.org/2000/svg}"
FORMS = ("png", "svg", "pdf"), ("svg", "pdf", "png")
HOSTILE = "<script>alert(1)</script> --> \" ' & \x07"


def scatter(x, y, texts, **more) -> Picture:
    figure, axes = canvas(4.0, 3.0)
    axes.scatter(x, y, gid="dots", **more)
    axes.set_title(HOSTILE.rstrip("\x07"))
    return Picture(figure, HOSTILE, {"dots": texts})


def tips(text: str) -> dict[str, Element]:
    """The elements with a title, by it."""
    parts = fromstring(text).iter()
    return {said.text: part for part in parts if (said := part.find(f"{SVG}title")) is not None}


@pytest.mark.slow
def test_the_same_picture_gives_the_same_bytes_in_any_order_of_drawing():
    figures = []
    for _ in range(2):
        figure, (left, right) = canvas(7.2, 3.8, 1, 2)
        left.set(xlabel="generation", ylabel="accuracy, selection split", title="<script> --> & $x^2$")
        left.plot([0, 1], [0, 1])
        figure.colorbar(right.pcolormesh(np.arange(9.0).reshape(3, 3) / 7))
        figures.append(Picture(figure, "Two."))
    first, again = ({form: drawn(figures[i].figure, form) for form in forms} for i, forms in enumerate(FORMS))
    assert first == again
    assert svg(figures[0], "a") == svg(figures[1], "a")
    assert not any(re.search(rb"20\d\d-\d\d-\d\d|CreationDate", data) for data in first.values())


@pytest.mark.slow
def test_two_pictures_share_no_id_and_refer_to_their_own():
    texts = [svg(scatter(np.arange(9), np.arange(9), "here"), name) for name in ("a", "b")]
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in texts]
    assert len(ids[0]) > 5
    assert not ids[0] & ids[1]
    for text, own in zip(texts, ids, strict=True):
        assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)) != set()
        assert {a or b for a, b in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text)} == own


def test_nothing_in_it_acts_on_the_page_around_it():
    text = svg(scatter([0], [0], HOSTILE), "a")
    assert text.startswith("<svg ")
    assert not re.search(r"<style|<metadata|<script|<!--|<\?xml|xlink|font-family", text)
    root = fromstring(text)
    assert root.get("aria-label") == root.find(f".//{SVG}title").text == HOSTILE.rstrip("\x07")
    assert root.get("role") == "img"
    assert root.get("viewBox") == "0 0 288 216"


@pytest.mark.parametrize("colours", [{}, {"c": [0.0, 1, 2, 3, 4]}, {"s": [9, 16, 25, 36, 49]}])
def test_each_dot_has_its_words_and_those_not_measured_are_passed_over(colours):
    x = np.array([0.0, 1.0, np.nan, 3.0, 4.0])
    found = tips(svg(scatter(x, x, list("abcde"), **colours), "a"))
    assert list(found) == list("abde")
    places = [float(part.get("x") or part.get("d").split()[1]) for part in found.values()]
    steps = np.diff(places)
    np.testing.assert_allclose(steps, steps[0] * np.array([1, 2, 1]), rtol=0.1)


def test_a_group_without_a_measured_neuron_has_no_dots_and_no_words():
    assert tips(svg(scatter([], [], []), "a")) == {}


def test_marks_of_a_line_cells_of_a_mesh_and_bars_have_theirs():
    figure, (left, middle, right) = canvas(8.0, 3.0, 1, 3)
    left.plot([0, 1, np.nan, 3], [0, 1, 2, 3], "o-", gid="line")
    middle.pcolormesh(np.arange(6.0).reshape(2, 3), gid="cells")
    right.bar([0, 1], [3, 4], gid="bars")
    words = {"line": list("abcd"), "cells": list("efghij"), "bars": list("kl")}
    found = tips(svg(Picture(figure, "Three.", words), "a"))
    assert list(found) == list("abdefghijkl")
    assert found["a"].tag == f"{SVG}use"
    assert found["e"].tag == f"{SVG}path"
    tops = [float(found[bar].find(f"{SVG}path").get("d").split("L")[2].split()[1]) for bar in "kl"]
    assert tops[0] > tops[1], "the second bar is the higher one"


def test_a_single_text_goes_to_the_whole_artist():
    figure, axes = canvas(4.0, 3.0)
    axes.plot([0, 1, 2], [0, 1, 0], gid="curve")
    assert tips(svg(Picture(figure, "One.", {"curve": "at birth"}), "a"))["at birth"].tag == f"{SVG}g"


@pytest.mark.parametrize(
    ("words", "got"),
    [({"dots": ["a"]}, 1), ({"dot": "a"}, "'dot'")],
)
def test_tips_that_do_not_fit_are_refused(words, got, refused):
    picture = scatter([0, 1], [0, 1], "")
    with refused("tips", got):
        svg(Picture(picture.figure, "Two.", words), "a")


def test_a_mark_far_outside_the_picture_costs_the_words_and_not_their_truth():
    picture = scatter([0, 1e9, 1], [0, 1, 2], list("abc"))
    picture.figure.axes[0].set_xlim(-1, 2)
    assert tips(svg(picture, "a")) == {}


@pytest.mark.parametrize(
    ("scores", "scale"),
    [([-1337.0, -151.0, -2.0, 0.7, np.nan], "symlog"), ([-9.0, -0.5, 0.9], "linear"), ([0.001, 500.0, 3.0], "linear"),
     ([], "linear"), ([0.0, 0.0, -1e9], "linear")],
)  # fmt: skip
def test_only_what_fell_without_bound_has_a_logarithmic_scale(scores, scale):
    _, axes = canvas()
    bottomless(axes, scores)
    assert axes.get_yscale() == scale
    assert axes.get_xscale() == "linear"
