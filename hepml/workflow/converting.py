"""Trained models in the formats of other programs, each verified before it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hepml import classifiers
from hepml.classifiers import FoldModel
from hepml.classifiers.model_files import TmvaScorer
from hepml.classifiers.networks.exports import program_of, write_network
from hepml.classifiers.tmva_method import TMVAMethod
from hepml.errors import ExportError, InvalidInputError, unknown_name
from hepml.forest import Forest
from hepml.tmva import Reader
from hepml.tmva import write as tmva_write
from hepml.workflow.run import Run

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from hepml.classifiers import Model
    from hepml.forest.verification import Verification

__all__ = ["Conversion", "convert_model"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was written, and how it was checked.

    There is no check for a forest (``.npz``), which is read back equal, and for the weights file that a method of TMVA has.
    """

    path: Path
    form: str
    verification: Verification | None


def convert_model(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    method: str | None = None,
    float32_features: bool = True,
    ignore_missing: bool = False,
    overwrite: bool = False,
) -> Conversion:
    """Write a model in the format that the name of the output tells.

    Parameters
    ----------
    model : path-like
        The folder of a model, a run folder, or a model file of another program.
    out : path-like
        ``X.weights.xml`` (or ``.xml``: TMVA), ``.json`` (XGBoost), ``.onnx``, ``.hpp`` (C++17), ``.c`` (C99), ``.py``
        (numpy) or ``.npz`` (a forest of hepml). A network has the first, ``.onnx`` and ``.hpp``.
    method : str, optional
        Which method of a run. Default: the only one.
    float32_features : bool
        For models that compare in double precision: write what is right for float32 features, where the format has no other.
    ignore_missing : bool
        Write for TMVA what was trained with missing values, for events that have none.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Conversion
        What was written.

    Raises
    ------
    ExportError
        If the format cannot hold the model, as none can hold the models of all folds, or what would be written disagrees
        with it.
    InvalidInputError
        If the model is no forest and the format none that networks have, the format is not known, or a run has several
        methods.
    HepmlError
        If the model cannot be read or the output not be written.
    """
    target = Path(out)
    suffix = target.suffix.lower()
    if suffix not in _FORMS:
        listed = ", ".join(f"{key} ({form})" for key, (form, _) in _FORMS.items())
        msg = f"{target} does not tell a format by its end: {listed}"
        raise InvalidInputError(msg)
    chosen = _chosen(Path(model), method)
    form, write = _FORMS[suffix]
    if (program := program_of(chosen)) is not None:
        check = write_network(chosen, program, target, ignore_missing=ignore_missing, overwrite=overwrite)
        return Conversion(target, form, check)
    if suffix == ".xml" and isinstance(chosen.estimator, TMVAMethod):
        chosen.estimator.save_weights(target, overwrite=overwrite)
        return Conversion(target, form, None)
    other = None if suffix != ".xml" else _writable_for_tmva(chosen)
    if other is not None:
        return Conversion(target, form, _write_for_tmva(chosen, other, target, overwrite=overwrite))
    forest = _forest(chosen, model, suffix)
    given = _Options(float32_features=float32_features, ignore_missing=ignore_missing, overwrite=overwrite)
    return Conversion(target, form, write(forest, target, given))


def _chosen(path: Path, method: str | None) -> Model:
    model: Model | FoldModel
    if (path / "metrics.json").is_file():
        run = Run(path)
        if method is None and len(run.method_names) > 1:
            msg = f"{path} has the methods {', '.join(run.method_names)}: choose one (--method)"
            raise InvalidInputError(msg)
        chosen = method or run.method_names[0]
        model, path = run.model(chosen), path / "models" / chosen
    else:
        model = classifiers.load(path)
        known = str(model.context.get("method", path.name))
        if method not in {None, known}:
            kind = "method"
            raise unknown_name(kind, str(method), [known])
    if isinstance(model, FoldModel):
        msg = (
            f"{path} holds the models of {len(model.models)} folds, and which of them scores an event is decided by its "
            f"identity, which no other format can do: convert one of them by its folder, such as "
            f"{path / model.folds.names[0]}, and score by it only events that none of its parts holds"
        )
        raise ExportError(msg)
    return model


def _writable_for_tmva(model: Model) -> object | None:
    """Return what :func:`hepml.tmva.write` can take of a model that is no forest, None if there is nothing."""
    estimator = model.estimator
    if isinstance(getattr(estimator, "forest_", None), Forest):
        return None
    # a kind of classifier that is a linear model or a network offers it as a fitted estimator of scikit-learn or torch
    return estimator.reader if isinstance(estimator, TmvaScorer) else getattr(estimator, "tmva_model_", None)


def _write_for_tmva(model: Model, writable: object, path: Path, *, overwrite: bool) -> Verification:
    if isinstance(writable, Reader):
        return tmva_write(writable, path, overwrite=overwrite)
    return tmva_write(writable, path, variables=model.features, overwrite=overwrite)


def _forest(model: Model, path: str | os.PathLike[str], suffix: str) -> Forest:
    forest = getattr(model.estimator, "forest_", None)
    if not isinstance(forest, Forest):
        msg = (
            f"{path} is of kind {model.kind!r}, which is neither a tree ensemble nor a dense network: only those can be "
            "converted, and for TMVA linear models and networks of scikit-learn and torch"
        )
        raise InvalidInputError(msg)
    if model.is_foreign:
        return forest
    # TMVA computes its variables from expressions; the others know names, and keep what else there is to say as text
    names = [feature.expression if suffix == ".xml" else feature.name for feature in model.features]
    described = {"features": [feature.to_dict() for feature in model.features]}
    return replace(forest, feature_names=tuple(names), metadata={**forest.metadata, **described})


@dataclass(frozen=True, slots=True)
class _Options:
    float32_features: bool
    ignore_missing: bool
    overwrite: bool


def _to_tmva(forest: Forest, path: Path, given: _Options) -> Verification:
    return forest.to_tmva(
        path,
        float32_features=given.float32_features,
        ignore_missing=given.ignore_missing,
        overwrite=given.overwrite,
    )


def _to_xgboost(forest: Forest, path: Path, given: _Options) -> Verification:
    return forest.to_xgboost(path, float32_features=given.float32_features, overwrite=given.overwrite)


def _to_onnx(forest: Forest, path: Path, given: _Options) -> Verification:
    return forest.to_onnx(path, float32_features=given.float32_features, overwrite=given.overwrite)


def _to_cpp(forest: Forest, path: Path, given: _Options) -> Verification:
    return forest.to_cpp(path, overwrite=given.overwrite)


def _to_c(forest: Forest, path: Path, given: _Options) -> Verification:
    return forest.to_cpp(path, language="c99", overwrite=given.overwrite)


def _to_python(forest: Forest, path: Path, given: _Options) -> Verification:
    return forest.to_python(path, overwrite=given.overwrite)


def _to_npz(forest: Forest, path: Path, given: _Options) -> None:
    forest.save(path, overwrite=given.overwrite)


_FORMS: dict[str, tuple[str, Callable[[Forest, Path, _Options], Verification | None]]] = {
    ".xml": ("TMVA", _to_tmva),
    ".json": ("XGBoost", _to_xgboost),
    ".onnx": ("ONNX", _to_onnx),
    ".hpp": ("C++17", _to_cpp),
    ".c": ("C99", _to_c),
    ".py": ("Python", _to_python),
    ".npz": ("forest", _to_npz),
}
