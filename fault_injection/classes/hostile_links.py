"""Links, pipes and folders where a run has files.

Each function makes a good run hostile and returns the commands to open it with; None: every command that opens a run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from fault_injection.classes.hostile_place import Commands, Place


def _link(place: Place, name: str, to: Path) -> None:
    path = place.run / name
    if path.is_dir() and not path.is_symlink():
        path.rename(place.outside / path.name)
        to = place.outside / path.name
    path.unlink(missing_ok=True)
    path.symlink_to(to)


def link_log(place: Place) -> None:
    """The log is a link to a file outside."""
    _link(place, "log.jsonl", place.outside / "secret.txt")


def link_journal(place: Place) -> None:
    """The journal is a link to a file outside."""
    _link(place, "journal", place.outside / "secret.txt")


def link_lock(place: Place) -> None:
    """The lock is a link to a file outside."""
    _link(place, "lock", place.outside / "secret.txt")


def link_experiment(place: Place) -> None:
    """The experiment is a link to a secret."""
    _link(place, "experiment.yaml", place.outside / "secret.txt")


def link_manifest(place: Place) -> None:
    """The manifest is a link to a secret that is JSON."""
    _link(place, "manifest.json", place.outside / "secret.json")


def link_generation(place: Place) -> None:
    """The next generation is a link to a file outside."""
    (place.run / "generations" / "00002.npz").symlink_to(place.outside / "secret.txt")


def link_generations(place: Place) -> None:
    """The folder of generations is a link to one outside."""
    _link(place, "generations", place.outside)


def link_state(place: Place) -> None:
    """The folder of states is a link to one outside."""
    _link(place, "state", place.outside)


def link_results(place: Place) -> None:
    """Links to a file outside, in place of files that commands will write."""
    for name in ("result.json", "innate.json", "report.json", "report.html", "compare.json", "compare.html"):
        (place.run / name).symlink_to(place.outside / "secret.txt")


def link_figures(place: Place) -> None:
    """Links to a folder outside, in place of folders that commands will write to."""
    for name in ("figures", "tables", "export"):
        (place.run / name).symlink_to(place.outside)


def link_to_a_device(place: Place) -> None:
    """The experiment is a link to a device without end."""
    _link(place, "experiment.yaml", Path("/dev/zero"))


def pipes(place: Place) -> None:
    """The log and the journal are pipes without a reader."""
    for name in ("log.jsonl", "journal"):
        (place.run / name).unlink(missing_ok=True)
        os.mkfifo(place.run / name)


def pipe_as_the_lock(place: Place) -> None:
    """The lock and the manifest's neighbour are pipes."""
    (place.run / "lock").unlink(missing_ok=True)
    os.mkfifo(place.run / "lock")
    os.mkfifo(place.run / "set.json")


def folders_in_place_of_files(place: Place) -> None:
    """The log, the lock, the journal and a result are folders."""
    for name in ("log.jsonl", "journal", "lock", "result.json"):
        (place.run / name).unlink(missing_ok=True)
        (place.run / name).mkdir()


def url_beside_it(place: Place) -> None:
    """A file beside the run, and one in the folder above, names a URL for it: a folder of the user."""
    for folder in (place.run.parent, place.path):
        (folder / ".url").write_text(f"file://{place.outside}")


LINKS: tuple[Callable[[Place], Commands | None], ...] = (
    link_log,
    link_journal,
    link_lock,
    link_experiment,
    link_manifest,
    link_generation,
    link_generations,
    link_state,
    link_results,
    link_figures,
    link_to_a_device,
    pipes,
    pipe_as_the_lock,
    folders_in_place_of_files,
    url_beside_it,
)
