"""TTrees and RNTuples that were written, read back by uproot and by ROOT, element by element."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hepml.errors import InvalidInputError, UnknownNameError
from hepml.readers import TreeLocation, TreeSource, read, root_writer, write
from hepml.root_process import RootProcess, root_is_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]

FORMATS = ("ttree", "rntuple")
TYPES = ("bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "str")


@st.composite
def chunks_of_columns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Chunks of the same columns; integers and floating numbers of all bit patterns, text of all of Unicode."""
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=5))
    # ROOT's strings end at a zero byte
    text = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=300)

    def column(kind: str, length: int) -> Any:
        if kind == "str":
            return np.array(draw(st.lists(text, min_size=length, max_size=length)), dtype=object)
        return draw(hnp.arrays(kind, length))

    lengths = draw(st.lists(st.integers(0, 20), min_size=1, max_size=4))
    return [{f"c{number}_{kind}": column(kind, n) for number, kind in enumerate(types)} for n in lengths]


@pytest.mark.parametrize("kind", FORMATS)
@given(chunks=chunks_of_columns())
def test_columns_come_back_bit_by_bit(kind: Any, chunks: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.root"
        with root_writer(path, format=kind) as writer:
            for chunk in chunks:
                writer.extend("deep/events", chunk)
            writer.note({"format": "test", "version": 1})
        with uproot.open(path) as file:
            tree = file["deep/events"]
            assert (tree.classname == "TTree") == (kind == "ttree")
            assert tree.num_entries == sum(len(next(iter(chunk.values()))) for chunk in chunks)
            assert tree.keys() == list(chunks[0])
            for name in chunks[0]:
                given_ = np.concatenate([chunk[name] for chunk in chunks])
                found = tree[name].array(library="ak")
                if given_.dtype == object:
                    assert found.to_list() == given_.tolist()
                    continue
                array = ak.to_numpy(found)
                assert array.dtype == given_.dtype
                # as bits, so that NaN and -0.0 count as well
                assert array.tobytes() == given_.tobytes()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_dataset_survives_in_either_format(tmp_path: Path, columns: Columns, write: Write, kind: Any) -> None:
    first = read(write(tmp_path / "in.root", columns(60)), features=["pt", "mass"], weight="weight")
    write_dataset(first, tmp_path / "out.root", kind)
    again = read(tmp_path / "out.root", features=["pt", "mass"], weight="weight")
    np.testing.assert_array_equal(again.X, first.X)
    np.testing.assert_array_equal(again.weight, first.weight)
    for one, other in zip(first.identity.columns, again.identity.columns, strict=True):
        np.testing.assert_array_equal(one.view(np.uint64), other.view(np.uint64))
    with TreeSource(TreeLocation(str(tmp_path / "out.root"))) as source:
        assert source.is_rntuple == (kind == "rntuple")
    write_dataset(first[:0], tmp_path / "none.root", kind)
    with TreeSource(TreeLocation(str(tmp_path / "none.root"))) as source:
        assert source.n_entries == 0
        assert source.branch_names == ["run", "event", "pt", "mass", "weight", "sample"]


def write_dataset(dataset: Any, path: Path, kind: Any) -> None:
    write(dataset, path, format=kind)


def test_columns_are_compressed(tmp_path: Path) -> None:
    for kind in FORMATS:
        with root_writer(tmp_path / f"{kind}.root", format=kind) as writer:  # type: ignore[arg-type]
            for _ in range(3):
                writer.extend("t", {"x": np.zeros(100_000), "n": np.arange(100_000)})
        assert (tmp_path / f"{kind}.root").stat().st_size < 1_500_000, kind


@pytest.mark.parametrize("name", ["jet.pt", "a/b", "a b", "a\\b", "tab\t", ""])
def test_names_that_root_cannot_read_are_refused(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(InvalidInputError, match=r"cannot be written to an RNTuple.*format 'ttree'"),
        root_writer(tmp_path / "a.root", format="rntuple") as writer,
    ):
        writer.extend("t", {name: np.ones(3)})
    assert list(tmp_path.iterdir()) == []


def test_unknown_formats_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with (
        pytest.raises(
            UnknownNameError, match=r"unknown format 'rntupel'; did you mean 'rntuple'\? \(known: ttree, rntuple"
        ),
        root_writer(tmp_path / "a.root", format="rntupel"),  # type: ignore[arg-type]
    ):
        raise AssertionError
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def root() -> Iterator[RootProcess]:
    with RootProcess(purpose="a test", timeout=120) as process:
        yield process


def in_root(process: RootProcess, task: str, **arguments: Any) -> Any:
    return process.call(f"{__name__}:{task}", arguments)


def columns_by_root(folder: Path, path: str, types: dict[str, str], *, is_rntuple: bool) -> dict[str, list[str]]:
    """Leave numbers as arrays in the folder, and return text."""
    import ROOT

    # entry by entry: RDataFrame would compile for each type, and takes 8-bit numbers for text
    columns = (_fields if is_rntuple else _leaves)(ROOT, path, types)
    text = {}
    for name, values in columns.items():
        if types[name] == "str":
            text[name] = values
        else:
            bits = np.array([value % 2**64 for value in values], "u8") if np.dtype(types[name]).kind in "iu" else values
            np.save(folder / f"{name}.npy", np.asarray(bits).astype(types[name]))
    return text


def _leaves(root: Any, path: str, types: dict[str, str]) -> dict[str, list[Any]]:
    file = root.TFile.Open(path)
    tree = file.Get("events")
    assert [branch.GetName() for branch in tree.GetListOfBranches()] == list(types)
    columns: dict[str, list[Any]] = {name: [] for name in types}
    leaves = {name: tree.GetLeaf(name) for name in types}
    formulae = {name: root.TTreeFormula("text", name, tree) for name, kind in types.items() if kind == "str"}
    for entry in range(tree.GetEntries()):
        assert tree.GetEntry(entry) > 0
        for name, kind in types.items():
            leaf = leaves[name]
            whole = kind != "str" and np.dtype(kind).kind in "iu"
            value = (
                formulae[name].EvalStringInstance()
                if kind == "str"
                else leaf.GetValueLong64()
                if whole
                else leaf.GetValue()
            )
            columns[name].append(value)
    return columns


def _fields(root: Any, path: str, types: dict[str, str]) -> dict[str, list[Any]]:
    reader = root.RNTupleReader.Open("events", path)
    entry = reader.CreateEntry()
    columns: dict[str, list[Any]] = {name: [] for name in types}
    for number in range(reader.GetNEntries()):
        reader.LoadEntry(number, entry)
        for name, kind in types.items():
            value = str(entry[name]) if kind == "str" else entry[name]
            # PyROOT gives 8-bit numbers as characters
            columns[name].append(ord(value) if isinstance(value, str) and kind != "str" else value)
    return columns


def joined_by_root(_folder: Path, main: str, friend: str, *, is_rntuple: bool) -> int:
    """Count the entries whose friend has the same event and twice the number."""
    import ROOT

    if not is_rntuple:
        # kept by name: AddFriend does not own the file, and the order of destruction matters
        file = ROOT.TFile.Open(main)
        tree = file.Get("events")
        tree.AddFriend("scores = events", friend)
        frame = ROOT.RDataFrame(tree)
        return int(frame.Filter("scores.event == event && scores.BDT == 2 * x").Count().GetValue())
    ROOT.gInterpreter.Declare(
        """
        #include <ROOT/RNTupleProcessor.hxx>
        int hepml_test_join(const std::string &main, const std::string &friendFile) {
          using namespace ROOT::Experimental;
          auto processor = RNTupleProcessor::CreateJoin({"events", main}, {"events", friendFile}, {});
          auto event = processor->RequestField<std::uint64_t>("event");
          auto x = processor->RequestField<double>("x");
          auto score = processor->RequestField<double>("events.BDT");
          auto other = processor->RequestField<std::uint64_t>("events.event");
          int same = 0;
          for (auto it = processor->begin(); it != processor->end(); ++it)
            same += *event == *other && *score == 2 * *x;
          return same;
        }"""
    )
    return int(ROOT.hepml_test_join(main, friend))


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
@pytest.mark.parametrize("kind", FORMATS)
def test_root_reads_what_was_written(tmp_path: Path, root: RootProcess, kind: Any) -> None:
    rng = np.random.default_rng(6)
    n = 700
    table: dict[str, Any] = {
        name: rng.integers(np.iinfo(name).min, np.iinfo(name).max, n, dtype=name, endpoint=True)
        for name in TYPES
        if name[0] in "iu"
    }
    table["u8"][:2] = [0, 2**64 - 1]
    table |= {"f4": rng.normal(size=n).astype("f4"), "f8": np.exp(rng.normal(0, 90, n)), "flag": rng.random(n) < 0.5}
    table["f8"][:4] = [np.nan, np.inf, -0.0, 5e-324]
    table["name"] = np.array([f"μ{'x' * (number % 400)}" for number in range(n)], dtype=object)
    with root_writer(tmp_path / "a.root", format=kind) as writer:
        writer.note({"format": "test", "version": 1})
        for start in range(0, n, 300):
            writer.extend("events", {name: column[start : start + 300] for name, column in table.items()})
    types = {name: "str" if column.dtype == object else column.dtype.str for name, column in table.items()}
    path = str(tmp_path / "a.root")
    text = in_root(root, "columns_by_root", path=path, types=types, is_rntuple=kind == "rntuple")
    assert text == {"name": table.pop("name").tolist()}
    for name, column in table.items():
        found = root.array(name)
        assert found.dtype == column.dtype, name
        assert found.tobytes() == column.tobytes(), name


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
@pytest.mark.parametrize("kind", FORMATS)
def test_root_reads_a_friend_beside_its_input(tmp_path: Path, root: RootProcess, kind: Any) -> None:
    event = np.arange(1000, dtype=np.uint64) + np.uint64(2**63)
    x = np.random.default_rng(2).normal(size=1000)
    for name, column in (("x", x), ("BDT", 2 * x)):
        with root_writer(tmp_path / f"{name}.root", format=kind) as writer:
            for start in range(0, 1000, 400):
                writer.extend("events", {"event": event[start : start + 400], name: column[start : start + 400]})
    paths = {"main": str(tmp_path / "x.root"), "friend": str(tmp_path / "BDT.root")}
    assert in_root(root, "joined_by_root", **paths, is_rntuple=kind == "rntuple") == 1000
