"""A dataset from and to numpy, pandas, awkward, Arrow, Parquet and PyTorch; without copies where the layouts allow.

Tables hold one column for each thing known of an event (:func:`~hepml.data.tables.event_columns`) and carry a
description of the rest, so that what was made here is restored exactly. pandas, pyarrow and torch are imported on use.
"""

from __future__ import annotations

import importlib
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import atomic_path
from hepml.data.columns import replace_sentinels
from hepml.data.features import Feature
from hepml.data.matrix import as_matrix
from hepml.data.tables import Table, assemble, describe, event_columns, identity_of, spectator_column
from hepml.errors import FileUnreadableError, InvalidInputError, MissingFileError, missing_dependency

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.data.dataset import Dataset

__all__ = [
    "from_arrow",
    "from_awkward",
    "from_numpy",
    "from_pandas",
    "from_parquet",
    "from_torch",
    "to_arrow",
    "to_awkward",
    "to_pandas",
    "to_parquet",
    "to_torch",
]

_KEY = "hepml"


def from_numpy(
    X: Any,
    *,
    features: Sequence[str | Feature] | None = None,
    weight: Any = None,
    label: Any = None,
    identity: Mapping[str, Any] | None = None,
    spectators: Mapping[str, Any] | None = None,
    name: str = "events",
) -> Dataset:
    """Make a dataset of arrays.

    Parameters
    ----------
    X : array-like of numbers, shape (n_events, n_features)
        Feature matrix, missing values NaN. Shared if it is float32 and column-major, else copied once.
    features : sequence of str or Feature, optional
        What the columns are; their sentinels (``missing``) become NaN. Default: ``x0``, ``x1``, ...
    weight : array-like of float, shape (n_events,), optional
        Signed physics weight. Default: 1.
    label : {"signal", "background", "data", "control", "apply_only", 1, 0, None} or array-like, optional
        What all events are, or for each event 1 (signal), 0 (background), -1 (unlabelled). Default: unlabelled.
    identity : mapping of str to array-like of int, each of shape (n_events,), optional
        What identifies an event, e.g. ``{"run": run, "event": event}``. Default: the row number, with a warning.
    spectators : mapping of str to array-like, optional
        Columns kept beside the features.
    name : str
        Name of the sample; with labels for each event, samples are called by their role.

    Returns
    -------
    Dataset
        Its arrays are read-only views; whoever keeps the arrays given here must not change them.

    Raises
    ------
    InvalidInputError, IdentityError, WeightError, FeatureValueError
        If shapes differ, an identity holds no integers, or weights or features are infinite.
    """
    matrix = np.asarray(X)
    if matrix.ndim != 2 or matrix.dtype.kind not in "iufb":
        msg = f"X has type {matrix.dtype} and shape {matrix.shape}; numbers of shape (n_events, n_features) are needed"
        raise InvalidInputError(msg)
    n_events, n_features = matrix.shape
    names = [f"x{number}" for number in range(n_features)] if features is None else features
    chosen = tuple(item if isinstance(item, Feature) else Feature(item) for item in names)
    if len(chosen) != n_features:
        msg = f"X has {n_features} columns; {len(chosen)} features are named"
        raise InvalidInputError(msg)
    columns = [replace_sentinels(matrix[:, number], feature.missing) for number, feature in enumerate(chosen)]
    return assemble(
        as_matrix(columns, n_events),
        chosen,
        weight=weight,
        label=label,
        identity=identity_of(identity) if identity else None,
        spectators={key: spectator_column(key, np.asarray(column)) for key, column in (spectators or {}).items()},
        name=name,
    )


def to_torch(dataset: Dataset) -> Any:
    """Return the feature matrix as a tensor of float32, shape (n_events, n_features), that shares the dataset's memory.

    A dataset does not change: call ``.clone()`` before writing into the tensor.

    Parameters
    ----------
    dataset : Dataset
        The events.

    Returns
    -------
    torch.Tensor
        On the CPU; missing values are NaN.
    """
    torch = _load("torch", "tensors", "nn")
    with warnings.catch_warnings():
        # torch has no read-only tensors and says so
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(dataset.X)


