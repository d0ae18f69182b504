"""The PyROOT reader gives what the uproot reader gives, number by number."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from contextvars import Context
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hepml.data import Feature
from hepml.errors import (
    BranchNotFoundError,
    BranchTypeError,
    ExpressionError,
    FeatureValueError,
    FileUnreadableError,
    HepmlError,
    MissingDependencyError,
    UnknownNameError,
)
from hepml.expressions.cpp_functions import CPP_CALLS
from hepml.expressions.functions import FUNCTIONS
from hepml.readers import SampleRequest, TreeLocation, TreeSource, expand_files, read, read_samples, tree_names
from hepml.root_process import keep_root, root_is_installed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hepml.data import Dataset

needs_root = [
    pytest.mark.requires_root,
    pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed"),
]
# of uproot-HZZ.root. Its leaf is called Photons_E: ROOT's TTreeReader refuses it as "created using a leaf list and cannot
# be represented as a C++ type", and never comes back from reading Photon_E.Photons_E
ROOT_CANNOT_READ = {"Photon_E"}
PROJECT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((PROJECT / "data" / "higgs_tautau").glob("*.root"))
REFERENCE = os.environ.get("HEPML_REFERENCE_DATA", "")
# of the PHYSLITE file: 3775 branches of one entry, which uproot takes seconds to open, each of five times
TOO_WIDE = {"MetaData"}
BRANCHES_A_PART, MOST_PARTS = 150, 40
REAL_FILES = (
    "nanoAOD_2015_CMS_Open_Data_ttbar",
    "uproot-HZZ-objects",
    "uproot-HZZ",
    "uproot-Zmumu",
    "uproot-physlite-rntuple_v1-0-0-0",
)


@pytest.fixture(scope="module", autouse=True)
def one_root() -> Iterator[None]:
    """Start ROOT once for all tests of this module."""
    with keep_root():
        yield


def both(files: Any, **options: Any) -> tuple[Dataset, Dataset]:
    return read(files, **options), read(files, reader="root", **options)


def assert_same(a: Dataset, b: Dataset, *, tolerance: float = 0.0) -> None:
    assert a.X.dtype == b.X.dtype
    np.testing.assert_allclose(a.X, b.X, rtol=tolerance, atol=0)
    np.testing.assert_allclose(a.weight, b.weight, rtol=tolerance, atol=0)
    assert a.identity.names == b.identity.names
    for one, other in zip(a.identity.columns, b.identity.columns, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    assert a.spectators.keys() == b.spectators.keys()
    for name, column in a.spectators.items():
        assert column.dtype == b.spectators[name].dtype, name
        np.testing.assert_allclose(column, b.spectators[name], rtol=tolerance, atol=0, err_msg=name)
    assert a.samples == b.samples


def edge_columns(n: int, seed: int = 3) -> dict[str, Any]:
    """Columns of all types, with the ends of their ranges, NaN, infinities, empty lists and sentinels."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {"event": np.uint64(2**64 - n) + np.arange(n, dtype=np.uint64)}
    for name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"):
        info = np.iinfo(name)
        values = rng.integers(info.min, info.max, n, dtype=name, endpoint=True)
        small = rng.integers(0 if info.min == 0 else -3, 5, n).astype(name)
        edges = rng.choice(np.array([info.min, info.max, 0, 1], dtype=name), n)
        columns[name] = np.choose(rng.integers(0, 4, n), [values, small, small, edges])
    for name in ("f4", "f8"):
        special = rng.choice([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, -999.0, 0.1, 1e30], n)
        columns[name] = np.where(rng.random(n) < 0.3, special, rng.normal(0, 3, n)).astype(name)
    columns["flag"] = rng.random(n) < 0.5
    columns["arr"] = rng.integers(-3, 4, (n, 3)).astype(np.int16)
    counts = rng.integers(0, 4, n)
    pt = rng.exponential(40, counts.sum()).astype(np.float32)
    pt[rng.random(len(pt)) < 0.1] = np.nan
    ids = rng.integers(-5, 6, counts.sum()).astype(np.int32)
    columns["jet"] = ak.zip({"pt": ak.unflatten(pt, counts), "id": ak.unflatten(ids, counts)})
    other = rng.integers(0, 3, n)
    columns["mu"] = ak.zip({"e": ak.unflatten(rng.normal(0, 2, other.sum()), other)})
    return columns


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("edges") / "edges.root"
    columns = edge_columns(600)
    with uproot.recreate(path) as file:
        types = {
            name: (column.dtype, column.shape[1:]) if isinstance(column, np.ndarray) else column.type.content
            for name, column in columns.items()
        }
        tree = file.mktree("events", types)
        for start, stop in pairwise(range(0, 601, 60)):
            tree.extend({name: column[start:stop] for name, column in columns.items()})
    return path


