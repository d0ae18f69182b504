"""Which estimators of scikit-learn may stand in an analysis file, what they do with weights, and their parameters."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn.utils._param_validation import InvalidParameterError, validate_parameter_constraints

from hepml.errors import InvalidInputError, UnknownNameError, did_you_mean, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ESTIMATORS", "Allowed", "allowed", "build"]


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is known of a class.

    Parameters
    ----------
    forest : bool
        Whether it is trees, which are stored and scored as a forest.
    signed : bool
        Whether it learns the net density of signed weights (measured, docs/sklearn.md).
    """

    forest: bool = False
    signed: bool = False


_TREES = Allowed(forest=True)
_UNSIGNED = Allowed()
_SIGNED = Allowed(signed=True)

# Only classes that take weights at all, and whose arrays, when loaded, are read by numpy and by no compiled code that
# would trust them: those of trees are read by the forest, which checks them.
ESTIMATORS: dict[str, dict[str, Allowed]] = {
    "classification": {
        "sklearn.ensemble.AdaBoostClassifier": _TREES,
        "sklearn.ensemble.ExtraTreesClassifier": _TREES,
        "sklearn.ensemble.GradientBoostingClassifier": _TREES,
        "sklearn.ensemble.HistGradientBoostingClassifier": _TREES,
        "sklearn.ensemble.RandomForestClassifier": _TREES,
        "sklearn.linear_model.LogisticRegression": _SIGNED,
        "sklearn.linear_model.Perceptron": _UNSIGNED,
        "sklearn.linear_model.RidgeClassifier": _UNSIGNED,
        "sklearn.linear_model.SGDClassifier": _UNSIGNED,
        "sklearn.naive_bayes.GaussianNB": _SIGNED,
        "sklearn.neural_network.MLPClassifier": _SIGNED,
        "sklearn.svm.LinearSVC": _UNSIGNED,
        "sklearn.tree.DecisionTreeClassifier": _TREES,
        "sklearn.tree.ExtraTreeClassifier": _TREES,
    },
    "regression": {
        "sklearn.ensemble.AdaBoostRegressor": _TREES,
        "sklearn.ensemble.ExtraTreesRegressor": _TREES,
        "sklearn.ensemble.GradientBoostingRegressor": _TREES,
        "sklearn.ensemble.HistGradientBoostingRegressor": _TREES,
        "sklearn.ensemble.RandomForestRegressor": _TREES,
        "sklearn.linear_model.BayesianRidge": _UNSIGNED,
        "sklearn.linear_model.ElasticNet": _UNSIGNED,
        "sklearn.linear_model.HuberRegressor": _UNSIGNED,
        "sklearn.linear_model.Lasso": _UNSIGNED,
        "sklearn.linear_model.LinearRegression": _UNSIGNED,
        "sklearn.linear_model.Ridge": _UNSIGNED,
        "sklearn.linear_model.SGDRegressor": _UNSIGNED,
        "sklearn.neural_network.MLPRegressor": _UNSIGNED,
        "sklearn.svm.LinearSVR": _UNSIGNED,
        "sklearn.tree.DecisionTreeRegressor": _TREES,
        "sklearn.tree.ExtraTreeRegressor": _TREES,
    },
}

# what an analysis says in one place for all methods
_ELSEWHERE = {
    "random_state": "seeds are made of the seed of the analysis",
    "n_jobs": "it is the option n_jobs of the method",
    "class_weight": "the balance of classes is training.balance",
    "warm_start": "each training begins anew",
    "verbose": "a training is silent",
    "early_stopping": "it would set aside rows without regard to which of them are one event",
    "validation_fraction": "it would set aside rows without regard to which of them are one event",
}
_NESTED = "estimator"


