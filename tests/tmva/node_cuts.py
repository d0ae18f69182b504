"""Trainings with Fisher discriminants and preselections, of which ``node_cuts.npz`` holds what a real TMVA made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.preparation import from_arrays

if TYPE_CHECKING:
    from hepml.tmva import PreparedData

N = 1800
_FISHER = "NTrees=4:MaxDepth=4:MinNodeSize=2%:UseFisherCuts:MinLinCorrForFisher=0.5"
# number of classes, options
CASES = {
    "fisher": (2, _FISHER),
    "exclusive": (2, f"{_FISHER}:UseExclusiveVars:nCuts=40"),
    "uncorrelated": (2, "NTrees=3:UseFisherCuts:MinLinCorrForFisher=1"),
    "grad": (2, f"{_FISHER}:BoostType=Grad:Shrinkage=0.3:UseExclusiveVars"),
    "bagged": (2, f"{_FISHER}:BoostType=Grad:UseBaggedGrad"),
    "complexity": (2, f"{_FISHER}:PruneMethod=CostComplexity:PruneStrength=-1"),
    "error": (2, f"{_FISHER}:PruneMethod=ExpectedError:PruneStrength=2"),
    "classes": (3, f"{_FISHER}:BoostType=Grad"),
    "preselection": (2, "NTrees=4:DoPreselection"),
    "preselection of classes": (3, "NTrees=4:BoostType=Grad:DoPreselection"),
}


def events_of(n_classes: int, *, tails: bool) -> PreparedData:
    """Return correlated variables; with ``tails``, one has values that only one class has."""
    rng = np.random.default_rng(11)
    class_index = np.repeat(np.arange(n_classes), N // n_classes)
    X = rng.normal(size=(N, 4)) - 0.4 * np.outer(class_index, [1.0, 0.5, 0.3, 0.8])
    X[:, 1] += 1.2 * X[:, 0]
    X[:, 2] -= (0.9 + 0.3 * class_index) * X[:, 0]
    if tails:
        X[:, 3] = rng.random(N) + 0.3 * (class_index > 0)
    # TMVA reads weights in single precision
    weight = rng.uniform(0.5, 1.5, N).astype(np.float32)
    names = [f"C{number}" for number in range(n_classes)] if n_classes > 2 else ["Signal", "Background"]
    return from_arrays(
        X.astype(np.float32), class_index, weight, variables=["a", "b", "c", "d"], class_names=names, norm_mode="None"
    )
