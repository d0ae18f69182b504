"""A parsed expression: what it needs, and its values, decisions or identities on columns."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ExpressionError
from hepml.expressions.columns import Value, load_columns
from hepml.expressions.evaluation import run, truth
from hepml.expressions.integers import run_integer
from hepml.expressions.parser import parse_tree
from hepml.expressions.syntax import Branch, Node, postorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["Expression", "parse"]

# events per step: few enough that intermediate arrays stay in the cache, many enough that calls do not count
_BLOCK, _BLOCK_OF_LISTS = 32_768, 131_072


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Parse an expression of TTreeFormula's language.

    Parameters
    ----------
    text : str
        For example ``"Sum$(jet_pt*(abs(jet_eta)<2.5))"``.

    Returns
    -------
    Expression
        Ready to be evaluated; the same object for the same text.

    Raises
    ------
    ExpressionError
        If the text is not an expression; the message shows the place and the cure.

    Examples
    --------
    >>> parse("pt > 20 && abs(eta) < 2.5").branches == {"pt", "eta"}
    True
    """
    return Expression(text)


class Expression:
    """An expression, immutable; equal to another one of the same text.

    Parameters
    ----------
    text : str
        What :func:`parse` takes.

    Attributes
    ----------
    text : str
        The text as it was given.
    tree : Node
        Its syntax tree (:mod:`hepml.expressions.syntax`).
    branches : frozenset of str
        Names of the branches that it needs.
    is_branch : bool
        True if it is one branch name and nothing else.
    """

    __slots__ = ("_program", "branches", "is_branch", "text", "tree")

    text: str
    tree: Node
    branches: frozenset[str]
    is_branch: bool
    _program: tuple[tuple[Node, int], ...]

    def __init__(self, text: str) -> None:
        tree = parse_tree(text)
        program = tuple(postorder(tree))
        for name, value in {
            "text": text,
            "tree": tree,
            "branches": frozenset(node.name for node, _ in program if isinstance(node, Branch)),
            "is_branch": isinstance(tree, Branch),
            "_program": program,
        }.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"an Expression cannot be changed ({name})"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        message = f"an Expression cannot be changed ({name})"
        raise AttributeError(message)

    def __eq__(self, other: object) -> bool:
        return self.text == other.text if isinstance(other, Expression) else NotImplemented

    def __hash__(self) -> int:
        return hash((Expression, self.text))

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __reduce__(self) -> tuple[type[Expression], tuple[str]]:
        return Expression, (self.text,)

    def evaluate(self, columns: Mapping[str, Any], n_entries: int | None = None) -> NDArray[np.float64]:
        """Compute the value per event in double.

        Parameters
        ----------
        columns : mapping of str to numpy.ndarray or awkward.Array
            Branches of shape (n,), (n, k) or (n, var); integers, booleans or floats.
        n_entries : int, optional
            Number of events, for an expression without branches.

        Returns
        -------
        numpy.ndarray of float64, shape (n,)
            NaN where the value does not exist (an index out of range without ``Alt$``). Never a view of a column.

        Raises
        ------
        ExpressionError
            If there are several values per event, lists of different lengths meet, or a column is not of numbers.
        BranchNotFoundError
            If a column is missing.
        InvalidInputError
            If columns differ in length, or the number of events is not known.
        """
        values, n_events = load_columns(self.branches, columns, n_entries)
        out = np.empty(n_events, dtype=np.float64)
        for start, stop, block in _blocks(values, n_events):
            result = self._run(block, values)
            out[start:stop] = result.data
            for mask in (result.exists, result.defined):
                if mask is not None:
                    out[start:stop][~mask] = np.nan
        return out

    def select(self, columns: Mapping[str, Any], n_entries: int | None = None) -> NDArray[np.bool_]:
        """Decide per event, as a selection of ``TTree::Draw`` does.

        Parameters
        ----------
        columns : mapping of str to numpy.ndarray or awkward.Array
            As for :meth:`evaluate`.
        n_entries : int, optional
            Number of events, for an expression without branches.

        Returns
        -------
        numpy.ndarray of bool, shape (n,)
            True where the value exists and is not zero. A NaN is not zero, so it passes, as in ROOT; comparisons with
            NaN are false.

        Raises
        ------
        ExpressionError, BranchNotFoundError, InvalidInputError
            As :meth:`evaluate`.
        """
        values, n_events = load_columns(self.branches, columns, n_entries)
        out = np.empty(n_events, dtype=np.bool_)
        for start, stop, block in _blocks(values, n_events):
            result = self._run(block, values)
            out[start:stop] = truth(result.data)
            for mask in (result.exists, result.defined):
                if mask is not None:
                    out[start:stop] &= mask
        return out

    def evaluate_integer(self, columns: Mapping[str, Any], n_entries: int | None = None) -> NDArray[Any]:
        """Compute an exact integer per event, never through a floating-point number.

        Parameters
        ----------
        columns : mapping of str to numpy.ndarray or awkward.Array
            Integer or boolean branches.
        n_entries : int, optional
            Number of events, for an expression without branches.

        Returns
        -------
        numpy.ndarray of int64 or uint64, shape (n,)
            uint64 for uint64 branches, bit operations and values above 2^63 - 1. Never a view of a column.

        Raises
        ------
        ExpressionError
            If anything but integers and ``+ - * % & | << >>`` takes part, or a result does not fit 64 bits.
        BranchNotFoundError, InvalidInputError
            As :meth:`evaluate`.
        """
        values, n_events = load_columns(self.branches, columns, n_entries)
        result = run_integer(self._program, values)
        return np.array(np.broadcast_to(result, (n_events,)))

    def _run(self, block: Mapping[str, Value], columns: Mapping[str, Value]) -> Value:
        result = run(self._program, block)
        if result.offsets is None:
            return result
        lists = sorted(name for name, value in columns.items() if value.offsets is not None)
        shown = self.text if len(self.text) <= 60 else f"{self.text[:57]}..."
        cures = f"take one ({lists[0]}[0]) or reduce them: Max$({shown}), Min$(...), Sum$(...), Length$({lists[0]})"
        message = f"'{shown}' has several values per event, because {' and '.join(lists)} has: {cures}"
        raise ExpressionError(message)


def _blocks(values: Mapping[str, Value], n_events: int) -> Iterator[tuple[int, int, Mapping[str, Value]]]:
    size = _BLOCK if all(value.offsets is None for value in values.values()) else _BLOCK_OF_LISTS
    if n_events <= size:
        yield 0, n_events, values
        return
    for start in range(0, n_events, size):
        stop = min(start + size, n_events)
        yield start, stop, {name: _slice(value, start, stop) for name, value in values.items()}


def _slice(value: Value, start: int, stop: int) -> Value:
    if value.offsets is None:
        return Value(value.data[start:stop])
    first, last = value.offsets[start], value.offsets[stop]
    return Value(value.data[first:last], value.offsets[start : stop + 1] - first)
