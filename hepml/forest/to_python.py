"""A forest as Python source that needs numpy and nothing else."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.forest.median_source import python_median
from hepml.forest.medians import MEDIANS
from hepml.forest.verification import Evaluation, export

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from hepml.forest.checks import Link
    from hepml.forest.forest import Forest
    from hepml.forest.plan import Plan
    from hepml.forest.verification import Verification

__all__ = ["PythonForm", "make_form", "to_python"]

_LINKS: dict[Link, str] = {
    "identity": "result = m",
    "logistic": "result = 1.0 / (1.0 + np.exp(-m))",
    "logistic_2x": "result = 1.0 / (1.0 + np.exp(-2.0 * m))",
    "tmva_grad": "result = 2.0 / (1.0 + np.exp(-2.0 * m)) - 1.0",
    "exp": "result = np.exp(m)",
    "softmax": "result = np.exp(m - m.max(axis=1, keepdims=True))\n        result /= result.sum(axis=1, keepdims=True)",
}

_SOURCE = '''\
"""{n_trees} trees; written by hepml, checked against the forest. It needs numpy and nothing else.

margin(X) gives the {aggregate} of the trees and score(X) what follows from it by the link {link!r}, for X of shape
(n_events, {n_features}) with the columns FEATURES. NaN means missing{missing}.
"""

import base64

import numpy as np

FEATURES = (
{features}
)


def _array(dtype, shape, text):
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)


{arrays}
# events that are worked on at a time
_BLOCK = 4096


def margin(X):
    """Return float64 of shape (n_events,), or (n_events, {n_outputs}) if there are several outputs."""
    result = _margins(X)
    return result[:, 0] if result.shape[1] == 1 else result


def score(X):
    """Return float64 of the same shape as the margin."""
    m = _margins(X)
    with np.errstate(over="ignore"):
        {link_code}
    return result[:, 0] if result.shape[1] == 1 else result


def _margins(X):
    X = np.asarray(X)
    if X.dtype not in (np.float32, np.float64):
        X = X.astype(np.float64)
    if X.ndim != 2 or X.shape[1] != len(FEATURES):
        raise ValueError(f"X has the shape {{X.shape}}; there are {{len(FEATURES)}} features")
    out = np.empty((len(X), {n_outputs}))
    for start in range(0, len(X), _BLOCK):
        block = X[start : start + _BLOCK]
        total = {start_value}
        v = _rows(block).ravel()
        event = np.arange(len(block))
        for root, depth, output in zip(_ROOT.tolist(), _DEPTH.tolist(), _OUTPUT.tolist()):
            node = np.full(len(block), root)
            for _ in range(depth):
                node = _LEFT[node] + (v[_ROW[node] * len(block) + event] >= _CUT[node])
            {add}
        out[start : start + _BLOCK] = {result}
    return out


def _rows(block):
    """Return features whose missing values are replaced so that one comparison decides every node."""
    rows = np.empty((len(_ROW_FEATURE), len(block)), _CUT.dtype)
    for r, (k, kind) in enumerate(zip(_ROW_FEATURE.tolist(), _ROW_KIND.tolist())):
        x = block[:, k]
        missing = np.isnan(x)
{refuse}        if kind == {category}:
            s = _ROW_SET[r]
            members = _SET_VALUES[_SET_FIRST[s] : _SET_FIRST[s + 1]]
            inside = (x >= 0.0) & (x < 16777216.0)
            inside &= np.isin(np.where(inside, x, 0.0).astype(np.int64), members)
            rows[r] = np.where(missing, _ROW_ANSWER[r, 2], np.where(inside, _ROW_ANSWER[r, 0], _ROW_ANSWER[r, 1]))
        elif kind <= {nan_high}:
            with np.errstate(over="ignore"):
                rows[r] = np.where(missing, np.inf if kind == {nan_high} else -np.inf, x)
        else:
            rows[r] = np.where(missing == (kind == {only_nan_high}), 1.0, -1.0)
    return rows
{medians}'''
_REFUSE = """\
        if missing.any():
            raise ValueError(f"feature {FEATURES[k]!r} is missing, and these trees take no missing values")
