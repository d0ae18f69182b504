"""Datasets to and from other libraries: nothing lost, nothing copied where that is promised."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.data import Cutflow, CutflowStep, Dataset, Feature, Identity, SkippedFile
from hepml.data.matrix import as_matrix
from hepml.errors import (
    BranchNotFoundError,
    FeatureValueError,
    FileUnreadableError,
    IdentityError,
    InvalidInputError,
    MissingDependencyError,
    MissingFileError,
    OutputError,
    WeightError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Make = Callable[..., Dataset]

LARGE = np.array([2**24 + 1, 2**53 + 1, 2**64 - 1, 0, 7, 8, 9, 10, 11, 12], dtype=np.uint64)


def needs(library: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(library) is None, reason=f"{library} is not installed")


DOORS = [
    pytest.param("awkward", id="awkward"),
    pytest.param("pandas", marks=needs("pandas"), id="pandas"),
    pytest.param("arrow", marks=needs("pyarrow"), id="arrow"),
    pytest.param("parquet", marks=needs("pyarrow"), id="parquet"),
]
TABLES = [door for door in DOORS if door.values[0] != "parquet"]


@pytest.fixture
def dataset(make_dataset: Make) -> Dataset:
    """A dataset with all that can get lost: large identities, 64-bit spectators, sentinels, NaN, fixed parts."""
    plain = make_dataset(10)
    X = plain.X.copy(order="F")
    X[3, 1] = np.nan
    steps = (CutflowStep("", 20, 3.5, 0.1 + 0.2), CutflowStep("pt > 30", None, -1 / 3, None))
    lost = (SkippedFile("b.root:t", "is truncated", 5, None),)
    return replace(
        plain,
        X=X,
        samples=(replace(plain.samples[0], cutflow=Cutflow(steps), skipped=lost), *plain.samples[1:]),
        features=(Feature("pt", unit="GeV", title="$p_T$", missing=(-999.0,)), Feature("eta2", expression="eta*eta")),
        identity=Identity(("run", "event"), (np.arange(-5, 5), LARGE)),
        spectators={"mass": plain.spectators["mass"], "number": LARGE[::-1].copy(), "event": LARGE},
        fixed_part=np.array([0, 1, 2, 3, 0, 1, 2, 3, 0, 1], dtype=np.int8),
    )


def parts_of(dataset: Dataset) -> dict[str, NDArray[Any]]:
    found = {"X": dataset.X, "weight": dataset.weight, "sample": dataset.sample}
    found |= {f"spectator {name}": column for name, column in dataset.spectators.items()}
    found |= {
        f"identity {name}": column
        for name, column in zip(dataset.identity.names, dataset.identity.columns, strict=True)
    }
    return found if dataset.fixed_part is None else found | {"fixed_part": dataset.fixed_part}


def assert_equal(a: Dataset, b: Dataset) -> None:
    assert a.features == b.features
    assert a.samples == b.samples
    assert list(parts_of(a)) == list(parts_of(b))
    for (name, one), other in zip(parts_of(a).items(), parts_of(b).values(), strict=True):
        assert one.dtype == other.dtype, name
        np.testing.assert_array_equal(one, other, err_msg=name)


def through(door: str, dataset: Dataset, folder: Path) -> Dataset:
    if door == "parquet":
        dataset.to_parquet(folder / "events.parquet")
        return Dataset.from_parquet(folder / "events.parquet")
    return getattr(Dataset, f"from_{door}")(getattr(dataset, f"to_{door}")())  # type: ignore[no-any-return]


def table_of(door: str, columns: dict[str, Any]) -> Any:
    """Make a table of a user's own."""
    if door == "awkward":
        return ak.Array(columns)
    if door == "pandas":
        import pandas as pd

        return pd.DataFrame(columns)
    import pyarrow as pa

    return pa.table(columns)


