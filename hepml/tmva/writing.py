"""Models as ``weights.xml`` for a ``TMVA::Reader``, each read back and compared before anything is written."""

from __future__ import annotations

import gzip
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import atomic_path
from hepml.errors import ExportError, FeatureValueError, InvalidInputError
from hepml.forest import Forest
from hepml.forest.to_tmva import weights_lines
from hepml.forest.verification import Verification
from hepml.tmva.document_writing import document_of
from hepml.tmva.events import Events, chain_of, spectators_of
from hepml.tmva.from_sklearn import from_sklearn, is_sklearn
from hepml.tmva.from_torch import from_torch, is_torch
from hepml.tmva.methods.bdt import BDT
from hepml.tmva.networks import DOUBLE, SINGLE
from hepml.tmva.reader import Reader
from hepml.tmva.setup_making import setup_of, variables_of
from hepml.tmva.source import Source
from hepml.transforms.chain import TransformChain
from hepml.transforms.normalisation import Normalisation
from hepml.transforms.selection import Columns, Selection

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from hepml.data.features import Feature
    from hepml.tmva.methods.base import Method
    from hepml.tmva.networks import Network
    from hepml.tmva.setup import AnalysisType, MethodSetup, Variable
    from hepml.tmva.setup_making import Written

    Floats = NDArray[np.float64]

__all__ = ["write", "write_method"]

_FORM = "TMVA weights.xml"
_BY = "hepml, from the file"
_SEED = 20_406
_N_EVENTS = 3000
# events this many widths away show what only large values do
_FAR = 5.0
_FEATURES_SHOWN = 12
# of a response read back that is computed in the same way
_EQUAL = 1e-12
_WRITTEN = ("Fisher", "LD", "HMatrix", "MLP", "DL", "BDT")


def write(
    model: object,
    path: str | os.PathLike[str],
    *,
    variables: Sequence[str | Feature | Variable] | None = None,
    method: str | None = None,
    method_name: str | None = None,
    class_names: Sequence[str] | None = None,
    ranges: ArrayLike | None = None,
    options: Mapping[str, str] | None = None,
    analysis_type: AnalysisType | None = None,
    overwrite: bool = False,
) -> Verification:
    """Write a model as a ``weights.xml`` that a ``TMVA::Reader`` books.

    Parameters
    ----------
    model : object
        A fitted linear model or multilayer perceptron of scikit-learn, or a pipeline of scalers and one of these; a
        ``Sequential`` of dense layers of torch; a :class:`~hepml.tmva.Reader`; a :class:`~hepml.forest.Forest`; a
        :class:`~hepml.tmva.source.Source`, which a network of hepml becomes.
    path : path-like
        The file; ``.gz`` at its end packs it, which TMVA itself does not read.
    variables : sequence of str, Feature or Variable, optional
        In the order of the model's inputs: ``"pt"``, or ``"pt := sqrt(px*px+py*py)"``. Default: the names that the model
        knows.
    method : {"Fisher", "LD", "MLP", "DL"}, optional
        In which form. Default: Fisher for linear functions that tell two classes apart, LD for those that regress, MLP for
        networks whose hidden neurons have one activation, DL (newer ROOT only) for others.
    method_name : str, optional
        Name of the method. Default: that of its kind.
    class_names : sequence of str, optional
        Names of the classes, signal first, or of the targets of a regression. Default: as the model knows them, or
        ``"Signal"`` and ``"Background"``, ``"class0"``, ..., ``"target0"``, ...
    ranges : array-like of shape (n_variables, 2), optional
        Smallest and largest value of each variable in training: no response depends on them, and the events of the check
        lie there. Default: a width around the centre by the scaler of the model, or from -1 to 1.
    options : mapping of str to str, optional
        Options of the method that the file should state; no response depends on those that can be given.
    analysis_type : {"Classification", "Multiclass", "Regression"}, optional
        What the outputs of a torch network are.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Verification
        How the file was checked before it was written; ``largest_difference`` is that of a response.

    Raises
    ------
    ExportError
        If TMVA has no such model, or the file would not answer as the model does.
    InvalidInputError
        If names, ranges or options do not fit.
    OutputError
        If the file exists and may not be replaced, or cannot be written.

    Notes
    -----
    Fisher answers with the linear function itself, the margin, in double precision: the logarithm of the odds of a
    logistic regression, of which its probability is a monotone function. MLP answers with the probability. TMVA reads
    weights of MLP as single precision; what that may change is computed for each event from the sizes of the sums, and a
    file that differs by more is not written.

    Examples
    --------
    >>> write(LogisticRegression().fit(X, y), "LR.weights.xml", variables=["pt", "eta"])  # doctest: +SKIP
    """
    given: dict[str, Any] = {
        "method_name": method_name,
        "class_names": class_names,
        "ranges": ranges,
        "options": options,
    }
    if isinstance(model, Forest):
        _refuse_given(variables=variables, method=method, analysis_type=analysis_type)
        return model.to_tmva(path, overwrite=overwrite, **given)
    if isinstance(model, Reader):
        _refuse_given(variables=variables, method=method, analysis_type=analysis_type, **given)
        return _write_reader(model, path, overwrite=overwrite)
    if isinstance(model, Source):
        _refuse_given(analysis_type=analysis_type)
        source = model
    elif is_torch(model):
        source = from_torch(model, analysis_type)
    elif is_sklearn(model):
        _refuse_given(analysis_type=analysis_type)
        source = from_sklearn(model)
    else:
        msg = (
            f"{type(model).__name__} cannot be written for TMVA: models of scikit-learn and torch, forests, and methods "
            "that a Reader read can be"
        )
        raise ExportError(msg)
    return _write_source(source, path, variables=variables, kind=method, overwrite=overwrite, **given)


