"""From what a user names to the sources of a comparison, each under a name of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hepml.errors import InvalidInputError, MissingFileError, ModelFormatError, unknown_name
from hepml.readers import split_location
from hepml.workflow.comparing.model_source import load_models, model_of_events, model_of_source
from hepml.workflow.comparing.output_source import output_source
from hepml.workflow.comparing.run_source import run_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.workflow.comparing.events import GivenEvents
    from hepml.workflow.comparing.scored import ScoredSource

__all__ = ["choose_methods", "open_sources"]


def open_sources(
    paths: Sequence[str | os.PathLike[str]],
    events: GivenEvents | None = None,
    *,
    signal_efficiency: float | None = None,
) -> tuple[ScoredSource, ...]:
    """Open runs, TMVA.root files and models.

    Parameters
    ----------
    paths : sequence of path-like
        Folders of runs, ``TMVA.root`` or ``TMVA.root:dataset``, models.
    events : GivenEvents, optional
        What models score. Default: the test events of the first source that is none.
    signal_efficiency : float, optional
        At which models that are cuts of TMVA answer.

    Returns
    -------
    tuple of ScoredSource
        In the order given.

    Raises
    ------
    InvalidInputError
        If there are no sources, one twice, models without events, or events without models; or if a signal efficiency is
        missing for cuts of TMVA, or given without them.
    MissingFileError
        If a source is not there.
    HepmlError
        If a source cannot be read.
    """
    texts = [os.fspath(path) for path in paths]
    if not texts:
        msg = "nothing to compare: name run folders, TMVA.root files or models"
        raise InvalidInputError(msg)
    twice = sorted({text for text in texts if texts.count(text) > 1})
    if twice:
        msg = f"{', '.join(twice)} is named twice"
        raise InvalidInputError(msg)
    kinds = {text: _kind(text) for text in texts}
    models = [text for text in texts if kinds[text] == "model"]
    opened = {
        text: run_source(Path(text)) if kind == "run" else output_source(text)
        for text, kind in kinds.items()
        if kind != "model"
    }
    if models and events is None and not opened:
        msg = (
            f"{models[0]} is a model and holds no events: give those that it is to score by an analysis file (--analysis) "
            f"or by files (--signal, --background), or name a run or a TMVA.root whose test events it can score"
        )
        raise InvalidInputError(msg)
    if events is not None and not models:
        msg = "events were given, and there is no model to score them: runs and TMVA.root files hold their own"
        raise InvalidInputError(msg)
    for text, loaded in load_models(models, signal_efficiency).items():
        if events is not None:
            opened[text] = model_of_events(loaded, events)
        else:
            base = next(opened[other] for other in texts if kinds[other] != "model")
            opened[text] = model_of_source(loaded, base)
    return _named([opened[text] for text in texts])


def choose_methods(sources: Sequence[ScoredSource], asked: Sequence[str] | None) -> dict[str, tuple[int, str]]:
    """Return source and method by the name that tables give it: ``METHOD``, or ``source/METHOD`` where several have one.

    Parameters
    ----------
    sources : sequence of ScoredSource
        All of them.
    asked : sequence of str, optional
        Which methods, as ``METHOD`` (of all sources) or ``source/METHOD``. Default: all.

    Returns
    -------
    dict of str to (int, str)
        In the order of the sources.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    """
    everything = [(place, method) for place, source in enumerate(sources) for method in source.methods]
    names = {pair: f"{sources[pair[0]].name}/{pair[1]}" for pair in everything}
    known = list(dict.fromkeys([*names.values(), *(method for _, method in everything)]))
    for name in asked or ():
        if name not in known:
            raise unknown_name(kind="method", name=name, known=known)
    chosen = [pair for pair in everything if not asked or names[pair] in asked or pair[1] in asked]
    single = [method for _, method in chosen]
    return {pair[1] if single.count(pair[1]) == 1 else names[pair]: pair for pair in chosen}


def _kind(text: str) -> str:
    path = Path(text)
    if path.is_dir():
        if (path / "metrics.json").is_file():
            return "run"
        if (path / "model.json").is_file():
            return "model"
        msg = f"{text} is neither a run (no metrics.json in it) nor a model (no model.json)"
        raise ModelFormatError(msg)
    file = split_location(text).path
    if "://" in file:
        return "TMVA.root"
    if not Path(file).is_file():
        msg = f"{file} does not exist: a source is a run folder, a TMVA.root or a model"
        raise MissingFileError(msg)
    with Path(file).open("rb") as stream:
        return "TMVA.root" if stream.read(4) == b"root" else "model"


def _named(sources: Sequence[ScoredSource]) -> tuple[ScoredSource, ...]:
    """Tell sources of one name apart by the ends of their files' names, then by the folders above them."""
    names = [source.name for source in sources]
    files = [Path(split_location(source.path).path).name for source in sources]
    for number in [number for number, name in enumerate(names) if names.count(name) > 1]:
        if files.count(files[number]) == 1:
            names[number] = files[number]
    for depth in range(1, 10):
        double = [number for number, name in enumerate(names) if names.count(name) > 1]
        for number in double:
            folders = Path(split_location(sources[number].path).path).resolve().parent.parts[-depth:]
            names[number] = "/".join((*folders, sources[number].name))
    for number, name in enumerate(names):
        if names.count(name) > 1:
            names[number] = f"{name}_{number}"
    return tuple(source.named(name) for source, name in zip(sources, names, strict=True))