@pytest.mark.parametrize("door", DOORS)
def test_every_door_gives_back_what_went_in(door: str, dataset: Dataset, tmp_path: Path) -> None:
    assert_equal(through(door, dataset, tmp_path), dataset)
    without = replace(dataset, fixed_part=None, spectators={})
    assert_equal(through(door, without[2:7], tmp_path / "slice"), without[2:7])
    assert_equal(through(door, without[:0], tmp_path / "empty"), without[:0])


@pytest.mark.parametrize("door", DOORS)
@given(values=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=30))
def test_identities_are_exact(door: str, values: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    event = np.array(values, dtype=np.uint64)
    given_dataset = Dataset.from_numpy(np.zeros((len(event), 1)), identity={"event": event}, spectators={"copy": event})
    found = through(door, given_dataset, tmp_path_factory.mktemp("exact"))
    assert found.identity.columns[0].tolist() == values
    assert found.spectators["copy"].tolist() == values
    np.testing.assert_array_equal(found.identity.hash(1, "split"), given_dataset.identity.hash(1, "split"))


@pytest.mark.parametrize("door", TABLES)
def test_what_is_shared(door: str, dataset: Dataset, tmp_path: Path) -> None:
    if door == "arrow":
        table = dataset.to_arrow()
        columns = {name: table.column(name).chunk(0).to_numpy(zero_copy_only=True) for name in table.column_names}
    elif door == "pandas":
        frame = dataset.to_pandas()
        columns = {name: frame[name].to_numpy() for name in frame.columns}
    else:
        array = dataset.to_awkward()
        columns = {name: ak.to_numpy(array[name]) for name in array.fields}
    assert list(columns) == ["run", "event", "pt", "eta2", "mass", "number", "weight", "sample", "fixed_part"]
    for name, column in columns.items():
        own = dict(zip(dataset.identity.names, dataset.identity.columns, strict=True))
        own |= {"weight": dataset.weight, "sample": dataset.sample, "fixed_part": dataset.fixed_part}
        assert np.shares_memory(column, own[name] if name in own else dataset.column(name)), name
    back = through(door, dataset, tmp_path)
    for (name, one), other in zip(parts_of(back).items(), parts_of(dataset).values(), strict=True):
        # Arrow's columns do not lie in one matrix
        assert np.shares_memory(one, other) == (door != "arrow" or name != "X"), name


def test_arrays_are_shared_if_they_are_column_major() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    columns = np.asfortranarray(rows)
    weight = np.ones(4)
    event = np.arange(4, dtype=np.uint64)
    dataset = Dataset.from_numpy(columns, weight=weight, identity={"event": event})
    assert np.shares_memory(dataset.X, columns)
    assert np.shares_memory(dataset.weight, weight)
    assert np.shares_memory(dataset.identity.columns[0], event)
    assert np.shares_memory(Dataset.from_numpy(columns[1:3], identity={"event": event[1:3]}).X, columns)
    assert np.shares_memory(Dataset.from_numpy(columns[:, ::2], identity={"event": event}).X, columns)
    assert columns.flags.writeable, "the user's own array stays the user's"
    assert not dataset.X.flags.writeable
    copied = Dataset.from_numpy(rows, identity={"event": event})
    assert not np.shares_memory(copied.X, rows)
    assert copied.X.flags.f_contiguous
    for found in (dataset, copied, Dataset.from_numpy(rows.astype(np.float64), identity={"event": event})):
        np.testing.assert_array_equal(found.X, rows)
        assert np.shares_memory(np.asarray(found), found.X)
    assert np.asarray(dataset, dtype=np.float64).dtype == np.float64


def test_columns_of_two_arrays_are_never_one_matrix() -> None:
    whole = np.arange(8, dtype=np.float32)
    matrix = as_matrix([whole[:4], whole[4:]], 4)
    assert np.shares_memory(matrix, whole)
    assert matrix.T.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    for columns in ([whole[4:], whole[:4]], [whole[:4], whole[:4]], [whole[::2], whole[1::2]], [whole[:4], whole[2:6]]):
        matrix = as_matrix(columns, 4)
        assert not np.shares_memory(matrix, whole)
        assert matrix.T.tolist() == [column.tolist() for column in columns]
    a, b = np.ones(4, dtype=np.float32), np.zeros(4, dtype=np.float32)
    assert not np.shares_memory(as_matrix([a, b], 4), a)


def test_labels_say_which_sample() -> None:
    X = np.zeros((5, 1))
    identity = {"event": np.arange(5)}
    dataset = Dataset.from_numpy(X, label=[0, 1, 1, -1, 0], weight=[1, 2, 3, 4, -5.0], identity=identity)
    assert dataset.label.tolist() == [0, 1, 1, -1, 0]
    assert [(info.name, info.n_entries, info.sum_weights) for info in dataset.samples] == [
        ("signal", 2, 5.0),
        ("background", 2, -4.0),
        ("apply_only", 1, 4.0),
    ]
    for label, role in ((1, "signal"), (np.int8(0), "background"), (None, "apply_only"), ("data", "data")):
        (info,) = Dataset.from_numpy(X, label=label, identity=identity, name="mine").samples
        assert (info.name, info.role) == ("mine", role)
    for wrong in (2, "signl", [0, 1], [0, 1, 2, 0, 1]):
        with pytest.raises(InvalidInputError, match="label"):
            Dataset.from_numpy(X, label=wrong, identity=identity)


def test_sentinels_become_missing() -> None:
    X = np.array([[1, -999], [-999, 2]], dtype=np.float32, order="F")
    dataset = Dataset.from_numpy(X, features=[Feature("a", missing=(-999,)), "b"], identity={"event": [1, 2]})
    np.testing.assert_array_equal(dataset.X, [[1, -999], [np.nan, 2]])
    assert X[1, 0] == -999


def test_without_an_identity_rows_are_numbered_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    dataset = Dataset.from_numpy(np.zeros((3, 2)))
    assert dataset.identity.is_fallback
    assert dataset.feature_names == ("x0", "x1")
    assert "nothing identifies an event" in caplog.text


@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        (np.zeros(3), {}, InvalidInputError, "shape"),
        (np.array([["a"]]), {}, InvalidInputError, "numbers of shape"),
        (np.zeros((3, 2)), {"features": ["a"]}, InvalidInputError, "2 columns; 1 features"),
        (np.zeros((3, 2)), {"weight": [1.0]}, InvalidInputError, "events"),
        (np.zeros((3, 2)), {"weight": [1.0, np.nan, 1.0]}, WeightError, "1 of 3 weights"),
        (
            np.array([[1.0], [1e300]]),
            {"features": ["a"]},
            FeatureValueError,
            "'a' is infinite, or beyond float32, for 1",
        ),
        (
            np.zeros((2, 1)),
            {"identity": {"event": [1.0, 2.0]}},
            IdentityError,
            "identity column 'event' has type float64",
        ),
        (np.zeros((2, 1)), {"identity": {"event": [True, False]}}, IdentityError, "integers are needed"),
        (np.zeros((2, 1)), {"spectators": {"s": ["a", "b"]}}, InvalidInputError, "spectator 's'"),
    ],
)
def test_what_cannot_be_is_refused(X: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Dataset.from_numpy(X, **options)


@pytest.mark.parametrize("door", TABLES)
def test_tables_of_a_users_own(door: str) -> None:
    columns = {
        "run": np.array([1, 1, 2], dtype=np.int32),
        "event": LARGE[:3],
        "pt": np.array([10.0, 100.0, 1000.0]),
        "p t": np.array([1.0, np.nan, 3.0], dtype=np.float32),
        "n": np.array([1, 2, 3], dtype=np.int16),
        "w": np.array([1.0, -1.0, 2.0]),
        "target": np.array([1, 0, 1], dtype=np.int8),
    }
    dataset = getattr(Dataset, f"from_{door}")(
        table_of(door, columns),
        features=[("logpt", "log10(pt)"), "p t", Feature("n", missing=(2.0,))],
        weight="2*w",
        label="target",
        spectators=["pt"],
    )
    np.testing.assert_array_equal(dataset.X, [[1, 1, 1], [2, np.nan, np.nan], [3, 3, 3]])
    assert dataset.weight.tolist() == [2, -2, 4]
    assert dataset.label.tolist() == [1, 0, 1]
    assert dataset.identity.names == ("run", "event")
    assert dataset.identity.columns[1].tolist() == LARGE[:3].tolist()
    assert dataset.spectators["pt"].tolist() == [10, 100, 1000]


@pytest.mark.parametrize("door", TABLES)
def test_wrong_tables_are_refused(door: str, dataset: Dataset) -> None:
    def read(columns: dict[str, Any], **options: Any) -> Dataset:
        return getattr(Dataset, f"from_{door}")(table_of(door, columns), **options)  # type: ignore[no-any-return]

    plain = {"event": np.arange(2), "pt": np.ones(2), "text": ["a", "b"]}
    with pytest.raises(BranchNotFoundError, match=r"no column 'evnt' in the .*did you mean 'event'"):
        read(plain, features=["evnt"])
    with pytest.raises(InvalidInputError, match="carries no description by hepml: name the features"):
        read(plain)
    with pytest.raises(InvalidInputError, match="column 'text' of the"):
        read(plain, features=["pt"], spectators=["text"])
    with pytest.raises(IdentityError, match="'pt' has type float64"):
        read(plain, features=["pt"], identity=["pt"])
    with pytest.raises(TypeError, match="wieght"):
        read(plain, features=["pt"], wieght="pt")
    mine = getattr(dataset, f"to_{door}")()
    with pytest.raises(InvalidInputError, match="weight is given: name the features"):
        getattr(Dataset, f"from_{door}")(mine, weight="pt")


def test_jagged_fields_are_for_expressions() -> None:
    array = ak.Array({"event": [1, 2, 3], "jet_pt": [[40.0, 30.0], [], [50.0]], "maybe": [1.0, None, 3.0]})
    dataset = Dataset.from_awkward(array, features=["maybe", ("ht", "Sum$(jet_pt)"), ("lead", "jet_pt[0]")])
    np.testing.assert_array_equal(dataset.X, [[1, 70, 40], [np.nan, 0, np.nan], [3, 50, 50]])
    exact = ak.Array({"event": ak.mask(np.array([2**63, 2**64 - 1], dtype=np.uint64), [True, True]), "x": [1, 2]})
    assert Dataset.from_awkward(exact, features=["x"]).identity.columns[0].tolist() == [2**63, 2**64 - 1]
    with pytest.raises(InvalidInputError, match="'maybe' of the awkward array is missing for 1 events"):
        Dataset.from_awkward(array, features=["event"], identity=["maybe"])
    with pytest.raises(InvalidInputError, match="'jet_pt' of the awkward array holds more than one value"):
        Dataset.from_awkward(array, features=["jet_pt"])


@needs("pandas")
def test_a_selection_of_a_data_frame_is_still_a_dataset(dataset: Dataset) -> None:
    frame = dataset.to_pandas()
    mask = dataset.weight > 1
    assert_equal(Dataset.from_pandas(frame[mask]), dataset[mask])
    order = np.argsort(dataset.weight)
    assert_equal(Dataset.from_pandas(frame.iloc[order]), dataset[order])
    with pytest.raises(BranchNotFoundError, match="no column 'weight'"):
        Dataset.from_pandas(frame.drop(columns="weight"))
    frame = frame.assign(sample=0.5)
    with pytest.raises(InvalidInputError, match="'sample' has type float64 and values that int32 cannot hold"):
        Dataset.from_pandas(frame)


@needs("pandas")
def test_nullable_columns_of_pandas() -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {"event": pd.array([2**53 + 1, 2**63 - 1], dtype="Int64"), "x": pd.array([1, None], dtype="Int64")}
    )
    found = Dataset.from_pandas(frame, features=["x"])
    assert found.identity.columns[0].tolist() == [2**53 + 1, 2**63 - 1]
    np.testing.assert_array_equal(found.X, [[1], [np.nan]])
    with pytest.raises((IdentityError, InvalidInputError)):
        Dataset.from_pandas(frame, features=["event"], identity=["x"])


