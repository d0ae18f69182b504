"""Train TMVA's boosted decision trees: the same trees as ``MethodBDT`` of TMVA 4.2.1 grows, to the last digit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import FeatureValueError, InvalidInputError
from hepml.tmva.methods.bdt import BDT, discriminants_of
from hepml.tmva.training.reporting import Ranking
from hepml.tmva.training.training_set import Fitted, Trainer
from hepml.tmva.training.trees.forest_growing import TreeSample, grow_forest
from hepml.tmva.training.trees.negative_weights import left_by_pairing
from hepml.tmva.training.trees.preselecting import preselection_of, with_attributes
from hepml.tmva.training.trees.pruning import ValidationSample
from hepml.tmva.training.trees.settings import settings_of
from hepml.tmva.training.trees.written import forest_from, lines_of, weights_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.methods.bdt import Preselection
    from hepml.tmva.training.training_set import TrainingSet
    from hepml.tmva.training.trees.forest_growing import GrownForest
    from hepml.tmva.training.trees.settings import BDTSettings

__all__ = ["TREES", "fit"]

_SUPPORTED = (
    *("NTrees", "MaxDepth", "MinNodeSize", "nCuts", "BoostType", "AdaBoostR2Loss", "UseBaggedBoost", "Shrinkage"),
    *("AdaBoostBeta", "UseRandomisedTrees", "UseNvars", "UsePoissonNvars", "BaggedSampleFraction", "UseYesNoLeaf"),
    *("NegWeightTreatment", "NodePurityLimit", "SeparationType", "SigToBkgFraction", "nEventsMin", "UseBaggedGrad"),
    *("GradBaggingFraction", "UseNTrainEvents", "NNodesMax", "PruneMethod", "PruneStrength", "PruningValFraction"),
    *("Css", "Cts_sb", "Ctb_ss", "Cbb", "DoPreselection", "UseFisherCuts", "MinLinCorrForFisher", "UseExclusiveVars"),
)
_SMALLEST_IMPORTANCE = np.finfo(np.float64).eps


def fit(training: TrainingSet) -> Fitted:
    """Train a BDT.

    Parameters
    ----------
    training : TrainingSet
        Events and options.

    Returns
    -------
    Fitted
        The method, its ranking, and for each tree the error fraction, the boost weight and the numbers of nodes.

    Raises
    ------
    FeatureValueError
        If a variable is not finite.
    InvalidInputError
        If TMVA stops at the options or the events, or boosting leaves weights that are not finite.
    """
    _refuse_values(training)
    settings = settings_of(
        training.options, training.analysis_type, training.X.shape[1], len(training), len(training.class_names)
    )
    preselection = None
    if training.options["DoPreselection"] and training.analysis_type != "Regression":
        preselection = preselection_of(training)
    sample, validation, notes = _sample(training, settings, preselection)
    grown = grow_forest(sample, settings, validation=validation)
    regresses = training.analysis_type == "Regression"
    targets = regresses or settings.boost == "Grad"
    content = weights_of(grown, targets=targets)
    options = _written_options(training, settings)
    coefficients, cuts, decisions = discriminants_of(content, training.X.shape[1], partial(_fail, training.name))
    names = [*_names(training), *(f"discriminant{number}" for number in range(len(decisions)))]
    forest = forest_from(content, _header(training, options), names, training.name, decisions)
    # of several classes, the cuts decide on what is trained on only, as in TMVA
    decides = preselection if training.analysis_type == "Classification" else None
    method = BDT(forest, coefficients, cuts, decides, regresses, _is_single(training))
    if grown.stopped:
        notes.append(f"boosting stopped after {len(grown.weight)} of {settings.n_trees} trees")
    return Fitted(
        method,
        rankings=(Ranking.of("Variable Importance", training.labels, variable_importance(grown)),),
        notes=(*settings.notes, *notes),
        history={
            "error_fraction": grown.error,
            "boost_weight": grown.weight,
            "nodes_before_pruning": grown.n_grown.astype(np.float64),
            "nodes": np.diff(grown.first_node).astype(np.float64),
        },
        text=_average_nodes(grown, settings),
        options=options,
        weights=lambda: with_attributes(lines_of(grown, targets=targets), preselection, training.X.shape[1]),
    )


TREES = Trainer(fit, frozenset({"Classification", "Multiclass", "Regression"}), frozenset(_SUPPORTED))


def _average_nodes(grown: GrownForest, settings: BDTSettings) -> str:
    n_trees = len(grown.weight)
    before = int(grown.n_grown.sum()) // n_trees
    if settings.pruning.method == "NoPruning":
        return f"<Train> average number of nodes (w/o pruning) : {before}"
    return f"<Train> average number of nodes before/after pruning : {before} / {len(grown.nodes) // n_trees}"


def variable_importance(grown: GrownForest) -> NDArray[np.float64]:
    """Return the importance of each variable, which sum to 1 (``MethodBDT::GetVariableImportance``)."""
    importance = np.zeros(grown.importance.shape[1])
    # where all targets are equal, rounding makes gains that are infinite
    with np.errstate(invalid="ignore"):
        for weight, of_tree in zip(grown.weight, grown.importance, strict=True):
            total = float(np.add.accumulate(of_tree)[-1])
            if total > _SMALLEST_IMPORTANCE:
                importance += weight * (of_tree / total)
        root = np.sqrt(importance)
        total = float(np.add.accumulate(root)[-1])
        return root / total if total != 0 else root


def _refuse_values(training: TrainingSet) -> None:
    wrong = ~np.isfinite(training.X).all(axis=0)
    if wrong.any():
        name = training.labels[int(np.flatnonzero(wrong)[0])]
        msg = f"method {training.name}: variable {name!r} has values that are not finite, which TMVA's trees cannot cut on"
        raise FeatureValueError(msg)


def _sample(
    training: TrainingSet, settings: BDTSettings, preselection: Preselection | None
) -> tuple[TreeSample, ValidationSample | None, list[str]]:
    """Return the events that trees are grown and pruned on, and what became of others (``MethodBDT::InitEventSample``)."""
    weight, notes = training.weight, []
    keep = weight != 0.0
    if preselection is not None:
        decided = np.zeros(len(training))
        preselection.decide(training.X, decided)
        notes.append(
            f"{np.count_nonzero(decided)} events are decided by {len(preselection.cuts)} cuts of the preselection"
        )
        keep &= decided == 0.0
    balance = weight
    if settings.negative == "ignore":
        keep &= weight > 0.0
    if (lost := training.events.weight[~keep & (training.events.weight < 0.0)]).size:
        notes.append(f"{lost.size} events of negative weight, which sum to {lost.sum():.6g}, are ignored")
    if (n_zero := int((training.events.weight == 0.0).sum())) > 0:
        notes.append(f"{n_zero} events of weight 0 are ignored")
    target = training.targets[:, 0] if training.targets.shape[1] else np.zeros(len(training), np.float32)
    validation = None
    if settings.pruning.step:
        aside = keep & (np.arange(len(training)) % settings.pruning.step == 0)
        keep &= ~aside
        validation = ValidationSample(
            np.ascontiguousarray(training.X[aside], dtype=np.float32),
            np.ascontiguousarray(weight[aside], dtype=np.float64),
            training.class_index[aside] == training.signal_class,
            np.ascontiguousarray(target[aside], dtype=np.float32),
        )
    if settings.negative == "pair":
        rows = np.flatnonzero(keep)
        balance = weight.copy()
        balance[rows] = left_by_pairing(
            training.X[rows], training.class_index[rows], weight[rows], len(training.class_names)
        )
        keep &= balance > 0.0
        notes.append(f"{len(rows) - int(keep.sum())} events were removed, negative weights paired with positive ones")
    elif (n_negative := int((weight[keep] < 0.0).sum())) > 0:
        notes.append(f"{n_negative} events of negative weight are used")
    sample = TreeSample(
        np.ascontiguousarray(training.X[keep], dtype=np.float32),
        training.class_index[keep],
        np.ascontiguousarray(weight[keep], dtype=np.float64),
        np.ascontiguousarray(balance[keep], dtype=np.float64),
        np.ascontiguousarray(target[keep], dtype=np.float32),
        np.array([variable.type == "I" for variable in training.variables]),
        len(training.class_names),
        training.signal_class,
        training.analysis_type,
    )
    return sample, validation, notes


def _written_options(training: TrainingSet, settings: BDTSettings) -> dict[str, bool | int | float | str]:
    """Return the options that training changed, as TMVA writes them."""
    options = training.options
    written: dict[str, bool | int | float | str] = {
        name: str(options[name]).lower()
        for name in ("AdaBoostR2Loss", "NegWeightTreatment", "SeparationType", "PruneMethod")
    }
    if settings.boost == "Grad" or options["UseRandomisedTrees"]:
        written["PruneMethod"] = "nopruning"
    if settings.boost == "Grad" and written["NegWeightTreatment"] == "inverseboostnegweights":
        written["NegWeightTreatment"] = "ignorenegweightsintraining"
    written |= {
        "NTrees": settings.n_trees,
        "MaxDepth": settings.max_depth,
        "BoostType": settings.boost,
        "UseYesNoLeaf": settings.yes_no,
        "UseBaggedBoost": settings.bagged,
    }
    regression = training.analysis_type == "Regression"
    if settings.fisher or (regression and int(options["nCuts"] or 0) < 0):
        written["nCuts"] = settings.n_cuts
    if regression:
        written |= {"DoPreselection": False, "UseFisherCuts": False}
    return {name: value for name, value in written.items() if value != options[name]}


def _header(training: TrainingSet, changed: dict[str, bool | int | float | str]) -> dict[str, Any]:
    """Return what decides on the response, as forests keep it."""
    stated = {name: changed.get(name, training.options[name]) for name in training.options}
    return {
        "method": f"BDT::{training.name}",
        "info": [{"name": "AnalysisType", "value": training.analysis_type}],
        "options": [{"name": name, "value": str(value)} for name, value in stated.items()],
        "classes": [{"Name": name} for name in training.class_names],
        "targets": [{"Expression": target.expression} for target in training.target_variables],
    }


def _names(training: TrainingSet) -> list[str]:
    expressions = [variable.expression for variable in training.variables]
    if training.chain.steps or len(set(expressions)) < len(expressions):
        return [f"variable{number}" for number in range(len(expressions))]
    return expressions


def _fail(name: str, problem: str) -> NoReturn:
    msg = f"method {name} was trained to something that cannot answer: {problem}"
    raise InvalidInputError(msg)


def _is_single(training: TrainingSet) -> bool:
    return training.analysis_type != "Classification"
