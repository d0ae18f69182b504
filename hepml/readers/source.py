"""One tree of one ROOT file, opened by uproot, with errors that a physicist can act on."""

from __future__ import annotations

import contextlib
import stat
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import uproot

from hepml.errors import (
    BranchNotFoundError,
    BranchTypeError,
    FileUnreadableError,
    HepmlError,
    MissingFileError,
    TreeNotFoundError,
    did_you_mean,
    missing_dependency,
)
from hepml.readers.remote import is_remote, open_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from numpy.typing import NDArray

    from hepml.readers.files import TreeLocation

__all__ = ["BranchInfo", "TreeSource", "open_file", "tree_names"]

Shape = Literal["scalar", "fixed", "jagged", "unusable"]

_TREE_CLASSES = ("TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple", "ROOT::Experimental::RNTuple")
_LARGE_FILE_VERSION = 1_000_000
_SMALLEST_HEADER = 64
# a petabyte of single bytes: more is a damaged number
_MOST_ENTRIES = 10**15


@dataclass(frozen=True, slots=True)
class BranchInfo:
    """What a branch holds.

    Parameters
    ----------
    name : str
        Name of the branch.
    typename : str
        C++ type as the file states it.
    shape : {"scalar", "fixed", "jagged", "unusable"}
        One number for each entry, a fixed number of them, a varying number, or something that is no number.
    dtype : numpy.dtype or None
        Type of the numbers.
    reason : str
        Why it is unusable.
    """

    name: str
    typename: str
    shape: Shape
    dtype: np.dtype[Any] | None = None
    reason: str = ""

    @property
    def kind(self) -> str:
        """What files of one sample must agree on: shape, and integer, floating or boolean numbers."""
        number = (
            ""
            if self.dtype is None
            else {"i": "integer", "u": "integer", "f": "floating", "b": "bool"}[self.dtype.kind]
        )
        return f"{self.shape} {number}".strip()


def open_file(path: str) -> Any:
    """Open a ROOT file for reading.

    Parameters
    ----------
    path : str
        Local path or URL.

    Returns
    -------
    uproot.ReadOnlyDirectory
        Close it after use, or use it as a context manager.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FileUnreadableError
        If it is empty, not a ROOT file, truncated or damaged.
    """
    if not is_remote(path):
        _check_header(path)
    with damage(path, "cannot be opened as a ROOT file"):
        try:
            return uproot.open(path, object_cache=None, array_cache=None, **open_options(path))
        except FileNotFoundError as error:
            msg = f"no such file: {path}"
            raise MissingFileError(msg) from error
        except ImportError as error:
            problem = missing_dependency(error.name or "a library", f"reading {path}", "remote")
            raise problem from error


def tree_names(directory: Any) -> list[str]:
    """Return the names of all trees and ntuples in a file, sub-folders included, without cycles."""
    names = directory.iterclassnames(recursive=True, cycle=False)
    return list(dict.fromkeys(name for name, kind in names if kind in _TREE_CLASSES))


def _check_header(path: str) -> None:
    """Compare the file's size with what its header promises: uproot would notice a lost end only when it reads there."""
    try:
        status = Path(path).stat()
        size = status.st_size
        # opening a pipe would wait for its other end
        head = b""
        if stat.S_ISREG(status.st_mode):
            with Path(path).open("rb") as stream:
                head = stream.read(64)
    except FileNotFoundError as error:
        msg = f"no such file: {path}"
        raise MissingFileError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise FileUnreadableError(msg) from error
    if not stat.S_ISREG(status.st_mode):
        msg = f"{path} is no regular file"
        raise FileUnreadableError(msg)
    if size == 0:
        msg = f"{path} is empty (0 bytes): was its transfer interrupted?"
        raise FileUnreadableError(msg)
    if head[:4] != b"root":
        shown = head[:8].decode("ascii", "replace")
        msg = f"{path} is not a ROOT file: it begins with {shown!r}, not with 'root'"
        raise FileUnreadableError(msg)
    if len(head) < 64:
        msg = f"{path} is truncated: {size} bytes do not even hold the header of a ROOT file"
        raise FileUnreadableError(msg)
    (version,) = struct.unpack_from(">i", head, 4)
    (end,) = struct.unpack_from(">q" if version >= _LARGE_FILE_VERSION else ">i", head, 12)
    (begin,) = struct.unpack_from(">i", head, 8)
    if begin < _SMALLEST_HEADER or end < begin:
        msg = f"{path} is damaged: its header says that contents begin at byte {begin} and end at {end}"
        raise FileUnreadableError(msg)
    if end > size:
        msg = (
            f"{path} is truncated: its header promises {end} bytes, {size} are there. Copy it again, or recover what is "
            f"left with ROOT (TFile::Recover) and check the number of entries"
        )
        raise FileUnreadableError(msg)


