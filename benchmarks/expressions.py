"""Time of reading with an expression-heavy selection, against uproot and awkward by hand.

Writes a TTree of scalar and jagged branches (zstd) to a temporary folder and reads it in fresh processes, in turn:

- ``by hand``: branches with uproot, the cuts, five computed columns and the sum over selected jets with numpy and awkward,
- ``hepml``: ``hepml.read`` with the same as expressions.

Each process is held on one core, and the order of the ways turns from one repetition to the next. Prints medians of wall
time and the ratio pair by pair with its quartiles. It fails if the columns differ.

    python benchmarks/expressions.py [--events 1000000] [--repeat 15]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

CHILD = """
import hashlib, json, os, sys, time
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
import awkward as ak, numpy as np, uproot, hepml, hepml.readers
path, way = sys.argv[1:]
wall, cpu = time.perf_counter(), time.process_time()
if way == "by hand":
    with uproot.open(path, array_cache=None, object_cache=None) as file:
        tree = file["events"]
        flat = {n: tree[n].array(library="np") for n in ("pt1", "pt2", "eta1", "eta2", "phi1", "phi2", "met", "event")}
        jet_pt, jet_eta = (tree[name].array() for name in ("jet_pt", "jet_eta"))
    a = {name: column.astype(np.float64) for name, column in flat.items() if name != "event"}
    ht = ak.to_numpy(ak.sum(ak.values_astype(jet_pt[abs(jet_eta) < 2.5], np.float64), axis=1))
    keep = (a["pt1"] > 15) & (a["pt2"] > 10) & (abs(a["eta1"] - a["eta2"]) < 3) & (ht > 30)
    a = {name: column[keep] for name, column in a.items()}
    deta, dphi = a["eta1"] - a["eta2"], a["phi1"] - a["phi2"]
    columns = [
        np.sqrt(2 * a["pt1"] * a["pt2"] * (np.cosh(deta) - np.cos(dphi))),
        np.log(a["pt1"] + 1),
        a["met"] / (a["pt1"] + a["pt2"]),
        np.sqrt(2 * a["pt1"] * a["met"] * (1 - np.cos(a["phi1"]))),
        ht[keep],
    ]
    X = np.empty((len(deta), len(columns)), dtype=np.float32, order="F")
    for number, column in enumerate(columns):
        X[:, number] = column
    event = flat["event"][keep]
else:
    ht = "Sum$(jet_pt*(abs(jet_eta) < 2.5))"
    data = hepml.read(
        path,
        tree="events",
        features=[
            ("mass", "sqrt(2*pt1*pt2*(cosh(eta1 - eta2) - cos(phi1 - phi2)))"),
            ("lpt", "log(pt1 + 1)"),
            ("ratio", "met/(pt1 + pt2)"),
            ("mt", "sqrt(2*pt1*met*(1 - cos(phi1)))"),
            ("ht", ht),
        ],
        selection=f"pt1 > 15 && pt2 > 10 && abs(eta1 - eta2) < 3 && {ht} > 30",
        identity=["event"],
    )
    X, event = data.X, data.identity.columns[0]
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
# sums of floating numbers in another order differ in the last digits
digest = hashlib.sha256(np.ascontiguousarray(event.astype(np.uint64)).data).hexdigest()
print(json.dumps({"wall": wall, "cpu": cpu, "digest": digest, "sums": X.sum(axis=0, dtype=np.float64).tolist()}))
"""


def make_file(path: Path, n_events: int) -> None:
    """Write the TTree."""
    import awkward as ak
    import numpy as np
    import uproot

    rng = np.random.default_rng(1)
    scalars = ("pt1", "pt2", "met", "eta1", "eta2", "phi1", "phi2")
    with uproot.recreate(path, compression=uproot.ZSTD(4)) as file:
        types: dict[str, Any] = {"event": np.uint64} | dict.fromkeys(scalars, np.float32)
        tree = file.mktree("events", types | {"jet": "var * {pt: float32, eta: float32}"})
        for start in range(0, n_events, 100_000):
            n = min(100_000, n_events - start)
            columns: dict[str, Any] = {name: rng.exponential(40, n).astype(np.float32) for name in scalars[:3]}
            columns |= {name: rng.normal(0, 1.5, n).astype(np.float32) for name in scalars[3:]}
            counts = rng.poisson(3, n)
            jets = {
                "pt": rng.exponential(40, counts.sum()).astype(np.float32),
                "eta": rng.normal(0, 2, counts.sum()).astype(np.float32),
            }
            columns["jet"] = ak.zip({name: ak.unflatten(values, counts) for name, values in jets.items()})
            tree.extend({"event": np.arange(start, start + n, dtype=np.uint64), **columns})


def main() -> None:
    """Run the ways in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    ways = ("by hand", "hepml")
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.root"
        make_file(path, options.events)
        print(f"{options.events} events, {path.stat().st_size / 1e6:.0f} MB on disk, 1 thread")
        for repetition in range(options.repeat + 1):
            for way in ways if repetition % 2 else reversed(ways):
                run = subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", CHILD, str(path), way],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                if repetition:
                    found[way].append(json.loads(run.stdout))
    mine, other = found["hepml"][0], found["by hand"][0]
    close = (abs(a - b) <= 1e-6 * abs(b) for a, b in zip(mine["sums"], other["sums"], strict=True))
    if mine["digest"] != other["digest"] or not all(close):
        sys.exit("hepml read other columns than those made by hand")
    for way in ways:
        wall = [run["wall"] for run in found[way]]
        pairs = zip(found[way], found["by hand"], strict=True)
        low, middle, high = statistics.quantiles([run["wall"] / base["wall"] for run, base in pairs], n=4)
        print(
            f"{way:8s} wall {statistics.median(wall):6.3f} s ({min(wall):.3f} .. {max(wall):.3f})  "
            f"ratio {middle:.3f} ({low:.2f} .. {high:.2f})"
        )


if __name__ == "__main__":
    main()