@needs("pyarrow")
def test_arrow_in_pieces_and_with_nulls(dataset: Dataset) -> None:
    import pyarrow as pa

    table = dataset.to_arrow()
    pieces = pa.concat_tables([table.slice(0, 3), table.slice(3)])
    assert pieces.column("event").num_chunks == 2
    assert_equal(Dataset.from_arrow(pieces), dataset)
    nulls = pa.table({"event": [1, 2], "x": pa.array([1.0, None])})
    np.testing.assert_array_equal(Dataset.from_arrow(nulls, features=["x"]).X, [[1], [np.nan]])
    with pytest.raises(InvalidInputError, match="column 'event' of the Arrow table has 1 nulls"):
        Dataset.from_arrow(pa.table({"event": [1, None], "x": [1.0, 2.0]}), features=["x"], identity=["event"])


@needs("pyarrow")
@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("{", "damaged"),
        ('{"format": "other", "version": 1}', "described as 'other'"),
        (
            '{"format": "hepml-dataset", "version": 2}',
            "version 2 of hepml-dataset in the Arrow table is not known .* update hepml",
        ),
        ('{"format": "hepml-dataset", "version": 1}', "damaged: KeyError"),
        ('{"format": "hepml-dataset", "version": 1, "features": [{}], "samples": []}', "damaged"),
    ],
)
def test_other_descriptions_are_refused(dataset: Dataset, description: str, message: str) -> None:
    table = dataset.to_arrow().replace_schema_metadata({"hepml": description})
    with pytest.raises(InvalidInputError, match=message):
        Dataset.from_arrow(table)


