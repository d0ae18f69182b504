"""Forests as ``weights.xml`` that a TMVA::Reader books: gradient boosting for sums, AdaBoost for averages."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import ExportError, InvalidInputError, unknown_name
from hepml.forest.from_tmva import (
    AVERAGED,
    AVERAGED_REGRESSION,
    GRAD,
    LEAVES_BY_PURITY,
    MEDIAN,
    NODE_EXTRAS,
    decode,
    from_tmva,
)
from hepml.forest.tmva_header import Names, header_of
from hepml.forest.tmva_writer import DEFAULT_OPTIONS, TreesToWrite, tree_lines, weights_xml
from hepml.forest.tmva_xml import DEEPEST_TREE
from hepml.forest.verification import Evaluation, export

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from hepml.forest.forest import Forest
    from hepml.forest.verification import Verification

__all__ = ["TMVAForm", "to_tmva", "weights_lines"]

# these decide what the trees mean
_NOT_FREE = ("BoostType", "UseYesNoLeaf", "VarTransform", "DoPreselection")
_LEAF_WITHOUT_TYPE = -99
# TMVA answers 0 if its weights sum to less than 2e-16
_SMALLEST_WEIGHT, _LARGEST_WEIGHT = 1e-6, 1e30
# what TMVA writes as the response of trees that have none
_NO_RESPONSE = -99.0


@dataclass(frozen=True, slots=True)
class _Layout:
    """How TMVA is to put the trees together.

    ``leaves`` is the attribute by which a leaf answers, ``value`` what it answers, ``weight`` belongs to each tree;
    ``constant`` is the response of a further tree, for each output.
    """

    analysis: str
    boost: str
    leaves: str
    value: NDArray[np.float64]
    weight: NDArray[np.float64]
    constant: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TMVAForm:
    """A ``weights.xml``; see :class:`~hepml.forest.verification.Form`.

    Parameters
    ----------
    content : bytes
        The file.
    factor : float
        Margin of the forest as a multiple of what TMVA sums.
    probability : bool
        Whether the forest's score is the probability P for which TMVA answers 2 P - 1.
    """

    content: bytes
    factor: float
    probability: bool
    name: str = "TMVA weights.xml"
    dtype: np.dtype[Any] = np.dtype(np.float32)  # noqa: RUF009  (types of numbers never change)
    margin_tolerance: float = 3e-7
    score_tolerance: float = 1e-12

    def evaluate(self, X: NDArray[Any]) -> Evaluation:
        """Evaluate events by the trees that are read back from the bytes, which agrees with TMVA::Reader to 1e-15."""
        written = from_tmva(self.content)
        margin, response = (written.predict(X, output=kind).reshape(len(X), -1) for kind in ("margin", "score"))
        score = 0.5 * (response + 1.0) if self.probability else response
        return Evaluation(by="hepml, from the file", margin=margin * self.factor, score=score)


def to_tmva(
    forest: Forest,
    path: str | os.PathLike[str],
    *,
    method_name: str | None = None,
    class_names: Sequence[str] | None = None,
    ranges: ArrayLike | None = None,
    options: Mapping[str, str] | None = None,
    ignore_missing: bool = False,
    float32_features: bool = False,
    overwrite: bool = False,
) -> Verification:
    """Write a forest for TMVA; see :meth:`hepml.forest.Forest.to_tmva`."""
    _refuse_what_tmva_lacks(forest, ignore_missing=ignore_missing, float32_features=float32_features)
    layout = _layout(forest)
    header, kept = header_of(forest, layout.analysis, Names(method_name, class_names, ranges))
    _set_options(header, layout, forest, dict(options or {}))
    trees = _trees(forest, layout, header, kept=kept)
    content = weights_xml(header, trees, 1 if layout.leaves == "response" else 0).encode("utf-8")
    form = TMVAForm(
        gzip.compress(content, mtime=0) if str(path).endswith(".gz") else content,
        factor=2.0 if forest.link == "logistic" else 1.0,
        probability=forest.link in {"logistic", "logistic_2x"},
    )
    # a reader of TMVA is never given missing values
    return export(form, replace(forest, takes_missing=False), path, overwrite=overwrite)


def weights_lines(forest: Forest) -> Iterator[str]:
    """Yield the lines of ``Weights`` for a forest of TMVA, whatever stands around them in the file.

    Parameters
    ----------
    forest : Forest
        As a weights file was read, or a training grew it.

    Raises
    ------
    ExportError
        If TMVA has no such forest.
    """
    _refuse_what_tmva_lacks(forest, ignore_missing=False, float32_features=False)
    layout = _layout(forest)
    # numbers of the trees that a forest kept are its own, also where other variables stand around it in the file
    own = forest.metadata.get("tmva")
    header = own if isinstance(own, dict) else {}
    return tree_lines(_trees(forest, layout, header, kept=bool(header)), 1 if layout.leaves == "response" else 0)


def _refuse(problem: str) -> NoReturn:
    msg = f"this forest cannot be written for TMVA: {problem}"
    raise ExportError(msg)


def _refuse_what_tmva_lacks(forest: Forest, *, ignore_missing: bool, float32_features: bool) -> None:
    split = forest.feature >= 0
    if (forest.category_set[split] >= 0).any():
        _refuse("it splits by category, and TMVA knows cuts only")
    if forest.takes_missing and not ignore_missing and len(np.unique(forest.missing_right[split])) > 1:
        _refuse(
            "it sends missing values (NaN) left at some splits and right at others, as those do that were trained with them "
            "(and scikit-learn's in any case); TMVA has no such directions, and its reader refuses NaN. ignore_missing=True "
            "writes it for events without"
        )
    if forest.precision == "float64" and not float32_features:
        _refuse(
            "it compares features in double precision, and TMVA's are in single precision. float32_features=True writes it "
            "for features that are rounded before"
        )
    if forest.value.shape[1] > 1:
        _refuse(f"its leaves hold {forest.value.shape[1]} values each, and those of TMVA one")
    if forest.n_outputs > 1 and not (forest.link == "softmax" and forest.aggregate == "sum"):
        _refuse(f"it has {forest.n_outputs} outputs; TMVA has several for multi-class gradient boosting (softmax) only")
    if forest.depth.max() > DEEPEST_TREE:
        _refuse(f"a tree has {forest.depth.max()} levels, and readers of XML stop at {DEEPEST_TREE}")
    if forest.aggregate == "median":
        _refuse(
            "its margin is the weighted median of its trees, and AdaBoostR2 of TMVA averages a third of the trees around it"
        )
    if forest.aggregate == "tmva_median" and forest.link != "identity":
        _refuse(f"AdaBoostR2 of TMVA answers with a median of the trees, and this forest with its {forest.link}")
    if forest.link == "exp":
        _refuse("its score is an exponential, which no boosting of TMVA has")


def _layout(forest: Forest) -> _Layout:
    value, weight = forest.value[:, 0], forest.tree_weight
    leaves = value[forest.feature < 0]
    if forest.aggregate != "sum" and forest.link == "identity":
        shifted = value + forest.base[0]
        largest = np.abs(weight).max()
        if not _SMALLEST_WEIGHT < largest < _LARGEST_WEIGHT:
            # an average does not depend on their scale, and TMVA keeps them in single precision
            weight = weight / largest
        leaves = leaves + forest.base[0]
        if forest.aggregate == "tmva_median":
            return _Layout("Regression", MEDIAN, "response", shifted, weight, np.zeros(1))
        boost = _boost_of(forest)
        by_type = bool((np.abs(leaves) == 1.0).all())
        purities = bool((leaves >= 0.0).all() and (leaves <= 1.0).all())
        if _came_from(forest, "Regression") or not (by_type or purities):
            boost = boost if boost in AVERAGED_REGRESSION else "Bagging"
            return _Layout("Regression", boost, "response", shifted, weight, np.zeros(1))
        if boost not in AVERAGED or (boost in LEAVES_BY_PURITY and not purities):
            boost = "AdaBoost"
        kind = "node_type" if by_type and boost not in LEAVES_BY_PURITY else "purity"
        return _Layout("Classification", boost, kind, shifted, weight, np.zeros(1))
    if forest.aggregate == "average":
        weight = weight / weight.sum()
    # TMVA's response is 2 / (1 + exp(-2 F)) - 1, so that F is half the logarithm of the odds
    scale = 0.5 if forest.link == "logistic" else 1.0
    tree = np.repeat(np.arange(forest.n_trees), np.diff(forest.first_node))
    analysis = {"identity": "Regression", "softmax": "Multiclass"}.get(forest.link, "Classification")
    scaled = value * weight[tree] * scale
    return _Layout(analysis, GRAD, "response", scaled, np.ones(forest.n_trees), forest.base * scale)


def _read_items(forest: Forest, group: str) -> list[Any]:
    """Return a group of the header that a forest may have kept; metadata can come from any file."""
    header = forest.metadata.get("tmva")
    items = header.get(group) if isinstance(header, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _boost_of(forest: Forest) -> str:
    found = [item.get("value") for item in _read_items(forest, "options") if item.get("name") == "BoostType"]
    return str(found[0]) if found else ""


def _came_from(forest: Forest, analysis: str) -> bool:
    return {"name": "AnalysisType", "value": analysis} in _read_items(forest, "info")


def _set_options(header: dict[str, Any], layout: _Layout, forest: Forest, given: dict[str, str]) -> None:
    """Make the options those of the form that is written, and put in what was asked for."""
    known = [item["name"] for item in header["options"]] or list(DEFAULT_OPTIONS)
    for name in given:
        if name in _NOT_FREE:
            msg = f"the option {name} follows from the forest and cannot be set"
            raise InvalidInputError(msg)
        if name not in known:
            kind = "option of TMVA's BDT"
            raise unknown_name(kind, name, known)
    if not header["options"]:
        values = DEFAULT_OPTIONS | {"NTrees": str(forest.n_trees), "MaxDepth": str(int(forest.depth.max()))}
        header["options"] = [{"name": name, "modified": "No", "value": value} for name, value in values.items()]
    needed = given | {"BoostType": layout.boost}
    if layout.boost != GRAD:
        needed["UseYesNoLeaf"] = "True" if layout.leaves == "node_type" else "False"
    for item in header["options"]:
        if (value := needed.pop(item["name"], item["value"])) != item["value"]:
            item.update(modified="Yes", value=value)
    # older releases knew fewer
    header["options"] += [{"name": name, "modified": "Yes", "value": value} for name, value in needed.items()]


def _trees(forest: Forest, layout: _Layout, header: dict[str, Any], *, kept: bool) -> TreesToWrite:
    n_nodes, leaf = len(forest.feature), forest.feature < 0
    nodes = header.get("nodes") if kept and isinstance(header.get("nodes"), dict) else {}
    extras = {name: decode((nodes or {}).get(name), dtype, n_nodes) for name, dtype in NODE_EXTRAS.items()}
    with np.errstate(over="ignore"):
        value = layout.value.astype(np.float32)
        constant = layout.constant.astype(np.float32)
    if not np.isfinite(value[leaf]).all() or not np.isfinite(constant).all():
        _refuse("a leaf or the base is beyond single precision")
    of_all = _mean_of_leaves(forest, layout.value).astype(np.float32)

    def extra(name: str, otherwise: NDArray[Any] | float) -> NDArray[Any]:
        found = extras[name]
        return np.broadcast_to(np.asarray(otherwise, np.float32), n_nodes).copy() if found is None else found.copy()

    by_response = layout.leaves == "response"
    response = extra("response", of_all if by_response else _NO_RESPONSE)
    probability = of_all if layout.leaves == "purity" else 0.5 * (of_all + 1.0)
    purity = extra("purity", 0.5 if by_response else probability)
    node_type = extra("node_type", np.where(purity > 0.5, 1, -1) if not by_response else _LEAF_WITHOUT_TYPE).astype(
        np.int64
    )
    node_type = np.where(leaf, np.where(node_type == 0, _LEAF_WITHOUT_TYPE, node_type), 0)
    {"response": response, "purity": purity, "node_type": node_type}[layout.leaves][leaf] = value[leaf]
    upward = extra("cut_type", 1.0) != 0
    roots, constants = _order(forest, layout)
    return TreesToWrite(
        roots=roots,
        constants=constants,
        boost_weight=_boost_weights(layout, header, len(roots), kept=kept),
        variable=np.where(leaf, extra("variable", -1.0).astype(np.int32), forest.feature),
        leaf=leaf,
        left=np.where(upward, forest.left, forest.right),
        right=np.where(upward, forest.right, forest.left),
        cut=_cuts(forest),
        response=response,
        rms=extra("rms", 0.0),
        purity=purity,
        cut_type=upward.astype(np.int8),
        node_type=node_type,
    )


def _cuts(forest: Forest) -> NDArray[np.float32]:
    """Return the cuts for which ``x >= cut`` sends every feature in single precision where the forest does."""
    split = forest.feature >= 0
    threshold = np.where(split | np.isfinite(forest.threshold), forest.threshold, 0.0)
    upward = np.float32(np.inf)
    with np.errstate(over="ignore"):
        cut = threshold.astype(np.float32)
        if forest.comparison == "<":
            cut = np.where(cut.astype(np.float64) < threshold, np.nextafter(cut, upward), cut)
        else:
            down = np.where(cut.astype(np.float64) > threshold, np.nextafter(cut, -upward), cut)
            cut = np.where(split, np.nextafter(down, upward), cut)
    if not np.isfinite(cut[split]).all():
        _refuse("a threshold is infinite in single precision, and TMVA reads no such cut")
    return np.where(np.isfinite(cut), cut, np.float32(0.0)).astype(np.float32)


def _mean_of_leaves(forest: Forest, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each node the mean of the leaves below it, by their cover where that is known."""
    levels: list[NDArray[Any]] = [forest.first_node[:-1]]
    while levels[-1].size:
        split = levels[-1][forest.feature[levels[-1]] >= 0]
        levels.append(np.concatenate([forest.left[split], forest.right[split]]))
    leaf = forest.feature < 0
    known = bool(np.isfinite(forest.cover[leaf]).all() and (forest.cover[leaf] > 0.0).all())
    weight = np.where(leaf, forest.cover if known else 1.0, 0.0)
    total = np.where(leaf, value, 0.0) * weight
    for nodes in reversed(levels):
        split = nodes[forest.feature[nodes] >= 0]
        for array in (weight, total):
            array[split] = array[forest.left[split]] + array[forest.right[split]]
    return total / weight