SCALARS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "flag", "njet"]
LITERALS = ["0", "1", "2", "3", "0.5", "2.5", "-1", "18446744073709551615", "9007199254740993", "pi", "true"]
INFIX = ["+", "-", "*", "/", "%", "&", "|", "<<", ">>", "<", ">", "<=", ">=", "==", "!=", "&&", "||"]
EXACT = ["abs", "sqrt", "floor", "ceil", "int", "sign", "TMath::Nint", "sq", "round", "isnan", "TMath::Finite"]


def grown(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from(INFIX), inner).map(lambda x: f"(({x[0]}) {x[1]} ({x[2]}))"),
            st.tuples(st.sampled_from(EXACT), inner).map(lambda x: f"{x[0]}({x[1]})"),
            st.tuples(inner, inner, inner).map(lambda x: f"(({x[0]}) ? ({x[1]}) : ({x[2]}))"),
            st.tuples(st.sampled_from(["min", "max", "TMath::Min", "TMath::Max", "fmod"]), inner, inner).map(
                lambda x: f"{x[0]}({x[1]}, {x[2]})"
            ),
            inner.map(lambda x: f"!({x})"),
            inner.map(lambda x: f"-({x})"),
        )

    return st.recursive(leaves, extend, max_leaves=6)


SCALAR_LEAVES = st.sampled_from([*SCALARS, *LITERALS, "jet_pt[0]", "arr[2]", "jet_id[njet-1]", "arr[i1]", "mu_e[1]"])
ONE_VALUE = grown(SCALAR_LEAVES)


def reduced(leaves: list[str]) -> st.SearchStrategy[str]:
    lists = grown(st.sampled_from([*leaves, *leaves, "f8", "2", "u8", "jet_pt[0]"]))
    return st.one_of(
        st.tuples(st.sampled_from(["Sum$", "Max$", "Min$", "Length$"]), lists).map(lambda x: f"{x[0]}({x[1]})"),
        st.tuples(st.sampled_from(["MaxIf$", "MinIf$"]), lists, lists).map(lambda x: f"{x[0]}({x[1]}, {x[2]})"),
    )


ALTERNATIVE = st.tuples(st.sampled_from(["jet_pt[1]", "jet_id[0]%3", "mu_e[0]*f4"]), ONE_VALUE).map(
    lambda x: f"Alt$({x[0]}, {x[1]})"
)
EXPRESSIONS = grown(
    st.one_of(
        SCALAR_LEAVES, ALTERNATIVE, reduced(["jet_pt", "jet_id"]), reduced(["arr", "arr[arr]"]), reduced(["mu_e"])
    )
)


