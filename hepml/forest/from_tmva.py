"""Forests from the ``weights.xml`` of TMVA's boosted decision trees (MethodBDT)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import ModelFormatError
from hepml.forest.forest import Forest
from hepml.forest.tmva_xml import read_weights

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.forest.tmva_xml import Element, WeightsFile

__all__ = [
    "AVERAGED",
    "AVERAGED_REGRESSION",
    "GRAD",
    "GROUPS",
    "LEAVES_BY_PURITY",
    "MEDIAN",
    "NODE_EXTRAS",
    "decode",
    "encode",
    "forest_of",
    "from_content",
    "from_tmva",
    "from_weights",
    "node_extras",
]

GRAD = "Grad"
# its response is a weighted median of the trees
MEDIAN = "AdaBoostR2"
# MethodBDT::ProcessOptions switches UseYesNoLeaf off for these, whatever the file says
LEAVES_BY_PURITY = frozenset({"RealAdaBoost", "AdaCost"})
AVERAGED = frozenset({"AdaBoost", "Bagging", *LEAVES_BY_PURITY})
AVERAGED_REGRESSION = frozenset({"AdaBoost", "Bagging"})
_REGRESSIONS = AVERAGED_REGRESSION | {MEDIAN}
# Types::kRegression: leaves answer with their response. Gradient boosting grows regression trees in every analysis
_REGRESSION_TREES = 1
_READER = "; hepml.tmva.Reader evaluates it"
_ANALYSES = ("Classification", "Multiclass", "Regression")
# what is kept of each node
NODE_EXTRAS: dict[str, type[np.generic]] = {
    "purity": np.float32,
    "response": np.float32,
    "rms": np.float32,
    "cut_type": np.int8,
    "node_type": np.int8,
    "variable": np.int32,
}
# the groups of the header, and the name that each of their elements has
GROUPS = {
    "info": ("GeneralInfo", "Info"),
    "options": ("Options", "Option"),
    "variables": ("Variables", "Variable"),
    "spectators": ("Spectators", "Spectator"),
    "classes": ("Classes", "Class"),
    "targets": ("Targets", "Target"),
}


def from_tmva(source: str | bytes | os.PathLike[str]) -> Forest:
    """Read the boosted decision trees of a ``weights.xml`` that TMVA wrote.

    Parameters
    ----------
    source : str, bytes or path-like
        Path of the file, plain or gzipped; or its text, which begins with ``<``.

    Returns
    -------
    Forest
        Its score is the response of a ``TMVA::Reader``: in [-1, 1] for AdaBoost and gradient boosting (in [0, 1] for leaves
        by purity), one for each class in multi-class gradient boosting, the value for regression. Features are named by the
        variables' expressions, which is what a reader must be given; labels, spectators, options and all else in the header
        but MVA PDFs are kept in ``metadata["tmva"]``.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If it is damaged, or holds what a forest cannot: transformed variables, splits by Fisher discriminants, or
        preselection, which :class:`hepml.tmva.Reader` evaluates.
    """
    return from_weights(*read_weights(source))


def from_content(content: bytes, name: str) -> Forest:
    """Read what a file holds; ``name`` is for the messages."""
    return from_weights(read_weights(content)[0], name)


def from_weights(content: WeightsFile, name: str) -> Forest:
    """Return the forest of a file that was parsed; ``name`` is for the messages."""
    kind = content.method.partition("::")[0]
    if kind != "BDT":
        _refuse(name, f"its method is {content.method[:100]!r}; only those of kind BDT are forests{_READER}")
    header = _header(content, name)
    options = {option.get("name", ""): option["value"] for option in header["options"]}
    _refuse_what_no_forest_holds(content, header, options, name)
    names = [variable.get("Expression", "") for variable in header["variables"]]
    header["nodes"] = node_extras(content) if content.variable else {}
    return forest_of(content, header, names, name)


def forest_of(
    content: WeightsFile,
    header: dict[str, Any],
    names: Sequence[str],
    name: str,
    *,
    decisions: Mapping[int, int] | None = None,
) -> Forest:
    """Put trees together that were parsed.

    Parameters
    ----------
    content : WeightsFile
        The trees.
    header : dict
        ``info``, ``options``, ``classes`` and ``targets`` as lists of attributes; kept as ``metadata["tmva"]``.
    names : sequence of str
        Names of the columns.
    name : str
        What to call the file in messages.
    decisions : mapping of int to int, optional
        Nodes that split by a column which is 1 where TMVA's comparison holds and 0 elsewhere, and these columns.

    Returns
    -------
    Forest
        Its score is TMVA's response.

    Raises
    ------
    ModelFormatError
        If they do not fit together.
    """
    options = {option.get("name", ""): option["value"] for option in header["options"]}
    if not content.first_node:
        _refuse(name, "it has no trees")
    if content.weights.get("NTrees") != str(len(content.first_node)):
        _refuse(name, f"it has {len(content.first_node)} trees and says {content.weights.get('NTrees', '')[:20]!r}")
    children: dict[str, Any] = _children(content, len(names), name, decisions or {})
    value, ensemble = _ensemble(content, header, options, name)
    return Forest.from_nodes(
        **children,
        value=value,
        first_node=[*content.first_node, len(content.variable)],
        feature_names=names,
        comparison="<",
        precision="float32",
        takes_missing=False,
        metadata={"source": "TMVA", "tmva": header},
        **ensemble,
    )


def _refuse(name: str, problem: str) -> NoReturn:
    msg = f"{name} cannot be read as a forest: {problem}"
    raise ModelFormatError(msg)


def _header(content: WeightsFile, name: str) -> dict[str, Any]:
    """Return all that a file says beside its trees, in plain JSON types."""
    found: dict[str, Element] = {}
    for element in content.header:
        if found.setdefault(element["tag"], element) is not element:
            _refuse(name, f"it has {element['tag'][:40]!r} twice")
    header: dict[str, Any] = {"method": content.method}
    for group, (tag, item) in GROUPS.items():
        children = found[tag]["children"] if tag in found else []
        if any(child["tag"] != item for child in children):
            _refuse(name, f"{tag!r} holds something else than {item!r}")
        header[group] = [dict(child["attributes"]) for child in children]
    for option, element in zip(header["options"], found.get("Options", {"children": []})["children"], strict=True):
        option["value"] = element["text"].strip()
    transformations = found.get("Transformations")
    header["transformations"] = transformations["attributes"].get("NTransformations", "0") if transformations else "0"
    if transformations and transformations["children"]:
        steps = ", ".join(step["attributes"].get("Name", "?") for step in transformations["children"])
        _refuse(name, f"its variables are transformed ({steps[:200]}), which a forest does not do{_READER}")
    for key, count in (("variables", "NVar"), ("classes", "NClass"), ("targets", "NTrgt")):
        tag = GROUPS[key][0]
        if tag in found and found[tag]["attributes"].get(count) != str(len(header[key])):
            _refuse(name, f"{tag!r} does not hold as many as its {count} says")
    return header


def _refuse_what_no_forest_holds(
    content: WeightsFile, header: dict[str, Any], options: dict[str, str], name: str
) -> None:
    if [variable.get("VarIndex") for variable in header["variables"]] != list(
        map(str, range(len(header["variables"])))
    ):
        _refuse(name, "its variables are not numbered from 0")
    if options.get("DoPreselection", "False").lower() in {"true", "1"}:
        _refuse(name, f"DoPreselection cuts events before they reach a tree, which a forest does not do{_READER}")
    if any(content.node_type[node] == 0 for node in content.coefficients):
        problem = "UseFisherCuts made splits by a linear combination of variables; those of a forest use one feature"
        _refuse(name, f"{problem}{_READER}")


def _children(
    content: WeightsFile, n_features: int, name: str, decisions: Mapping[int, int]
) -> dict[str, NDArray[Any]]:
    """Return the splits so that events below the cut go left, whichever side TMVA had them on.

    TMVA sends an event right if ``x >= cut`` is what ``cType`` says. A missing value (NaN) is never ``>= cut``; readers
    refuse it.
    """
    split = np.asarray(content.node_type) == 0
    left, right = np.asarray(content.left), np.asarray(content.right)
    cut = _single(content.cut)
    variable = np.array(content.variable)
    for node, column in decisions.items():
        variable[node], cut[node] = column, 0.5
    if not np.array_equal(split, left >= 0) or not np.array_equal(split, right >= 0):
        node = int(np.flatnonzero((split != (left >= 0)) | (split != (right >= 0)))[0])
        _refuse(name, f"node {node} is a leaf with daughters, or a split without two of them")
    if (variable[split] < 0).any() or (variable[split] >= n_features).any():
        _refuse(name, f"a split uses a variable that is not among its {n_features}")
    if not np.isfinite(cut[split]).all():
        _refuse(name, "a cut is not a number, or out of range")
    upward = np.asarray(content.cut_type) != 0
    return {
        "feature": np.where(split, variable, -1),
        # what is left over in leaves of pruned trees is kept: it does no harm, and is written back
        "threshold": np.where(np.isfinite(cut), cut, 0.0),
        "left": np.where(upward, left, right),
        "right": np.where(upward, right, left),
    }


def _ensemble(
    content: WeightsFile, header: dict[str, Any], options: dict[str, str], name: str
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Return the values of the leaves, and how the trees are put together."""
    info = {item.get("name", ""): item.get("value", "") for item in header["info"]}
    # releases before 4.1 do not say
    analysis = info.get("AnalysisType", "Regression" if header["targets"] else "Classification").capitalize()
    if analysis not in _ANALYSES:
        _refuse(name, f"its analysis type is {analysis[:40]!r} (known: {', '.join(_ANALYSES)})")
    boost = options.get("BoostType", "AdaBoost")
    trees = content.weights.get("AnalysisType", content.weights.get("TreeType", "0"))
    if trees == str(_REGRESSION_TREES):
        value = _single(content.response)
    elif options.get("UseYesNoLeaf", "True").lower() in {"true", "1"} and boost not in LEAVES_BY_PURITY | {GRAD}:
        value = np.asarray(content.node_type).astype(np.float64)
    else:
        value = _single(content.purity)
    # TMVA::Reader keeps weights in single precision
    weight = _single(content.boost_weight)
    header["boost_weight"] = encode(np.asarray(content.boost_weight))
    if boost == GRAD:
        return value, _gradient(analysis, weight, header)
    known = {"Classification": AVERAGED, "Regression": _REGRESSIONS}.get(analysis, frozenset())
    if boost not in known:
        _refuse(name, f"BoostType={boost[:40]} in an analysis of type {analysis} is not supported")
    if not weight.sum() > np.finfo(np.float64).eps:
        _refuse(name, "the weights of its trees sum to nothing, and TMVA would answer 0 for all events")
    aggregate = "tmva_median" if boost == MEDIAN else "average"
    return value, {"aggregate": aggregate, "link": "identity", "tree_weight": weight}


