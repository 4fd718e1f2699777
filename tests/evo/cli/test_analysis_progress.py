"""Progress messages of an analysis."""

import io

from rich.console import Console

from evo.cli.analysis_progress import Stages


def told(terminal):
    text = io.StringIO()
    with Stages(Console(file=text, force_terminal=terminal, width=80)) as stages:
        for _ in range(2):
            for done in range(3):
                stages.watch("shuffled [wiring]", done, 2)
        for done in range(2):
            stages.watch("knock-outs", done, 1)
        stages.watch("never done", 0, 1)
    return text.getvalue()


def test_elsewhere_than_on_a_terminal_a_stage_is_one_plain_line_when_it_is_done():
    lines = told(terminal=False).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("  shuffled [wiring]: 4 cohorts, ")
    assert lines[0].endswith(" s")
    assert lines[1].startswith("  knock-outs: 1 cohort, ")


def test_a_terminal_gets_a_bar_that_is_gone_in_the_end():
    said = told(terminal=True)
    assert "0/2" in said or "2/2" in said or "0/1" in said
    assert "cohorts" not in said
