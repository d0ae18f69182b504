"""A grown forest as the weights file that TMVA would have written, and as the forest that reading it gives."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.forest.from_tmva import forest_of, node_extras
from hepml.forest.tmva_writer import TreesToWrite, tree_lines
from hepml.forest.tmva_xml import WeightsFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hepml.forest import Forest
    from hepml.tmva.training.trees.forest_growing import GrownForest

__all__ = ["forest_from", "lines_of", "weights_of"]

# TMVA's numbers of analysis types, of which a tree knows two
_CLASSIFICATION, _REGRESSION = "0", "1"
_FLOATS = ("cut", "response", "rms", "purity")


def weights_of(grown: GrownForest, *, targets: bool) -> WeightsFile:
    """Return what stands in the file of a forest.

    Parameters
    ----------
    grown : GrownForest
        The trees.
    targets : bool
        Whether they were grown on targets.
    """
    nodes, first = grown.nodes, grown.first_node
    root = np.repeat(first[:-1], np.diff(first))
    content = WeightsFile(
        weights={"NTrees": str(len(first) - 1), "AnalysisType": _REGRESSION if targets else _CLASSIFICATION},
        first_node=array("q", first[:-1].tolist()),
        boost_weight=array("d", grown.weight.tolist()),
        variable=array("q", nodes["variable"].tolist()),
        cut_type=array("b", nodes["cut_type"].tolist()),
        node_type=array("b", nodes["node_type"].tolist()),
    )
    content.coefficients.update(_coefficients(grown))
    for side in ("left", "right"):
        daughter = nodes[side].astype(np.int64)
        setattr(content, side, array("q", np.where(daughter >= 0, daughter + root, -1).tolist()))
    for name in _FLOATS:
        setattr(content, name, array("d", nodes[name].astype(np.float64).tolist()))
    return content


def lines_of(grown: GrownForest, *, targets: bool) -> Iterator[str]:
    """Yield the lines of ``Weights``, as ``MethodBDT::AddWeightsXMLTo`` writes them."""
    nodes, first = grown.nodes, grown.first_node
    root = np.repeat(first[:-1], np.diff(first))
    trees = TreesToWrite(
        roots=first[:-1].tolist(),
        constants=[],
        boost_weight=grown.weight,
        variable=nodes["variable"],
        leaf=nodes["left"] < 0,
        left=nodes["left"] + root,
        right=nodes["right"] + root,
        cut=nodes["cut"],
        response=nodes["response"],
        rms=nodes["rms"],
        purity=nodes["purity"],
        cut_type=nodes["cut_type"],
        node_type=nodes["node_type"],
        coefficients=_coefficients(grown),
    )
    return tree_lines(trees, int(_REGRESSION if targets else _CLASSIFICATION))


def _coefficients(grown: GrownForest) -> dict[int, tuple[float, ...]]:
    """Return those of each node that has a Fisher discriminant, leaves that pruning made included."""
    row = grown.nodes["discriminant"]
    own = np.flatnonzero(row >= 0).tolist()
    return {node: tuple(grown.coefficients[row[node]].tolist()) for node in own}


def forest_from(
    content: WeightsFile, header: dict[str, Any], names: Sequence[str], name: str, decisions: Mapping[int, int]
) -> Forest:
    """Return the forest that reading the file gives.

    Parameters
    ----------
    content : WeightsFile
        As of :func:`weights_of`.
    header : dict
        ``method``, ``info``, ``options``, ``classes``, ``targets``, ...: lists of attributes, as a file has them.
    names : sequence of str
        Names of the columns.
    name : str
        Of the method, for messages.
    decisions : mapping of int to int
        Nodes that cut on discriminants, and the column of each.

    Raises
    ------
    ModelFormatError
        If it cannot answer: the weights of its trees sum to nothing, or a leaf is not finite.
    """
    header["nodes"] = node_extras(content)
    return forest_of(content, header, names, f"what method {name} was trained to", decisions=decisions)
