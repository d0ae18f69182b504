"""Five hundred mutations of each of three files: a clear error or all events, never a crash, a hang or another number."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]

N_MUTATIONS = 500

CHILD = """
import json, resource, signal, sys, warnings
from pathlib import Path
import numpy as np
from hepml.data import Feature
from hepml.errors import HepmlError
from hepml.readers import Normalise, SampleRequest, TreeLocation, inspect_file, read_samples

warnings.simplefilter("error")
# a damaged length may ask for any amount of memory
resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
good, path, n_mutations, normalise = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
content = Path(good).read_bytes()

def load(name):
    wanted = Normalise(2.0, 3.0, "Runs:sumw") if normalise == "yes" else None
    request = SampleRequest("s", "signal", [TreeLocation(name, "events")], weight="weight", normalise=wanted)
    features = [Feature("pt"), Feature("mass"), Feature("charge"), Feature("ht", expression="Sum$(jet_pt)")]
    return read_samples([request], features=features, spectators=[Feature("event")], identity=["event"])

def mutate(seed):
    rng = np.random.default_rng(seed)
    damaged = bytearray(content)
    place, size = int(rng.integers(len(content))), int(rng.integers(1, 200))
    kind = seed % 6
    if kind == 0:
        for bit in rng.integers(0, 8 * len(content), 1 + seed % 5).tolist():
            damaged[bit // 8] ^= 1 << bit % 8
    elif kind == 1:
        for byte in rng.integers(0, len(content), 1 + seed % 5).tolist():
            damaged[byte] = int(rng.integers(256))
    elif kind == 2:
        del damaged[place:]
    elif kind == 3:
        damaged[place : place + size] = bytes(len(damaged[place : place + size]))
    elif kind == 4:
        del damaged[place : place + size]
    else:
        other = int(rng.integers(len(content)))
        damaged[place : place + size] = content[other : other + len(damaged[place : place + size])].ljust(size, b"?")
    return bytes(damaged)

whole = load(good)
counts = {"error": 0, "same": 0, "changed": 0}
for seed in range(n_mutations):
    Path(path).write_bytes(mutate(seed))
    # whatever takes so long for a small file will take for ever
    signal.alarm(30)
    try:
        if seed % 4 == 0:
            inspect_file(TreeLocation(path), statistics=True)
        dataset = load(path)
    except HepmlError as error:
        assert Path(path).name in str(error) or "sample 's'" in str(error), (seed, str(error))
        counts["error"] += 1
        continue
    finally:
        signal.alarm(0)
    assert len(dataset) == len(whole) == dataset.samples[0].n_entries, seed
    same = np.array_equal(dataset.X, whole.X, equal_nan=True) and np.array_equal(dataset.weight, whole.weight)
    counts["same" if same else "changed"] += 1
print(json.dumps(counts))
"""


def write_rntuple(path: Path, columns: dict[str, Any]) -> Path:
    with uproot.recreate(path) as file:
        file.mkrntuple(
            "events", {name: columns[name] for name in ("event", "pt", "mass", "charge", "weight", "jet_pt")}
        )
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["several baskets", "normalised", "RNTuple"])
def test_mutations_give_an_error_or_all_events(tmp_path: Path, columns: Columns, write: Write, kind: str) -> None:
    """No format keeps a checksum of what zstd holds: values may change unnoticed, their number may not."""
    table = columns(80)
    good = tmp_path / "good.root"
    if kind == "RNTuple":
        write_rntuple(good, table | {"jet_pt": table["jet"]["pt"]})
    else:
        write(good, table, baskets=4 if kind == "several baskets" else 1)
    if kind == "normalised":
        with uproot.update(good) as file:
            file.mktree("Runs", {"sumw": "f8"}).extend({"sumw": np.array([10.0, 20.0])})
    # a process of its own, since damaged bytes could bring the interpreter down
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(good), str(tmp_path / "damaged.root")]
    done = subprocess.run(
        [*command, str(N_MUTATIONS), "yes" if kind == "normalised" else "no"],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    counts = json.loads(done.stdout)
    assert sum(counts.values()) == N_MUTATIONS
    assert counts["error"] > N_MUTATIONS / 10
    assert counts["same"] > N_MUTATIONS / 50