class TestExpressions:
    pytestmark = needs_root

    @settings(max_examples=1, phases=[Phase.generate])  # shrinking would start ROOT hundreds of times
    @given(texts=st.lists(EXPRESSIONS, min_size=25, max_size=25, unique=True))
    def test_random_expressions_agree(self, edges: Path, texts: list[str]) -> None:
        spectators = [(f"s{number}", text) for number, text in enumerate(texts)]
        a, b = both(edges, features=["event"], spectators=spectators, identity=["event"])
        for (name, text), column in zip(spectators, a.spectators.values(), strict=True):
            np.testing.assert_array_equal(column, b.spectators[name], err_msg=text)
        for text in texts[:2]:
            kept = [read_or_error(edges, text, reader) for reader in ("uproot", "root")]
            assert kept[0] == kept[1], text

    def test_every_function_agrees_to_the_last_bits(self, edges: Path) -> None:
        calls = []
        for name, function in FUNCTIONS.items():
            arguments = ["f8", "f4", "i2"][: function.n_arguments]
            calls += [f"{name}({', '.join(arguments)})"]
            calls += [f"{name}(f4/4)"] if function.n_arguments == 1 else []
        spectators = [(f"s{number}", text) for number, text in enumerate(calls)]
        a, b = both(edges, features=["event"], spectators=spectators, identity=["event"])
        for name, text in spectators:
            np.testing.assert_allclose(a.spectators[name], b.spectators[name], rtol=1e-14, atol=1e-300, err_msg=text)

    def test_sentinels_agree(self, edges: Path) -> None:
        features = [("a", "f8 > 1e4 ? 0 : Alt$(jet_pt[0], -999)"), ("b", "i1*2"), ("c", "Max$(jet_id)"), ("d", "flag")]
        options = {"missing": [-999.0, 2.0], "selection": "isfinite(f8) && isfinite(f4)", "weight": "u1 + 1"}
        assert_same(*both(edges, features=[*features, "f4", "f8"], identity=["event", "i8"], **options))

    @pytest.mark.parametrize("text", ["jet_pt", "jet_pt*2", "Alt$(jet_pt, 0)", "Sum$(jet_pt*arr)", "nothing + 1"])
    def test_errors_are_the_same(self, edges: Path, text: str) -> None:
        messages = []
        for reader in ("uproot", "root"):
            with pytest.raises((ExpressionError, BranchNotFoundError)) as caught:
                read(edges, features=[("x", text)], identity=["event"], reader=reader)
            messages.append((caught.type, str(caught.value)[:60]))
        assert messages[0] == messages[1]

    def test_an_infinite_feature_is_refused(self, edges: Path) -> None:
        with pytest.raises(FeatureValueError, match="infinite"):
            read(edges, features=["f8"], identity=["event"], reader="root")

    def test_a_list_is_no_identity(self, edges: Path) -> None:
        with pytest.raises(ExpressionError, match=r"arr.*'reader: root' cannot take"):
            read(edges, features=["i1"], identity=["arr[0]"], reader="root")


def read_or_error(path: Path, selection: str, reader: str) -> list[int] | str:
    """Return the events that pass, or the kind of error; ROOT is started for each, so few are tried."""
    try:
        data = read(path, features=["i1"], selection=selection, identity=["event"], reader=reader)
    except HepmlError as error:
        return type(error).__name__
    return [int(number) for number in data.identity.columns[0]]


