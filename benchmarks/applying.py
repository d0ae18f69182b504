"""Memory and speed of ``hepml apply`` against the size of its input.

Trains the Higgs example's two methods once, then scores files made of its signal sample in fresh processes: a sixteenth, a
quarter and all of the largest size. Constant memory means that the peak does not grow with the file.

    python benchmarks/applying.py [--largest 1600000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

CHILD = """
import json, resource, sys, time
from hepml.workflow import apply_model
start, cpu = time.perf_counter(), time.process_time()
(result,) = apply_model(sys.argv[1], sys.argv[2], sys.argv[3])
found = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu, "n": result.n_entries}
found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(found))
"""


def make_input(path: Path, n_entries: int) -> None:
    """Write the branches that the model needs, the sample's events over and over."""
    import numpy as np
    import uproot

    with uproot.open(ROOT / "data" / "higgs_tautau" / "ggH.root") as file:
        columns = file["events"].arrays()
    fields = [
        name for name in columns.fields if not name.startswith("jet_") or name in {"jet_pt", "jet_eta", "jet_sum_pt"}
    ]
    columns = columns[fields]
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        tree = file.mktree(
            "events", {name: columns[name].type.content for name in fields}, counter_name=lambda _: "n_jets_"
        )
        for start in range(0, n_entries, len(columns)):
            columns["event_number"] = np.arange(start, start + len(columns), dtype=np.uint64)
            tree.extend({name: columns[name] for name in fields})


def main() -> None:
    """Train once, then score ever larger files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=1_600_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        analysis = ROOT / "analyses" / "higgs_tautau" / "analysis.yaml"
        train = [sys.executable, "-m", "hepml", "train", str(analysis), "-o", str(run)]
        subprocess.run(train, check=True, capture_output=True)
        for n_entries in (options.largest // 16, options.largest // 4, options.largest):
            path = Path(folder) / f"in{n_entries}.root"
            make_input(path, n_entries)
            command = [sys.executable, "-c", CHILD, str(run), str(path), str(Path(folder) / f"out{n_entries}.root")]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            rate = found["n"] / found["cpu"] / 1e6
            speed = f"wall {found['wall']:6.2f} s, {rate:.2f} M entries / CPU s"
            print(f"{found['n']:9d} entries: {speed}, peak {found['peak_mb']:.0f} MB")


if __name__ == "__main__":
    main()
