"""Friend trees: further columns of the same events, from other trees, by entry order or by a key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hepml.data import Identity, default_identity
from hepml.errors import BranchNotFoundError, IdentityError, InvalidInputError, SchemaMismatchError
from hepml.expressions import parse
from hepml.readers.source import TreeSource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from hepml.readers.files import TreeLocation
    from hepml.readers.request import SampleRequest
    from hepml.readers.source import BranchInfo

__all__ = ["Friends", "JoinedSource"]

# a described branch takes about 10 kB
_MOST_KEPT_BRANCHES = 3000


class Friends:
    """The friends of one sample, ready to be joined to each of its files."""

    def __init__(self, request: SampleRequest, *, threads: int) -> None:
        self._threads = threads
        self._n_files = len(request.files)
        self._kept: dict[int, TreeSource] = {}
        self._n_kept_branches = 0
        self._chains = [_Chain(friend.files, friend.index, threads=threads) for friend in request.friends]
        for friend, chain in zip(request.friends, self._chains, strict=True):
            if request.bad_files == "skip" and not friend.index and not self._is_paired(chain):
                msg = (
                    f"sample {request.name!r}: friends by entry order need a file for each file of the sample where "
                    f"`bad_files: skip` may leave some out ({len(request.files)} files, {len(friend.files)} of friends)"
                )
                raise InvalidInputError(msg)

    def open(self, location: TreeLocation, position: int, first_entry: int) -> TreeSource | JoinedSource:
        """Open a file of the sample with its friends.

        Parameters
        ----------
        location : TreeLocation
            The file.
        position : int
            Its number among the files of the sample.
        first_entry : int
            Entries of the files before it.
        """
        kept = self._kept.pop(position, None)
        source = kept if kept is not None and kept.reopen() else TreeSource(location, threads=self._threads)
        if not self._chains:
            return source
        try:
            return JoinedSource(source, [self._joined(chain, source, position, first_entry) for chain in self._chains])
        except BaseException:
            source.close()
            raise

    def keep(self, position: int, source: TreeSource | JoinedSource) -> None:
        """Keep what is known of a file that was closed, so that its tree need not be described when it is opened again."""
        main = source.main if isinstance(source, JoinedSource) else source
        n_branches = len(main.branch_names)
        if self._n_kept_branches + n_branches <= _MOST_KEPT_BRANCHES:
            self._n_kept_branches += n_branches
            self._kept[position] = main

    def check_length(self, n_entries: int) -> None:
        """Refuse friends by entry order that go on where the sample ends."""
        for chain in self._chains:
            if not chain.index and not self._is_paired(chain) and chain.n_entries > n_entries:
                raise _other_length(str(chain), chain.n_entries, n_entries)

    def _is_paired(self, chain: _Chain) -> bool:
        return len(chain.locations) == self._n_files

    def _joined(self, chain: _Chain, source: TreeSource, position: int, first_entry: int) -> _Joined:
        if chain.index:
            return _ByKey(chain)
        if self._is_paired(chain):
            own = _Chain([chain.locations[position]], (), threads=self._threads)
            if own.n_entries != source.n_entries:
                raise _other_length(str(own), own.n_entries, source.n_entries, str(source))
            return _ByEntry(own, 0)
        if chain.n_entries < first_entry + source.n_entries:
            raise _other_length(str(chain), chain.n_entries, first_entry + source.n_entries)
        return _ByEntry(chain, first_entry)


def _other_length(friend: str, n_friend: int, n_sample: int, sample: str = "the sample") -> IdentityError:
    short, long = (friend, sample) if n_friend < n_sample else (sample, friend)
    return IdentityError(
        f"friend {friend} has {n_friend} entries, {sample} has {n_sample}: entry {min(n_friend, n_sample)} of {long} has no "
        f"partner in {short}. State `index:` to join them by a key"
    )


class _Chain:
    """Trees of one friend, one after the other. One file is open at a time."""

    def __init__(self, locations: Sequence[TreeLocation], index: Sequence[str], *, threads: int) -> None:
        self.locations, self.index, self._threads = list(locations), tuple(index), threads
        self._open: tuple[int, TreeSource] | None = None
        self.agreed: dict[str, np.dtype[Any]] = {}
        self._starts: NDArray[np.int64] | None = None
        self._order: tuple[Identity, NDArray[np.uint64], NDArray[np.int64], int] | None = None

    def __str__(self) -> str:
        more = f" and {len(self.locations) - 1} more" if len(self.locations) > 1 else ""
        return f"{self.locations[0]}{more}"

    @property
    def starts(self) -> NDArray[np.int64]:
        """First entry of each tree, and the number of all."""
        if self._starts is None:
            self._starts = np.cumsum([0, *(self.source(number).n_entries for number in range(len(self.locations)))])
        return self._starts

    @property
    def n_entries(self) -> int:
        """Entries of all trees."""
        return int(self.starts[-1])

    def source(self, number: int) -> TreeSource:
        """Return one of the trees, open."""
        if self._open is None or self._open[0] != number:
            self.close()
            self._open = number, TreeSource(self.locations[number], threads=self._threads)
        return self._open[1]

    def close(self) -> None:
        """Close the file that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def read(self, names: Iterable[str], start: int, stop: int) -> dict[str, Any]:
        """Read branches of an entry range, across files."""
        names = list(names)
        pieces = []
        for number, (first, last) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            low, high = max(start, int(first)), min(stop, int(last))
            if low < high or (start == stop and number == 0):
                pieces.append(self.source(number).read(names, low - int(first), max(high, low) - int(first)))
        if len(pieces) == 1:
            return pieces[0]
        return {name: _concatenate([piece[name] for piece in pieces]) for name in names}

    def positions(self, wanted: Identity) -> NDArray[np.int64]:
        """Return the entry of each key, -1 where there is none."""
        if self._order is None:
            self._order = self._sorted_keys()
        keys, hashes, order, seed = self._order
        looked = wanted.hash(seed, "friend")
        place = np.searchsorted(hashes, looked).clip(max=max(len(hashes) - 1, 0))
        if not len(hashes):
            return np.full(len(wanted), -1)
        entry = order[place]
        same = hashes[place] == looked
        for mine, theirs in zip(wanted.columns, keys.columns, strict=True):
            same &= mine.view(np.uint64) == theirs.view(np.uint64)[entry]
        return np.where(same, entry, -1)

    def _sorted_keys(self) -> tuple[Identity, NDArray[np.uint64], NDArray[np.int64], int]:
        names = sorted({name for text in self.index for name in parse(text).branches})
        keys = key_columns(self.index, self.read(names, 0, self.n_entries), self.n_entries)
        for seed in range(8):
            hashes = keys.hash(seed, "friend")
            order = np.argsort(hashes, kind="stable")
            hashes = hashes[order]
            equal = np.flatnonzero(hashes[1:] == hashes[:-1])
            for number in equal.tolist():
                first, second = order[number], order[number + 1]
                if all(column[first] == column[second] for column in keys.columns):
                    msg = (
                        f"friend {self} has {keys.show(int(first))} in its entries {first} and {second}: "
                        f"`index:` must tell entries apart"
                    )
                    raise IdentityError(msg)
            if not equal.size:
                break
        return keys, hashes, order, seed