class TestFiles:
    pytestmark = needs_root

    @pytest.mark.parametrize("threads", [1, 2])
    def test_order_and_values_do_not_depend_on_threads(self, tmp_path: Path, threads: int) -> None:
        n = 200_000
        path = tmp_path / "many clusters?*[a].root"
        event = np.arange(n, dtype=np.uint64) + np.uint64(2**60)
        with uproot.recreate(path) as file:
            tree = file.mktree("events", {"event": np.uint64, "x": np.float32, "w": np.float64})
            for start in range(0, n, 5_000):
                number = event[start : start + 5_000]
                tree.extend({"event": number, "x": (number % 1000).astype(np.float32), "w": (number % 7) - 1.5})
        options = {"features": ["x", ("y", "x/3")], "weight": "w", "selection": "event % 3 != 1", "threads": threads}
        assert_same(*both(path, **options))
        for most in (1, 4_999, 5_000, 123_456):
            request = SampleRequest("s", "signal", [TreeLocation(str(path))], max_events=most)
            limited = [read_samples([request], features=[Feature("x")], reader=x) for x in ("uproot", "root")]
            assert limited[0].samples[0].n_entries == most
            assert_same(*limited)

    @pytest.mark.parametrize("threads", [1, 2])
    def test_rntuples(self, tmp_path: Path, threads: int) -> None:
        paths = []
        for seed in (5, 6):
            path = tmp_path / f"ntuple{seed}.root"
            columns = {
                name: column
                for name, column in edge_columns(400, seed).items()
                if isinstance(column, np.ndarray) and column.ndim == 1
            }
            columns["jets"] = ak.Array([[float(i), 1.0][: i % 3] for i in range(400)])
            with uproot.recreate(path) as file:
                tree = file.mkrntuple("events", {name: array[:100] for name, array in columns.items()})
                for start in (100, 200, 300):
                    tree.extend({name: array[start : start + 100] for name, array in columns.items()})
            paths.append(path)
        features = ["i1", "i8", "u4", "flag", ("best", "Max$(jets)"), ("n", "Length$(jets)"), ("j", "jets[1]")]
        options = {"features": features, "spectators": ["f8", "u8"], "identity": ["event", "i2"]}
        assert_same(*both(paths, threads=threads, **options))
        request = SampleRequest("s", "signal", expand_files(paths), max_events=550)
        assert_same(*(read_samples([request], features=[Feature("i1")], reader=x) for x in ("uproot", "root")))

    @pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
    def test_committed_samples(self, path: Path) -> None:
        pair = compared(TreeLocation(str(path), "events"), at_most=60)
        assert pair is not None
        assert_same(*pair)

    @pytest.mark.skipif(not REFERENCE, reason="HEPML_REFERENCE_DATA is not set: no real files to read")
    @pytest.mark.parametrize("name", REAL_FILES)
    def test_files_of_experiments(self, name: str) -> None:
        path = Path(REFERENCE) / "real_data" / f"{name}.root"
        with uproot.open(path) as file:
            names = [name for name in tree_names(file) if name not in TOO_WIDE]
        n_compared = 0
        for tree in names:
            pair = compared(TreeLocation(str(path), tree), at_most=60)
            if pair is not None:
                assert_same(*pair)
                n_compared += 1
        assert n_compared

    @pytest.mark.slow
    @pytest.mark.skipif(not REFERENCE, reason="HEPML_REFERENCE_DATA is not set: no real files to read")
    @pytest.mark.parametrize("name", REAL_FILES)
    def test_every_branch_of_files_of_experiments(self, name: str) -> None:
        path = Path(REFERENCE) / "real_data" / f"{name}.root"
        with uproot.open(path) as file:
            names = tree_names(file)
        n_compared = 0
        with keep_root():
            for tree in names:
                for part in range(MOST_PARTS):
                    pair = compared(TreeLocation(str(path), tree), at_most=BRANCHES_A_PART, part=part)
                    if pair is None:
                        break
                    assert_same(*pair)
                    n_compared += 1
                else:
                    pytest.fail(f"{tree} has more branches than were compared")
        assert n_compared

    @pytest.mark.skipif(not REFERENCE, reason="HEPML_REFERENCE_DATA is not set: no real files to read")
    def test_what_root_cannot_read_is_named(self) -> None:
        path = Path(REFERENCE) / "real_data" / "uproot-HZZ.root"
        with pytest.raises(BranchTypeError, match=r"HZZ.*branch 'Photon_E'.*Use 'reader: uproot'"):
            read(path, features=[("e", "Sum$(Photon_E)")], identity=["0"], reader="root")

    def test_damage_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "damaged.root"
        with uproot.recreate(path, compression=uproot.ZLIB(1)) as file:
            file.mktree("events", {"event": np.uint64, "x": np.float64})
            rng = np.random.default_rng(1)
            file["events"].extend({"event": np.arange(5000, dtype=np.uint64), "x": rng.normal(size=5000)})
        with uproot.open(path) as file:
            branch = file["events"]["x"]
            position = int(branch.member("fBasketSeek")[0]) + 400
        content = bytearray(path.read_bytes())
        content[position : position + 200] = b"\xa5" * 200
        path.write_bytes(content)
        with pytest.raises(FileUnreadableError, match=r"ROOT (reports|cannot read)"):
            read(path, features=["x"], identity=["event"], reader="root")