@contextlib.contextmanager
def damage(path: str, what: str) -> Iterator[None]:
    """Turn whatever uproot raises on damaged bytes into one error that names the file."""
    try:
        yield
    except HepmlError:
        raise
    except Exception as error:  # struct, zlib, index, assertion errors, and memory errors for damaged lengths
        first = (str(error).strip() or repr(error)).splitlines()[0]
        msg = f"{path} {what}: {type(error).__name__}: {first:.300}. The file may be truncated or damaged"
        raise FileUnreadableError(msg) from error


class TreeSource:
    """One tree of one file, as columns. Use it as a context manager.

    Parameters
    ----------
    location : TreeLocation
        File and tree; without a tree the file must hold exactly one.
    threads : int
        Threads that decompress baskets.

    Raises
    ------
    MissingFileError, FileUnreadableError, TreeNotFoundError
        If file or tree cannot be had.
    """

    def __init__(self, location: TreeLocation, *, threads: int = 1) -> None:
        self.path = location.path
        self._directory = open_file(location.path)
        try:
            self.tree_name = self._choose_tree(location.tree)
            with damage(self.path, f"is damaged: the tree {self.tree_name!r} cannot be read"):
                self._tree = self._directory[self.tree_name]
                self.n_entries = int(self._tree.num_entries)
            self._check_entries()
        except BaseException:
            self._directory.close()
            raise
        self.is_rntuple = not hasattr(self._tree, "branches")
        self._executor = ThreadPoolExecutor(threads) if threads > 1 else uproot.TrivialExecutor()
        self._threads = threads
        self._infos: dict[str, BranchInfo] = {}

    def _check_entries(self) -> None:
        if not 0 <= self.n_entries < _MOST_ENTRIES:
            msg = f"{self.path} is damaged: the tree {self.tree_name!r} claims {self.n_entries} entries"
            raise FileUnreadableError(msg)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._executor.shutdown()
        self._directory.close()

    def __str__(self) -> str:
        return f"{self.path}:{self.tree_name}"

    def _choose_tree(self, wanted: str | None) -> str:
        with damage(self.path, "is damaged: its list of contents cannot be read"):
            names = tree_names(self._directory)
        if not names:
            msg = f"{self.path} holds no tree"
            raise TreeNotFoundError(msg)
        if wanted is None:
            if len(names) == 1:
                return names[0]
            msg = f"{self.path} holds several trees: name one, e.g. {self.path}:{names[0]} (trees: {', '.join(names)})"
            raise TreeNotFoundError(msg)
        plain, _, cycle = wanted.strip("/").partition(";")
        with damage(self.path, "is damaged: its list of contents cannot be read"):
            cycles = [name.partition(";")[2] for name in self._directory.keys(filter_name=plain)] if cycle else []
        if plain in names and (not cycle or cycle in cycles):
            return wanted
        if plain in names:
            msg = f"no cycle {cycle!r} of tree {plain!r} in {self.path} (cycles: {', '.join(sorted(cycles))})"
            raise TreeNotFoundError(msg)
        msg = f"no tree {wanted!r} in {self.path}{did_you_mean(wanted, names)} (trees: {', '.join(names)})"
        raise TreeNotFoundError(msg)

    @property
    def branch_names(self) -> list[str]:
        """Names of all branches, sub-branches of split objects by their full path."""
        return list(self._tree.keys(full_paths=True))

    def branch(self, name: str) -> BranchInfo:
        """Describe a branch.

        Raises
        ------
        BranchNotFoundError
            If there is none of that name; near misses are named.
        """
        if name not in self._infos:
            with damage(self.path, f"is damaged: branch {name!r} of {self.tree_name!r} cannot be described"):
                try:
                    branch = self._tree[name]
                except KeyError:
                    known = self.branch_names
                    hint = did_you_mean(name, known) or f" ({len(known)} branches; `hepml inspect {self}` lists them)"
                    msg = f"no branch {name!r} in {self}{hint}"
                    raise BranchNotFoundError(msg) from None
                self._infos[name] = _describe_field(name, branch) if self.is_rntuple else _describe_branch(name, branch)
                if (
                    not self.is_rntuple
                    and self._infos[name].shape != "unusable"
                    and branch.num_entries != self.n_entries
                ):
                    msg = (
                        f"{self.path} is damaged: branch {name!r} has {branch.num_entries} entries, its tree "
                        f"{self.tree_name!r} {self.n_entries}"
                    )
                    raise FileUnreadableError(msg)
        return self._infos[name]

    def numeric_branch(self, name: str) -> BranchInfo:
        """Describe a branch that must hold numbers.

        Raises
        ------
        BranchTypeError
            If it holds something else, with the reason.
        """
        info = self.branch(name)
        if info.shape == "unusable":
            msg = f"branch {name!r} of {self} has type {info.typename}, which cannot be used in an expression: {info.reason}"
            raise BranchTypeError(msg)
        if not self.is_rntuple:
            with damage(self.path, f"is damaged: branch {name!r} of {self.tree_name!r} cannot be described"):
                n_entries = int(self._tree[name].num_entries)
            # found here, before room is made for as many entries as a damaged number claims
            if n_entries != self.n_entries:
                msg = (
                    f"{self.path} is damaged: the tree {self.tree_name!r} claims {self.n_entries} entries, its branch "
                    f"{name!r} {n_entries}"
                )
                raise FileUnreadableError(msg)
        return info

    def branch_bytes(self, name: str) -> tuple[int | None, int | None]:
        """Return the bytes of a branch before and after compression, None where the format keeps no such count."""
        if self.is_rntuple:
            return None, None
        branch = self._tree[name]
        return int(branch.uncompressed_bytes), int(branch.compressed_bytes)

    def chunk_edges(self, names: Iterable[str], target_bytes: int) -> list[int]:
        """Return entry numbers between which reading ``names`` takes about ``target_bytes``.

        Edges lie on basket boundaries where all branches share some, so that no basket is decompressed twice.
        """
        names = list(names)
        n_chunks = max(1, -(-self._bytes_of(names) // target_bytes))
        if n_chunks == 1 or self.n_entries == 0:
            return [0, self.n_entries]
        ideal = np.linspace(0, self.n_entries, int(min(n_chunks, self.n_entries)) + 1).round().astype(np.int64)
        shared = self._shared_boundaries(names)
        above = np.searchsorted(shared, ideal).clip(1, len(shared) - 1)
        below = shared[above - 1]
        nearest = np.where(ideal - below < shared[above] - ideal, below, shared[above])
        # moving an edge to a distant boundary would break the memory bound
        close = np.abs(nearest - ideal) <= 0.5 * self.n_entries / n_chunks
        edges: list[int] = sorted({*np.where(close, nearest, ideal).tolist()})
        return edges

    def _bytes_of(self, names: list[str]) -> int:
        if self.is_rntuple:
            return 16 * len(names) * self.n_entries
        total = 0
        for name in names:
            info = self.branch(name)
            size = info.dtype.itemsize if info.dtype is not None else 8
            total += max(int(self._tree[name].uncompressed_bytes), size * self.n_entries)
        return total

    def _shared_boundaries(self, names: list[str]) -> NDArray[np.int64]:
        if self.is_rntuple:
            return np.array([0, self.n_entries], dtype=np.int64)
        shared = {0, self.n_entries}
        offsets = [set(self._tree[name].entry_offsets) for name in names]
        return np.array(sorted(shared | set.intersection(*offsets)) if offsets else sorted(shared), dtype=np.int64)

    def read(self, names: Iterable[str], start: int, stop: int) -> dict[str, Any]:
        """Read branches between two entries.

        Parameters
        ----------
        names : iterable of str
            Branches that hold numbers.
        start, stop : int
            Entry range.

        Returns
        -------
        dict
            For each branch an ndarray (scalar: shape (n,), fixed: (n, k)) or, if jagged, an awkward array.

        Raises
        ------
        FileUnreadableError
            If bytes are damaged, or if fewer entries come out than the tree promises.
        """
        names = list(names)
        # few branches are better divided by their baskets
        if self.is_rntuple or len(names) < 2 * self._threads or self._threads == 1:
            return {name: self.read_branch(name, start, stop) for name in names}
        columns = [
            self._executor.submit(self._read_branch, name, start, stop, uproot.TrivialExecutor()) for name in names
        ]
        try:
            return {name: column.result() for name, column in zip(names, columns, strict=True)}
        finally:
            for column in columns:
                column.cancel()

    def read_branch(self, name: str, start: int, stop: int) -> Any:
        """Read one branch between two entries; see :meth:`read`."""
        return self._read_branch(name, start, stop, self._executor)

    def _read_branch(self, name: str, start: int, stop: int, executor: Any) -> Any:
        info = self.numeric_branch(name)
        library = "ak" if info.shape == "jagged" or self.is_rntuple else "np"
        with damage(self.path, f"is damaged: branch {name!r} of {self.tree_name!r} cannot be read"):
            options: dict[str, Any] = {"entry_start": start, "entry_stop": stop, "library": library}
            if not self.is_rntuple:
                options |= {"decompression_executor": executor, "array_cache": None}
            array = self._tree[name].array(**options)
            if self.is_rntuple and info.shape != "jagged":
                array = array.to_numpy()
            if info.shape == "jagged":
                _check_lists(array)
        if len(array) != stop - start:
            msg = (
                f"{self.path} is damaged: branch {name!r} of {self.tree_name!r} gives {len(array)} of the entries "
                f"{start} to {stop}"
            )
            raise FileUnreadableError(msg)
        return array


def _check_lists(array: Any) -> None:
    """Refuse lists that reach beyond their numbers: compiled code would read there whatever it finds, or crash."""
    import awkward as ak

    if problem := ak.validity_error(array):
        msg = f"its lists are inconsistent: {problem}"
        raise ValueError(msg)


def _describe_branch(name: str, branch: Any) -> BranchInfo:
    interpretation = branch.interpretation
    typename = str(branch.typename)
    if isinstance(interpretation, uproot.AsDtype):
        return _describe_numbers(name, typename, interpretation.to_dtype, jagged=False)
    if isinstance(interpretation, uproot.AsJagged) and type(interpretation.content) is uproot.AsDtype:
        return _describe_numbers(name, typename, interpretation.content.to_dtype, jagged=True)
    if isinstance(interpretation, uproot.AsStrings):
        reason = "text is no number"
    elif branch.branches:
        members = ", ".join(sub.name for sub in branch.branches[:4])
        reason = f"it is a split object; use one of its {len(branch.branches)} members ({members}, ...)"
    elif isinstance(interpretation, Exception):
        typename, reason = typename or "unknown", "its layout cannot be interpreted"
    else:
        reason = "objects are no numbers; write the members that are needed as branches of their own"
    return BranchInfo(name, typename, "unusable", reason=reason)


def _describe_field(name: str, field: Any) -> BranchInfo:
    typename = str(field.typename)
    inner = typename.removeprefix("std::vector<").removesuffix(">") if typename.startswith("std::vector<") else typename
    plain = inner.removeprefix("std::").removesuffix("_t")
    dtype = {"float": "f4", "double": "f8", "bool": "?", "char": "i1"}.get(plain)
    if dtype is None and plain.lstrip("u").startswith("int") and plain.lstrip("uint").isdigit():
        dtype = plain
    if dtype is None:
        return BranchInfo(name, typename, "unusable", reason="only numbers and vectors of numbers can be used")
    depth = _lists_around(field) + (inner != typename)
    if depth > 1:
        return BranchInfo(name, typename, "unusable", reason="it is nested more than one level deep")
    return BranchInfo(name, typename, "jagged" if depth else "scalar", np.dtype(dtype))


def _lists_around(field: Any) -> int:
    """Count the vectors and arrays that a field is a member of; its own type does not tell."""
    depth = 0
    around = getattr(field, "parent", None)
    while around is not None and hasattr(around, "typename"):
        # a class such as DataVector is a collection without being called a vector
        is_collection = around.record.struct_role == uproot.const.RNTupleFieldRole.COLLECTION
        depth += is_collection or str(around.typename).startswith("std::array<")
        around = getattr(around, "parent", None)
    return depth


def _describe_numbers(name: str, typename: str, dtype: np.dtype[Any], *, jagged: bool) -> BranchInfo:
    base = dtype.base.newbyteorder("=")
    if base.kind not in "iufb":
        return BranchInfo(
            name, typename, "unusable", reason="it is a leaf list or structure; only plain numbers can be used"
        )
    if (jagged and dtype.shape) or len(dtype.shape) > 1:
        return BranchInfo(name, typename, "unusable", reason="it is nested more than one level deep")
    shape: Shape = "jagged" if jagged else "fixed" if dtype.shape else "scalar"
    return BranchInfo(name, typename, shape, base)