def from_torch(X: Any, *, weight: Any = None, label: Any = None, **options: Any) -> Dataset:
    """Make a dataset of tensors.

    Parameters
    ----------
    X : torch.Tensor, shape (n_events, n_features)
        On any device. Shared if it is float32, column-major and in the CPU's memory.
    weight, label : torch.Tensor or as in :func:`from_numpy`, optional
        Weight and label.
    **options
        Further arguments of :func:`from_numpy`.

    Returns
    -------
    Dataset
        As :func:`from_numpy`.
    """
    return from_numpy(_to_numpy(X), weight=_to_numpy(weight), label=_to_numpy(label), **options)


def to_pandas(dataset: Dataset) -> Any:
    """Return a data frame of all columns that shares memory with the dataset; ``attrs["hepml"]`` describes it.

    Parameters
    ----------
    dataset : Dataset
        The events.

    Returns
    -------
    pandas.DataFrame
        Identity, features, spectators, ``weight`` and ``sample``. With pandas before 3 do not change it in place.
    """
    pandas = _load("pandas", "data frames", "interchange")
    frame = pandas.DataFrame(event_columns(dataset), copy=False)
    frame.attrs[_KEY] = describe(dataset)
    return frame


def from_pandas(
    frame: Any,
    *,
    features: Sequence[str | Feature | tuple[str, str]] | None = None,
    weight: str | None = None,
    label: Any = None,
    identity: Sequence[str] | None = None,
    spectators: Sequence[str] = (),
    name: str = "events",
) -> Dataset:
    """Make a dataset of a data frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row an event.
    features : sequence of str, (name, expression) or Feature, optional
        Columns, or expressions of them as in :func:`hepml.read`. Default: the frame was made by :func:`to_pandas`, or is
        a selection of such a frame, and everything is restored.
    weight : str, optional
        Column or expression of the signed weight. Default: 1.
    label : str, int or array-like, optional
        As in :func:`from_numpy`, or the name of a column that holds 1, 0 and -1.
    identity : sequence of str, optional
        Integer columns. Default: run, luminosity block and event number where there are such columns, else the row number
        with a warning.
    spectators : sequence of str
        Columns kept beside the features.
    name : str
        Name of the sample.

    Returns
    -------
    Dataset
        Columns of the right type are shared.

    Raises
    ------
    BranchNotFoundError, InvalidInputError, IdentityError, WeightError, FeatureValueError
        If a column is not there or cannot be used.
    """

    def get(key: str, missing_allowed: bool) -> NDArray[Any]:
        series = frame[key]
        if missing_allowed and not isinstance(series.dtype, np.dtype) and series.isna().any():
            return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
        return np.asarray(series.to_numpy())

    table = Table(tuple(map(str, frame.columns)), get, len(frame), "the data frame")
    options = {"weight": weight, "label": label, "identity": identity, "spectators": spectators, "name": name}
    return table.dataset(frame.attrs.get(_KEY), features, options)


def to_awkward(dataset: Dataset) -> Any:
    """Return an array of records with all columns that shares memory with the dataset; ``attrs["hepml"]`` describes it.

    Parameters
    ----------
    dataset : Dataset
        The events.

    Returns
    -------
    awkward.Array
        Fields: identity, features, spectators, ``weight`` and ``sample``.
    """
    import awkward as ak

    columns = event_columns(dataset)
    contents = [ak.contents.NumpyArray(column) for column in columns.values()]
    layout = ak.contents.RecordArray(contents, list(columns), length=len(dataset))
    return ak.Array(layout, attrs={_KEY: describe(dataset)})


def from_awkward(array: Any, *, features: Sequence[Any] | None = None, **options: Any) -> Dataset:
    """Make a dataset of an array of records.

    Parameters
    ----------
    array : awkward.Array
        One record an event; its fields are columns.
    features : sequence of str, (name, expression) or Feature, optional
        As in :func:`from_pandas`.
    **options
        Further arguments of :func:`from_pandas`.

    Returns
    -------
    Dataset
        Columns of the right type are shared.
    """
    import awkward as ak

    def get(key: str, missing_allowed: bool) -> Any:
        column = array[key]
        if column.ndim > 1:
            # a jagged field is for expressions (jet_pt[0]) to reduce
            return column
        if column.layout.is_option:
            n_missing = int(ak.sum(ak.is_none(column)))
            if n_missing and not missing_allowed:
                msg = f"field {key!r} of the awkward array is missing for {n_missing} events"
                raise InvalidInputError(msg)
            column = ak.fill_none(ak.values_astype(column, np.float64), np.nan) if n_missing else ak.drop_none(column)
        return ak.to_numpy(column)

    table = Table(tuple(array.fields), get, len(array), "the awkward array")
    return table.dataset(array.attrs.get(_KEY), features, options)