@needs("pyarrow")
def test_parquet_files_are_whole(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "run=1" / "events.parquet"
    dataset.to_parquet(path)
    with pytest.raises(OutputError, match="exists already"):
        dataset.to_parquet(path)
    dataset[:3].to_parquet(path, overwrite=True)
    assert_equal(Dataset.from_parquet(path), dataset[:3])
    assert [entry.name for entry in path.parent.iterdir()] == ["events.parquet"]
    chosen = Dataset.from_parquet(path, features=["pt"], weight="weight", label="signal")
    assert chosen.feature_names == ("pt",)
    with pytest.raises(MissingFileError, match="no such file"):
        Dataset.from_parquet(tmp_path / "nothing.parquet")
    content = path.read_bytes()
    for damaged in (b"", b"PAR1", content[: len(content) // 2], content[:-12] + bytes(12)):
        path.write_bytes(damaged)
        with pytest.raises(FileUnreadableError, match="cannot be read as a Parquet file"):
            Dataset.from_parquet(path)


@needs("torch")
def test_tensors_share_memory(dataset: Dataset) -> None:
    import torch

    tensor = dataset.to_torch()
    assert tensor.dtype == torch.float32
    assert tensor.data_ptr() == dataset.X.ctypes.data
    np.testing.assert_array_equal(tensor.numpy(), dataset.X)
    event = {"event": np.arange(10)}
    assert np.shares_memory(Dataset.from_torch(tensor, identity=event).X, dataset.X)
    learned = torch.zeros((2, 1), requires_grad=True)
    found = Dataset.from_torch(
        learned, weight=torch.tensor([1.0, -2.0]), label=torch.tensor([1, 0]), identity={"event": [1, 2]}
    )
    assert found.weight.tolist() == [1, -2]
    assert found.label.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("method", "library", "extra"),
    [("to_pandas", "pandas", "interchange"), ("to_arrow", "pyarrow", "interchange"), ("to_torch", "torch", "nn")],
)
def test_a_missing_library_is_named_with_its_extra(
    dataset: Dataset, method: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError, match=rf'{library} is needed .*"hepml-framework\[{extra}\]"'):
        getattr(dataset, method)()
