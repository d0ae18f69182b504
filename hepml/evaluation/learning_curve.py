"""Area under the ROC curve against the number of training events, and what more of them would bring."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.events import as_numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["LearningCurve", "Prediction", "learning_curve"]

# exponents of power laws that are met in practice lie well inside
_EXPONENTS = (0.05, 4.0)
_FEWEST_SIZES = 4
_FACTORS = (2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Prediction(Displayed):
    """The area expected with ``factor`` times the largest sample, and its gain over the fit at the largest sample."""

    factor: float
    n_events: float
    auc: float
    auc_error: float
    gain: float
    gain_error: float

    def to_dict(self) -> dict[str, float]:
        """Return the numbers as plain JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True, eq=False)
class LearningCurve(Displayed):
    """Areas at several sizes of the training sample with a fitted power law ``A(n) = a - b (n / n_max)^-c``.

    Parameters
    ----------
    n_events, auc, auc_error : ndarray of float64, shape (n_sizes,)
        Training events, area and its error, by rising number.
    parameters : ndarray of float64, shape (3,)
        a (area of an endless sample), b (what the largest sample lacks) and c; NaN if not computable.
    covariance : ndarray of float64, shape (3, 3)
        Of the parameters, scaled by ``max(1, chi2 / ndf)``; NaN if not computable.
    chi2 : float
        Of the fit; NaN if not computable.
    ndf : int
        Number of sizes less three.
    predictions : tuple of Prediction
        At twice and four times the largest sample; empty if not computable.
    reason : str or None
        Why there is no fit; None if there is one.
    """

    n_events: Floats = field(repr=False)
    auc: Floats = field(repr=False)
    auc_error: Floats = field(repr=False)
    parameters: Floats
    covariance: Floats = field(repr=False)
    chi2: float
    ndf: int
    predictions: tuple[Prediction, ...]
    reason: str | None

    def at(self, n_events: ArrayLike) -> tuple[Floats, Floats]:
        """Return the fitted area at numbers of training events and its error; NaN if not computable."""
        size = np.asarray(n_events, dtype=np.float64) / self.n_events[-1]
        gradient = _gradient(self.parameters, size)
        value = self.parameters[0] - self.parameters[1] * size ** -self.parameters[2]
        return value, _errors(gradient, self.covariance)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types; what is not computable is null."""
        fitted = self.reason is None
        names = ("asymptote", "amplitude", "exponent")
        return {
            "n_events": self.n_events.tolist(),
            "auc": self.auc.tolist(),
            "auc_error": self.auc_error.tolist(),
            "parameters": dict(zip(names, self.parameters.tolist(), strict=True)) if fitted else None,
            "covariance": self.covariance.tolist() if fitted else None,
            "chi2": self.chi2 if fitted else None,
            "ndf": self.ndf,
            "predictions": [prediction.to_dict() for prediction in self.predictions],
            "reason": self.reason,
        }


def learning_curve(
    n_events: ArrayLike, auc: ArrayLike, auc_error: ArrayLike, *, covariance: ArrayLike | None = None
) -> LearningCurve:
    """Fit an inverse power law to areas at several sizes of the training sample.

    Parameters
    ----------
    n_events : array-like of float, shape (n_sizes,)
        Training events, or effective ones; positive and rising.
    auc, auc_error : array-like of float, shape (n_sizes,)
        Area on one test sample after training with each of them, and its positive error.
    covariance : array-like of float, shape (n_sizes, n_sizes), optional
        Of the areas, which are correlated if the test events are the same. Default: none.

    Returns
    -------
    LearningCurve
        Points, fit and predictions for twice and four times the largest sample, or why there is none.

    Raises
    ------
    InvalidInputError
        If shapes differ, sizes do not rise or errors and covariance are not positive (definite).

    Notes
    -----
    Generalised least squares; for a given exponent the fit is linear. The errors know the scatter of the test events; that
    of the training events shows as chi2 above ndf, by which the covariance of the parameters is scaled (the scale factor of
    the Review of Particle Physics, introduction). Inverse power laws: C. Cortes et al., *Learning curves: asymptotic values
    and rate of convergence*, NIPS 1993.
    """
    size, area, error = (np.asarray(as_numbers(v, n), dtype=np.float64) for v, n in (
        (n_events, "n_events"), (auc, "auc"), (auc_error, "auc_error")))  # fmt: skip
    if size.ndim != 1 or not size.size or area.shape != size.shape or error.shape != size.shape:
        msg = f"n_events, auc and auc_error have shapes {size.shape}, {area.shape} and {error.shape}; one length is needed"
        raise InvalidInputError(msg)
    if not (np.isfinite([size, area, error]).all() and size[0] > 0 and (np.diff(size) > 0).all() and (error > 0).all()):
        msg = "n_events must be positive and rise, auc be finite and auc_error positive"
        raise InvalidInputError(msg)
    matrix = np.diag(np.square(error)) if covariance is None else np.asarray(covariance, dtype=np.float64)
    whitening = _whitening(matrix, size.size)
    if size.size < _FEWEST_SIZES:
        return _without_fit(size, area, error, f"{size.size} sizes; a power law needs {_FEWEST_SIZES} or more")
    relative = size / size[-1]
    found = minimize_scalar(
        lambda log_c: _profile(math.exp(log_c), relative, area, whitening)[0],
        bounds=(math.log(_EXPONENTS[0]), math.log(_EXPONENTS[1])), method="bounded", options={"xatol": 1e-10},
    )  # fmt: skip
    exponent = math.exp(found.x)
    chi2, asymptote, amplitude = _profile(exponent, relative, area, whitening)
    parameters = np.array([asymptote, amplitude, exponent])
    if amplitude <= 0:
        return _without_fit(size, area, error, "the area does not rise with the number of training events")
    if not _EXPONENTS[0] * 1.01 < exponent < _EXPONENTS[1] / 1.01:
        return _without_fit(size, area, error, f"the exponent of the power law is not determined ({exponent:.2g})")
    information = whitening @ _gradient(parameters, relative)
    try:
        errors = np.asarray(np.linalg.inv(information.T @ information), dtype=np.float64)
    except np.linalg.LinAlgError:
        return _without_fit(size, area, error, "the parameters of the power law are not determined")
    ndf = size.size - 3
    errors *= max(1.0, chi2 / ndf)
    sigma = math.sqrt(errors[2, 2])
    if not sigma < exponent:
        return _without_fit(
            size, area, error, f"the exponent of the power law is not determined ({exponent:.2g} ± {sigma:.2g})"
        )
    return LearningCurve(
        size, area, error, parameters, errors, chi2, ndf, tuple(_predictions(size[-1], parameters, errors)), None
    )


def _whitening(covariance: Floats, n_sizes: int) -> Floats:
    """Return the matrix that makes the errors independent and of size 1."""
    if covariance.shape != (n_sizes, n_sizes) or not np.isfinite(covariance).all():
        msg = f"covariance has shape {covariance.shape}; finite numbers of shape ({n_sizes}, {n_sizes}) are needed"
        raise InvalidInputError(msg)
    try:
        whitening: Floats = np.linalg.inv(np.linalg.cholesky(covariance))
    except np.linalg.LinAlgError as problem:
        msg = "the covariance of the areas is not positive definite"
        raise InvalidInputError(msg) from problem
    return whitening


def _profile(exponent: float, relative: Floats, area: Floats, whitening: Floats) -> tuple[float, float, float]:
    """Chi2, asymptote and amplitude of the best fit with an exponent."""
    design = whitening @ np.column_stack([np.ones_like(relative), -(relative**-exponent)])
    goal = whitening @ area
    solution, *_ = np.linalg.lstsq(design, goal, rcond=None)
    return float(np.square(goal - design @ solution).sum()), float(solution[0]), float(solution[1])


def _gradient(parameters: Floats, relative: Floats) -> Floats:
    """Return the derivatives of the power law by a, b and c, shape (..., 3)."""
    _, amplitude, exponent = parameters
    falling = relative**-exponent
    return np.stack([np.ones_like(falling), -falling, amplitude * falling * np.log(relative)], axis=-1)


def _errors(gradient: Floats, covariance: Floats) -> Floats:
    variance: Floats = np.einsum("...i,ij,...j->...", gradient, covariance, gradient)
    return np.sqrt(np.maximum(variance, 0.0))


def _predictions(largest: float, parameters: Floats, covariance: Floats) -> list[Prediction]:
    here = _gradient(parameters, np.ones(1))[0]
    predictions = []
    for factor in _FACTORS:
        there = _gradient(parameters, np.array([factor]))[0]
        falling = factor ** -float(parameters[2])
        predictions.append(
            Prediction(
                factor=factor,
                n_events=factor * float(largest),
                auc=float(parameters[0] - parameters[1] * falling),
                auc_error=float(_errors(there, covariance)),
                gain=float(parameters[1] * (1.0 - falling)),
                gain_error=float(_errors(there - here, covariance)),
            )
        )
    return predictions


def _without_fit(size: Floats, area: Floats, error: Floats, reason: str) -> LearningCurve:
    return LearningCurve(
        n_events=size,
        auc=area,
        auc_error=error,
        parameters=np.full(3, np.nan),
        covariance=np.full((3, 3), np.nan),
        chi2=math.nan,
        ndf=max(size.size - 3, 0),
        predictions=(),
        reason=reason,
    )
