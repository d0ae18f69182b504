"""Sums of weights and matrices that methods divide by and invert, and when TMVA warns of them or stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import FeatureValueError, WeightError
from hepml.tmva.preparation.normalising import running_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.tmva.training.training_set import TrainingSet

__all__ = ["class_sums", "inverted"]

# determinants of MethodFisher::GetFisherCoeff
_NEARLY_SINGULAR, _SINGULAR = 1e-23, 1e-119
# of a matrix in units of its diagonal: beyond this, four digits are left
_WORST_CONDITION = 1e12


def class_sums(training: TrainingSet, weights: Sequence[NDArray[np.float64]]) -> tuple[float, ...]:
    """Return the sums of the weights of signal and background.

    Raises
    ------
    WeightError
        If one is zero or less, where TMVA stops (``MethodFisher::GetCov_WithinClass``).
    """
    sums = tuple(map(running_sum, weights))
    for what, total, weight in zip(("signal", "background"), sums, weights, strict=True):
        if not total > 0.0:
            msg = (
                f"{training.name}: the weights of {len(weight)} {what} events sum to {total:g}, and must be positive; "
                "TMVA stops here"
            )
            raise WeightError(msg)
    return sums


def inverted(
    matrix: NDArray[np.float64], what: str, training: TrainingSet
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the inverse, and a note if the matrix is nearly singular.

    Raises
    ------
    FeatureValueError
        If it is singular, where TMVA stops.
    """
    # of equal rows, which a variable makes that is there twice, rounding may leave something
    twice = len(np.unique(matrix, axis=0)) < len(matrix)
    determinant = 0.0 if twice else abs(float(np.linalg.det(matrix)))
    if not determinant >= _SINGULAR:
        msg = (
            f"{training.name}: the {what} of {', '.join(training.labels[:12])} is singular (determinant {determinant:g}): "
            "a variable is constant, or a linear combination of others; leave it out. TMVA stops here"
        )
        raise FeatureValueError(msg)
    notes: tuple[str, ...] = ()
    # a determinant depends on units; what is lost in rounding does not
    unit = np.sqrt(np.abs(np.diag(matrix)))
    unit[unit == 0.0] = 1.0
    if determinant < _NEARLY_SINGULAR or np.linalg.cond(matrix / np.outer(unit, unit)) > _WORST_CONDITION:
        why = "variables are combinations of others, or highly correlated, so that the result depends on rounding"
        notes = (f"the {what} is nearly singular (determinant {determinant:g}): {why}",)
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64), notes