def _refuse_given(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            msg = f"{name} follows from this model and cannot be given"
            raise InvalidInputError(msg)


def _write_source(
    source: Source,
    path: str | os.PathLike[str],
    *,
    variables: Sequence[str | Feature | Variable] | None,
    kind: str | None,
    method_name: str | None,
    class_names: Sequence[str] | None,
    ranges: ArrayLike | None,
    options: Mapping[str, str] | None,
    overwrite: bool,
) -> Verification:
    n_variables = source.network.n_inputs
    names = list(variables) if variables is not None else list(source.variables)
    if len(names) != n_variables:
        msg = f"{source.library} has {n_variables} inputs, and {len(names)} variables are named: give their names in order"
        raise InvalidInputError(msg)
    kind = source.kind(kind)
    n_outputs = source.network.n_outputs
    targets = tuple(f"target{index}" for index in range(n_outputs))
    numbered = tuple(f"class{index}" for index in range(n_outputs))
    classes = source.classes or (numbered if source.analysis == "Multiclass" else ("Signal", "Background"))
    if class_names is not None:
        targets = classes = tuple(class_names)
        n_needed = 2 if source.analysis == "Classification" else n_outputs
        if len(classes) != n_needed:
            msg = f"{list(classes)} are {len(classes)} names for {n_needed} classes or targets"
            raise InvalidInputError(msg)
    limits = _ranges(source, ranges)
    normalised = source.scaling.ranges() if source.scaling is not None and kind in {"MLP", "DL"} else None
    network, transforms = source.folded, None
    if source.scaling is not None and normalised is not None:
        network = source.network.behind(source.scaling.of_normalised(normalised))
        transforms = _normalisation(names, normalised, 1 if source.analysis == "Regression" else len(classes))
    setup = setup_of(
        _built(network, kind, source.analysis),
        names,
        analysis_type=source.analysis,
        name=method_name,
        classes=classes,
        targets=targets,
        ranges=limits,
        options=options,
        transforms=transforms,
    )
    X = _events(limits)
    wide = X.astype(np.float64)
    expected = source.margin(wide) if kind == "Fisher" and source.margin is not None else source.respond(wide)
    allowed = _allowed(source, kind, X, normalised)
    return _export(document_of(setup), path, X, expected, allowed, overwrite=overwrite)


def _built(network: Network, kind: str, analysis: AnalysisType) -> Written:
    if kind == "Fisher":
        return network.to_fisher()
    if kind == "LD":
        return network.to_ld()
    return network.to_mlp(analysis) if kind == "MLP" else network.to_dl(analysis)


def _allowed(source: Source, kind: str, X: NDArray[np.float32], normalised: NDArray[np.float32] | None) -> Floats:
    if kind in {"MLP", "DL"}:
        bound = source.rounding(X, normalised)
        # targets and classes are returned in single precision
        return (
            bound
            if source.analysis == "Classification"
            else bound + SINGLE * np.abs(source.respond(X.astype(np.float64)))
        )
    affine = source.folded.layers[0][0]
    sizes = np.abs(X.astype(np.float64)) @ np.abs(affine.weights).T + np.abs(affine.bias)
    # LD rounds its sum to single precision after each term
    return sizes * (DOUBLE * 10 if kind == "Fisher" else (X.shape[1] + 2) * SINGLE)


def _ranges(source: Source, given: ArrayLike | None) -> Floats:
    n_variables = source.network.n_inputs
    if given is not None:
        # checked where they are written
        return np.asarray(given, dtype=np.float64)
    if source.scaling is None or not (source.scaling.factor != 0.0).all():
        return np.tile([-1.0, 1.0], (n_variables, 1))
    centre, width = source.scaling.centre(), source.scaling.width()
    return np.stack([centre - width, centre + width], axis=1)


def _normalisation(
    names: Sequence[str | Feature | Variable], ranges: NDArray[np.float32], n_classes: int
) -> TransformChain:
    columns = Columns.of(variables_of(names))
    slots = tuple(columns.slots("v"))
    # one table for each class and one for all, as TMVA counts on
    tables = np.repeat(ranges[:, None], 1 if n_classes == 1 else n_classes + 1, axis=1)
    step = Normalisation(Selection(slots, slots), tables[0], tables[1])
    return TransformChain(columns, (step,), (None,))


def _write_reader(reader: Reader, path: str | os.PathLike[str], *, overwrite: bool) -> Verification:
    method = reader.method
    if isinstance(method, BDT) and method.is_forest:
        if not reader.transforms:
            return method.forest.to_tmva(path, overwrite=overwrite)
        return write_method(method, reader.setup, path, weights=weights_lines(method.forest), overwrite=overwrite)
    if not hasattr(method, "to_xml"):
        msg = (
            f"{reader.setup.kind}::{reader.setup.name} cannot be written: of methods that were read, "
            f"{', '.join(_WRITTEN)} can be, BDT without Fisher cuts and preselection"
        )
        raise ExportError(msg)
    return write_method(method, replace(reader.setup, weights=method.to_xml()), path, overwrite=overwrite)


def write_method(
    method: Method,
    setup: MethodSetup,
    path: str | os.PathLike[str],
    *,
    weights: Iterable[str] | None = None,
    overwrite: bool = False,
) -> Verification:
    """Write a method of TMVA whose setup is known, as a training or :func:`hepml.tmva.setup_making.setup_of` gives it.

    Parameters
    ----------
    method : Method
        What the file must answer as.
    setup : MethodSetup
        What is written, the method's weights with it.
    path : path-like
        The file; ``.gz`` at its end packs it.
    weights : iterable of str, optional
        Lines of the element ``Weights``, instead of those of the setup.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ExportError
        If the file would not answer as the method does.
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    """
    text = document_of(setup, weights)
    chain = chain_of(setup)
    n_variables = len(setup.variables)
    X = _events(np.array([[v.minimum, v.maximum] for v in (*setup.variables, *setup.spectators)]))
    needed = [n_variables + place for place in spectators_of(chain)]
    X, expected = _answers(method, X, n_variables, chain)
    allowed = _EQUAL * np.maximum(1.0, np.abs(expected))
    return _export(text, path, X[:, [*range(n_variables), *needed]], expected, allowed, overwrite=overwrite)


def _answers(
    method: Method, X: NDArray[np.float32], n_variables: int, chain: TransformChain
) -> tuple[NDArray[np.float32], Floats]:
    """Return events, without those at which TMVA would stop, and the responses, shape (n_events, n_outputs)."""

    def respond(rows: NDArray[np.float32]) -> Floats:
        return method.respond(Events(rows[:, :n_variables], rows[:, n_variables:], chain)).reshape(len(rows), -1)

    try:
        return X, respond(X)
    except FeatureValueError:
        found = {}
        for place in range(len(X)):
            with suppress(FeatureValueError):
                found[place] = respond(X[place : place + 1])
        return X[list(found)], np.concatenate([np.empty((0, 1)), *found.values()])


def _events(limits: Floats) -> NDArray[np.float32]:
    """Return events in the ranges and beyond, the same for every call: float32 of shape (n_events, n_columns)."""
    rng = np.random.default_rng(_SEED)
    centre = 0.5 * (limits[:, 0] + limits[:, 1])
    width = np.maximum(0.5 * (limits[:, 1] - limits[:, 0]), np.abs(centre) * 1e-6)
    width[width == 0.0] = 1.0
    draws = rng.uniform(-1.0, 1.0, (_N_EVENTS, len(limits)))
    draws[::3] *= _FAR
    draws[0] = 0.0
    events: NDArray[np.float32] = np.asfortranarray((centre + width * draws).astype(np.float32))
    return events


def _export(
    text: str,
    path: str | os.PathLike[str],
    X: NDArray[np.float32],
    expected: Floats,
    allowed: Floats,
    *,
    overwrite: bool,
) -> Verification:
    """Compare what the text answers with what is expected, and write it."""
    reader = Reader(text)
    found = reader.evaluate(X).reshape(len(X), -1)
    if found.shape != expected.shape:
        msg = (
            f"the file would answer {found.shape[1]} numbers for an event, not {expected.shape[1]}; nothing was written"
        )
        raise ExportError(msg)
    difference = np.abs(found - expected)
    wrong = ~(difference <= allowed)
    if wrong.any():
        excess = np.where(wrong, np.where(np.isfinite(difference), difference - allowed, np.inf), -1.0)
        event, output = np.unravel_index(int(np.argmax(excess)), excess.shape)
        shown = zip(reader.features[:_FEATURES_SHOWN], X[event], strict=False)
        values = ", ".join(f"{feature.name} = {value.item()!r}" for feature, value in shown)
        msg = (
            f"the file would not answer as the model does, so nothing was written: in {int(wrong.any(axis=1).sum())} of "
            f"{len(X)} events the response differs by more than single precision explains. Worst is output {output} at "
            f"{values}: {found[event, output].item()!r} instead of {expected[event, output].item()!r}, where "
            f"{allowed[event, output]:.3g} is allowed"
        )
        raise ExportError(msg)
    content = text.encode("utf-8")
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(gzip.compress(content, mtime=0) if str(path).endswith(".gz") else content)
    size = np.maximum(1.0, np.abs(expected))
    return Verification(
        form=_FORM,
        verified=True,
        by=_BY,
        n_events=len(X),
        largest_difference=float(difference.max(initial=0.0)),
        margin_tolerance=float((allowed / size).max(initial=0.0)),
        score_tolerance=float((allowed / size).max(initial=0.0)),
    )
