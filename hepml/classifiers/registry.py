"""Which kinds of classifier there are, and the class of each, imported only when it is asked for."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from hepml.errors import InvalidInputError, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from typing import Any, Literal

    Task = Literal["classification", "regression"]

__all__ = ["ENTRY_POINT_GROUPS", "available", "get"]

ENTRY_POINT_GROUPS = {"classification": "hepml.classifiers", "regression": "hepml.regressors"}

_BUILT_IN = {
    "classification": {
        "category": "hepml.classifiers.category:CategoryClassifier",
        "ensemble": "hepml.classifiers.ensemble:EnsembleClassifier",
        "hist_gradient_boosting": "hepml.classifiers.hist_gradient_boosting:HistGradientBoostingClassifier",
        "lightgbm": "hepml.classifiers.lightgbm:LightGBMClassifier",
        "nn": "hepml.classifiers.networks.classifier:NNClassifier",
        "sklearn": "hepml.classifiers.sklearn:SklearnClassifier",
        "tmva": "hepml.classifiers.tmva:TMVAClassifier",
        "xgboost": "hepml.classifiers.xgboost:XGBoostClassifier",
    },
    "regression": {
        "lightgbm": "hepml.classifiers.lightgbm:LightGBMRegressor",
        "sklearn": "hepml.classifiers.sklearn:SklearnRegressor",
        "hist_gradient_boosting": "hepml.classifiers.hist_gradient_boosting:HistGradientBoostingRegressor",
        "nn": "hepml.classifiers.networks.regressor:NNRegressor",
        "tmva": "hepml.classifiers.tmva_regressor:TMVARegressor",
        "xgboost": "hepml.classifiers.xgboost:XGBoostRegressor",
    },
}
_BASES = {
    "classification": "hepml.classifiers.base:Classifier",
    "regression": "hepml.classifiers.regression:Regressor",
}


def available(task: Task = "classification") -> tuple[str, ...]:
    """Return the names of all kinds for a task, those of installed plug-ins included, sorted; imports none of them."""
    return tuple(sorted({*_BUILT_IN[task], *_plug_ins(task)}))


# classes cannot be told apart by the type checker, as classifiers and regressors are asked for by a word
def get(kind: str, task: Task = "classification") -> type[Any]:
    """Return the estimator class of a kind.

    Parameters
    ----------
    kind : str
        ``"xgboost"``, ``"hist_gradient_boosting"``, or a name that an installed distribution registers under the
        entry-point group ``hepml.classifiers`` or ``hepml.regressors``. A plug-in cannot replace a built-in kind.
    task : {"classification", "regression"}
        What it is to do.

    Returns
    -------
    type
        A subclass of :class:`~hepml.classifiers.Classifier` or :class:`~hepml.classifiers.Regressor`, usable with its
        defaults.

    Raises
    ------
    UnknownNameError
        If no kind has that name; the message lists the known ones and the nearest.
    InvalidInputError
        If a plug-in does not give a subclass of the task's class.

    Examples
    --------
    >>> get("xgboost").kind
    'xgboost'
    """
    built_in = _BUILT_IN[task]
    if kind in built_in:
        found = _imported(built_in[kind])
    else:
        plug_ins = _plug_ins(task)
        if kind not in plug_ins:
            what = "classifier" if task == "classification" else "regressor"
            raise unknown_name(kind=what, name=kind, known={*built_in, *plug_ins})
        found = plug_ins[kind].load()
    base = _imported(_BASES[task])
    if not (isinstance(found, type) and issubclass(found, base)):
        msg = (
            f"the plug-in for {base.__name__.lower()} {kind!r} gives {found!r}, not a subclass of "
            f"hepml.classifiers.{base.__name__}"
        )
        raise InvalidInputError(msg)
    return found


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def _plug_ins(task: Task) -> dict[str, EntryPoint]:
    found = entry_points(group=ENTRY_POINT_GROUPS[task])
    return {point.name: point for point in found if point.name not in _BUILT_IN[task]}
