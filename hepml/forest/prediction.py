"""Evaluation of a forest: checks of the input, the choice of a kernel, threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hepml.errors import FeatureMismatchError, FeatureValueError, InvalidInputError, did_you_mean
from hepml.forest import kernels
from hepml.forest.links import apply_link
from hepml.forest.medians import MEDIANS, medians

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from hepml.forest.forest import Forest
    from hepml.forest.plan import Plan

__all__ = ["Output", "in_threads", "predict", "prepared_input", "refuse_missing", "staged_scores"]

Output = Literal["score", "margin", "leaf", "staged"]

# Numba's dispatchers have no signatures that a type checker could read
_KERNELS: Any = kernels

# below this, filling a block costs more than going event by event
_FEW = 16
# a thread is worth its start from so many events on
_EVENTS_PER_THREAD = 8 * kernels.BLOCK
# whose margins of all stages are held at a time
_EVENTS_OF_STAGES = 128 * kernels.BLOCK


def predict(
    forest: Forest, X: ArrayLike, *, threads: int | None = None, output: Output = "score", at: ArrayLike | None = None
) -> NDArray[Any]:
    """Evaluate a forest; see :meth:`hepml.forest.Forest.predict`."""
    if output not in get_args(Output):
        known = get_args(Output)
        msg = f"unknown output {output!r}{did_you_mean(str(output), known)} (allowed: {', '.join(known)})"
        raise InvalidInputError(msg)
    if threads is not None and threads < 1:
        msg = f"threads is {threads!r}; it must be a positive number"
        raise InvalidInputError(msg)
    if at is not None and output != "staged":
        msg = f"`at` is for output 'staged', not {output!r}"
        raise InvalidInputError(msg)
    plan, flat, layout, n_events = prepared_input(forest, X)
    if output == "leaf":
        leaf = np.empty((n_events, forest.n_trees), dtype=np.int32)
        trees = plan.tree_root, plan.tree_depth, *plan.nodes, plan.node_id

        def find(start: int, stop: int) -> int:
            return int(_KERNELS.leaves(flat, layout, start, stop, *plan.rows, *trees, leaf))

        refuse_missing(forest, in_threads(find, n_events, threads))
        return leaf
    marks = _marks(forest, at) if output == "staged" else np.array([forest.n_trees])
    sums = np.empty((len(marks), n_events, forest.n_outputs))
    # an average is taken before the base is added
    start_value = forest.base if forest.aggregate == "sum" else np.zeros(forest.n_outputs)
    if forest.aggregate in MEDIANS:
        n_missing = in_threads(medians(forest, plan, flat, layout, marks, sums), n_events, threads)
    elif n_events <= _FEW and output != "staged":
        trees = plan.tree_root, plan.tree_output, start_value, *plan.nodes, plan.node_value
        n_missing = int(_KERNELS.score_few(flat, layout, *plan.rows, *trees, sums[0]))
    else:
        trees = plan.tree_kind, plan.tree_first, plan.tree_depth, plan.tree_output, start_value
        arrays = *plan.filled, *plan.top, *plan.nodes, plan.node_value, marks

        def add(start: int, stop: int) -> int:
            return int(_KERNELS.score(flat, layout, start, stop, *plan.rows, *trees, *arrays, sums))

        n_missing = in_threads(add, n_events, threads)
    refuse_missing(forest, n_missing)
    if forest.aggregate == "average":
        weights = np.cumsum(forest.tree_weight)[marks - 1]
        with np.errstate(invalid="ignore", divide="ignore"):
            sums /= weights[:, None, None]
        sums += forest.base
    if output == "staged":
        return sums[:, :, 0] if forest.n_outputs == 1 else sums
    result = sums[0] if output == "margin" else apply_link(forest.link, sums[0])
    return result[:, 0] if forest.n_outputs == 1 else result


def staged_scores(
    forest: Forest, X: ArrayLike, at: ArrayLike, *, threads: int | None = None, dtype: DTypeLike = np.float32
) -> NDArray[np.floating]:
    """Return the scores after some numbers of trees; see :meth:`hepml.forest.Forest.staged_scores`."""
    if np.dtype(dtype) not in {np.dtype(np.float32), np.dtype(np.float64)}:
        msg = f"dtype of staged scores is {dtype!r}; it must be float32 or float64"
        raise InvalidInputError(msg)
    matrix, n_stages = _matrix(forest, X), len(_marks(forest, at))
    result = np.empty((n_stages, len(matrix), forest.n_outputs), dtype=dtype)
    for start in range(0, len(matrix), _EVENTS_OF_STAGES):
        part = slice(start, start + _EVENTS_OF_STAGES)
        margins = predict(forest, matrix[part], threads=threads, output="staged", at=at)
        for stage, margin in enumerate(margins.reshape(n_stages, -1, forest.n_outputs)):
            result[stage, part] = apply_link(forest.link, margin)
    return result[:, :, 0] if forest.n_outputs == 1 else result


def prepared_input(forest: Forest, X: ArrayLike) -> tuple[Plan, NDArray[Any], NDArray[np.int64], int]:
    """Return what the kernels read: the plan for the type of the features, their memory, its layout, and events."""
    matrix = _matrix(forest, X)
    plan = forest.plan32 if forest.precision == "float32" or matrix.dtype == np.float32 else forest.plan64
    flat, layout = _flat(matrix)
    return plan, flat, layout, len(matrix)


def _matrix(forest: Forest, X: ArrayLike) -> NDArray[Any]:
    matrix = np.asarray(X)
    if matrix.dtype not in {np.dtype(np.float32), np.dtype(np.float64)}:
        if matrix.dtype.kind not in "biuf":
            msg = f"features have type {matrix.dtype}; they must be numbers"
            raise InvalidInputError(msg)
        matrix = matrix.astype(np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != forest.n_features:
        names = ", ".join(forest.feature_names[:8]) + (", ..." if forest.n_features > 8 else "")
        msg = f"X has the shape {matrix.shape}; the forest has {forest.n_features} features ({names})"
        raise FeatureMismatchError(msg)
    return matrix


def _flat(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the memory of a matrix as one line, and the distances of two events and two features in it.

    The kernels are compiled for one layout, and read every other where it is.
    """
    size = matrix.itemsize
    if matrix.flags.c_contiguous:
        return matrix.reshape(-1), np.array([matrix.shape[1], 1])
    if matrix.flags.f_contiguous:
        return matrix.T.reshape(-1), np.array([1, matrix.shape[0]])
    if not matrix.size or min(matrix.strides) < 0 or any(step % size for step in matrix.strides):
        # reversed, or between the fields of a record
        return _flat(np.ascontiguousarray(matrix))
    steps = np.array([step // size for step in matrix.strides])
    length = int((np.array(matrix.shape) - 1) @ steps) + 1
    return np.lib.stride_tricks.as_strided(matrix, (length,), (size,), writeable=False), steps


def _marks(forest: Forest, at: ArrayLike | None) -> NDArray[np.int64]:
    if at is None:
        return np.arange(1, forest.n_trees + 1)
    marks = np.asarray(at)
    if (
        marks.ndim != 1
        or marks.dtype.kind not in "iu"
        or not marks.size
        or marks.min() < 1
        or marks.max() > forest.n_trees
        or (np.diff(marks.astype(np.int64)) <= 0).any()
    ):
        msg = f"`at` must be ascending numbers of trees between 1 and {forest.n_trees}, not {at!r:.200}"
        raise InvalidInputError(msg)
    return marks.astype(np.int64)


def refuse_missing(forest: Forest, n_missing: int) -> None:
    """Raise if values are missing and the forest does not take that."""
    if n_missing and not forest.takes_missing:
        msg = (
            "features are missing (NaN), and this forest was trained without missing values: choose events that have them, "
            "or fill them in as in the training"
        )
        raise FeatureValueError(msg)


def in_threads(work: Callable[[int, int], int], n_events: int, threads: int | None) -> int:
    """Call ``work(start, stop)`` on parts that begin at whole blocks, and add what it returns."""
    useful = max(n_events // _EVENTS_PER_THREAD, 1)
    n_threads = min(useful, threads or len(os.sched_getaffinity(0)))
    if n_threads == 1:
        return work(0, n_events)
    # more parts than threads: a thread that another process holds up does not keep the others waiting
    n_parts = min(useful, 8 * n_threads)
    n_blocks = -(-n_events // kernels.BLOCK)
    edges = [min(n_blocks * part // n_parts * kernels.BLOCK, n_events) for part in range(n_parts + 1)]
    with ThreadPoolExecutor(n_threads) as pool:
        return sum(pool.map(work, edges[:-1], edges[1:]))
