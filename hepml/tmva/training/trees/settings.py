"""What an option string makes of a training: ``MethodBDT::ProcessOptions``, with its silent changes written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hepml.errors import InvalidInputError
from hepml.tmva.training.trees.pruning import Pruning, validation_step
from hepml.tmva.training.trees.separation import SEPARATIONS

if TYPE_CHECKING:
    from hepml.tmva.options import Options

__all__ = ["BDTSettings", "settings_of"]

Boost = Literal["AdaBoost", "AdaBoostR2", "AdaCost", "Bagging", "Grad"]
_LOSSES = ("Linear", "Quadratic", "Exponential")
# the grid of regression trees without a number of cuts (DecisionTree's constructor)
_REGRESSION_CUTS = 200
_DEFAULT_CUTS = 20
# of more, TMVA's covariances have no place
_MOST_FISHER_CLASSES = 3


@dataclass(frozen=True, slots=True)
class BDTSettings:
    """A training without its data.

    Parameters
    ----------
    boost : {"AdaBoost", "AdaBoostR2", "AdaCost", "Bagging", "Grad"}
        Boosting.
    n_trees, max_depth, n_cuts : int
        As TMVA's options; ``n_cuts`` of 0 means a full scan.
    min_node_size : float
        Per cent of the sample.
    separation : int
        Place in :data:`~hepml.tmva.training.trees.separation.SEPARATIONS`; of no meaning where targets are learnt.
    purity_limit, beta, shrinkage, bagged_fraction, signal_ratio : float
        NodePurityLimit, AdaBoostBeta, Shrinkage, BaggedSampleFraction, SigToBkgFraction.
    loss : int
        Linear, quadratic or exponential loss of AdaBoostR2.
    costs : tuple of float
        Css, Cts_sb, Ctb_ss and Cbb of AdaCost.
    bagged : bool
        Whether each tree is grown on a random sample.
    yes_no : bool
        Whether leaves answer with their type, and not with their purity.
    n_used : int
        Random variables that a node tries; 0: all.
    use_poisson : bool
        Whether that is the mean of a Poisson distribution.
    negative : {"use", "inverse", "ignore", "pair"}
        What becomes of negative weights.
    pruning : Pruning
        What is cut off trees, and on which events that is decided.
    fisher, exclusive : bool
        UseFisherCuts, UseExclusiveVars.
    least_correlation : float
        MinLinCorrForFisher.
    notes : tuple of str
        What TMVA changed about the options.
    """

    boost: Boost
    n_trees: int
    max_depth: int
    n_cuts: int
    min_node_size: float
    separation: int
    purity_limit: float
    beta: float
    shrinkage: float
    bagged_fraction: float
    signal_ratio: float
    loss: int
    costs: tuple[float, float, float, float]
    bagged: bool
    yes_no: bool
    n_used: int
    use_poisson: bool
    negative: Literal["use", "inverse", "ignore", "pair"]
    pruning: Pruning
    fisher: bool
    exclusive: bool
    least_correlation: float
    notes: tuple[str, ...]


def settings_of(
    options: Options, analysis_type: str, n_variables: int, n_events: int, n_classes: int = 2
) -> BDTSettings:
    """Interpret the options of a BDT.

    Parameters
    ----------
    options : Options
        Parsed.
    analysis_type : {"Classification", "Multiclass", "Regression"}
        Of the job.
    n_variables, n_events, n_classes : int
        Of the training.

    Raises
    ------
    InvalidInputError
        If TMVA stops at these options, or they are not supported here.
    """
    notes: list[str] = []
    regression, multiclass = analysis_type == "Regression", analysis_type == "Multiclass"
    boost, yes_no = str(options["BoostType"]), bool(options["UseYesNoLeaf"])
    if boost == "RealAdaBoost":
        boost, yes_no = "AdaBoost", False
    if (boost == "AdaBoostR2" and not regression) or (multiclass and boost != "Grad"):
        what = "only Grad has several classes" if multiclass else "AdaBoostR2 is for regression"
        msg = f"TMVA cannot train BoostType={boost} for analysis type {analysis_type}: {what}"
        raise InvalidInputError(msg)
    if boost == "AdaCost":
        if regression:
            msg = "TMVA cannot train BoostType=AdaCost for analysis type Regression: costs are those of two classes"
            raise InvalidInputError(msg)
        yes_no = False
    if regression and yes_no:
        notes.append("regression has no UseYesNoLeaf: it is switched off")
        yes_no = False
    separation, n_cuts = str(options["SeparationType"]), _integer(options, "nCuts")
    targets = regression or boost == "Grad"
    if regression and separation != "RegressionVariance":
        notes.append(f"SeparationType={separation} is not for regression: RegressionVariance is used")
    if not targets and separation == "RegressionVariance":
        msg = (
            "SeparationType=RegressionVariance needs targets, and TMVA crashes without: use Grad or another separation"
        )
        raise InvalidInputError(msg)
    if regression and n_cuts < 0:
        notes.append(f"nCuts={n_cuts}: regression has no full scan, {_DEFAULT_CUTS} cuts are used")
        n_cuts = _DEFAULT_CUTS
    fisher = _fisher(options, n_classes, notes, regression=regression)
    if fisher and n_cuts != _DEFAULT_CUTS:
        notes.append(f"nCuts={n_cuts}: UseFisherCuts has {_DEFAULT_CUTS} cuts in any case")
        n_cuts = _DEFAULT_CUTS
    if targets and n_cuts <= 0:
        notes.append(f"nCuts={n_cuts}: trees of targets have no full scan, {_REGRESSION_CUTS} cuts are used")
        n_cuts = _REGRESSION_CUTS
    n_trees = _integer(options, "NTrees")
    if n_trees == 0:
        notes.append("NTrees=0: one tree is grown")
        n_trees = 1
    if n_trees < 0:
        msg = f"NTrees={n_trees} is no number of trees"
        raise InvalidInputError(msg)
    return BDTSettings(
        boost=boost,  # type: ignore[arg-type]  # options are closed
        n_trees=n_trees,
        max_depth=_max_depth(options, notes),
        n_cuts=max(n_cuts, 0),
        min_node_size=_min_node_size(options, n_events, notes),
        separation=0 if targets else SEPARATIONS.index(separation),
        purity_limit=_number(options, "NodePurityLimit"),
        beta=_number(options, "AdaBoostBeta"),
        shrinkage=_number(options, "Shrinkage"),
        bagged_fraction=_bagged_fraction(options, n_events, notes),
        signal_ratio=_number(options, "SigToBkgFraction"),
        loss=_LOSSES.index(str(options["AdaBoostR2Loss"])),
        costs=(
            _number(options, "Css"),
            _number(options, "Cts_sb"),
            _number(options, "Ctb_ss"),
            _number(options, "Cbb"),
        ),
        bagged=bool(options["UseBaggedBoost"]) or bool(options["UseBaggedGrad"]) or boost == "Bagging",
        yes_no=yes_no,
        n_used=_n_used(options, n_variables),
        use_poisson=bool(options["UsePoissonNvars"]),
        negative=_negative(options, boost, notes),
        pruning=_pruning(options, notes),
        fisher=fisher,
        exclusive=bool(options["UseExclusiveVars"]),
        least_correlation=_number(options, "MinLinCorrForFisher"),
        notes=tuple(notes),
    )


def _number(options: Options, name: str) -> float:
    return float(options[name])  # type: ignore[arg-type]  # the table of options gives its type


def _integer(options: Options, name: str) -> int:
    return int(options[name])  # type: ignore[arg-type]  # the table of options gives its type


def _fisher(options: Options, n_classes: int, notes: list[str], *, regression: bool) -> bool:
    fisher = bool(options["UseFisherCuts"])
    if fisher and regression:
        notes.append("regression has no UseFisherCuts: it is switched off")
        return False
    if fisher and n_classes > _MOST_FISHER_CLASSES:
        msg = f"UseFisherCuts is for {_MOST_FISHER_CLASSES} classes at most, and there are {n_classes}: TMVA crashes"
        raise InvalidInputError(msg)
    return fisher


def _pruning(options: Options, notes: list[str]) -> Pruning:
    method, strength = str(options["PruneMethod"]), _number(options, "PruneStrength")
    if method == "NoPruning" or options["BoostType"] == "Grad":
        return Pruning("NoPruning", 0.0, 0)
    step = 0
    if strength < 0:
        if method == "ExpectedError":
            msg = f"PruneStrength={strength:g}: PruneMethod=ExpectedError finds no strength, nor in TMVA: give one above 0"
            raise InvalidInputError(msg)
        fraction = _number(options, "PruningValFraction")
        step = validation_step(fraction)
        if step < 2:
            msg = f"PruningValFraction={fraction:g} leaves no events to train or to prune on: it must be in (0, 0.66]"
            raise InvalidInputError(msg)
        notes.append(f"one event in {step} of the training is set aside to find the strength of pruning")
    if options["UseRandomisedTrees"]:
        notes.append(f"PruneMethod={method} is not for random trees: they are not pruned")
        return Pruning("NoPruning", 0.0, step)
    if strength == 0 or (strength > 100 and method == "CostComplexity") or not np.isfinite(strength):
        msg = (
            f"PruneStrength={strength:g} (its default is 0) is none that TMVA prunes with by PruneMethod={method}: give "
            "one above 0, and for CostComplexity up to 100, or -1, which finds it"
        )
        raise InvalidInputError(msg)
    return Pruning(method, strength, step)


def _max_depth(options: Options, notes: list[str]) -> int:
    depth, most_nodes = _integer(options, "MaxDepth"), _integer(options, "NNodesMax")
    if most_nodes > 0:
        depth, nodes = 0, 1
        while nodes < most_nodes:
            nodes += 2 * nodes
            depth += 1
        notes.append(f"NNodesMax={most_nodes} is read as MaxDepth={depth}")
    if depth < 0:
        msg = f"MaxDepth={depth} is no depth"
        raise InvalidInputError(msg)
    return depth


def _min_node_size(options: Options, n_events: int, notes: list[str]) -> float:
    """Return a percentage in the single precision that TMVA keeps it in."""
    least = _integer(options, "nEventsMin")
    if least > 0:
        size = float(np.float32(least * 100.0 / n_events))
        notes.append(f"nEventsMin={least} is read as MinNodeSize={size:g}%")
        return size
    return float(np.float32(_number(options, "MinNodeSize")))


def _bagged_fraction(options: Options, n_events: int, notes: list[str]) -> float:
    n = _integer(options, "UseNTrainEvents")
    if n > 0:
        notes.append(f"UseNTrainEvents={n} is read as BaggedSampleFraction={n / n_events:g}")
        return n / n_events
    fraction = _number(options, "BaggedSampleFraction")
    if not 0 < fraction < 1e6:
        msg = f"BaggedSampleFraction={fraction:g} leaves no events, or too many"
        raise InvalidInputError(msg)
    return fraction


def _n_used(options: Options, n_variables: int) -> int:
    if not options["UseRandomisedTrees"]:
        return 0
    given = options["UseNvars"]
    n = int(given) if given else int(np.sqrt(n_variables) + 0.6)
    if not 0 < n <= n_variables:
        msg = f"UseNvars={n} of {n_variables} variables cannot be chosen (TMVA would not end)"
        raise InvalidInputError(msg)
    return n


def _negative(options: Options, boost: str, notes: list[str]) -> Literal["use", "inverse", "ignore", "pair"]:
    treatment = str(options["NegWeightTreatment"])
    if boost == "Grad" and treatment == "InverseBoostNegWeights":
        notes.append("gradient boosting has no InverseBoostNegWeights: events of negative weight are ignored")
        return "ignore"
    if options["IgnoreNegWeightsInTraining"]:
        return "ignore"
    return {
        "InverseBoostNegWeights": "inverse",
        "IgnoreNegWeightsInTraining": "ignore",
        "NoNegWeightsInTraining": "ignore",
        "PairNegWeightsGlobal": "pair",
        "Pray": "use",
    }[treatment]  # type: ignore[return-value]  # options are closed
