"""Events in memory: the feature matrix and everything that stands beside it, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data.cutflow import Cutflow, SkippedFile
from hepml.data.identity import Identity
from hepml.data.mapped import fetch, is_mapped, release, row_blocks, take_rows
from hepml.data.sizes import parse_size
from hepml.data.spectators import join_spectator
from hepml.data.weights import effective_entries
from hepml.errors import FeatureMismatchError, InvalidInputError, did_you_mean

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.data.features import Feature

__all__ = ["BACKGROUND", "SIGNAL", "UNLABELLED", "Dataset", "SampleInfo"]

SIGNAL, BACKGROUND, UNLABELLED = 1, 0, -1

# bytes of mapped features that a selection of events holds in memory
_LARGEST_COPY = 256_000_000

_LABELS = {"signal": SIGNAL, "background": BACKGROUND}


@dataclass(frozen=True, slots=True)
class SampleInfo:
    """One sample of a :class:`Dataset`.

    Parameters
    ----------
    name : str
        Name of the physics process.
    role : {"signal", "background", "data", "control", "apply_only"}
        What it is used for.
    title : str
        For legends and tables. Default: the name.
    n_entries : int
        Entries of its trees, before the selection.
    sum_weights : float
        Signed sum of their weights.
    files : tuple of str
        Where it was read from.
    cutflow : Cutflow
        From the entries to the events that were read; empty where it is not known.
    skipped : tuple of SkippedFile
        Files that could not be read.
    friends : tuple of str
        Where further columns of its events were read from.
    """

    name: str
    role: str
    title: str = ""
    n_entries: int = 0
    sum_weights: float = 0.0
    files: tuple[str, ...] = ()
    cutflow: Cutflow = field(default_factory=Cutflow)
    skipped: tuple[SkippedFile, ...] = ()
    friends: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.name)

    @property
    def label(self) -> int:
        """1 for signal, 0 for background, -1 for what carries no label."""
        return _LABELS.get(self.role, UNLABELLED)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Dataset:
    """Selected events of one or more samples. Immutable: the arrays that it is given become read-only.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Feature matrix, each feature contiguous in memory (column-major), missing values NaN, units as in ``features``.
    features : tuple of Feature
        What the columns are.
    weight : ndarray of float64, shape (n_events,)
        Signed physics weight, full luminosity.
    sample : ndarray of int32, shape (n_events,)
        Index into ``samples``.
    samples : tuple of SampleInfo
        The samples.
    identity : Identity
        Which event each row is.
    spectators : mapping of str to ndarray, each of shape (n_events,)
        Columns that are kept through to the output and never trained on; float64, or 64-bit integers where the branch
        holds integers.
    fixed_part : ndarray of int8, shape (n_events,), optional
        Parts that were fixed beforehand (:class:`~hepml.data.Part`), 0 where the identity decides.

    Examples
    --------
    >>> import hepml
    >>> signal = hepml.read("signal.root", tree="events", features=["pt", "eta"], label=1)  # doctest: +SKIP
    >>> len(signal), signal.feature_names  # doctest: +SKIP
    (5000, ('pt', 'eta'))
    """

    X: NDArray[np.float32]
    features: tuple[Feature, ...]
    weight: NDArray[np.float64]
    sample: NDArray[np.int32]
    samples: tuple[SampleInfo, ...]
    identity: Identity
    spectators: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    fixed_part: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        self._check_shapes()
        self._check_types()
        double = sorted({name for name in self._names() if self._names().count(name) > 1})
        if double:
            msg = f"feature and spectator names must be unique; twice there: {', '.join(double)}"
            raise InvalidInputError(msg)
        if not all(block.min() >= 0 and block.max() < len(self.samples) for _, block in row_blocks(self.sample)):
            msg = f"sample has values from {self.sample.min()} to {self.sample.max()}; there are {len(self.samples)} samples"
            raise InvalidInputError(msg)
        for array in self._arrays():
            array.flags.writeable = False
        object.__setattr__(self, "spectators", MappingProxyType(dict(self.spectators)))

    def _check_shapes(self) -> None:
        n_events = len(self.weight)
        if self.X.shape != (n_events, len(self.features)):
            msg = f"X has shape {self.X.shape}; expected ({n_events} events, {len(self.features)} features)"
            raise InvalidInputError(msg)
        columns: dict[str, NDArray[Any] | None] = {
            "weight": self.weight,
            "sample": self.sample,
            "fixed_part": self.fixed_part,
        }
        columns |= {f"identity column {name!r}": column for name, column in self._identity_columns()}
        columns |= {f"spectator {name!r}": column for name, column in self.spectators.items()}
        for name, column in columns.items():
            if column is not None and column.shape != (n_events,):
                shape = f"{len(column)} rows" if column.ndim == 1 else f"shape {column.shape}"
                msg = f"{name} has {shape}; there are {n_events} events"
                raise InvalidInputError(msg)

    def _check_types(self) -> None:
        for name, array, dtype in (
            ("X", self.X, np.float32),
            ("weight", self.weight, np.float64),
            ("sample", self.sample, np.int32),
            ("fixed_part", self.fixed_part, np.int8),
        ):
            if array is not None and array.dtype != dtype:
                msg = f"{name} has type {array.dtype}; it must be {np.dtype(dtype)}"
                raise InvalidInputError(msg)

    def _identity_columns(self) -> list[tuple[str, NDArray[Any]]]:
        return list(zip(self.identity.names, self.identity.columns, strict=True))

    def _names(self) -> list[str]:
        return [*self.feature_names, *self.spectators]

    def __reduce__(self) -> tuple[Any, ...]:
        # a read-only view of a dictionary cannot be pickled, and workers are sent datasets
        given = [getattr(self, item.name) for item in fields(self)]
        given[[item.name for item in fields(self)].index("spectators")] = dict(self.spectators)
        return Dataset, tuple(given)

    def _arrays(self) -> list[NDArray[Any]]:
        arrays = [self.X, self.weight, self.sample, *self.identity.columns, *self.spectators.values()]
        return arrays if self.fixed_part is None else [*arrays, self.fixed_part]

    def __len__(self) -> int:
        return len(self.weight)

    def __repr__(self) -> str:
        lines = [f"<Dataset: {len(self)} events, {len(self.features)} features ({', '.join(self.feature_names)})"]
        lines += [
            f"  {row['name']} ({row['role']}): {row['n_events']} events, sum of weights {row['sum_weights']:.6g}, "
            f"N_eff {row['n_effective']:.6g}"
            for row in self.summary()
        ]
        return "\n".join(lines) + ">"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of ``X``."""
        return tuple(feature.name for feature in self.features)

    @property
    def label(self) -> NDArray[np.int8]:
        """1 for signal, 0 for background, -1 for unlabelled samples; shape (n_events,)."""
        return np.array([info.label for info in self.samples], dtype=np.int8)[self.sample]

    @property
    def groups(self) -> NDArray[np.int64]:
        """Number of the event that each row belongs to; rows of equal identity in one sample are one event."""
        return self.identity.groups(self.sample)

    def column(self, name: str) -> NDArray[Any]:
        """Return a feature or spectator by name.

        Raises
        ------
        FeatureMismatchError
            If there is none of that name; near misses are named.
        """
        if name in self.feature_names:
            return self.X[:, self.feature_names.index(name)]
        if name in self.spectators:
            return self.spectators[name]
        known = [*self.feature_names, *self.spectators]
        msg = f"no feature or spectator {name!r}{did_you_mean(name, known)} (known: {', '.join(known)})"
        raise FeatureMismatchError(msg)

    def __getitem__(self, index: slice | NDArray[np.bool_] | NDArray[np.int64]) -> Dataset:
        """Return some events. A slice shares memory with this dataset, a mask or index array copies.

        A copy of more than 256 MB of mapped features is itself mapped, from a temporary file.
        """
        if isinstance(index, slice):
            X = self.X[index]
        else:
            index = self._row_index(index)
            n_chosen = int(index.sum()) if index.dtype == bool else len(index)
            if is_mapped(self.X) and 4 * n_chosen * len(self.features) > _LARGEST_COPY:
                X = take_rows(self.X, np.arange(len(self))[index])
            else:
                X = np.empty((n_chosen, len(self.features)), dtype=np.float32, order="F")
                for number in range(len(self.features)):
                    X[:, number] = self.X[:, number][index]
                    release(self.X[:, number])
        return replace(
            self,
            X=X,
            weight=self.weight[index],
            sample=self.sample[index],
            identity=self.identity.take(index),
            spectators={name: column[index] for name, column in self.spectators.items()},
            fixed_part=None if self.fixed_part is None else self.fixed_part[index],
        )

    def iterate(self, chunk: int | str = "100 MB") -> Iterator[Dataset]:
        """Walk over the events in consecutive parts, which share memory with this dataset.

        Parameters
        ----------
        chunk : int or str
            Size of a part's columns, in bytes or as text such as ``"100 MB"``; at least one event.

        Returns
        -------
        iterator of Dataset
            All events in their order, with all samples in each part. Where columns are mapped from a file (as those of a
            cache are), the pages of the next part are asked for, and those of a part are given back when the next one is
            asked for, so that memory is bounded by the part.

        Raises
        ------
        InvalidInputError
            If the size cannot be understood.
        """
        row_bytes = sum(column.nbytes for column in self._arrays()) // max(1, len(self))
        return self._parts(max(1, parse_size(chunk, "chunk") // max(1, row_bytes)))

    def _parts(self, n_rows: int) -> Iterator[Dataset]:
        columns = self._arrays()
        for start in range(0, len(self), n_rows):
            for column in columns:
                fetch(column[start + n_rows : start + 2 * n_rows])
            yield self[start : start + n_rows]
            for column in columns:
                release(column[start : start + n_rows])

    def _row_index(self, index: Any) -> NDArray[Any]:
        rows = np.asarray(index)
        if rows.ndim == 1 and rows.size == 0 and rows.dtype != bool:
            rows = rows.astype(np.int64)
        if rows.ndim != 1 or rows.dtype.kind not in "iub":
            msg = f"a dataset is indexed by a slice, a mask or an array of row numbers, not by {index!r:.80}"
            raise InvalidInputError(msg)
        if rows.dtype == bool and len(rows) != len(self):
            msg = f"the mask has {len(rows)} rows; there are {len(self)} events"
            raise InvalidInputError(msg)
        return rows

    def of_roles(self, *roles: str) -> NDArray[np.bool_]:
        """Return the mask of events whose sample has one of ``roles``."""
        return np.array([info.role in roles for info in self.samples], dtype=bool)[self.sample]

    def summary(self) -> list[dict[str, Any]]:
        """Return one row for each sample: events and signed sums before and after the selection, N_eff."""
        rows = []
        for number, info in enumerate(self.samples):
            weight = self.weight[self.sample == number]
            rows.append(
                {
                    "name": info.name,
                    "role": info.role,
                    "n_entries": info.n_entries,
                    "sum_weights_entries": info.sum_weights,
                    "n_events": len(weight),
                    "sum_weights": float(weight.sum()),
                    "sum_weights_error": float(np.sqrt(np.square(weight).sum())),
                    "n_negative": int((weight < 0).sum()),
                    "n_effective": effective_entries(weight),
                }
            )
        return rows

    def _repr_html_(self) -> str:
        from hepml.data.notebook import dataset_html

        return dataset_html(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.X, dtype=dtype, copy=copy)

    @classmethod
    def from_numpy(cls, X: Any, **options: Any) -> Dataset:
        """Make a dataset of arrays: ``features``, ``weight``, ``label``, ``identity``, ``spectators``, ``name``.

        See :func:`hepml.data.interchange.from_numpy`, as for all ``from_`` and ``to_`` methods below.
        """
        from hepml.data import interchange

        return interchange.from_numpy(X, **options)

    @classmethod
    def from_torch(cls, X: Any, **options: Any) -> Dataset:
        """Make a dataset of tensors, with the arguments of :meth:`from_numpy`."""
        from hepml.data import interchange

        return interchange.from_torch(X, **options)

    def to_torch(self) -> Any:
        """Return ``X`` as a tensor that shares memory; ``.clone()`` it before writing into it (extra ``nn``)."""
        from hepml.data import interchange

        return interchange.to_torch(self)

    @classmethod
    def from_pandas(cls, frame: Any, **options: Any) -> Dataset:
        """Make a dataset of a data frame: one of :meth:`to_pandas`, or any with ``features``, ``weight``, ..."""
        from hepml.data import interchange

        return interchange.from_pandas(frame, **options)

    def to_pandas(self) -> Any:
        """Return a data frame of all columns that shares memory (extra ``interchange``)."""
        from hepml.data import interchange

        return interchange.to_pandas(self)

    @classmethod
    def from_awkward(cls, array: Any, **options: Any) -> Dataset:
        """Make a dataset of records: those of :meth:`to_awkward`, or any with ``features``, ``weight``, ..."""
        from hepml.data import interchange

        return interchange.from_awkward(array, **options)

    def to_awkward(self) -> Any:
        """Return an awkward array of records that shares memory."""
        from hepml.data import interchange

        return interchange.to_awkward(self)

    @classmethod
    def from_arrow(cls, table: Any, **options: Any) -> Dataset:
        """Make a dataset of an Arrow table: one of :meth:`to_arrow`, or any with ``features``, ``weight``, ..."""
        from hepml.data import interchange

        return interchange.from_arrow(table, **options)

    def to_arrow(self) -> Any:
        """Return an Arrow table of all columns that shares memory (extra ``interchange``)."""
        from hepml.data import interchange

        return interchange.to_arrow(self)

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str], **options: Any) -> Dataset:
        """Read a Parquet file: one of :meth:`to_parquet`, or any with ``features``, ``weight``, ..."""
        from hepml.data import interchange

        return interchange.from_parquet(path, **options)

    def to_parquet(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a Parquet file from which everything is restored exactly (extra ``interchange``)."""
        from hepml.data import interchange

        interchange.to_parquet(self, path, overwrite=overwrite)

    @classmethod
    def concatenate(cls, parts: Sequence[Dataset]) -> Dataset:
        """Join datasets with the same features and spectators; samples of equal name and role become one.

        Entries and sums of weights before the selection are added, unless the samples were read from the same files.
        One dataset alone is returned as it is.

        Raises
        ------
        FeatureMismatchError
            If features or spectators differ.
        InvalidInputError
            If there is nothing to join.
        """
        if not parts:
            msg = "nothing to concatenate"
            raise InvalidInputError(msg)
        first = parts[0]
        if len(parts) == 1:
            return first
        for part in parts[1:]:
            if set(part.spectators) != set(first.spectators) or part.feature_names != first.feature_names:
                msg = f"datasets have different features or spectators: {first._names()} and {part._names()}"
                raise FeatureMismatchError(msg)
            for mine, other in zip(first.features, part.features, strict=True):
                if mine != other:
                    msg = (
                        f"feature {mine.name!r} is not the same in all datasets: {mine.to_dict()} and {other.to_dict()}"
                    )
                    raise FeatureMismatchError(msg)
        samples: dict[tuple[str, str], SampleInfo] = {}
        indices = []
        for part in parts:
            for info in part.samples:
                key = (info.name, info.role)
                known = samples.get(key)
                samples[key] = info if known is None else _merge(known, info)
            positions = {key: number for number, key in enumerate(samples)}
            mapping = np.array([positions[info.name, info.role] for info in part.samples], dtype=np.int32)
            indices.append(mapping[part.sample])
        X = np.empty((sum(map(len, parts)), len(first.features)), dtype=np.float32, order="F")
        np.concatenate([part.X for part in parts], out=X)
        fixed = None
        if any(part.fixed_part is not None for part in parts):
            fixed = np.concatenate(
                [np.zeros(len(part), dtype=np.int8) if part.fixed_part is None else part.fixed_part for part in parts]
            )
        return cls(
            X=X,
            features=first.features,
            weight=np.concatenate([part.weight for part in parts]),
            sample=np.concatenate(indices),
            samples=tuple(samples.values()),
            identity=Identity.concatenate([part.identity for part in parts]),
            spectators={
                name: join_spectator(name, [part.spectators[name] for part in parts]) for name in first.spectators
            },
            fixed_part=fixed,
        )


def _merge(first: SampleInfo, second: SampleInfo) -> SampleInfo:
    if second.files and set(second.files) <= set(first.files):
        # two selections of the same trees: their entries count once, and neither cutflow tells of both
        return replace(first, cutflow=Cutflow())
    return replace(
        first,
        n_entries=first.n_entries + second.n_entries,
        sum_weights=first.sum_weights + second.sum_weights,
        files=tuple(dict.fromkeys((*first.files, *second.files))),
        cutflow=first.cutflow + second.cutflow,
        skipped=tuple(dict.fromkeys((*first.skipped, *second.skipped))),
        friends=tuple(dict.fromkeys((*first.friends, *second.friends))),
    )
