"""Peak memory of reading and training on 1x and 4x events, in memory and from mapped columns.

Each line is a process of its own: `python benchmarks/out_of_core.py [--events 1000000] [--features 28] [--folder DIR]`.
Memory is the largest resident set, less that of the process after its imports. Write into a folder on a disk: what is in a
tmpfs is memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import uproot

_BATCH = 250_000


def write_file(path: Path, n_events: int, n_features: int) -> None:
    """Write two overlapping classes; the features are noise but for one."""
    rng = np.random.default_rng(1)
    names = [f"x{number}" for number in range(n_features)]
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        tree = file.mktree("events", dict.fromkeys(names, "f4") | {"event": "u8", "label": "i4"})
        for start in range(0, n_events, _BATCH):
            n = min(_BATCH, n_events - start)
            label = rng.integers(0, 2, n).astype(np.int32)
            columns = {name: rng.normal(size=n).astype(np.float32) for name in names}
            columns["x0"] += label
            tree.extend(columns | {"event": np.arange(start, start + n, dtype=np.uint64), "label": label})


def resident(key: str) -> float:
    """Return a line of the process's status in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024 / 1e6


def work(path: str, n_features: int, what: str, where: str, cache: str) -> None:
    """Do one job in this process and print its time and memory."""
    from hepml import classifiers
    from hepml.config import parse_analysis
    from hepml.data import Feature
    from hepml.readers import SampleRequest, expand_files, read_samples
    from hepml.workflow import prepare

    # libraries that are loaded on first use belong to the start
    y = np.arange(200) % 2
    small = classifiers.get("xgboost")(n_estimators=1, n_jobs=1)
    small.fit(np.random.default_rng(1).normal(size=(200, 2)).astype(np.float32), y).evaluate(np.zeros((1, 2)))
    before, clock = resident("VmRSS"), time.perf_counter()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    requests = [
        SampleRequest(role, role, expand_files(path, "events"), selection=f"label == {label}")
        for role, label in (("signal", 1), ("background", 0))
    ]
    features = [Feature(f"x{number}") for number in range(n_features)]
    dataset = read_samples(requests, features=features, cache=None if where == "memory" else cache)
    result = float(len(dataset))
    if what == "train":
        config = parse_analysis(
            {
                "name": "benchmark",
                "samples": [{"name": role, "role": role, "files": path} for role in ("signal", "background")],
                "features": [feature.name for feature in features],
                "methods": {"bdt": {"kind": "xgboost"}},
            }
        )
        prepared = prepare(config, dataset, folder=Path(cache))
        model = classifiers.get("xgboost")(n_estimators=20, n_jobs=2, external_memory=where == "external")
        train, validation = prepared.train, prepared.validation
        if where == "memory":
            # as much as a run holds: all events and their parts
            prepared.digest()
        model.fit(
            train.X,
            train.y,
            sample_weight=train.train_weight,
            validation=(validation.X, validation.y, validation.train_weight),
        )
        score = model.evaluate(dataset.X)
        result = float(score.sum())
    print(json.dumps({"seconds": time.perf_counter() - clock, "MB": resident("VmHWM") - before, "result": result}))


def main() -> None:
    """Write the files, do each job in a process of its own, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=28)
    parser.add_argument("--folder", type=Path, help="Default: the folder for temporary files.")
    parser.add_argument("--job", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        path, n_features, what, where, cache = options.job
        work(path, int(n_features), what, where, cache)
        return
    jobs = (
        ("read", "memory"),
        ("read", "cache, first time"),
        ("read", "cache"),
        ("train", "memory"),
        ("train", "cache"),
        ("train", "external"),
    )
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print(f"{'job':<26}{'events':>10}{'seconds':>9}{'peak MB':>9}{'bytes an event':>16}")
        peaks: dict[tuple[str, str], list[float]] = {}
        results: dict[tuple[str, int], set[float]] = {}
        for n_events in (options.events, 4 * options.events):
            path = Path(folder) / f"{n_events}.root"
            write_file(path, n_events, options.features)
            for what, where in jobs:
                job = [str(path), str(options.features), what, where, str(Path(folder) / "cache")]
                found = subprocess.run(
                    [sys.executable, __file__, "--job", *job], capture_output=True, text=True, check=True
                )
                numbers = json.loads(found.stdout.splitlines()[-1])
                peaks.setdefault((what, where), []).append(numbers["MB"])
                results.setdefault((what, n_events), set()).add(numbers["result"])
                print(
                    f"{what + ', ' + where:<26}{n_events:>10}{numbers['seconds']:>9.1f}{numbers['MB']:>9.0f}"
                    f"{numbers['MB'] * 1e6 / n_events:>16.0f}",
                    flush=True,
                )
        for (what, where), (one, four) in peaks.items():
            slope = (four - one) * 1e6 / (3 * options.events)
            print(
                f"{what + ', ' + where:<26} 4x events: {four / one:.2f}x memory, {slope:.0f} bytes for each event more"
            )
        if any(len(found) != 1 for found in results.values()):
            sys.exit(f"memory and cache do not agree: {results}")


if __name__ == "__main__":
    main()
