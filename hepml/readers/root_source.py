"""The PyROOT reader: the chunks that the uproot reader gives, with branches read and expressions computed by RDataFrame."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hepml.data.columns import required_branches
from hepml.errors import BranchTypeError, ExpressionError, HepmlError
from hepml.expressions import parse
from hepml.expressions.cpp import CppColumn, translate
from hepml.expressions.cpp_operations import sentinel_test
from hepml.readers.block import Chunk, Plan
from hepml.readers.friends import JoinedSource
from hepml.readers.remote import address_of, is_remote
from hepml.readers.root_given import forget_columns, write_columns
from hepml.root_process import borrow_root

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from hepml.data import Feature
    from hepml.expressions import Expression
    from hepml.readers.source import TreeSource

__all__ = ["RootReader"]

_TASK = "hepml.readers.root_loop:run_loop"


class RootReader:
    """RDataFrame in a process of its own; one serves all files of a reading. Use it as a context manager.

    Parameters
    ----------
    plan : Plan
        Features, spectators and identity.
    threads : int
        Threads of ROOT's event loop. The result does not depend on it.

    Raises
    ------
    MissingDependencyError
        If PyROOT is not installed.
    """

    def __init__(self, plan: Plan, *, threads: int = 1) -> None:
        self._plan = plan
        self._threads = threads
        with ExitStack() as stack:
            self._process = stack.enter_context(borrow_root(purpose="'reader: root'"))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def prepare(
        self,
        source: TreeSource | JoinedSource,
        *,
        cuts: Sequence[str],
        factor: str,
        file_label: str = "",
        n_entries: int | None = None,
    ) -> Callable[[int, int], Chunk]:
        """Compute everything that the plan asks of a file.

        Parameters
        ----------
        source : TreeSource or JoinedSource
            The tree, which describes its branches. Columns of friends are joined here and handed over to ROOT.
        cuts : sequence of str
            Selections.
        factor : str
            Expression of the weight, ``""`` for none.
        file_label : str
            Names the file where nothing else identifies its events.
        n_entries : int, optional
            Compute no more than the first so many entries.

        Returns
        -------
        callable
            Gives the chunk between two entries. Its arrays are mapped from files in the private folder.

        Raises
        ------
        HepmlError
            As the uproot reader; :class:`~hepml.errors.RootProcessError` if ROOT fails.
        """
        plan = self._plan
        texts = [item.expression for item in (*plan.features, *plan.spectators)]
        job = _Job(source, required_branches([*texts, factor, *cuts, *plan.identity]))
        if factor:
            job.add_number("weight", factor, "weight")
        for cut in cuts:
            job.add_cut(cut)
        for item in plan.features:
            job.add_feature(item, "f4")
        for text in plan.identity:
            job.add_integers(text, "identity")
        for item in plan.spectators:
            job.add_spectator(item)
        n_wanted = source.n_entries if n_entries is None else min(n_entries, source.n_entries)
        arrays = self._run(job, n_wanted) if n_wanted else [np.zeros(0, dtype) for dtype in job.outputs]
        return partial(_RootChunk, job, arrays, file_label)

    def _run(self, job: _Job, n_wanted: int) -> list[NDArray[Any]]:
        folder = self._process.folder
        source = job.source
        try:
            if isinstance(source, JoinedSource):
                write_columns(source, job.given, n_wanted, folder)
            found = self._loop(job, n_wanted)
        finally:
            forget_columns(job.given, folder)
        if found[0]:
            raise job.meeting_error(*found[1:])
        return [self._process.array(str(number)) for number in range(len(job.outputs))]

    def _loop(self, job: _Job, n_wanted: int) -> list[int]:
        tree = job.source.main if isinstance(job.source, JoinedSource) else job.source
        path = address_of(tree.path) if is_remote(tree.path) else os.path.abspath(tree.path)  # noqa: PTH100  (as it is given)
        arguments = {
            "path": path,
            "tree": tree.tree_name,
            "is_rntuple": tree.is_rntuple,
            "columns": job.described,
            "given": job.given,
            "body": "\n".join(job.lines),
            "outputs": job.outputs,
            "n_entries": n_wanted,
            "is_part": n_wanted < tree.n_entries,
            "threads": self._threads,
        }
        try:
            found: list[int] = self._process.call(_TASK, arguments)
        except HepmlError as error:
            msg = f"{tree}: {error}"
            raise type(error)(msg) from error
        return found


@dataclass(slots=True)
class _Job:
    """The code of an event loop, and which array holds what."""

    source: TreeSource | JoinedSource
    names: Sequence[str]
    lines: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    places: dict[tuple[str, str], int] = field(default_factory=dict)
    meetings: list[tuple[str, str]] = field(default_factory=list)
    described: list[dict[str, Any]] = field(default_factory=list)
    given: list[dict[str, Any]] = field(default_factory=list)
    columns: dict[str, CppColumn] = field(default_factory=dict)

    def __post_init__(self) -> None:
        friends = self.source.friend_branches if isinstance(self.source, JoinedSource) else ()
        for number, name in enumerate(self.names):
            info = self.source.numeric_branch(name)
            if info.parent and name not in friends:
                msg = (
                    f"{name!r} is a member of the objects in branch {info.parent!r} of {self.source}, which 'reader: root' "
                    f"does not take: use 'reader: uproot'"
                )
                raise BranchTypeError(msg)
            dtype = np.dtype(info.dtype)
            is_list = info.shape != "scalar"
            self.columns[name] = CppColumn(f"c{number}", dtype, is_list)
            (self.given if name in friends else self.described).append(
                {"name": name, "variable": f"c{number}", "dtype": f"{dtype.kind}{dtype.itemsize}", "is_list": is_list}
            )

    def add_number(self, use: str, text: str, what: str) -> None:
        code = self._translated(text, what)
        self._fill((use, text), "f8", code.as_double)

    def add_cut(self, text: str) -> None:
        code = self._translated(text, "selection")
        self._fill(("selection", text), "b1", code.as_selection)

    def add_feature(self, item: Feature, dtype: str) -> None:
        code = self._translated(item.expression, f"feature {item.name!r}", item.missing)
        value = code.as_double
        if item.missing:
            name = f"v{len(self.outputs)}"
            self.lines.append(f"const double {name} = {value};")
            value = f"{sentinel_test(name, np.dtype('f8'), item.missing)} ? hepml_expressions::nan() : {name}"
        self._fill(("feature", item.name), dtype, value)

    def add_spectator(self, item: Feature) -> None:
        expression = parse(item.expression)
        column = self.columns[next(iter(expression.branches))] if expression.is_branch else None
        if column is not None and column.dtype.kind in "iu" and not column.is_list and not item.missing:
            self.add_integers(item.expression, "spectator")
        else:
            self.add_feature(item, "f8")

    def add_integers(self, text: str, what: str) -> None:
        """Keep the branches of an integer expression as they are, since it must not pass through a double."""
        for name in sorted(parse(text).branches):
            column = self.columns[name]
            if column.is_list or column.dtype.kind == "f":
                problem = "holds several values per event" if column.is_list else "is no integer"
                msg = f"{what} {text!r} in {self.source}: branch {name!r} {problem}, which 'reader: root' cannot take here"
                raise ExpressionError(msg)
            dtype = "u8" if column.dtype == np.uint64 else "i8"
            self._fill(("branch", name), dtype, f"hepml_expressions::wide({column.variable})")

    def meeting_error(self, place: int, entry: int, first: int, second: int) -> ExpressionError:
        """Build the error for lists of different lengths, as the evaluation in NumPy words it."""
        where, node = self.meetings[place]
        sizes = f"{first} and {second} values in one event"
        return ExpressionError(
            f"{where} in {self.source}: '{node}' combines lists of different lengths ({sizes}, entry {entry}): "
            f"reduce one of them first"
        )

    def _translated(self, text: str, what: str, missing: Sequence[float] = ()) -> Any:
        prefix = f"e{len(self.outputs)}"
        try:
            code = translate(
                parse(text), self.columns, prefix=prefix, missing=missing, first_meeting=len(self.meetings)
            )
        except HepmlError as error:
            msg = f"{what} {text!r} in {self.source}: {error}"
            raise type(error)(msg) from error
        self.meetings += [(f"{what} {text!r}", node) for node in code.meetings]
        self.lines += code.statements
        return code

    def _fill(self, key: tuple[str, str], dtype: str, value: str) -> None:
        if key not in self.places:
            self.places[key] = len(self.outputs)
            self.lines.append(f"o{len(self.outputs)}[entry] = {value};")
            self.outputs.append(dtype)


class _RootChunk(Chunk):
    """A chunk whose expressions have been computed."""

    def __init__(self, job: _Job, arrays: Sequence[NDArray[Any]], file_label: str, start: int, stop: int) -> None:
        self.source = job.source
        self._file_label = file_label
        self.start, self.stop = start, stop
        self._values = {key: arrays[place][start:stop] for key, place in job.places.items()}
        self.columns = {name: values for (use, name), values in self._values.items() if use == "branch"}

    def evaluate(self, text: str, what: str, how: Callable[[Any], NDArray[Any]]) -> NDArray[Any]:
        return super().evaluate(text, what, lambda expression: how(_Computed(expression, self._values)))

    def feature(self, feature: Feature) -> NDArray[Any]:
        return self._values["feature", feature.name]


@dataclass(frozen=True, slots=True)
class _Computed:
    """Stands for an expression whose values are known already."""

    expression: Expression
    values: dict[tuple[str, str], NDArray[Any]]

    def select(self, *_: object) -> NDArray[np.bool_]:
        return self.values["selection", self.expression.text]

    def evaluate(self, *_: object) -> NDArray[np.float64]:
        return self.values["weight", self.expression.text]

    def evaluate_integer(self, columns: dict[str, Any], n_entries: int) -> NDArray[Any]:
        return self.expression.evaluate_integer(columns, n_entries)
