"""The weighted median of trees as source code: what C, C++ and Python do with the leaves of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.forest.medians import TMVA_PART

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hepml.forest.forest import Forest

__all__ = ["c_comparison", "c_median", "python_median"]

_PYTHON = '''

def _medians(leaves):
    """Return the {what} of leaves of shape (n_trees, n_events), given by their ranks."""
    order = np.sort(np.array(leaves), axis=0)
    n, event = len(order), np.arange(order.shape[1])
    reached = np.cumsum(_RANK_WEIGHT[order], axis=0)
    middle = np.argmax({reaches}, axis=0)
    first, last = np.maximum(middle - {reach}, 0), np.minimum(middle + {reach}, n - 1)
    total = np.zeros(len(event))
    for step in range(2 * {reach} + 1):
        at = first + step
        inside = at <= last
        total[inside] += _RANK_VALUE[order[at[inside], event[inside]]]
    return (total / (last - first + 1) + _BASE)[:, None]
'''
_COMPARISON = """\
/* for qsort */
static inline int {name}_order(const void* one, const void* other) {{
  const int32_t a = *(const int32_t*)one, b = *(const int32_t*)other;
  return (a > b) - (a < b);
}}
"""
_MEDIAN = """\
  {sort};
  double total = {total}, reached = {data}rank_weight[order[0]], mean = 0;
{sum}\
  int middle = 0;
  while (middle < {last} && {more}) reached += {data}rank_weight[order[++middle]];
  const int first = middle > {reach} ? middle - {reach} : 0;
  const int last = middle + {reach} < {last} ? middle + {reach} : {last};
  for (int t = first; t <= last; ++t) mean += {data}rank_value[order[t]];
  out[0] = mean / (last - first + 1) + (double){base};"""


def python_median(forest: Forest) -> str:
    """Return the function ``_medians`` of a forest whose ``aggregate`` is a median."""
    around = forest.aggregate == "tmva_median"
    return _PYTHON.format(
        what="mean of a third around the weighted median" if around else "weighted median",
        reaches="reached > 0.5 * _WEIGHT" if around else "reached >= 0.5 * reached[-1]",
        reach=_reach(forest),
    )


def c_comparison(name: str) -> str:
    """Return the function by which ``qsort`` sorts ranks; C++ needs none."""
    return _COMPARISON.format(name=name)


def c_median(forest: Forest, *, name: str, data: str, total: str, base: str, cpp: bool) -> Iterable[str]:
    """Yield statements that write the median of the leaves whose ranks are in ``order``.

    Parameters
    ----------
    forest : Forest
        Whose ``aggregate`` is a median.
    name, data : str
        What the names of functions and of arrays begin with.
    total, base : str
        Literals of the sum of the weights and of the base.
    cpp : bool
        Whether the language is C++.
    """
    n_trees, around = forest.n_trees, forest.aggregate == "tmva_median"
    yield _MEDIAN.format(
        data=data,
        sort=f"std::sort(order, order + {n_trees})"
        if cpp
        else f"qsort(order, {n_trees}, sizeof order[0], {name}_order)",
        total=total if around else "0",
        sum="" if around else f"  for (int t = 0; t < {n_trees}; ++t) total += {data}rank_weight[order[t]];\n",
        more="reached <= 0.5 * total" if around else "reached < 0.5 * total",
        reach=_reach(forest),
        last=n_trees - 1,
        base=base,
    )


def _reach(forest: Forest) -> int:
    return forest.n_trees // TMVA_PART if forest.aggregate == "tmva_median" else 0