def _gradient(analysis: str, weight: NDArray[np.float64], header: dict[str, Any]) -> dict[str, Any]:
    if analysis == "Regression":
        # the first weight is where boosting began (MethodBDT::GetRegressionValues)
        return {"aggregate": "sum", "link": "identity", "base": weight[:1]}
    if analysis == "Multiclass":
        # trees of the classes take turns; 1 / (1 + sum_j exp(m_j - m_i)) is a softmax
        n_classes = len(header["classes"])
        output = np.arange(len(weight)) % max(n_classes, 1)
        return {"aggregate": "sum", "link": "softmax", "output": output, "base": np.zeros(n_classes)}
    return {"aggregate": "sum", "link": "tmva_grad"}


def _array32(values: Any) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype=np.float64).astype(np.float32)


def _single(values: Any) -> NDArray[np.float64]:
    return _array32(values).astype(np.float64)


def node_extras(content: WeightsFile) -> dict[str, Any]:
    """Return what TMVA writes of nodes and a forest has no place for, so that it can be written back."""
    split = np.asarray(content.node_type) == 0
    kept = {name: np.asarray(getattr(content, name)) for name in NODE_EXTRAS}
    # leaves that pruning made may still name a variable
    kept["variable"] = np.where(split, -1, kept["variable"])
    with np.errstate(over="ignore"):
        return {name: encode(kept[name].astype(dtype)) for name, dtype in NODE_EXTRAS.items()}


