"""`instinct export`, `instinct pack` and `instinct unpack`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from evo.cli.arguments import run_path
from evo.cli.exit_codes import Verb
from genomes.errors import InputError, nearest


def export_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct export RUN --to FORMAT."""
    from evo.analysis.export import EXPORTS, export
    from evo.evolution.run import Run

    if options.to not in EXPORTS:
        raise InputError(f"--to: no format '{options.to}'; {nearest(options.to, EXPORTS)}")
    written = export(Run(options.run, options.allow_code), options.to, options.out)
    console.print(f"wrote {written}", markup=False)
    return {"run": str(options.run), "to": options.to, "file": str(written)}


def pack_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct pack RUN."""
    from evo.storage.archive import pack_run

    written = pack_run(options.run, options.out or Path(f"{options.run.absolute().name}.zip"))
    console.print(f"wrote {written}, {written.stat().st_size:,} bytes", markup=False)
    return {"run": str(options.run), "file": str(written)}


def unpack_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct unpack ARCHIVE."""
    from evo.storage.archive import unpack_run

    made = unpack_run(options.archive, options.run or options.archive.parent / options.archive.stem)
    console.print(f"all files are verified: {made}", markup=False)
    return {"archive": str(options.archive), "run": str(made)}


def add_files(add: Callable[[str, Verb, str], Any]) -> Any:
    """Adds the arguments of export, pack and unpack; returns the parser of export."""
    exporting = add("export", export_verb, "write the network of the best genome in another format")
    exporting.add_argument("run", metavar="RUN", type=run_path)
    exporting.add_argument("--to", required=True, help="npz, graphml, torch or csv")
    exporting.add_argument("--out", type=Path, help="file to write (default: RUN/export/best.*)")
    packing = add("pack", pack_verb, "put a run or a set into one archive, with checksums")
    packing.add_argument("run", metavar="RUN", type=run_path)
    packing.add_argument("--out", type=Path, help="file to write (default: RUN.zip in this folder)")
    unpacking = add("unpack", unpack_verb, "make the folder of an archive after every byte is verified")
    unpacking.add_argument("archive", metavar="ARCHIVE", type=Path)
    unpacking.add_argument("--run", type=run_path, help="folder to make (default: the archive's name, beside it)")
    return exporting
