"""H-Matrix trained: means and inverse covariances of signal and of background, each by its own transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.methods.hmatrix import HMatrix
from hepml.tmva.training.matrices import class_sums, inverted
from hepml.tmva.training.moments import product_sums, value_sums
from hepml.tmva.training.training_set import Fitted, Trainer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.training.training_set import TrainingSet

__all__ = ["HMATRIX"]


def _fit(training: TrainingSet) -> Fitted:
    """Fit an H-Matrix (``MethodHMatrix::Train``)."""
    background_class = 1 - training.signal_class
    classes = (training.signal_class, background_class)
    keeps = training.weight > 0.0 if training.options["IgnoreNegWeightsInTraining"] else np.True_
    rows = [np.flatnonzero((training.class_index == index) & keeps) for index in classes]
    weights = [training.weight[group] for group in rows]
    means: list[NDArray[np.float64]] = []
    inverses: list[NDArray[np.float64]] = []
    notes: list[str] = []
    sums = class_sums(training, weights)
    for index, group, weight, total, name in zip(classes, rows, weights, sums, ("signal", "background"), strict=True):
        X = np.ascontiguousarray(training.transformed(index)[group])
        first = value_sums(X, weight)
        second = product_sums(X, weight, np.zeros(X.shape[1]))
        covariance = second / total - np.outer(first, first) / (total * total)
        inverse, found = inverted(covariance, f"covariance matrix of {name}", training)
        means.append(first / total)
        inverses.append(inverse)
        notes += found
    return Fitted(HMatrix(np.array(means), np.array(inverses), classes), notes=tuple(notes))


HMATRIX = Trainer(_fit, frozenset({"Classification"}))
