"""A trained network in the formats of other programs, each checked against the network before it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.classifiers.card import ModelCard
from hepml.classifiers.networks.program import Program
from hepml.classifiers.networks.to_cpp import cpp_form
from hepml.classifiers.networks.to_onnx import onnx_form
from hepml.classifiers.networks.to_tmva import tmva_source
from hepml.classifiers.networks.verification import export
from hepml.errors import InvalidInputError
from hepml.forest.source_text import safe_identifier
from hepml.tmva import write

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hepml.classifiers.model import Model
    from hepml.forest.verification import Verification

__all__ = ["FORMS", "program_of", "write_network"]

FORMS = {".onnx": "ONNX", ".hpp": "C++17", ".xml": "TMVA"}


def program_of(model: Model) -> Program | None:
    """Return the network that a model is, as its estimator offers it by ``program_``; None for other models."""
    found = getattr(model.estimator, "program_", None)
    return found if isinstance(found, Program) else None


def write_network(
    model: Model, program: Program, path: Path, *, ignore_missing: bool = False, overwrite: bool = False
) -> Verification:
    """Write a network in the format that the name of the output tells.

    Parameters
    ----------
    model : Model
        Whose scores the file must give.
    program : Program
        What :func:`program_of` gives of it.
    path : pathlib.Path
        ``.onnx``, ``.hpp`` (C++17) or ``.xml`` (TMVA's MLP or DL).
    ignore_missing : bool
        Write for TMVA what was trained with missing values, for events that have none.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Verification
        How it was checked.

    Raises
    ------
    ExportError
        If the format cannot hold the network, or would give other scores.
    InvalidInputError
        If there is no such format for networks.
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMS:
        listed = ", ".join(f"{key} ({form})" for key, form in FORMS.items())
        msg = f"{path} is no format for networks; they are written as {listed}"
        raise InvalidInputError(msg)
    # an estimator may know its features by their place only
    program = replace(program, features=tuple(feature.name for feature in model.features))
    evaluate = _scores(model, program)
    if suffix == ".xml":
        labels = getattr(model.estimator, "classes_", ()) if program.link == "softmax" else ()
        source = tmva_source(program, [str(label) for label in labels], ignore_missing=ignore_missing)
        return write(source, path, variables=model.features, ranges=_ranges(model), overwrite=overwrite)
    if suffix == ".onnx":
        described = {"features": [feature.to_dict() for feature in model.features]}
        return export(onnx_form(program, described), program, evaluate, path, overwrite=overwrite)
    name = safe_identifier(Path(path).name.partition(".")[0], "network")
    return export(cpp_form(program, name), program, evaluate, path, overwrite=overwrite)


def _scores(model: Model, program: Program) -> Callable[[NDArray[np.float32]], NDArray[np.float64]]:
    """Return the scores of the model itself: missing where it takes no missing value, which would be an error."""

    def evaluate(X: NDArray[np.float32]) -> NDArray[np.float64]:
        score = np.full((len(X), program.n_outputs), np.nan)
        known = ~np.isnan(X[:, list(program.without_fill)]).any(axis=1)
        score[known] = model.estimator.evaluate(X[known]).reshape(-1, program.n_outputs)
        return score

    return evaluate


def _ranges(model: Model) -> NDArray[np.float64] | None:
    """Return where each feature lay in the training, None if that is not known of each."""
    card = ModelCard.from_context(model.context)
    ends: list[tuple[Any, Any]] = [] if card is None else [(one.minimum, one.maximum) for one in card.features]
    known = all(low is not None and high is not None and low < high for low, high in ends)
    return np.array(ends, dtype=np.float64) if ends and known else None
