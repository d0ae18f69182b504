"""From branches to a feature: sentinels, expression, rounding. The one path for training and for deployed models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from hepml.data.features import Feature

__all__ = ["evaluate_feature", "replace_sentinels", "required_branches"]


def required_branches(expressions: Iterable[str]) -> tuple[str, ...]:
    """Return the branches that some expressions need, each once, in order of appearance; empty texts are skipped."""
    return tuple(dict.fromkeys(name for text in expressions if text for name in sorted(parse(text).branches)))


def evaluate_feature(feature: Feature, columns: Mapping[str, Any], n_entries: int) -> NDArray[Any]:
    """Compute a feature from the branches it needs.

    Parameters
    ----------
    feature : Feature
        Expression and sentinels.
    columns : mapping of str to array, each with n_entries entries
        Branches: numpy arrays, or awkward arrays where jagged.
    n_entries : int
        Number of entries.

    Returns
    -------
    ndarray of floating numbers, shape (n_entries,)
        Computed in double, to be rounded to float32 by the caller. Sentinels are NaN, both where a branch holds one and
        where the expression gives one; NaN also where the expression has no value (an index out of range).

    Raises
    ------
    ExpressionError, BranchNotFoundError
        If the expression cannot be evaluated on these columns.
    """
    expression = parse(feature.expression)
    if feature.missing:
        columns = {
            name: _without_sentinels(columns[name], feature.missing) for name in expression.branches if name in columns
        }
    if expression.is_branch:
        (branch,) = expression.branches
        column = columns.get(branch)
        if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind == "f":
            return column
    result = expression.evaluate(columns, n_entries)
    if feature.missing:
        result[_is_sentinel(result, feature.missing)] = np.nan
    return result


def _without_sentinels(column: Any, sentinels: tuple[float, ...]) -> Any:
    if isinstance(column, np.ndarray):
        return replace_sentinels(column, sentinels)
    import awkward as ak

    return ak.transform(
        lambda layout, **_: (
            ak.contents.NumpyArray(replace_sentinels(layout.data, sentinels)) if layout.is_numpy else None
        ),
        column,
    )


def replace_sentinels(values: NDArray[Any], sentinels: tuple[float, ...]) -> NDArray[Any]:
    """Return numbers with NaN for sentinels; the array itself if it holds none."""
    if values.dtype.kind == "b" or not sentinels:
        return values
    hit = _is_sentinel(values, sentinels)
    if not hit.any():
        return values
    result = values.astype(np.float64) if values.dtype.kind != "f" else values.copy()
    result[hit] = np.nan
    return result


def _is_sentinel(values: NDArray[Any], sentinels: tuple[float, ...]) -> NDArray[np.bool_]:
    if values.dtype.kind != "f":
        return np.isin(values, np.array(sentinels, dtype=np.float64))
    # a sentinel such as -99.9 may have been rounded to float32 on its way, also where the branch holds doubles
    with np.errstate(over="ignore"):
        return np.isin(values.astype(np.float32, copy=False), np.array(sentinels, dtype=np.float64).astype(np.float32))
