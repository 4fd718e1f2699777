"""Configs, manifests, logs and sets that an attacker made.

Each function makes a good run hostile and returns the commands to open it with; None: every command that opens a run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from fault_injection.classes.hostile_place import Commands, Place


def tag_in_the_experiment(place: Place) -> None:
    """A YAML tag that calls Python."""
    place.config(
        lambda text: re.sub(r"seed: 3", f"seed: !!python/object/apply:builtins.open ['{place.canary}', w]", text)
    )


def billion_laughs(place: Place) -> Commands:
    """Anchors that expand to 10^9 items."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    place.config(lambda text: "\n".join(lines) + "\n" + text)
    return [
        *place.evolve("\n".join(lines)),
        ["resume", str(place.run), "--serial"],
        ["export", str(place.run), "--to", "csv"],
    ]


def code_in_the_experiment(place: Place) -> None:
    """A class of a file in the current folder as the task."""
    place.config(lambda text: re.sub(r"kind: Teacher", "kind: evil:Evil", text))


def code_in_a_config(place: Place) -> Commands:
    """A class of a file in the current folder in every seam, and in a sweep."""
    text = (place.run / "experiment.yaml").read_text()
    evil = re.sub(r"kind: \w+", "kind: evil:Evil", text)
    swept = text + "sweep: {task.kind: ['evil:Evil', 'evil:Evil.x'], search: ['evil:Evil']}\n"
    return [*place.evolve(evil), *place.evolve(swept)]


def a_billion_units(place: Place) -> Commands:
    """Groups of 10^9 units and a population of 10^9, in every combination."""
    text = (place.run / "experiment.yaml").read_text()
    commands = []
    for name, pattern, new in (
        ("units", r"size: 4,", "size: 1000000000,"),
        ("synapses", r"size: 4,", "size: 200000000,"),
        ("population", r"population: 9", "population: 1000000000"),
        ("genes", r"genes: 2,", "genes: 1000000000,"),
    ):
        (place.work / f"{name}.yaml").write_text(re.sub(pattern, new, text))
        commands.append(["evolve", f"{name}.yaml", "--serial", "--run", str(place.run / name)])
    return commands


def names_with_escapes(place: Place) -> None:
    """Groups whose names clear the terminal, in a run."""
    place.config(lambda text: text.replace("layer1", '"\\e[2J\\nlayer1"'))


def deep_and_long_configs(place: Place) -> Commands:
    """Configs of ten megabytes, of 50,000 levels, of one line, and of bytes."""
    commands = []
    texts = ("a: 1\n" * 2_000_000, "[" * 50_000, "a: " + "{b: " * 20_000, "x" * 10_000_000, "\0" * 1000, "? " * 40_000)
    for number, text in enumerate(texts):
        (place.work / f"{number}.yaml").write_text(text)
        commands.append(["evolve", f"{number}.yaml", "--serial", "--run", str(place.run / "new")])
    return commands


def manifest_with_escapes(place: Place) -> None:
    """Versions that clear the terminal."""
    place.manifest(lambda made: made | {"versions": {"instinct": "\x1b[2J\u202e\n1"}})


def manifest_of_other_types(place: Place) -> None:
    """Versions that are a number, no data, a cohort that is a mapping."""
    place.manifest(lambda made: {"format": 1, "versions": 3, "cohort": {}, "data": [[]]})


def manifest_without_versions(place: Place) -> None:
    """A manifest that says its format only."""
    place.manifest(lambda made: {"format": 1})


def manifest_of_huge_numbers(place: Place) -> None:
    """A format of 10,000 digits, and another of infinity."""
    (place.run / "manifest.json").write_text('{"format": %s, "seed": 1e999}' % ("9" * 10_000))


def manifest_nested(place: Place) -> None:
    """JSON of 100,000 levels."""
    (place.run / "manifest.json").write_text('{"format": ' + "[" * 100_000 + "]" * 100_000 + "}")


def log_of_other_types(place: Place) -> None:
    """A log whose generations are text, whose seconds are lists, and one line of which is nested."""
    lines = [{"generation": "\x1b[2J", "seconds": [1]}, {"generation": 1e300}, {"seconds": "x"}, {"generation": None}]
    text = "\n".join([*map(json.dumps, lines), "[" * 100_000, '{"generation": ' + "9" * 10_000 + "}", ""])
    (place.run / "log.jsonl").write_text(text)


def set_that_leaves_its_folder(place: Place) -> Commands:
    """A set whose members are .., an absolute path, and a link."""
    commands: Commands = []
    for number, members in enumerate((["../outside"], [str(place.outside)], [".."], ["."], ["a/../../outside"], [""])):
        folder = place.path / "runs" / f"set-{number}"
        folder.mkdir()
        (folder / "set.json").write_text(json.dumps({"format": 1, "members": members}))
        commands += [["resume", str(folder), "--serial"], ["compare", str(folder)], ["innate", str(folder), "--serial"]]
    return commands


def set_of_nonsense(place: Place) -> Commands:
    """Sets that are nested, no mapping, of a million members, or whose names clear the terminal."""
    commands: Commands = []
    for number, content in enumerate(
        (
            "[" * 100_000,
            "3",
            '{"format": 1}',
            '{"format": 1, "members": {"a": 1}}',
            '{"format": 1, "members": ["\\u001b[2J"]}',
        )
    ):
        folder = place.path / "runs" / f"set-{number}"
        folder.mkdir()
        (folder / "set.json").write_text(content)
        commands += [["resume", str(folder), "--serial"], ["compare", str(folder)]]
    return commands


def folder_with_escapes(place: Place) -> Commands:
    """A run folder whose name clears the terminal."""
    folder = place.run / "\x1b[2Jname\nwith a line"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    near = str(place.run / "\x1b[2Jname\nwith a lin")
    return [
        ["resume", near, "--serial"],
        ["resume", str(folder), "--serial"],
        ["export", near, "--to", "npz"],
        ["compare", near],
    ]


TEXTS: tuple[Callable[[Place], Commands | None], ...] = (
    tag_in_the_experiment,
    billion_laughs,
    code_in_the_experiment,
    code_in_a_config,
    a_billion_units,
    names_with_escapes,
    deep_and_long_configs,
    manifest_with_escapes,
    manifest_of_other_types,
    manifest_without_versions,
    manifest_of_huge_numbers,
    manifest_nested,
    log_of_other_types,
    set_that_leaves_its_folder,
    set_of_nonsense,
    folder_with_escapes,
)