def encode(values: NDArray[Any]) -> int | float | dict[str, str]:
    """Return numbers as plain JSON: one number if all are equal, else the bytes of the array in base64."""
    first = values[0].item()
    if np.isfinite(values).all() and (values == values[0]).all():
        return int(first) if values.dtype.kind == "i" else float(first)
    if values.dtype.kind == "f":
        # equal numbers have equal bytes: there are many kinds of NaN
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    data = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return {"dtype": str(values.dtype), "base64": base64.b64encode(data.tobytes()).decode("ascii")}


def decode(encoded: object, dtype: Any, size: int) -> NDArray[Any] | None:
    """Return the array that :func:`encode` was given, or None if this is none of that type and size."""
    expected = np.dtype(dtype)
    if isinstance(encoded, (int, float)) and not isinstance(encoded, bool):
        with np.errstate(all="ignore"):
            value = np.float64(encoded).astype(expected)
        return np.full(size, value, expected) if float(value) == encoded else None
    if not isinstance(encoded, dict) or encoded.get("dtype") != str(expected):
        return None
    text = encoded.get("base64")
    if not isinstance(text, str) or len(text) != 4 * (-(-size * expected.itemsize // 3)):
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return (
        np.frombuffer(data, expected.newbyteorder("<")).astype(expected)
        if len(data) == size * expected.itemsize
        else None
    )
