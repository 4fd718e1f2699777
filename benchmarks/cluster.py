"""Claim: the outer loop keeps a cluster busy, and its head is small. Measures and projects the limits of one driver.

    python benchmarks/cluster.py [--only PART ...] [--json] [--write]

Parts, each a file in benchmarks/cluster_parts that describes its method:
    efficiency      two workers over one, by the clock: to be run on an idle machine
    oversubscribed  4, 8 and 16 raylets on this machine, by CPU time
    driver          CPU time and bytes of a cohort; memory and seconds of the head by population; a lazy run read back
    stub            1,000 sleeping workers behind a stand-in for Ray, the driver's side in full
    projection      1,000 and 10,000 workers, computed from the two parts before, which are measured first
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent)])  # for every process started here

from cluster_parts import carried, efficiency, head, oversubscribed, projection, stub
from cluster_parts.head import alone
from cluster_parts.stand_in import RayCosts
from cluster_parts.tables import Found
from machine import setting

from evo.distribution.cluster import Cluster

PARTS = ("efficiency", "oversubscribed", "driver", "stub", "projection")
MODULES = {
    "efficiency": (efficiency,),
    "oversubscribed": (oversubscribed,),
    "driver": (carried, head),
    "stub": (stub,),
    "projection": (projection,),
}
NEEDS = {"stub": ("driver",), "projection": ("driver", "stub")}
TINY: dict[str, dict[str, Any]] = {
    "efficiency": {"repeats": 1, "generations": 1, "cohorts": 2, "steps": 5},
    "oversubscribed": {"counts": (2,), "generations": 1, "cohorts": 4, "steps": 5},
    "carried": {"size": 30},
    "head": {"fronts": (), "strategies": (1_679,)},
    "stub": {"workers": 20, "seconds": (0.1,), "real": 0, "lasting": 1.0},
    "projection": {"workers": (20,)},
}
"""Sizes for a test of the benchmark; measurements with them have no meaning."""


HEADINGS = {
    "efficiency": "Two workers over one",
    "oversubscribed": "More raylets than cores",
    "driver": "What a cohort costs, and the head by population",
    "stub": "One driver and a thousand workers that sleep",
    "projection": "Projection to larger clusters",
}


def measured(parts: Sequence[str], tiny: bool) -> dict[str, Found]:
    """The results of each part, and of the parts that it needs."""
    wanted = {*parts, *(need for part in parts for need in NEEDS.get(part, ()))}
    sizes: dict[str, dict[str, Any]] = TINY if tiny else {}
    found: dict[str, Found] = {}
    for part in (part for part in PARTS if part in wanted):
        own = sizes.get(part, {})
        if part == "efficiency":
            found[part] = efficiency.measure(**own)
        elif part == "oversubscribed":
            found[part] = oversubscribed.measure(**own)
        elif part == "driver":
            found[part] = alone(on_ray, **sizes.get("carried", {})) | head.measure(**sizes.get("head", {}))
        elif part == "stub":
            found[part] = stub.measure(RayCosts(**found["driver"]["ray"]), **own)
        else:
            driver = projection.driver_of(found["driver"], found["stub"])
            found[part] = projection.measure(driver, found["stub"], **own)
        print(told(part, found[part]), flush=True)
    return found


def on_ray(**sizes: int) -> Found:
    """The measurements of the part `driver` that need Ray, on one Ray."""
    with Cluster(2):
        return carried.measure(**sizes) | {"lived": head.lived()}


def told(part: str, found: Found) -> str:
    """A section: tables and their sentences."""
    return "\n\n".join([f"## {HEADINGS[part]}", *(module.told(found) for module in MODULES[part])]) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--tiny", action="store_true", help="sizes for a test: nothing follows from the figures")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/cluster.md")
    options = parser.parse_args(arguments)
    found = measured(options.only, options.tiny)
    if options.write:
        words = " ".join(sys.argv[1:] if arguments is None else arguments)
        sections = [told(part, each) for part, each in found.items()]
        where = setting("instinct", "torch", "ray", "numpy", where="all of them used")
        title = f"# A cluster, measured and projected\n\n`python benchmarks/cluster.py {words}`\n\n{where}\n"
        (HERE / "results" / "cluster.md").write_text("\n".join([title, *sections]))
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
