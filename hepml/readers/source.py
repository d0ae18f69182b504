"""One tree of one ROOT file, opened by uproot, with errors that a physicist can act on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import uproot

from hepml.errors import (
    BranchNotFoundError,
    BranchTypeError,
    FileUnreadableError,
    TreeNotFoundError,
    did_you_mean,
)
from hepml.readers.local_source import LocalSource
from hepml.readers.objects import Member, find_member, member_array, members_of
from hepml.readers.opening import damage, file_stamp, open_file, tree_names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from numpy.typing import NDArray

    from hepml.readers.files import TreeLocation

__all__ = ["BranchInfo", "TreeSource", "damage", "open_file", "tree_names"]

Shape = Literal["scalar", "fixed", "jagged", "unusable"]

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
    parent : str
        The branch, if this is a member of an object in it.
    members : tuple of str
        Numbers inside an object, by the names that expressions give them.
    """

    name: str
    typename: str
    shape: Shape
    dtype: np.dtype[Any] | None = None
    reason: str = ""
    parent: str = ""
    members: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What files of one sample must agree on: shape, and integer, floating or boolean numbers."""
        number = (
            ""
            if self.dtype is None
            else {"i": "integer", "u": "integer", "f": "floating", "b": "bool"}[self.dtype.kind]
        )
        return f"{self.shape} {number}".strip()


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
        self._stamp = file_stamp(location.path)
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
        self._threads = threads
        self._executor = self._make_executor()
        self._infos: dict[str, BranchInfo] = {}
        self._places: dict[str, Member] = {}
        self._last_objects: tuple[tuple[str, int, int], Any] | None = None

    def _make_executor(self) -> Any:
        return ThreadPoolExecutor(self._threads) if self._threads > 1 else uproot.TrivialExecutor()

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

    def reopen(self) -> bool:
        """Open the file again after :meth:`close`, with all that is known of the tree.

        Returns
        -------
        bool
            False if the file has changed, is behind an address, or is no longer there: then it is still closed.
        """
        local = self._directory.file.source
        if not isinstance(local, LocalSource) or self._stamp != file_stamp(self.path):
            return False
        try:
            local.reopen()
        except OSError:
            return False
        self._executor = self._make_executor()
        return True

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
                    branch = self._tree[self._place(name).branch]
                except KeyError:
                    known = self.branch_names
                    hint = did_you_mean(name, known) or f" ({len(known)} branches; `hepml inspect {self}` lists them)"
                    msg = f"no branch {name!r} in {self}{hint}"
                    raise BranchNotFoundError(msg) from None
                member = self._place(name)
                if member.dtype is not None:
                    numbers = _describe_numbers(name, str(member.dtype), member.dtype, jagged=member.is_list)
                    self._infos[name] = replace(numbers, parent=member.branch)
                else:
                    describe = _describe_field if self.is_rntuple else _describe_branch
                    self._infos[name] = describe(name, branch)
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

    def _place(self, name: str) -> Member:
        """Find the branch of a name: itself, or the object that it is a member of."""
        if name not in self._places:
            found = None if self.is_rntuple or self._known(name) is not None else find_member(name, self._known)
            self._places[name] = found or Member(name)
        return self._places[name]

    def _branch_of(self, name: str) -> Any:
        return self._tree[self._place(name).branch]

    def _known(self, name: str) -> Any:
        try:
            return self._tree[name]
        except KeyError:
            return None

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
                n_entries = int(self._branch_of(name).num_entries)
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
        branch = self._branch_of(name)
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
            total += max(int(self._branch_of(name).uncompressed_bytes), size * self.n_entries)
        return total

    def _shared_boundaries(self, names: list[str]) -> NDArray[np.int64]:
        if self.is_rntuple:
            return np.array([0, self.n_entries], dtype=np.int64)
        shared = {0, self.n_entries}
        offsets = [set(self._branch_of(name).entry_offsets) for name in names]
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
        member = self._place(name)
        library = "ak" if info.shape == "jagged" or self.is_rntuple or member.path else "np"
        with damage(self.path, f"is damaged: branch {name!r} of {self.tree_name!r} cannot be read"):
            options: dict[str, Any] = {"entry_start": start, "entry_stop": stop, "library": library}
            if not self.is_rntuple:
                options |= {"decompression_executor": executor, "array_cache": None}
            array = self._objects(member, options) if member.path else self._tree[member.branch].array(**options)
            if self.is_rntuple and info.shape != "jagged":
                array = array.to_numpy()
            if info.shape == "jagged":
                _check_lists(array)
            if member.path:
                array = member_array(array, member)
        if len(array) != stop - start:
            msg = (
                f"{self.path} is damaged: branch {name!r} of {self.tree_name!r} gives {len(array)} of the entries "
                f"{start} to {stop}"
            )
            raise FileUnreadableError(msg)
        return array

    def _objects(self, member: Member, options: dict[str, Any]) -> Any:
        """Read objects, once for all members that are asked for one after the other."""
        key = (member.branch, options["entry_start"], options["entry_stop"])
        last = self._last_objects
        if last is None or last[0] != key:
            last = (key, self._tree[member.branch].array(**options))
            self._last_objects = last
        return last[1]


def _check_lists(array: Any) -> None:
    """Refuse lists that reach beyond their numbers: compiled code would read there whatever it finds, or crash."""
    import awkward as ak

    if problem := ak.validity_error(array):
        msg = f"its lists are inconsistent: {problem}"
        raise ValueError(msg)


def _describe_branch(name: str, branch: Any) -> BranchInfo:
    interpretation = branch.interpretation
    typename = str(branch.typename)
    # uproot takes objects of numbers for a kind of numbers
    is_object = isinstance(interpretation, uproot.AsDtype) and interpretation.to_dtype.base.kind not in "iufb"
    if isinstance(interpretation, uproot.AsDtype) and not is_object:
        return _describe_numbers(name, typename, interpretation.to_dtype, jagged=False)
    if isinstance(interpretation, uproot.AsJagged) and type(interpretation.content) is uproot.AsDtype:
        return _describe_numbers(name, typename, interpretation.content.to_dtype, jagged=True)
    members: tuple[str, ...] = ()
    if isinstance(interpretation, uproot.AsStrings):
        reason = "text is no number"
    elif branch.branches:
        shown = ", ".join(sub.name for sub in branch.branches[:4])
        reason = f"it is a split object; use one of its {len(branch.branches)} members ({shown}, ...)"
    elif isinstance(interpretation, Exception):
        typename, reason = typename or "unknown", "its layout cannot be interpreted"
    else:
        reason = "objects are no numbers; write the members that are needed as branches of their own"
        members = tuple(".".join((name.rstrip("."), *path)) for path in members_of(branch)[1])
        if is_object:
            reason = "it is a leaf list or structure; only plain numbers can be used"
        if members:
            reason = f"objects are no numbers; use their members ({', '.join(members[:6])})"
        if members and "TLorentzVector" in typename:
            reason += f" or {name.rstrip('.')}.Pt() and the like"
    return BranchInfo(name, typename, "unusable", reason=reason, members=members)


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