def key_columns(index: Sequence[str], columns: dict[str, Any], n_entries: int) -> Identity:
    """Compute the key of each entry in 64-bit integers."""
    return Identity(tuple(index), tuple(parse(text).evaluate_integer(columns, n_entries) for text in index))


def _concatenate(arrays: list[Any]) -> Any:
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np.concatenate(arrays)
    import awkward as ak

    return ak.concatenate(arrays)


class _ByEntry:
    """A friend whose entries are those of the sample, in the same order."""

    def __init__(self, chain: _Chain, offset: int) -> None:
        self.chain, self._offset = chain, offset
        self._shared: list[str] | None = None

    def read(self, names: Sequence[str], main: TreeSource, start: int, stop: int) -> dict[str, Any]:
        """Read branches for an entry range of the sample's file; keys that both have must be equal."""
        if self._shared is None:
            self._shared = _shared_keys(main, self.chain.source(0))
        shared = self._shared
        found = self.chain.read({*names, *shared}, self._offset + start, self._offset + stop)
        own = main.read(shared, start, stop)
        for name in shared:
            differs = np.flatnonzero(own[name] != found[name])
            if differs.size:
                first = int(differs[0])
                msg = (
                    f"friend {self.chain} is of other events: entry {start + first} of {main} has {name}="
                    f"{own[name][first]}, its friend has {name}={found[name][first]}. State `index:` to join them by a key"
                )
                raise IdentityError(msg)
        return {name: found[name] for name in names}


def _shared_keys(main: TreeSource, friend: TreeSource) -> list[str]:
    """Return the branches that identify an event by convention and stand in both trees."""
    known = set(friend.branch_names)
    names = [name for name in default_identity(main.branch_names) if name in known]
    return [name for name in names if main.branch(name).kind == friend.branch(name).kind == "scalar integer"]


