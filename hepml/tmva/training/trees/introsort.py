"""Sort as GNU's ``std::sort`` does, event for event: among equal values its order decides in which order TMVA sums.

Musser, Software: Practice and Experience 27 (1997) 983; median of three, insertion sort of runs below 17.
"""

from __future__ import annotations

from numba import njit

__all__ = ["sort"]

_RUN = 16

_compiled = njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def sort(x, order):
    """Sort ``x`` in place, and ``order`` with it."""
    n = len(x)
    if n < 2:
        return
    depth = 0
    while (n >> (depth + 1)) > 0:
        depth += 1
    pending = [(0, n, 2 * depth)]
    while len(pending):
        first, last, left = pending.pop()
        while last - first > _RUN:
            if left == 0:
                _heap_sort(x, order, first, last)
                break
            left -= 1
            cut = _partition(x, order, first, last)
            # parts do not touch each other, so that their order is free
            pending.append((cut, last, left))
            last = cut
    for at in range(1, min(n, _RUN)):
        if x[at] < x[0]:
            _insert(x, order, at, 0)
        else:
            _insert_unguarded(x, order, at)
    for at in range(_RUN, n):
        _insert_unguarded(x, order, at)


@_compiled
def _swap(x, order, a, b):
    x[a], x[b] = x[b], x[a]
    order[a], order[b] = order[b], order[a]


@_compiled
def _partition(x, order, first, last):
    a, b, c = first + 1, first + (last - first) // 2, last - 1
    if x[a] < x[b]:
        median = b if x[b] < x[c] else (c if x[a] < x[c] else a)
    else:
        median = a if x[a] < x[c] else (c if x[b] < x[c] else b)
    _swap(x, order, first, median)
    pivot = x[first]
    low, high = first + 1, last
    while True:
        while x[low] < pivot:
            low += 1
        high -= 1
        while pivot < x[high]:
            high -= 1
        if not low < high:
            return low
        _swap(x, order, low, high)
        low += 1


@_compiled
def _insert(x, order, at, to):
    value, number = x[at], order[at]
    for k in range(at, to, -1):
        x[k], order[k] = x[k - 1], order[k - 1]
    x[to], order[to] = value, number


@_compiled
def _insert_unguarded(x, order, at):
    value, number = x[at], order[at]
    k = at
    while value < x[k - 1]:
        x[k], order[k] = x[k - 1], order[k - 1]
        k -= 1
    x[k], order[k] = value, number


@_compiled
def _sift(x, order, first, hole, n, value, number):
    top = hole
    child = hole
    while child < (n - 1) // 2:
        child = 2 * (child + 1)
        if x[first + child] < x[first + child - 1]:
            child -= 1
        x[first + hole], order[first + hole] = x[first + child], order[first + child]
        hole = child
    if n % 2 == 0 and child == (n - 2) // 2:
        child = 2 * (child + 1)
        x[first + hole], order[first + hole] = x[first + child - 1], order[first + child - 1]
        hole = child - 1
    while hole > top:
        parent = (hole - 1) // 2
        if not x[first + parent] < value:
            break
        x[first + hole], order[first + hole] = x[first + parent], order[first + parent]
        hole = parent
    x[first + hole], order[first + hole] = value, number


@_compiled
def _heap_sort(x, order, first, last):
    n = last - first
    for parent in range((n - 2) // 2, -1, -1):
        _sift(x, order, first, parent, n, x[first + parent], order[first + parent])
    for end in range(n - 1, 0, -1):
        value, number = x[first + end], order[first + end]
        x[first + end], order[first + end] = x[first], order[first]
        _sift(x, order, first, 0, end, value, number)
