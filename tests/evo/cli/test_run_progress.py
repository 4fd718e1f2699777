"""Progress of a run: the time that is left, from that of the generations that this process has made."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from evo import Run
from evo.cli.run_progress import Progress


@pytest.mark.parametrize(
    ("first", "wanted"),
    [(0, {0: "1:30", 1: "1:20", 8: "0:10", 9: "0:00"}), (4, {4: "0:50", 5: "0:40", 9: "0:00"})],
)
def test_what_is_left_is_the_mean_time_of_a_generation_for_each_that_is_to_come(
    small, run_of, monkeypatch, first, wanted
):
    one, console, clock = Run(run_of(small())).generation(0), Console(file=io.StringIO(), width=200), [100.0]
    monkeypatch.setattr("evo.cli.run_progress.monotonic", lambda: clock[0])
    progress = Progress(console, small(generations=10), "torch")
    progress.begin("run", first)
    for index in wanted:
        clock[0] = 100.0 + 10.0 * (index + 1 - first)
        progress.show(replace(one, index=index))
    said = console.file.getvalue()
    assert re.findall(r"([0-9:]+) left", said) == list(wanted.values())
    assert re.findall(r"([0-9]+)/10", said) == [str(index + 1) for index in wanted]
    assert re.findall(r"([0-9]+) lives/s", said) == ["1"] * len(wanted), "6 in 10 seconds"
