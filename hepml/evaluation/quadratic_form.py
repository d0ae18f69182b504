"""A sum of squares of noisy differences: its bias and its uncertainty, also where the differences are nothing but noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.evaluation.class_fractions import Divergence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["propagate", "quadratic_form"]


def quadratic_form(difference: Floats, metric: Floats, covariance: Floats, linear: float) -> Divergence:
    """Propagate the uncertainty of differences to ``sum metric difference^2``, to second order.

    Parameters
    ----------
    difference : ndarray of float64, shape (n,)
        Differences that are zero under the hypothesis of interest.
    metric : ndarray of float64, shape (n,)
        Weights of their squares, not negative.
    covariance : ndarray of float64, shape (n, n)
        Of the differences.
    linear : float
        Variance of the sum to first order: its gradient with the covariance of all that it depends on.

    Returns
    -------
    Divergence
        The sum as it is, its bias and its standard deviation.
    """
    bias = float((metric * np.diagonal(covariance)).sum())
    quadratic = 2.0 * float((metric[:, None] * np.square(covariance) * metric).sum())
    # where the differences are all noise, so is the gradient, which makes its square twice the quadratic term
    error = float(np.sqrt(max(linear - quadratic, quadratic)))
    return Divergence(float((metric * np.square(difference)).sum()), bias, error)


def propagate(jacobian: Floats, covariance: Floats) -> Floats:
    """Covariance of linear functions; the digits do not depend on the number of the BLAS's threads."""
    half = np.einsum("ij,jk->ik", jacobian, covariance)
    return np.asarray(np.einsum("ij,kj->ik", half, jacobian), dtype=np.float64)
