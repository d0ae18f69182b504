"""Write the XML of TMVA's decision trees: numbers, names and their order as TMVA prints them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from hepml.forest.tmva_document import weights_document
from hepml.transforms.markup import attribute_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DEFAULT_OPTIONS", "TreesToWrite", "tree_lines", "weights_xml"]

# names and defaults of MethodBDT in TMVA 4.2.1; later releases know all of them
DEFAULT_OPTIONS = {
    "V": "False",
    "VerbosityLevel": "Default",
    "VarTransform": "None",
    "H": "False",
    "CreateMVAPdfs": "False",
    "IgnoreNegWeightsInTraining": "False",
    "NTrees": "800",
    "MaxDepth": "3",
    "MinNodeSize": "5%",
    "nCuts": "20",
    "BoostType": "AdaBoost",
    "AdaBoostR2Loss": "quadratic",
    "UseBaggedBoost": "False",
    "Shrinkage": "1.000000e+00",
    "AdaBoostBeta": "5.000000e-01",
    "UseRandomisedTrees": "False",
    "UseNvars": "2",
    "UsePoissonNvars": "True",
    "BaggedSampleFraction": "6.000000e-01",
    "UseYesNoLeaf": "True",
    "NegWeightTreatment": "ignorenegweightsintraining",
    "Css": "1.000000e+00",
    "Cts_sb": "1.000000e+00",
    "Ctb_ss": "1.000000e+00",
    "Cbb": "1.000000e+00",
    "NodePurityLimit": "5.000000e-01",
    "SeparationType": "giniindex",
    "DoBoostMonitor": "False",
    "UseFisherCuts": "False",
    "MinLinCorrForFisher": "8.000000e-01",
    "UseExclusiveVars": "False",
    "DoPreselection": "False",
    "SigToBkgFraction": "1.000000e+00",
    "PruneMethod": "nopruning",
    "PruneStrength": "0.000000e+00",
    "PruningValFraction": "5.000000e-01",
    "nEventsMin": "0",
    "UseBaggedGrad": "False",
    "GradBaggingFraction": "6.000000e-01",
    "UseNTrainEvents": "0",
    "NNodesMax": "0",
}


@dataclass(frozen=True, slots=True)
class TreesToWrite:
    """Nodes as TMVA has them.

    Parameters
    ----------
    roots : list of int
        First node of each tree that is written, in their order; of trees with one leaf that no forest has, -1.
    constants : list of float
        Response of those trees.
    boost_weight : ndarray of float64
        Weight of each tree that is written.
    variable, left, right : ndarray of int
        Variable and daughters of each node, left and right as TMVA writes them.
    leaf : ndarray of bool
        Nodes without daughters.
    cut, response, rms, purity : ndarray of float32
        Of each node.
    cut_type, node_type : ndarray of int
        Of each node.
    coefficients : mapping of int to tuple of float
        Those of nodes that combine variables, and the constant behind them.
    """

    roots: Sequence[int]
    constants: Sequence[float]
    boost_weight: NDArray[np.float64]
    variable: NDArray[Any]
    leaf: NDArray[np.bool_]
    left: NDArray[Any]
    right: NDArray[Any]
    cut: NDArray[np.float32]
    response: NDArray[np.float32]
    rms: NDArray[np.float32]
    purity: NDArray[np.float32]
    cut_type: NDArray[Any]
    node_type: NDArray[Any]
    coefficients: Mapping[int, Sequence[float]] = field(default_factory=dict)


def weights_xml(header: Mapping[str, Any], trees: TreesToWrite, analysis_type: int) -> str:
    """Return the text of a weights file.

    Parameters
    ----------
    header : mapping
        As :func:`hepml.forest.from_tmva.from_tmva` keeps it.
    trees : TreesToWrite
        The trees.
    analysis_type : int
        0 if leaves answer with their type or purity, 1 if they answer with their response.

    Returns
    -------
    str
        XML in ASCII and whatever names hold.

    Raises
    ------
    InvalidInputError
        If a name holds characters that XML cannot.
    """
    transformations = Element("Transformations", NTransformations=header["transformations"])
    return weights_document(header, tree_lines(trees, analysis_type), transformations=transformations)


def tree_lines(trees: TreesToWrite, analysis_type: int) -> Iterator[str]:
    """Yield the lines of ``Weights``.

    Parameters
    ----------
    trees, analysis_type
        As for :func:`weights_xml`.
    """
    yield f'  <Weights NTrees="{len(trees.roots)}" AnalysisType="{analysis_type}">'
    for index, root in enumerate(trees.roots):
        weight = attribute_number(trees.boost_weight[index])
        yield f'    <BinaryTree type="DecisionTree" boostWeight="{weight}" itree="{index}">'
        yield from _tree(trees, root) if root >= 0 else [_constant(trees.constants[index])]
        yield "    </BinaryTree>"
    yield "  </Weights>"


def _constant(response: float) -> str:
    value = attribute_number(response)
    zero = attribute_number(0.0)
    return (
        f'      <Node pos="s" depth="0" NCoef="0" IVar="-1" Cut="{zero}" cType="1" res="{value}" rms="{zero}"'
        f' purity="{attribute_number(0.5)}" nType="-99"/>'
    )


def _tree(trees: TreesToWrite, root: int) -> Iterator[str]:
    """Yield the lines of one tree, mothers before daughters and left before right; deep trees need no deep stack."""
    waiting: list[tuple[int, int, str]] = [(int(root), 0, "s")]
    while waiting:
        node, depth, place = waiting.pop()
        margin = "  " * (depth + 3)
        if place == "end":
            yield f"{margin}</Node>"
            continue
        leaf = trees.leaf[node]
        combined = trees.coefficients.get(node, ())
        terms = "".join(f' fC{number}="{attribute_number(value)}"' for number, value in enumerate(combined))
        yield (
            f'{margin}<Node pos="{place}" depth="{depth}" NCoef="{len(combined)}"{terms} IVar="{trees.variable[node]}"'
            f' Cut="{trees.cut[node]:.16e}" cType="{trees.cut_type[node]}" res="{trees.response[node]:.16e}"'
            f' rms="{trees.rms[node]:.16e}" purity="{trees.purity[node]:.16e}" nType="{trees.node_type[node]}"'
            f"{'/>' if leaf else '>'}"
        )
        if not leaf:
            waiting.append((node, depth, "end"))
            waiting.append((int(trees.right[node]), depth + 1, "r"))
            waiting.append((int(trees.left[node]), depth + 1, "l"))
