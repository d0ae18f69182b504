"""Which kinds of classifier there are, and the class of each, imported only when it is asked for."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from hepml.errors import InvalidInputError, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from hepml.classifiers.base import Classifier

__all__ = ["ENTRY_POINT_GROUP", "available", "get"]

ENTRY_POINT_GROUP = "hepml.classifiers"

_BUILT_IN = {
    "hist_gradient_boosting": "hepml.classifiers.hist_gradient_boosting:HistGradientBoostingClassifier",
    "tmva": "hepml.classifiers.tmva:TMVAClassifier",
    "xgboost": "hepml.classifiers.xgboost:XGBoostClassifier",
}


def available() -> tuple[str, ...]:
    """Return the names of all kinds, those of installed plug-ins included, sorted; imports none of them."""
    return tuple(sorted({*_BUILT_IN, *_plug_ins()}))


def get(kind: str) -> type[Classifier]:
    """Return the estimator class of a kind.

    Parameters
    ----------
    kind : str
        ``"xgboost"``, ``"hist_gradient_boosting"``, or a name that an installed distribution registers under the
        entry-point group ``hepml.classifiers``. A plug-in cannot replace a built-in kind.

    Returns
    -------
    type
        A subclass of :class:`~hepml.classifiers.Classifier`, usable with its defaults.

    Raises
    ------
    UnknownNameError
        If no kind has that name; the message lists the known ones and the nearest.
    InvalidInputError
        If a plug-in does not give a subclass of ``Classifier``.

    Examples
    --------
    >>> get("xgboost").kind
    'xgboost'
    """
    if kind in _BUILT_IN:
        module, _, name = _BUILT_IN[kind].partition(":")
        found = getattr(importlib.import_module(module), name)
    else:
        plug_ins = _plug_ins()
        if kind not in plug_ins:
            raise unknown_name(kind="classifier", name=kind, known={*_BUILT_IN, *plug_ins})
        found = plug_ins[kind].load()
    from hepml.classifiers.base import Classifier

    if not (isinstance(found, type) and issubclass(found, Classifier)):
        msg = f"the plug-in for classifier {kind!r} gives {found!r}, not a subclass of hepml.classifiers.Classifier"
        raise InvalidInputError(msg)
    return found


def _plug_ins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name not in _BUILT_IN}
