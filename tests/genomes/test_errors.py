"""Error messages for wrong input."""

from genomes.errors import InputError


def test_a_strangers_text_cannot_steer_a_terminal():
    sentence = str(InputError("x.yaml: \x1b[31mred\x07\u202e, and a line\nmore \u00e9\u4e2d"))
    assert sentence == "x.yaml: \\x1b[31mred\\x07\\u202e, and a line\nmore \u00e9\u4e2d"
