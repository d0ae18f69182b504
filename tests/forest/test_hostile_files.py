"""Model files that were damaged or made to do harm: one kind of error or a forest, within a second and little memory."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hepml.forest.storage import to_bytes
from tests.forest.reference import random_forest
from tests.forest.test_from_file import CONTENT, NUMBERS

N_MUTATIONS = 600
SEED_FOREST = random_forest(np.random.default_rng(2), n_trees=4, depth=3)


def tmva_xml() -> bytes:
    forest = random_forest(np.random.default_rng(3), n_trees=4, depth=3, missing=False, takes_missing=False)
    threshold = np.nan_to_num(forest.threshold, posinf=3.0, neginf=-3.0)
    with tempfile.TemporaryDirectory() as folder:
        replace(forest, threshold=threshold).to_tmva(Path(folder) / "model.weights.xml")
        return (Path(folder) / "model.weights.xml").read_bytes()


XML = tmva_xml()

CHILD = """
import json, resource, sys, time, warnings
from pathlib import Path
import numpy as np
from hepml.errors import ModelFormatError
from hepml.forest import open_forest

warnings.simplefilter("error")
folder = Path(sys.argv[1])
for name in sorted(folder.glob("good.*")):
    forest = open_forest(name)
    forest.predict(np.zeros((2, forest.n_features)), threads=1, output="leaf")
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 1536 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
# the whole is ended if one file hangs
resource.setrlimit(resource.RLIMIT_CPU, (300, 300))
result = {"refused": 0, "read": [], "slowest": [0.0, ""], "bad": []}
for path in sorted(folder.glob("bad.*")):
    begin = time.process_time()
    try:
        forest = open_forest(path)
        result["read"].append(path.name)
    except ModelFormatError as error:
        if len(str(error)) > 5000:
            result["bad"].append(f"{path.name}: a message of {len(str(error))} characters")
        result["refused"] += 1
        forest = None
        if isinstance(error.__cause__, MemoryError):
            result["bad"].append(f"{path.name}: out of memory")
    except BaseException as error:
        result["bad"].append(f"{path.name}: {type(error).__name__}: {error}"[:300])
        continue
    seconds = time.process_time() - begin
    result["slowest"] = max(result["slowest"], [seconds, path.name])
    if seconds > 1.0:
        result["bad"].append(f"{path.name}: {seconds:.1f} s")
    if forest is not None:
        forest.predict(np.zeros((2, forest.n_features)), threads=1, output="leaf")
