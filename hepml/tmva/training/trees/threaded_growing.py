"""Grow a tree with the histograms of different variables filled by different threads: the same tree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.training.trees.growing import is_scanned, new_node, split
from hepml.tmva.training.trees.scan import fill
from hepml.tmva.training.trees.separation import REGRESSION
from hepml.tmva.training.trees.vectors import LANES

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from numpy.typing import NDArray

    from hepml.tmva.training.trees.growing import Arguments

__all__ = ["grow_in_threads", "parts_of", "useful_threads"]

# numbers in the variables of a sample from which on threads are worth their synchronisation
_WORTH_THREADS = 400_000


def useful_threads(threads: int | None, n_events: int, n_variables: int) -> int:
    """Return how many threads are of use: no more than there are cores, if not asked for, and vectors of variables."""
    if n_events * n_variables < _WORTH_THREADS:
        return 1
    return max(1, min(threads or len(os.sched_getaffinity(0)), -(-n_variables // LANES)))


def parts_of(n_variables: int, threads: int) -> list[tuple[int, int]]:
    """Return the first and last variable of each thread's part."""
    groups = np.array_split(np.arange(-(-n_variables // LANES)), threads)
    return [(int(group[0]) * LANES, min((int(group[-1]) + 1) * LANES, n_variables)) for group in groups]


def grow_in_threads(pool: ThreadPoolExecutor, parts: list[tuple[int, int]], arguments: Arguments) -> int:
    """Grow a tree; see :func:`hepml.tmva.training.trees.growing.grow`."""
    (
        rows, n_variables, terms, events, kind, n_cuts, min_size, max_depth, purity_limit, n_used, use_poisson, state,
        fisher, grid, room, sums, counts, unit, root, ranged, spare, importance, nodes,
    ) = arguments  # fmt: skip
    counted = kind == REGRESSION and unit[0] == 0.0
    totals: list[NDArray[np.float64]] = [np.zeros(4) for _ in parts]
    best = np.zeros(5)
    new_node(nodes, 0, 0, 0, len(events))
    n_nodes, waiting = 1, [0]
    while waiting:
        at = waiting.pop()
        if is_scanned(nodes[at], n_cuts, min_size, max_depth):
            known = ranged and at == 0
            if known:
                grid[0][:], grid[1][:] = root
            here = events[nodes["first"][at] : nodes["last"][at]]
            work = [
                pool.submit(
                    fill, rows, here, terms, kind == REGRESSION, counted, known, *part, grid, room, sums, counts, total
                )
                for part, total in zip(parts, totals, strict=True)
            ]
            for each in work:
                each.result()
            if at == 0:
                root[0], root[1] = grid[0], grid[1]
        grown: int = split(
            at, rows, n_variables, terms, events, kind, n_cuts, min_size, max_depth, purity_limit, n_used, use_poisson,
            state, fisher, grid, room, sums, counts, unit, totals[0], best, spare, importance, nodes, n_nodes,
        )  # fmt: skip
        if grown < 0:
            return grown
        if grown > n_nodes:
            waiting += [n_nodes, n_nodes + 1]
            n_nodes = grown
    return n_nodes
