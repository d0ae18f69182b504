"""Fitted linear models and multilayer perceptrons of scikit-learn, alone or behind scalers in a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import ExportError, InvalidInputError
from hepml.tmva.networks import Affine, Network
from hepml.tmva.source import Scaling, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["from_sklearn", "is_sklearn"]

_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "tanh": "exact tanh", "relu": "ReLU", "softmax": "softmax"}
_SCALERS = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler")


def is_sklearn(model: object) -> bool:
    """Return whether a model is an estimator of scikit-learn, without importing it for others."""
    return any(base.__module__.partition(".")[0] == "sklearn" for base in type(model).__mro__)


def from_sklearn(model: Any) -> Source:
    """Return a fitted model of scikit-learn as a source.

    Parameters
    ----------
    model : estimator
        A linear classifier (``LogisticRegression``, ``LinearDiscriminantAnalysis``, ``RidgeClassifier``, ...) or regressor,
        ``MLPClassifier`` or ``MLPRegressor``, or a ``Pipeline`` of scalers and one of these. The second of two classes is
        signal.

    Raises
    ------
    ExportError
        If it is another model, or one of these in a form that TMVA does not have.
    InvalidInputError
        If it is not fitted.
    """
    from sklearn.exceptions import NotFittedError
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except NotFittedError as error:
        msg = f"{type(model).__name__} is not fitted"
        raise InvalidInputError(msg) from error
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    *before, last = [step for step in steps if step not in {None, "passthrough"}] or [None]
    network, analysis, library = _network(last)
    n_features = network.n_inputs
    scaling = None
    for step in before:
        found = _scaling(step, n_features)
        scaling = found if scaling is None else scaling.before(found)
    classes = tuple(map(str, last.classes_)) if analysis == "Multiclass" else ()
    names = getattr(model, "feature_names_in_", ())
    return Source(
        network=network,
        respond=_answer(model, network, analysis),
        margin=_flat(model.decision_function) if hasattr(model, "decision_function") else None,
        analysis=analysis,
        library=library,
        scaling=scaling,
        variables=tuple(map(str, names)),
        classes=classes,
    )


def _network(model: Any) -> tuple[Network, Any, str]:
    from sklearn.base import is_classifier
    from sklearn.linear_model._base import LinearClassifierMixin, LinearModel
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    name = type(model).__name__
    classes = getattr(model, "classes_", ())
    if is_classifier(model) and (not hasattr(classes, "dtype") or len(classes) < 2):
        _refuse(name, "it has several outputs, or fewer than two classes")
    if isinstance(model, MLPClassifier | MLPRegressor):
        if getattr(model, "out_activation_", "") not in _ACTIVATIONS or model.activation not in _ACTIVATIONS:
            _refuse(name, f"its activations are {model.activation!r} and {model.out_activation_!r}")
        steps: list[Any] = []
        for weights, bias in zip(model.coefs_, model.intercepts_, strict=True):
            steps += [Affine(weights.T.astype(np.float64), bias.astype(np.float64)), _ACTIVATIONS[model.activation]]
        network = Network.of([*steps[:-1], _ACTIVATIONS[model.out_activation_]])
        if is_classifier(model) and network.n_outputs != (1 if len(classes) == 2 else len(classes)):
            _refuse(name, "each event has several labels")
        analysis = (
            "Regression" if isinstance(model, MLPRegressor) else "Multiclass" if len(classes) > 2 else "Classification"
        )
        return network, analysis, name
    if not isinstance(model, LinearClassifierMixin | LinearModel) or not hasattr(model, "coef_"):
        kinds = "linear models, MLPClassifier, MLPRegressor, and pipelines of scalers and these"
        trees = "a Forest (hepml.forest: from_sklearn, from_xgboost, from_lightgbm) writes trees by its to_tmva"
        _refuse(name, f"{kinds} can be; {trees}")
    weights = np.atleast_2d(np.asarray(_dense(model.coef_), dtype=np.float64))
    bias = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), len(weights))
    if not isinstance(model, LinearClassifierMixin):
        return Network.of([Affine(weights, np.array(bias))]), "Regression", name
    is_probable = hasattr(model, "predict_proba")
    if len(classes) > 2 and not is_probable:
        _refuse(name, "of several classes it has no probabilities, and TMVA's are a softmax of the sums")
    output = ("softmax" if len(classes) > 2 else "sigmoid") if is_probable else "linear"
    return (
        Network.of([Affine(weights, np.array(bias)), output]),
        "Multiclass" if len(classes) > 2 else "Classification",
        name,
    )


def _dense(coefficients: Any) -> Any:
    return coefficients.toarray() if hasattr(coefficients, "toarray") else coefficients


def _scaling(step: Any, n_features: int) -> Scaling:
    name = type(step).__name__
    if not is_sklearn(step) or name not in _SCALERS:
        _refuse(name, f"only {', '.join(_SCALERS)} can stand before a model")
    if getattr(step, "clip", False):
        _refuse(name, "it clips")
    one, zero = np.ones(n_features), np.zeros(n_features)
    scale = one if getattr(step, "scale_", None) is None else np.asarray(step.scale_, dtype=np.float64)
    if name == "MinMaxScaler":
        return Scaling(scale, np.asarray(step.min_, dtype=np.float64))
    found = getattr(step, "center_" if name == "RobustScaler" else "mean_", None)
    is_centred = getattr(step, "with_mean", True) and name != "MaxAbsScaler"
    centre = zero if found is None or not is_centred else np.asarray(found, dtype=np.float64)
    return Scaling(1.0 / scale, -centre / scale)


def _answer(model: Any, network: Network, analysis: str) -> Callable[[Floats], Floats]:
    if analysis == "Regression":
        return _flat(model.predict)
    if analysis == "Multiclass":
        return _flat(model.predict_proba)
    if network.output == "linear":
        return _flat(model.decision_function)
    return lambda X: _flat(model.predict_proba)(X)[:, 1:]


def _flat(answer: Callable[[Any], Any]) -> Callable[[Floats], Floats]:
    """Return a function of numbers without names, which gives two dimensions."""

    def respond(X: Floats) -> Floats:
        import warnings

        with warnings.catch_warnings():
            # the names of the features are checked by us
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            found: Floats = np.asarray(answer(X), dtype=np.float64)
        return found.reshape(len(X), -1)

    return respond


def _refuse(name: str, problem: str) -> NoReturn:
    msg = f"{name} cannot be written for TMVA: {problem}"
    raise ExportError(msg)
