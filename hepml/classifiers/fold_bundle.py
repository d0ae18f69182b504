"""The bundle of a fold model: the bundles of all folds side by side, held together by ``model.json``.

Each fold is a bundle of its own, ``fold_0``, ``fold_1``, ..., as a single model is. ``model.json`` is written last and holds
the checksum of each fold's own ``model.json``, which holds those of its payloads. Loading executes nothing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.atomic import atomic_path, write_text
from hepml.classifiers.bundle import FOLDS_FORMAT, load_bundle
from hepml.classifiers.bundle_files import (
    MODEL_FILE,
    check_document,
    check_keys,
    document_text,
    library_versions,
    list_files,
    read_document,
    read_file,
    read_files,
)
from hepml.classifiers.card_text import CARD_FILE, card_text
from hepml.classifiers.fold_model import FoldModel
from hepml.data import FALLBACK_NAMES, Folds, SeenEvents
from hepml.data.seen import SEEN_FILE
from hepml.errors import HepmlError, IdentityError, ModelFormatError
from hepml.expressions import parse

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from hepml.classifiers.model import Model

__all__ = ["VERSION", "fold_context", "load_folds", "save_folds"]

VERSION = 1

_KEYS = {
    "format": str,
    "version": int,
    "n_folds": int,
    "seed": int,
    "identity": list,
    "samples": list,
    "models": list,
    "libraries": dict,
    "attachments": list,
    "context": dict,
}
_LARGEST_MODEL_FILE = 16 * 2**20


def fold_context(folds: Folds, number: int) -> dict[str, int]:
    """Return what the bundle of one fold must have in its context, as ``fold``."""
    return {"number": number, "n_folds": folds.n_folds, "seed": folds.seed}


def save_folds(
    folder: str | os.PathLike[str],
    folds: Folds,
    *,
    identity: Sequence[str],
    seen: SeenEvents,
    context: Mapping[str, Any] | None = None,
) -> FoldModel:
    """Make one model of the bundles ``fold_0``, ``fold_1``, ... that stand in a folder.

    Parameters
    ----------
    folder : path-like
        Holds the bundles; gets ``model.json``, replaced as a whole if it is there already.
    folds : Folds
        The folds that they were trained on.
    identity : sequence of str
        Integer expressions that identify an event.
    seen : SeenEvents
        The events of all folds.
    context : mapping, optional
        Anything that JSON can hold and that must stay with the model.

    Returns
    -------
    FoldModel
        As it is read again.

    Raises
    ------
    IdentityError
        If events are known by file and entry only.
    ModelFormatError
        If a bundle is missing or damaged, or the bundles are not those of one model.
    InvalidInputError
        If something given is not JSON.
    OutputError
        If the folder cannot be written.
    """
    path = Path(folder)
    if tuple(identity) == FALLBACK_NAMES or not identity:
        msg = "a fold model chooses by the event's identity, which file and entry are not: state `identity:`"
        raise IdentityError(msg)
    attachments = {SEEN_FILE: seen.to_bytes()}
    document = {
        "format": FOLDS_FORMAT,
        "version": VERSION,
        "n_folds": folds.n_folds,
        "seed": folds.seed,
        "identity": list(identity),
        "samples": list(seen.samples),
        "models": [{"name": name, "sha256": _model_file_hash(path / name)} for name in folds.names],
        "libraries": library_versions(),
        "attachments": list_files(attachments),
        "context": dict(context or {}),
    }
    _read_models(path, document, folds)
    for name, content in attachments.items():
        with atomic_path(path / name) as temporary:
            temporary.write_bytes(content)
    write_text(path / CARD_FILE, card_text(document))
    write_text(path / MODEL_FILE, document_text(document))
    return load_folds(path, read_document(path))


def load_folds(folder: Path, document: Mapping[str, Any]) -> FoldModel:
    """Read a fold model, whose model file was read; see :func:`hepml.classifiers.load`."""
    name = str(folder / MODEL_FILE)
    check_document(document, FOLDS_FORMAT, VERSION, _KEYS, name)
    identity, samples = (_texts(document[key], f"{name}: {key!r}") for key in ("identity", "samples"))
    if not identity or identity == FALLBACK_NAMES or document["seed"] < 0:
        msg = f"{name}: {identity} and the seed {document['seed']} do not tell the folds of events"
        raise ModelFormatError(msg)
    try:
        folds = Folds(document["n_folds"], document["seed"])
        for text in identity:
            parse(text)
    except HepmlError as error:
        msg = f"{name}: {error}"
        raise ModelFormatError(msg) from error
    models = _read_models(folder, document, folds)
    attachments = read_files(folder, document, "attachments")
    if SEEN_FILE not in attachments:
        msg = f"{name} lists no table of the events of the training ({SEEN_FILE})"
        raise ModelFormatError(msg)
    seen = SeenEvents.from_bytes(attachments[SEEN_FILE], identity, samples)
    return FoldModel(models, folds, identity, document["context"], dict(document), attachments, seen)


def _read_models(folder: Path, document: Mapping[str, Any], folds: Folds) -> tuple[Model, ...]:
    if [entry.get("name") if isinstance(entry, dict) else None for entry in document["models"]] != list(folds.names):
        msg = f"{folder / MODEL_FILE} does not list the models {', '.join(folds.names)}"
        raise ModelFormatError(msg)
    models: list[Model] = []
    for number, entry in enumerate(document["models"]):
        check_keys(entry, {"name": str, "sha256": str}, f"{MODEL_FILE}: models[{number}]")
        path = folder / entry["name"]
        if _model_file_hash(path) != entry["sha256"]:
            msg = f"{path / MODEL_FILE} does not have the checksum that {MODEL_FILE} states: it was changed or damaged"
            raise ModelFormatError(msg)
        model = load_bundle(path, read_document(path))
        if model.context.get("fold") != fold_context(folds, number):
            msg = (
                f"{path} was trained as fold {model.context.get('fold')!r:.100}, not as fold {number} of {folds.n_folds} "
                f"with seed {folds.seed}: its events would be others than those it has not seen"
            )
            raise ModelFormatError(msg)
        if models and (model.kind, model.features) != (models[0].kind, models[0].features):
            msg = (
                f"{path} has another kind or other features than {folds.names[0]}: the folds are not those of one model"
            )
            raise ModelFormatError(msg)
        models.append(model)
    return tuple(models)


def _model_file_hash(folder: Path) -> str:
    if folder.is_symlink():
        msg = f"{folder} is a link, which is not followed"
        raise ModelFormatError(msg)
    return hashlib.sha256(read_file(folder / MODEL_FILE, _LARGEST_MODEL_FILE)).hexdigest()


def _texts(content: list[Any], where: str) -> tuple[str, ...]:
    if not all(isinstance(text, str) for text in content):
        msg = f"{where} is not a list of texts"
        raise ModelFormatError(msg)
    return tuple(content)
