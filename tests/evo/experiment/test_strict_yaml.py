import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evo.experiment.strict_yaml import LARGEST, parse, write
from genomes.errors import InputError

TEXT = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=80)
@given(PLAIN)
@example({"a b": ["é", "yes", "1e3", "2001-01-01", "~", "<<", "="]})
@example([{"?0": "?0", "b": ":0"}])
def test_what_is_written_is_read_back(value: object) -> None:
    read = parse(write(value), "x.yaml")
    assert read == value
    assert repr(read) == repr(value), "True is not 1, and 1.0 is not 1"


def test_yaml_is_of_version_1_2() -> None:
    read = parse("a: 1e-3\nb: yes\nc: 010\nd: 12:30:45", "x.yaml")
    assert read == {"a": 1e-3, "b": "yes", "c": 10, "d": "12:30:45"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: [1, 2", "x.yaml:2: expected valid YAML"),
        ("a: 1\na: 2", 'x.yaml:2: expected valid YAML, but found duplicate key "a"'),
        ("a: 1\n\tb: 2", "x.yaml:2: expected valid YAML"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']", "x.yaml:2: expected no tags"),
        ("a: !local 1", "x.yaml:1: expected no tags, got '!local'"),
        ("a: &x 1\nb: *x", "x.yaml:1: expected no anchors and aliases"),
        ("a: 1\n---\nb: 2", "x.yaml:2: expected one document"),
        ("%YAML 1.1\n---\na: yes", "x.yaml:1: expected no % directives"),
        ("%YAML 9.9\n---\na: yes", "x.yaml:1: expected no % directives"),
        ("[" * 5000, "x.yaml:1: expected at most 20 levels"),
        ("a: 2001-13-45", "x.yaml: expected valid YAML, but a value cannot be read"),
        ("a: [2001-01-01]", "x.yaml: a.0: expected text in quotes or a number, got 2001-01-01"),
        ("a:\n  1: b", "x.yaml: a: expected keys that are printable text, got 1"),
        ("a: 0x" + "f" * 5000, "x.yaml: a: expected a whole number of at most 128 bits"),
        ("a: " + "9" * 5000, "x.yaml: expected valid YAML, but a value cannot be read"),
        ('a: "\\ud800"', "x.yaml: a: expected printable text on one line, got '\\ud800'"),
        ('a: "\\e[31m"', "x.yaml: a: expected printable text on one line, got '\\x1b[31m'"),
        ('a: {"\\u202e": 1}', "x.yaml: a: expected keys that are printable text, got '\\u202e'"),
        ("a: |\n  b\n  c", "x.yaml: a: expected printable text on one line, got 'b\\nc'"),
        ("a: \x01", "x.yaml: expected valid YAML"),
        ("#" * (LARGEST + 1), f"x.yaml: expected at most {LARGEST} characters, got {LARGEST + 1}"),
    ],
)
def test_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "x.yaml")
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_what_the_yaml_reader_quotes_is_printable_and_short() -> None:
    for value in ('"\\e[2J"', "a" * 40_000):
        with pytest.raises(InputError, match="found duplicate key") as caught:
            parse(f"a: {value}\na: {value}", "x.yaml")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 400


def test_a_bomb_of_aliases_costs_no_time() -> None:
    """Expanded, it would have 10^20 letters, and this test would never end."""
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 20)]
    with pytest.raises(InputError, match="no anchors and aliases"):
        parse("\n".join(levels), "bomb.yaml")


@settings(max_examples=150)
@given(st.text(st.sampled_from(list("ab:-[]{},#&*!|>'\"%@`?.0179_e+ \n\t=~<\\")), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        parse(text, "x.yaml")