def allowed(path: str, task: str, where: str = "estimator") -> Allowed:
    """Return what is known of a class by its path.

    Raises
    ------
    UnknownNameError
        If it is not on the list of the task; the message names the nearest.
    """
    known = ESTIMATORS[task]
    if path in known:
        return known[path]
    last = path.rpartition(".")[2]
    # who gives the name alone, or the module in which a class is defined, is told its path
    same = [full for full in known if full.rpartition(".")[2].lower() == last.lower()]
    if same:
        msg = f"{where}: unknown {task} estimator {path!r}; did you mean {same[0]!r}?"
        raise UnknownNameError(msg)
    others = {"classification": "regression", "regression": "classification"}
    if path in ESTIMATORS[others[task]]:
        msg = f"{where}: {path} does {others[task]}, and the task is {task} (known: {', '.join(known)})"
        raise UnknownNameError(msg)
    raise unknown_name(kind=f"{task} estimator of scikit-learn", name=path, known=known)


def build(
    path: str,
    parameters: Mapping[str, Any] | None,
    task: str,
    *,
    where: str = "parameters",
    random_state: int | None = None,
    n_jobs: int | None = None,
) -> Any:
    """Make an estimator, its parameters checked by scikit-learn's own constraints.

    Parameters
    ----------
    path : str
        Path of the class.
    parameters : mapping, optional
        Parameters by name. ``estimator`` (of AdaBoost) is a mapping of ``estimator`` (a path) and ``parameters``.
    task : {"classification", "regression"}
        Which list the class is looked up in.
    where : str
        Path of the parameters in the analysis file, for the messages.
    random_state, n_jobs : int, optional
        Handed over where the class knows them.

    Raises
    ------
    UnknownNameError
        If the class is not on the list, or has no such parameter.
    InvalidInputError
        If a value is not allowed, or is decided elsewhere.
    """
    allowed(path, task, where.rpartition("parameters")[0] + "estimator")
    module, _, name = path.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    names = [item for item in inspect.signature(cls).parameters if item not in _ELSEWHERE]
    chosen: dict[str, Any] = {}
    for key, value in dict(parameters or {}).items():
        place = f"{where}.{key}"
        if key in _ELSEWHERE or (key == "n_iter_no_change" and "GradientBoosting" in name):
            msg = f"{place}: cannot be set here: {_ELSEWHERE.get(key, _ELSEWHERE['validation_fraction'])}"
            raise InvalidInputError(msg)
        if key not in names:
            hint = did_you_mean(key, names) or ";"
            msg = f"{place}: no such parameter of {path}{hint} (known: {', '.join(names)})"
            raise UnknownNameError(msg)
        chosen[key] = _nested(value, task, place) if key == _NESTED else _value(cls, key, value, place)
    own = inspect.signature(cls).parameters
    if "early_stopping" in own:
        chosen["early_stopping"] = False
    if "random_state" in own:
        chosen["random_state"] = random_state
    if "n_jobs" in own and own["n_jobs"].default is None:
        chosen["n_jobs"] = n_jobs
    return cls(**chosen)


def _nested(value: object, task: str, place: str) -> Any:
    if not isinstance(value, dict) or not {"estimator"} <= set(value) <= {"estimator", "parameters"}:
        msg = f"{place}: must be a mapping with the keys estimator and parameters, not {value!r}"
        raise InvalidInputError(msg)
    if "DecisionTree" not in str(value["estimator"]):
        wanted = "DecisionTreeClassifier" if task == "classification" else "DecisionTreeRegressor"
        msg = f"{place}.estimator: must be sklearn.tree.{wanted}, not {value['estimator']!r}"
        raise InvalidInputError(msg)
    return build(str(value["estimator"]), value.get("parameters"), task, where=f"{place}.parameters")


def _value(cls: Any, key: str, value: Any, place: str) -> Any:
    # a list in YAML is a tuple in scikit-learn where both are taken, and then a value that can be compared
    found = tuple(value) if isinstance(value, list) and key == "hidden_layer_sizes" else value
    try:
        validate_parameter_constraints(cls._parameter_constraints, {key: found}, caller_name=cls.__name__)
    except InvalidParameterError as error:
        rule = str(error).partition(" must be ")[2].rpartition(" Got ")[0] or str(error)
        msg = f"{place}: must be {rule.rstrip('.')}, not {value!r}"
        raise InvalidInputError(msg) from error
    return found