result["megabytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps(result))
"""


def good_files() -> dict[str, bytes]:
    return {
        "json": CONTENT["json"][0],
        "ubj": CONTENT["ubj"][0],
        "lightgbm": CONTENT["text"][0],
        "npz": to_bytes(SEED_FOREST),
        "xml": XML,
    }


def run(folder: Path) -> dict[str, Any]:
    # a process of its own, since memory is limited and damage could bring the interpreter down
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def mutated(content: bytes, rng: np.random.Generator, *, text: bool) -> bytes:
    """Change bits, bytes or numbers, cut, take out, fill with zeros, or copy a part to another place."""
    damaged = bytearray(content)
    place, other = rng.integers(len(content), size=2).tolist()
    size = int(rng.integers(1, 200))
    kind = int(rng.integers(7 if text else 6))
    if kind == 0:
        for bit in rng.integers(0, 8 * len(content), int(rng.integers(1, 6))).tolist():
            damaged[bit // 8] ^= 1 << bit % 8
    elif kind == 1:
        for byte in rng.integers(0, len(content), int(rng.integers(1, 6))).tolist():
            damaged[byte] = int(rng.integers(256))
    elif kind == 2:
        del damaged[place:]
    elif kind == 3:
        del damaged[place : place + size]
    elif kind == 4:
        damaged[place : place + size] = bytes(len(damaged[place : place + size]))
    elif kind == 5:
        damaged[place : place + size] = content[other : other + size]
    else:
        numbers = list(re.finditer(rb"-?\d[\d.Ee+-]*", content))
        for match in sorted(rng.choice(len(numbers), int(rng.integers(1, 4)), replace=False), reverse=True):
            found = numbers[match]
            damaged[found.start() : found.end()] = str(rng.choice(NUMBERS)).encode()
    return bytes(damaged)


@pytest.mark.slow
@pytest.mark.parametrize("kind", good_files())
def test_mutations_are_refused_or_read_within_limits(kind: str, tmp_path: Path) -> None:
    content = good_files()[kind]
    (tmp_path / f"good.{kind}").write_bytes(content)
    rng = np.random.default_rng([17, *kind.encode()])
    for number in range(N_MUTATIONS):
        damaged = mutated(content, rng, text=kind not in {"ubj", "npz"})
        (tmp_path / f"bad.{number}").write_bytes(damaged)
    result = run(tmp_path)
    assert result["bad"] == []
    assert result["refused"] + len(result["read"]) == N_MUTATIONS
    assert result["refused"] > N_MUTATIONS / 10
    assert result["megabytes"] < 200


def repacked(**arrays: Any) -> bytes:
    """Return the seed forest's file with other arrays (or bytes of them)."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(to_bytes(SEED_FOREST))) as old,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            given = arrays.get(name.partition(".")[0])
            if given is None:
                given = old.read(name)
            elif not isinstance(given, bytes):
                array = io.BytesIO()
                np.lib.format.write_array(array, given, version=(1, 0))
                given = array.getvalue()
            new.writestr(name, given)
    return stream.getvalue()


def npy_header(shape: str) -> bytes:
    header = f"{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def with_child(key: str, value: int) -> bytes:
    """Return XGBoost's JSON with the root's child changed to another node of its tree."""
    document = json.loads(CONTENT["json"][0])
    tree = document["learner"]["gradient_booster"]["model"]["trees"][0]
    tree[key][0] = value
    return json.dumps(document).encode()


def left_changed(value: int) -> Any:
    left = SEED_FOREST.left.copy()
    inner = np.flatnonzero(left >= 0)
    left[inner[-1]] = value if value >= 0 else inner[-1]
    return left


HARMLESS = ("json, many trees", "lightgbm, many classes")


def hostile_files() -> dict[str, bytes]:
    zeros = {name: np.zeros(30_000_000, "<i4") for name in ("feature", "left", "right", "node_id")}
    stem, end = XML.split(b"<Node ", 1)[0], b"<Node "
    return {
        "json objects in each other": b'{"learner":' * 200_000,
        "json lists in each other": b'{"learner":' + b"[" * 5_000_000,
        "json, many trees": re.sub(rb'"num_trees":"\d+"', b'"num_trees":"99999999999"', CONTENT["json"][0]),
        "json, many features": re.sub(rb'"num_feature":"\d+"', b'"num_feature":"999999999"', CONTENT["json"][0]),
        "json, many classes": re.sub(rb'"num_class":"\d+"', b'"num_class":"999999999"', CONTENT["json"][0]),
        "json, many targets": re.sub(rb'"num_target":"\d+"', b'"num_target":"999999999"', CONTENT["json"][0]),
        "json, cycle to the root": with_child("left_children", 0),
        "json, two parents": with_child("left_children", 2),
        "json, digits": b'{"learner":' + b"9" * 3_000_000 + b"}",
        "json, one key often": b'{"learner":{' + b'"a":1,' * 40_000 + b'"b":1}}',
        "ubj objects in each other": b"{L" + struct.pack(">q", 7) + b"learner" + b"{i\x01a" * 1_000_000,
        "ubj lists in each other": b"{L" + struct.pack(">q", 7) + b"learner" + b"[" * 5_000_000,
        "ubj, long array": b"{i\x01a[$d#L" + struct.pack(">q", 2**40) + bytes(1000),
        "ubj, long list of nothing": b"{i\x01a[#L" + struct.pack(">q", 2**40) + b"Z" * 1000,
        "ubj, values without bytes": b"{i\x01a[$T#L" + struct.pack(">q", 2**34),
        "ubj, long text": b"{i\x01aSL" + struct.pack(">q", 2**40) + b"a" * 1000,
        "lightgbm, many leaves": CONTENT["text"][0].replace(b"num_leaves=3", b"num_leaves=2000000000"),
        "lightgbm, many features": CONTENT["text"][0].replace(b"max_feature_idx=1", b"max_feature_idx=2000000000"),
        "lightgbm, many classes": CONTENT["text"][0].replace(b"num_class=1", b"num_class=2000000000"),
        "lightgbm, many trees": CONTENT["text"][0].replace(b"_per_iteration=1", b"_per_iteration=2000000000"),
        "lightgbm, cycle": CONTENT["text"][0].replace(b"left_child=1 -1", b"left_child=1 1"),
        "lightgbm, many sets": CONTENT["text"][0].replace(b"num_cat=1", b"num_cat=2000000000"),
        "npz, cycle": repacked(left=left_changed(-1)),
        "npz, cycle to the root": repacked(left=left_changed(0)),
        "npz, two parents": repacked(left=left_changed(2)),
        "npz, long arrays of zeros": repacked(**zeros),
        "npz, other long array": repacked(category_values=np.arange(40_000_000, dtype="<i4") // 1000),
        "npz, promised shape": repacked(feature=npy_header("(1099511627776,)")),
        "npz, promised product": repacked(feature=npy_header("(4294967296, 4294967296)")),
        "npz, deep shape": repacked(feature=npy_header("(" * 3000 + "1" + ")" * 3000)),
        "npz, deep header": repacked(forest=b'{"a":' * 100_000),
        "npz, bomb in the header": repacked(forest=b" " * 300_000_000),
        "xml nodes in each other": stem + end.join([b"", *[b'pos="l">'] * 500_000]),
        "xml nodes beside each other": stem + b'<Node pos="l"/>' * 500_000,
        "xml, many trees": stem.replace(b"NTrees", b'Extra="999999999" NTrees') + b"</BinaryTree>",
        "xml, number of trees": re.sub(rb'NTrees="\d+"', b'NTrees="99999999999"', XML),
        "xml, number of variables": re.sub(rb'NVar="\d+"', b'NVar="99999999999"', XML),
        "xml, packed blanks": gzip.compress(b"<MethodSetup>" + b" " * 200_000_000, 9),
        "xml, attributes": b"<MethodSetup " + b" ".join(b'a%d=""' % k for k in range(200_000)) + b"/>",
        "xml, entities": b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "%s">]><x>&b;</x>' % (b"&a;" * 100_000),
    }


@pytest.mark.slow
def test_hostile_files_are_refused_within_limits(tmp_path: Path) -> None:
    for kind, content in good_files().items():
        (tmp_path / f"good.{kind}").write_bytes(content)
    files = hostile_files()
    for name, content in files.items():
        assert content not in good_files().values(), f"{name} changes nothing"
        (tmp_path / f"bad.{name}").write_bytes(content)
    result = run(tmp_path)
    assert result["bad"] == []
    # numbers that nothing in the file goes by
    assert set(result["read"]) == {f"bad.{name}" for name in HARMLESS}
    assert result["megabytes"] < 500