def to_arrow(dataset: Dataset) -> Any:
    """Return an Arrow table of all columns that shares memory with the dataset; its schema's metadata describe it.

    Parameters
    ----------
    dataset : Dataset
        The events.

    Returns
    -------
    pyarrow.Table
        Identity, features, spectators, ``weight`` and ``sample``; missing values are NaN, never null.
    """
    pa = _load("pyarrow", "Arrow and Parquet", "interchange")
    columns = event_columns(dataset)
    arrays = [pa.array(np.ascontiguousarray(column)) for column in columns.values()]
    return pa.table(arrays, names=list(columns), metadata={_KEY: json.dumps(describe(dataset))})


def from_arrow(table: Any, *, features: Sequence[Any] | None = None, **options: Any) -> Dataset:
    """Make a dataset of an Arrow table.

    Parameters
    ----------
    table : pyarrow.Table
        One row an event.
    features : sequence of str, (name, expression) or Feature, optional
        As in :func:`from_pandas`.
    **options
        Further arguments of :func:`from_pandas`.

    Returns
    -------
    Dataset
        Weight, identity and spectators of the right type and in one piece are shared; features are copied once. Null
        becomes NaN in features and spectators and is refused elsewhere.
    """

    def get(key: str, missing_allowed: bool) -> NDArray[Any]:
        column = table.column(key)
        if column.null_count and not missing_allowed:
            msg = f"column {key!r} of the Arrow table has {column.null_count} nulls"
            raise InvalidInputError(msg)
        return np.asarray(
            column.chunk(0).to_numpy(zero_copy_only=False) if column.num_chunks == 1 else column.to_numpy()
        )

    text = (table.schema.metadata or {}).get(_KEY.encode())
    try:
        description = None if text is None else json.loads(text)
    except ValueError as error:
        msg = f"the description of the Arrow table is damaged: {error}"
        raise InvalidInputError(msg) from error
    columns = Table(tuple(table.column_names), get, table.num_rows, "the Arrow table")
    return columns.dataset(description, features, options)


def to_parquet(dataset: Dataset, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a Parquet file, whole or not at all; see :func:`to_arrow` for its columns.

    Parameters
    ----------
    dataset : Dataset
        The events.
    path : path-like
        The file.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    """
    parquet = _load("pyarrow.parquet", "Arrow and Parquet", "interchange")
    table = to_arrow(dataset)
    with atomic_path(path, overwrite=overwrite) as temporary:
        parquet.write_table(table, temporary, compression="zstd")


def from_parquet(path: str | os.PathLike[str], *, features: Sequence[Any] | None = None, **options: Any) -> Dataset:
    """Read a Parquet file.

    Parameters
    ----------
    path : path-like
        The file.
    features : sequence of str, (name, expression) or Feature, optional
        As in :func:`from_pandas`. Default: the file was written by :func:`to_parquet` and everything is restored.
    **options
        Further arguments of :func:`from_pandas`.

    Returns
    -------
    Dataset
        The events.

    Raises
    ------
    MissingFileError, FileUnreadableError
        If there is no such file, or it is no Parquet file or damaged.
    """
    parquet = _load("pyarrow.parquet", "Arrow and Parquet", "interchange")
    if not Path(path).is_file():
        msg = f"no such file: {path}"
        raise MissingFileError(msg)
    try:
        # one file, never the key=value folders around it
        table = parquet.ParquetFile(path).read()
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as a Parquet file: {error}"
        raise FileUnreadableError(msg) from error
    return from_arrow(table, features=features, **options)


def _to_numpy(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor


def _load(module: str, purpose: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        problem = missing_dependency(module.partition(".")[0], purpose, extra)
        raise problem from error
