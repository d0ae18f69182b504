"""TMVA.root, opened: datasets in folders as TMVA writes them since 2015, or one at the top as it did before."""

from __future__ import annotations

import json
import os
from typing import Any

from hepml.errors import ModelFormatError
from hepml.readers.opening import damage, open_file
from hepml.tmva.output.contents import OutputDataset, OutputMethod, TMVAOutput
from hepml.tmva.output.tree import Note, OutputTree, read_tree

__all__ = ["read_output"]

_TREES = ("TrainTree", "TestTree")
_METHOD = "Method_"
_CORRELATION = "CorrelationMatrix"
_INPUTS = "InputVariables_Id/"
_CLASSES = {"S": "Signal", "B": "Background", "": "Regression"}
_HISTOGRAMS = ("TH1", "TH2", "TProfile")
_MOST_LISTED = 5
_VERSION = 1


def read_output(path: str | os.PathLike[str]) -> TMVAOutput:
    """Open a ``TMVA.root``, written by TMVA or by :func:`write_output`.

    Folders are listed; events, histograms and matrices are read when they are asked for. No ROOT is needed.

    Parameters
    ----------
    path : path-like
        The file; an address such as ``root://...`` will do.

    Returns
    -------
    TMVAOutput
        Datasets with their methods, trees, histograms and correlation matrices.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FileUnreadableError
        If it is not a ROOT file, or damaged.
    ModelFormatError
        If it holds no output of TMVA.

    Examples
    --------
    >>> output = read_output("TMVA.root")  # doctest: +SKIP
    >>> test = output.dataset().test.events()  # doctest: +SKIP
    >>> roc_curve(test.is_signal, test.response("BDT"), test.weight).auc  # doctest: +SKIP
    0.91
    """
    name = os.fspath(path)
    with open_file(name) as file, damage(name, "cannot be read as an output of TMVA"):
        kinds = {key.partition(";")[0]: kind for key, kind in file.iterclassnames(cycle=True)}
        tops = [folder for folder in dict.fromkeys(map(_folder_of, kinds)) if _is_dataset(folder, kinds)]
        if not tops:
            found = ", ".join(list(kinds)[:_MOST_LISTED]) or "nothing"
            msg = (
                f"{name} is no output of TMVA: neither at the top nor in a folder stands a TestTree, a TrainTree or a "
                f"folder {_METHOD}KIND. It holds {found}{', ...' if len(kinds) > _MOST_LISTED else ''}"
            )
            if "hepml" in kinds:
                msg += ". hepml wrote it: open the folder of its run with hepml.Run, or train with --tmva-output"
            raise ModelFormatError(msg)
        notes = {folder: _note(file, folder, kinds) for folder in tops}
        datasets = {folder: _dataset(file, name, folder, kinds, notes[folder]) for folder in tops}
    return TMVAOutput(name, datasets, "hepml" if any(note.is_ours for note in notes.values()) else "TMVA")


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _is_dataset(folder: str, kinds: dict[str, str]) -> bool:
    if any(part.startswith(_METHOD) for part in folder.split("/")):
        return False  # members of a category have such folders inside of its own
    inside = f"{folder}/" if folder else ""
    has_tree = any(kinds.get(f"{inside}{tree}") == "TTree" for tree in _TREES)
    has_method = any(
        kind == "TDirectory" and path.startswith(f"{inside}{_METHOD}") and "/" not in path.removeprefix(inside)
        for path, kind in kinds.items()
    )
    # methods without trees are a broken-off job; trees alone are those of a silent one, or the scores.root of a run
    return has_method or (has_tree and "hepml" not in kinds)


def _note(file: Any, folder: str, kinds: dict[str, str]) -> Note:
    path = f"{folder}/hepml" if folder else "hepml"
    if kinds.get(path) != "TObjString":
        return Note()
    found = json.loads(str(file[path]))
    if found["format"] != "hepml-tmva" or found["version"] > _VERSION:
        msg = f"{path} says {found['format']} {found['version']}; this hepml reads hepml-tmva up to {_VERSION}"
        raise ModelFormatError(msg)
    return Note(is_ours=True, yields=tuple((name, float(value)) for name, value in (found["yields"] or {}).items()))


def _dataset(file: Any, name: str, folder: str, kinds: dict[str, str], note: Note) -> OutputDataset:
    inside = f"{folder}/" if folder else ""
    own = {path.removeprefix(inside): kind for path, kind in kinds.items() if path.startswith(inside)}
    histograms = tuple(path for path, kind in own.items() if kind.startswith(_HISTOGRAMS))
    correlations = {
        _CLASSES.get(rest, rest): f"{inside}{_CORRELATION}{rest}"
        for path in histograms
        if path.startswith(_CORRELATION) and "/" not in path
        for rest in [path.removeprefix(_CORRELATION)]
    }
    n_variables = 0
    for path in correlations.values():
        n_variables = int(file[path].axis(0).member("fNbins"))
    drawn = frozenset(
        path.rpartition("/")[2]
        for path in histograms
        if path.startswith((_INPUTS, _METHOD)) and "__" in path and "/CorrelationPlots/" not in path
    )
    trees: dict[str, OutputTree] = {
        tree: read_tree(
            file[f"{inside}{tree}"],
            name,
            f"{inside}{tree}",
            drawn=drawn,
            n_variables=n_variables,
            note=note,
        )
        for tree in _TREES
        if own.get(tree) == "TTree"
    }
    methods = {method.name: method for method in _methods(file, name, inside, own, histograms)}
    for tree in trees.values():
        for response, _ in tree.columns.responses:
            methods.setdefault(response, OutputMethod(response, None, response, None, None, (), name))
    return OutputDataset(
        name=folder,
        train_tree=trees.get("TrainTree"),
        test_tree=trees.get("TestTree"),
        methods=methods,
        histogram_names=tuple(path for path in histograms if not path.startswith(_METHOD) and "/" in path),
        correlation_names=correlations,
        file=name,
    )


def _methods(file: Any, name: str, inside: str, own: dict[str, str], histograms: tuple[str, ...]) -> list[OutputMethod]:
    found = []
    for path, kind in own.items():
        outer, _, method = path.partition("/")
        if kind != "TDirectory" or not outer.startswith(_METHOD) or not method or "/" in method:
            continue
        folder = f"{inside}{path}"
        written = f"{path}/WeightFileName" in own
        found.append(
            OutputMethod(
                name=method,
                kind=outer.removeprefix(_METHOD),
                title=_title(file, folder) or method,
                folder=folder,
                weights_file=str(file[f"{folder}/WeightFileName"]) if written else None,
                histogram_names=tuple(
                    other.removeprefix(f"{path}/") for other in histograms if other.startswith(f"{path}/")
                ),
                file=name,
            )
        )
    return found


def _title(file: Any, folder: str) -> str:
    outer, _, inner = folder.rpartition("/")
    return str((file[outer] if outer else file).key(inner).fTitle)
