"""Linear methods trained: Fisher discriminants (Fisher's and Mahalanobis' form), and TMVA's linear discriminant (LD)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.methods.linear import LD, Fisher
from hepml.tmva.preparation.normalising import running_sum
from hepml.tmva.training.matrices import class_sums, inverted
from hepml.tmva.training.moments import product_sums, single_product_sums, value_sums
from hepml.tmva.training.reporting import Ranking, coefficient_table
from hepml.tmva.training.training_set import Fitted, Trainer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.training.training_set import TrainingSet

__all__ = ["FISHER", "LINEAR_DISCRIMINANT"]

_QUANTITY = "Discr. power"


def _fit_fisher(training: TrainingSet) -> Fitted:
    """Fit a Fisher discriminant (``MethodFisher::Train``)."""
    is_signal = training.is_signal
    groups = [
        (training.X[rows], training.weight[rows]) for rows in (np.flatnonzero(is_signal), np.flatnonzero(~is_signal))
    ]
    sum_signal, sum_background = class_sums(training, [weight for _, weight in groups])
    sums = [value_sums(X, weight) for X, weight in groups]
    total = sum_signal + sum_background
    signal, background = sums[0] / sum_signal, sums[1] / sum_background
    overall = (sums[0] + sums[1]) / total
    parts = [product_sums(X, weight, mean) for (X, weight), mean in zip(groups, (signal, background), strict=True)]
    within = parts[0] / sum_signal + parts[1] / sum_background
    between = sum(
        weight * np.outer(mean - overall, mean - overall) / total
        for weight, mean in ((sum_signal, signal), (sum_background, background))
    )
    full = within + between
    form = "covariance matrix" if training.options["Method"] == "Mahalanobis" else "covariance matrix within classes"
    inverse, notes = inverted(full if training.options["Method"] == "Mahalanobis" else within, form, training)
    scale = math.sqrt(sum_signal * sum_background) / total
    coefficients = (inverse * (signal - background)).sum(axis=1) * scale
    offset = float((coefficients * (signal + background)).sum()) / -2.0
    variance = np.diag(full)
    power = np.divide(np.diag(between), variance, out=np.zeros(len(variance)), where=variance != 0.0)
    return Fitted(
        Fisher(offset, coefficients),
        rankings=(Ranking.of(_QUANTITY, training.labels, power),),
        notes=notes,
        text=_printed("Fisher", training, offset, coefficients),
    )


def _fit_ld(training: TrainingSet) -> Fitted:
    """Fit a linear function to 1 for signal and 0 for background, or to the target (``MethodLD::Train``)."""
    regresses = training.analysis_type == "Regression"
    keeps = training.weight > 0.0 if training.options["IgnoreNegWeightsInTraining"] else slice(None)
    X, weight = np.ascontiguousarray(training.X[keeps]), training.weight[keeps]
    if not regresses:
        is_signal = training.is_signal[keeps]
        class_sums(training, [weight[is_signal], weight[~is_signal]])
        wanted = is_signal[:, None].astype(np.float64)
    else:
        wanted = training.targets[keeps].astype(np.float64)
    total, sums = running_sum(weight), value_sums(X, weight)
    products = np.block([[np.array([[total]]), sums[None, :]], [sums[:, None], single_product_sums(X, weight)]])
    inverse, notes = inverted(products, "matrix of sums", training)
    values = np.empty((wanted.shape[1], len(products)))
    for output, target in enumerate(wanted.T):
        weighted = weight * target
        right = np.concatenate([[running_sum(weighted)], value_sums(X, weighted)])
        values[output] = (inverse * right).sum(axis=1)
    if not regresses:
        # so that the classes lie on either side of zero
        values[:, 0] = (values[:, 1:] * sums / total).sum(axis=1) / -2.0
    method = LD(values[:, 0].copy(), values[:, 1:].copy(), regresses)
    return Fitted(
        method,
        rankings=(Ranking.of(_QUANTITY, training.labels, np.abs(values[0, 1:])),),
        notes=notes,
        text=_printed("LD", training, values[0, 0], values[0, 1:]),
    )


def _printed(kind: str, training: TrainingSet, offset: float, coefficients: NDArray[np.float64]) -> str:
    table = coefficient_table([*training.labels, "(offset)"], [*coefficients, offset])
    return f"Results for {kind} coefficients:\n{table}"


FISHER = Trainer(_fit_fisher, frozenset({"Classification"}), frozenset({"Method"}))
LINEAR_DISCRIMINANT = Trainer(_fit_ld, frozenset({"Classification", "Regression"}))