def compared(location: TreeLocation, *, at_most: int, part: int | None = None) -> tuple[Dataset, Dataset] | None:
    """Read an even sample of the numeric branches of a tree both ways, or one of the parts that they fall into."""
    with TreeSource(location) as source:
        infos = [
            source.branch(name) for name in source.branch_names if name.replace("_", "a").replace(".", "a").isalnum()
        ]
        usable = [info for info in infos if info.shape != "unusable" and info.name not in ROOT_CANNOT_READ]
        usable = (
            usable[:: max(1, len(usable) // at_most)] if part is None else usable[part * at_most : (part + 1) * at_most]
        )
        if not usable or not source.n_entries:
            return None
        # a feature must be finite; a spectator need not
        infinite = {info.name for info in usable if is_infinite(source.read_branch(info.name, 0, source.n_entries))}
    features, spectators = ["1"], []
    for info in usable:
        value = info.name if info.shape == "scalar" else f"Max$({info.name})"
        first = info.name if info.shape == "scalar" else f"{info.name}[0]"
        spectators += [(f"{info.name} 0", value), (f"{info.name} 1", first)]
        if info.shape != "scalar":
            spectators += [(f"{info.name} 2", f"Sum$({info.name})")]
        if info.name not in infinite:
            features += [(f"{info.name} feature", first)]
    return both(location.path, tree=location.tree, features=features, spectators=spectators, identity=["0"])


def is_infinite(column: Any) -> bool:
    numbers = ak.to_numpy(ak.flatten(column, axis=None)).astype(np.float32)
    return bool(np.isinf(numbers).any())


class TestNothingReachesTheInterpreter:
    pytestmark = needs_root

    @pytest.mark.parametrize(
        "name",
        ['x"); gSystem->Exec("touch proof"); ("', "x\\", "x'; int y = 0; '", "a\nb", "x; .q", "c0*/ /*"],
    )
    def test_branch_and_file_names(self, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        path = tmp_path / (name.replace("/", "_") + ".root")
        with uproot.recreate(path) as file:
            file.mktree("events", {"x": np.float32, name: np.float32})
            file["events"].extend({"x": np.ones(3, np.float32), name: np.ones(3, np.float32)})
        data = read(path, features=["x"], identity=["0"], reader="root")
        assert data.X.tolist() == [[1.0]] * 3
        with pytest.raises((ExpressionError, BranchNotFoundError)):
            read(path, features=[("y", name)], identity=["0"], reader="root")
        assert sorted(item.name for item in tmp_path.iterdir()) == [path.name]

    @pytest.mark.parametrize(
        "text", ['gSystem->Exec("touch proof")', "x); abort(", "system(1)", '"x"', "x /* */", "c0"]
    )
    def test_expressions(self, edges: Path, text: str) -> None:
        with pytest.raises((ExpressionError, BranchNotFoundError)):
            read(edges, features=[("y", text)], identity=["0"], reader="root")


def test_every_function_has_a_translation() -> None:
    assert set(CPP_CALLS) == set(FUNCTIONS)


def test_a_reader_that_is_not_known_is_refused(edges: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'root'"):
        read(edges, features=["i1"], reader="rooot")


def test_a_missing_root_is_named(edges: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepml.root_process.root_is_installed", lambda: False)
    reading = partial(read, edges, features=["i1"], identity=["event"], reader="root")
    # the process of this module is not kept there
    with pytest.raises(MissingDependencyError, match=r'pip install "hepml-framework\[root\]"'):
        Context().run(reading)


IN_ONE_PROCESS = """
import importlib, sys
import numpy as np
import hepml
path, *modules = sys.argv[1:]

def use():
    for name in modules:
        importlib.import_module(name)
    if "torch" in modules:
        torch = sys.modules["torch"]
        assert float((torch.ones(300, 300) @ torch.ones(300, 300)).sum()) == 300.0**3
    if "xgboost" in modules:
        X = np.random.default_rng(1).normal(size=(200, 2))
        sys.modules["xgboost"].XGBClassifier(n_estimators=2, n_jobs=2).fit(X, X[:, 0] > 0)

def load(reader):
    return hepml.read(path, features=["i1", ("s", "Sum$(jet_pt)")], identity=["event"], reader=reader)

earlier = load("root")
use()
later = load("root")
use()
for data in (earlier, later):
    np.testing.assert_array_equal(data.X, load("uproot").X)
assert "ROOT" not in sys.modules
"""


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
@pytest.mark.parametrize("modules", [["xgboost", "sklearn.ensemble"], ["torch"]], ids=["xgboost", "torch"])
def test_libraries_that_clash_with_root_are_imported_before_and_after(edges: Path, modules: list[str]) -> None:
    """In one process the order of such imports has crashed (root-project/root#15970, #20698); ROOT has its own here."""
    if "torch" in modules and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    command = [sys.executable, "-P", "-c", IN_ONE_PROCESS, str(edges), *modules]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