"""
# kinds of rows, as hepml.forest.kernels knows them
_NAN_LOW, _NAN_HIGH, _ONLY_NAN_HIGH, _ONLY_NAN_LOW, _CATEGORY = range(5)
_LETTERS = 116


@dataclass(frozen=True, slots=True)
class PythonForm:
    """A forest as Python source; see :class:`~hepml.forest.verification.Form`.

    Parameters
    ----------
    content : bytes
        The file.
    dtype : numpy.dtype
        Precision of the comparisons.
    n_outputs : int
        Of the forest.
    """

    content: bytes
    dtype: np.dtype[Any]
    n_outputs: int
    name: str = "the Python source"
    margin_tolerance: float = 0.0
    score_tolerance: float = 1e-14

    def evaluate(self, X: NDArray[Any]) -> Evaluation:
        """Execute the source, in a namespace of its own, and evaluate events by it."""
        namespace: dict[str, Any] = {"__name__": "exported_forest"}
        # our own source: all that comes from the forest are numbers in base64 and the repr of names
        exec(compile(self.content, "<exported forest>", "exec"), namespace)  # noqa: S102
        margin, score = (namespace[what](X).reshape(len(X), self.n_outputs) for what in ("margin", "score"))
        return Evaluation(by=f"Python with numpy {np.__version__}", margin=margin, score=score)


def to_python(forest: Forest, path: str | os.PathLike[str], *, overwrite: bool = False) -> Verification:
    """Write a forest as Python source; see :meth:`hepml.forest.Forest.to_python`."""
    return export(make_form(forest), forest, path, overwrite=overwrite)


def make_form(forest: Forest) -> PythonForm:
    """Write a forest as Python source.

    Parameters
    ----------
    forest : Forest
        Any.

    Returns
    -------
    PythonForm
        Not yet checked.
    """
    double = forest.precision == "float64"
    plan = forest.plan64 if double else forest.plan32
    left, row, cut = plan.nodes
    feature, kind, number, answer, first, values = plan.rows
    arrays = {
        "_LEFT": left.astype(np.int64),
        "_ROW": row.astype(np.int64),
        "_CUT": cut,
        "_VALUE": plan.node_value,
        "_ROOT": plan.tree_root,
        "_DEPTH": plan.tree_depth,
        "_OUTPUT": plan.tree_output,
        "_ROW_FEATURE": feature,
        "_ROW_KIND": kind,
        "_ROW_SET": number,
        "_ROW_ANSWER": answer,
        "_SET_FIRST": first,
        "_SET_VALUES": values,
        "_BASE": forest.base,
        "_WEIGHT": np.cumsum(forest.tree_weight)[-1:],
    }
    start_value, add, result = _sums(forest, plan)
    is_median = forest.aggregate in MEDIANS
    if is_median:
        del arrays["_VALUE"]
        arrays |= dict(zip(("_RANK", "_RANK_VALUE", "_RANK_WEIGHT"), plan.ranks, strict=True))
    text = _SOURCE.format(
        n_trees=forest.n_trees,
        n_features=forest.n_features,
        n_outputs=forest.n_outputs,
        link=forest.link,
        missing="" if forest.takes_missing else "; these trees take no missing values",
        features="\n".join(f"    {name!a}," for name in forest.feature_names),
        arrays="\n".join(_declaration(name, array) for name, array in arrays.items()),
        link_code=_LINKS[forest.link],
        aggregate="median" if is_median else forest.aggregate,
        start_value=start_value,
        add=add,
        result=result,
        medians=python_median(forest) if is_median else "",
        refuse="" if forest.takes_missing else _REFUSE,
        category=_CATEGORY,
        nan_high=_NAN_HIGH,
        only_nan_high=_ONLY_NAN_HIGH,
    )
    return PythonForm(text.encode("ascii"), np.dtype(np.float64 if double else np.float32), forest.n_outputs)


def _sums(forest: Forest, plan: Plan) -> tuple[str, str, str]:
    """Return where the trees of a block of events begin, what each adds, and what comes of it."""
    if forest.aggregate in MEDIANS:
        return "[]", "total.append(_RANK[node])", "_medians(total)"
    add = "total += _VALUE[node]" if plan.node_value.shape[1] > 1 else "total[:, output] += _VALUE[node, 0]"
    if forest.aggregate == "average":
        return "np.zeros((len(block), len(_BASE)))", add, "total / _WEIGHT + _BASE"
    return "np.tile(_BASE, (len(block), 1))", add, "total"


def _declaration(name: str, array: NDArray[Any]) -> str:
    little = array.astype(array.dtype.newbyteorder("<"))
    text = base64.b64encode(little.tobytes()).decode("ascii")
    lines = "\n".join(f'    "{text[at : at + _LETTERS]}"' for at in range(0, max(len(text), 1), _LETTERS))
    return f'{name} = _array(\n    "{little.dtype.str}",\n    {array.shape},\n{lines}\n)'
