"""A :class:`MethodSetup` for a method that no file holds yet: names, ranges, options and releases around its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from hepml.data.features import Feature
from hepml.errors import InvalidInputError, unknown_name
from hepml.forest.tmva_document import RELEASES, internal_name
from hepml.tmva.methods.mlp import MLP
from hepml.tmva.options import declared
from hepml.tmva.setup import MethodSetup, Option, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from numpy.typing import ArrayLike

    from hepml.tmva.option_tables import Declared, Value
    from hepml.tmva.setup import AnalysisType
    from hepml.transforms import TransformChain

__all__ = ["Written", "setup_of", "variables_of"]

# the last release that TMVA reads with the exact tanh
_RELEASE_OF_EXACT_TANH = "4.2.0 [262656]"
# these say what the weights mean
_NOT_FREE = ("NeuronType", "EstimatorType", "NeuronInputType", "HiddenLayers", "VarTransform", "Layout")
_CLASSES = ("Signal", "Background")


class Written(Protocol):
    """A method that writes its weights."""

    @property
    def kind(self) -> str: ...  # noqa: D102

    def to_xml(self) -> Element:
        """Return ``Weights``."""


def setup_of(
    method: Written,
    variables: Sequence[str | Feature | Variable],
    *,
    analysis_type: AnalysisType = "Classification",
    name: str | None = None,
    classes: Sequence[str] = _CLASSES,
    targets: Sequence[str | Feature | Variable] = (),
    spectators: Sequence[str | Feature | Variable] = (),
    ranges: ArrayLike | None = None,
    options: Mapping[str, str] | None = None,
    info: Mapping[str, str] | None = None,
    transforms: TransformChain | None = None,
    pdfs: Element | None = None,
) -> MethodSetup:
    """Return what a weights file is to say of a method.

    Parameters
    ----------
    method : Fisher, LD, HMatrix, MLP or DL
        The weights.
    variables, targets, spectators : sequence of str, Feature or Variable
        In order; ``"pt"``, or ``"pt := sqrt(px*px+py*py)"`` as TMVA takes it.
    analysis_type : str
        What it was trained for.
    name : str, optional
        Of the method. Default: its kind.
    classes : sequence of str
        In order of their index.
    ranges : array-like of shape (n_variables, 2), optional
        Smallest and largest value of each variable in training. Default: those of ``variables``.
    options : mapping of str to str, optional
        Options to state, by name; they are marked as modified if they differ from the default.
    info : mapping of str to str, optional
        Entries of GeneralInfo behind or in place of those that always stand there: ``Training events``, ...
    transforms : TransformChain, optional
        Before the method; ``options`` may say how it was booked (``VarTransform``).
    pdfs : Element, optional
        ``MVAPdfs``.

    Raises
    ------
    InvalidInputError
        If names or ranges do not fit, or an option follows from the weights.
    UnknownNameError
        If the method has no such option.
    """
    found = variables_of(variables)
    if ranges is not None:
        limits = np.asarray(ranges, dtype=np.float64)
        if limits.shape != (len(found), 2) or not np.isfinite(limits).all() or (limits[:, 0] > limits[:, 1]).any():
            msg = f"ranges must be the smallest and largest value of each of the {len(found)} variables"
            raise InvalidInputError(msg)
        found = tuple(
            _with_range(variable, float(low), float(high)) for variable, (low, high) in zip(found, limits, strict=True)
        )
    regresses = analysis_type == "Regression"
    classes = ("Regression",) if regresses else tuple(classes)
    if len(set(classes)) != len(classes) or (analysis_type == "Classification" and len(classes) != 2):
        msg = f"{list(classes)} are no different names for the classes of a {analysis_type.lower()}"
        raise InvalidInputError(msg)
    has_exact_tanh = isinstance(method, MLP) and method.has_exact_tanh
    releases = RELEASES | ({"TMVA Release": _RELEASE_OF_EXACT_TANH} if has_exact_tanh else {})
    return MethodSetup(
        kind=method.kind,
        name=name or method.kind,
        info=releases | {"Creator": "hepml"} | dict(info or {}) | {"AnalysisType": analysis_type},
        options=_options(method, analysis_type, len(found), dict(options or {}), transforms),
        variables=found,
        spectators=variables_of(spectators),
        targets=variables_of(targets) if regresses else (),
        classes=classes,
        transformations=None if transforms is None else transforms.to_xml(),
        pdfs=pdfs,
        weights=method.to_xml(),
        source="what is to be written",
    )


def variables_of(given: Sequence[str | Feature | Variable]) -> tuple[Variable, ...]:
    """Return variables as a weights file names them.

    Raises
    ------
    InvalidInputError
        If a name is empty or stands twice.
    """
    found = tuple(map(_variable, given))
    labels = [variable.label for variable in found]
    if not all(labels) or not all(v.expression for v in found) or len(set(labels)) != len(labels):
        msg = f"{labels} must be different names, none of them empty"
        raise InvalidInputError(msg)
    return found


def _variable(given: str | Feature | Variable) -> Variable:
    if isinstance(given, Variable):
        return given
    if isinstance(given, Feature):
        label, expression, title, unit = given.name, given.expression, given.title, given.unit
    else:
        label, assigned, expression = (part.strip() for part in given.partition(":="))
        expression = expression if assigned else label
        title, unit = label, ""
    return Variable(expression, label, title, unit, internal_name(label))


def _with_range(variable: Variable, low: float, high: float) -> Variable:
    return Variable(
        variable.expression, variable.label, variable.title, variable.unit, variable.internal, variable.type, low, high
    )


def _options(
    method: Written, analysis: AnalysisType, n_variables: int, given: dict[str, str], transforms: TransformChain | None
) -> dict[str, Option]:
    following = method.options() if isinstance(method, MLP) else {}
    booked = given.pop("VarTransform", None) if transforms is not None and transforms.steps else None
    for name in given:
        if name in _NOT_FREE:
            msg = f"the option {name} follows from the model and cannot be set"
            raise InvalidInputError(msg)
    if transforms is not None and transforms.steps:
        following["VarTransform"] = booked or "N"
    found = {}
    for option in declared(method.kind, analysis_type=analysis, n_variables=n_variables):
        default = _as_text(option)
        value = following.pop(option.name, given.pop(option.name, default))
        found[option.name] = Option(value, modified=value != default)
    if given:
        what = f"option of {method.kind}"
        raise unknown_name(what, next(iter(given)), list(found))
    return found


def _as_text(option: Declared) -> str:
    """Return a default as TMVA prints it."""
    value: Value | None = option.default
    return f"{value:.6e}" if isinstance(value, float) else str(value)