class _ByKey:
    """A friend whose entries are found by a key."""

    def __init__(self, chain: _Chain) -> None:
        self.chain = chain
        self._keys = sorted({name for text in chain.index for name in parse(text).branches})

    def read(self, names: Sequence[str], main: TreeSource, start: int, stop: int) -> dict[str, Any]:
        """Read branches for an entry range of the sample's file."""
        wanted = key_columns(self.chain.index, main.read(self._keys, start, stop), stop - start)
        entries = self.chain.positions(wanted)
        lost = np.flatnonzero(entries < 0)
        if lost.size:
            first = int(lost[0])
            msg = f"entry {start + first} of {main} ({wanted.show(first)}) has no partner in friend {self.chain}"
            raise IdentityError(msg)
        if not len(entries):
            return self.chain.read(names, 0, 0)
        low, high = int(entries.min()), int(entries.max()) + 1
        found = self.chain.read(names, low, high)
        return {name: column[entries - low] for name, column in found.items()}


_Joined = _ByEntry | _ByKey


class JoinedSource:
    """A tree with its friends, read as one tree. A branch of the tree itself comes before one of a friend."""

    def __init__(self, main: TreeSource, friends: Sequence[_Joined]) -> None:
        self.main, self._friends = main, list(friends)
        self.n_entries = main.n_entries
        self.path = main.path
        own = main.branch_names
        self._owner: dict[str, _Joined] = {}
        for friend in self._friends:
            for name in friend.chain.source(0).branch_names:
                if name not in own:
                    self._owner.setdefault(name, friend)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all files."""
        self.main.close()
        for friend in self._friends:
            friend.chain.close()

    def __str__(self) -> str:
        return str(self.main)

    @property
    def branch_names(self) -> list[str]:
        """Names of all branches, friends last."""
        return [*self.main.branch_names, *self._owner]

    @property
    def friend_branches(self) -> Collection[str]:
        """Names of the branches that come from friends."""
        return self._owner.keys()

    def branch(self, name: str) -> BranchInfo:
        """Describe a branch; see :meth:`TreeSource.branch`."""
        return self._source(name).branch(name)

    def numeric_branch(self, name: str) -> BranchInfo:
        """Describe a branch that an expression can use; see :meth:`TreeSource.numeric_branch`."""
        info = self._source(name).numeric_branch(name)
        if name in self._owner:
            return replace(info, dtype=self._common_dtype(name, info))
        return info

    def _source(self, name: str) -> TreeSource:
        owner = self._owner.get(name)
        return self.main if owner is None else owner.chain.source(0)

    def _common_dtype(self, name: str, info: BranchInfo) -> np.dtype[Any]:
        """Return the type that holds the numbers of all files of a friend."""
        chain = self._owner[name].chain
        if name in chain.agreed:
            return chain.agreed[name]
        dtype = np.dtype(info.dtype)
        for number in range(1, len(chain.locations)):
            source = chain.source(number)
            try:
                other = source.numeric_branch(name)
            except BranchNotFoundError as error:
                msg = f"{error}, but there is one in {chain.locations[0]}: files of one friend must agree"
                raise SchemaMismatchError(msg) from error
            # uint64 and a signed integer have no integer type in common, and must not become floating
            common = np.result_type(dtype, np.dtype(other.dtype))
            if other.kind != info.kind or common.kind == "f" != dtype.kind:
                one, two = (info.kind, other.kind) if other.kind != info.kind else (str(dtype), str(other.dtype))
                msg = (
                    f"branch {name!r} is {one} in {chain.locations[0]}, but {two} in {source}: "
                    f"files of one friend must agree"
                )
                raise SchemaMismatchError(msg)
            dtype = common
        chain.agreed[name] = dtype
        return dtype

    def chunk_edges(self, names: Iterable[str], target_bytes: int) -> list[int]:
        """Return entry numbers between which reading takes about ``target_bytes``, by the tree's own branches."""
        names = list(names)
        own = [name for name in names if name not in self._owner]
        # without a branch of its own the tree still says where its entries may be cut
        measured = own or [name for name in self.main.branch_names if self.main.branch(name).shape != "unusable"][:1]
        return self.main.chunk_edges(measured, max(1, target_bytes * len(measured) // max(len(names), 1)))

    def read(self, names: Iterable[str], start: int, stop: int) -> dict[str, Any]:
        """Read branches between two entries; see :meth:`TreeSource.read`.

        Raises
        ------
        IdentityError
            If an entry has no partner, or one of another key.
        """
        names = list(names)
        columns = self.main.read([name for name in names if name not in self._owner], start, stop)
        for friend in self._friends:
            wanted = [name for name in names if self._owner.get(name) is friend]
            if wanted:
                columns |= friend.read(wanted, self.main, start, stop)
        return columns