def _order(forest: Forest, layout: _Layout) -> tuple[list[int], list[float]]:
    """Return the roots as TMVA needs them: classes take turns, and constants are trees of one leaf (root -1)."""
    first = (
        layout.constant.astype(np.float32).astype(np.float64)
        if layout.analysis == "Regression"
        else 0.0 * layout.constant
    )
    # two numbers in single precision hold a constant to 48 bits
    high = (layout.constant - first).astype(np.float32).astype(np.float64)
    low = (layout.constant - first - high).astype(np.float32).astype(np.float64)
    by_class: list[list[tuple[int, float]]] = []
    for output in range(forest.n_outputs):
        roots = forest.first_node[:-1][forest.output == output]
        by_class.append([(int(root), 0.0) for root in roots])
    for part in (high, low):
        if part.any():
            for trees, constant in zip(by_class, part, strict=True):
                trees.append((-1, float(constant)))
    longest = max(map(len, by_class))
    ordered = [trees[k] if k < len(trees) else (-1, 0.0) for k in range(longest) for trees in by_class]
    return [root for root, _ in ordered], [constant for _, constant in ordered]


def _boost_weights(layout: _Layout, header: dict[str, Any], n_trees: int, *, kept: bool) -> NDArray[np.float64]:
    found = decode(header.get("boost_weight"), np.float64, n_trees) if kept else None
    if layout.boost != GRAD:
        # written as TMVA had them, if these are the weights that were read
        same = found is not None and np.array_equal(found.astype(np.float32), layout.weight)
        return found if found is not None and same else layout.weight
    start = layout.constant[0] if layout.analysis == "Regression" else 1.0
    if found is not None and (layout.analysis != "Regression" or np.float32(found[0]) == np.float32(start)):
        return found
    return np.full(n_trees, start)
