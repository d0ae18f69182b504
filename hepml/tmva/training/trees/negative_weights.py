"""Pair events of negative weight with the nearest of positive weight (``MethodBDT::PreProcessNegativeEventWeights``)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["left_by_pairing"]

_log = logging.getLogger(__name__)
# TMVA warns of a determinant below, and goes on
_SINGULAR = 1e-23

_compiled = njit(cache=True, nogil=True, error_model="numpy")


def left_by_pairing(
    X: NDArray[np.float32], class_index: NDArray[np.intp], weight: NDArray[np.float64], n_classes: int
) -> NDArray[np.float64]:
    """Return the weights that are left when negative ones have been paired off with positive ones.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_variables)
        Variables; distances are in units of the covariance matrix of the class.
    class_index : ndarray of intp, shape (n_events,)
        Class of each event.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    n_classes : int
        Number of classes; TMVA pairs two.

    Returns
    -------
    ndarray of float64, shape (n_events,)
        None negative. TMVA goes on with the events that have some left, by which it balances the classes, and gives each
        event its original weight again.

    Raises
    ------
    InvalidInputError
        If a class has less positive weight than negative, or a singular covariance matrix.
    """
    if not (weight < 0.0).any():
        return weight.copy()
    if n_classes > 2:
        msg = f"NegWeightTreatment=PairNegWeightsGlobal is for two classes, not {n_classes}: TMVA reads beyond its matrices"
        raise InvalidInputError(msg)
    metric = np.zeros((2, X.shape[1], X.shape[1]))
    for class_ in range(n_classes):
        of_class = class_index == class_
        covariance = _covariance(X[of_class].astype(np.float64), weight[of_class])
        determinant = abs(np.linalg.det(covariance))
        if not determinant > 0.0:
            msg = f"PairNegWeightsGlobal: the covariance matrix of class {class_} is singular; drop dependent variables"
            raise InvalidInputError(msg)
        if determinant < _SINGULAR:
            _log.warning("the covariance matrix of class %d is almost singular (determinant %.3g)", class_, determinant)
        metric[class_] = np.linalg.inv(covariance)
    left = weight.copy()
    if not _pair(X, class_index, weight, metric, left):
        msg = "PairNegWeightsGlobal: a class has more negative weight than positive; use another NegWeightTreatment"
        raise InvalidInputError(msg)
    return left


def _covariance(X: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    total = weight.sum()
    mean = (X * weight[:, None]).sum(axis=0) / total
    # row by row, so that its digits depend on no library's threads
    second = np.array([(X * (X[:, k] * weight)[:, None]).sum(axis=0) for k in range(X.shape[1])]) / total
    covariance: NDArray[np.float64] = second - np.outer(mean, mean)
    return covariance


@_compiled
def _pair(X, class_index, weight, metric, left):
    n, n_variables = X.shape
    boost = np.ones(n)
    difference = np.empty(n_variables)
    for negative in range(n):
        if not weight[negative] < 0.0:
            continue
        inverse = metric[class_index[negative]]
        while left[negative] < 0.0:
            nearest, least = -1, np.inf
            for event in range(n):
                if class_index[event] != class_index[negative] or not left[event] > 0.0:
                    continue
                for k in range(n_variables):
                    difference[k] = np.float64(X[negative, k] - X[event, k])
                distance = 0.0
                for i in range(n_variables):
                    for j in range(n_variables):
                        distance += difference[i] * inverse[i, j] * difference[j]
                if distance < least:
                    nearest, least = event, distance
            if nearest < 0:
                return False
            together = left[negative] + left[nearest]
            if together > 0.0:
                boost[negative], boost[nearest] = 0.0, together / weight[nearest]
            else:
                boost[negative], boost[nearest] = together / weight[negative], 0.0
            left[negative] = weight[negative] * boost[negative]
            left[nearest] = weight[nearest] * boost[nearest]
    return True
