"""The engine that hands a training to a real ``ROOT.TMVA``."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import atomic_folder, atomic_path
from hepml.errors import InvalidInputError, ModelFormatError
from hepml.tmva.engine.handover import hand_over
from hepml.tmva.engine.process import call, tmva_process
from hepml.tmva.engine.root_reader import RootReader
from hepml.tmva.reader import Reader
from hepml.tmva.training.answering import Answering
from hepml.tmva.training.reporting import TrainingLog

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from hepml.forest import Forest
    from hepml.tmva.engine.handover import Handover
    from hepml.tmva.methods.base import Method
    from hepml.tmva.preparation import PreparedData
    from hepml.tmva.setup import MethodSetup, Variable

__all__ = ["Member", "MethodOfRoot", "train_with_root"]

_NAME = re.compile(r"[A-Za-z0-9_][\w+-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a ``Category``, which answers for the events of one category.

    Parameters
    ----------
    cut : str
        On variables and spectators whose expressions are plain names.
    kind : str
        Kind of the method.
    options : str
        Its options.
    variables : sequence of str
        Labels of the variables that it uses. Default: all.
    name : str
        Its name. Default: its kind and place.
    """

    cut: str
    kind: str
    options: str = ""
    variables: Sequence[str] = ()
    name: str = ""


class MethodOfRoot(Answering):
    """A method that a real TMVA trained, and the files that it left.

    Attributes
    ----------
    weights_path : pathlib.Path
        TMVA's own weights file.
    folder : pathlib.Path
        Where it lies, with ``TMVA.root``, ``*.class.C``, ``log.txt`` and what else the method wrote.
    reader : Reader or RootReader
        What answers for events: ours, or a real ``TMVA::Reader`` if ours does not know the method.
    log : TrainingLog
        How it was trained; ``printed`` is TMVA's output.
    """

    def __init__(self, weights_path: Path, log: TrainingLog) -> None:
        self.weights_path = weights_path
        self.folder = weights_path.parent
        self.log = log
        self.reader: Reader | RootReader
        try:
            self.reader = Reader(weights_path)
        except ModelFormatError:
            self.reader = RootReader(weights_path)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name!r}, trained by a real TMVA on {self.log.n_events} events>"

    @property
    def setup(self) -> MethodSetup:
        """What the weights file says around the weights."""
        return self.reader.setup

    @property
    def method(self) -> Method:
        """The weights.

        Raises
        ------
        InvalidInputError
            If only a real TMVA reads them.
        """
        if not isinstance(self.reader, Reader):
            msg = f"{self.kind} is read by a real TMVA only"
            raise InvalidInputError(msg)
        return self.reader.method

    @property
    def forest(self) -> Forest:
        """The trees of a boosted decision tree.

        Raises
        ------
        InvalidInputError
            If it is something else.
        ExportError
            If it cuts on Fisher discriminants, or a preselection decides before the trees do.
        """
        from hepml.tmva.methods.bdt import BDT

        if isinstance(self.reader, Reader) and isinstance(self.reader.method, BDT):
            return self.reader.method.forest_alone(self.name)
        msg = f"{self.name} is of kind {self.kind}, and has no forest"
        raise InvalidInputError(msg)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Copy TMVA's weights file.

        Parameters
        ----------
        path : path-like
            The file, ``X.weights.xml``.
        overwrite : bool
            Whether an existing file may be replaced.

        Raises
        ------
        InvalidInputError
            If the weights are in several files, as those of foams: take the :attr:`folder`.
        OutputError
            If the file exists and may not be replaced, or cannot be written.
        """
        beside = sorted(self.folder.glob("*.weights_foams.root"))
        if beside:
            msg = f"{self.name} needs {beside[0].name} beside its weights file: copy both from {self.folder}"
            raise InvalidInputError(msg)
        with atomic_path(path, overwrite=overwrite) as temporary:
            shutil.copyfile(self.weights_path, temporary)


def train_with_root(  # noqa: PLR0917
    kind: str,
    name: str,
    options: str,
    data: PreparedData,
    folder: str | os.PathLike[str] | None = None,
    members: Sequence[Member] = (),
    timeout: float | None = None,
) -> MethodOfRoot:
    """Train a method by a real TMVA.

    Parameters
    ----------
    kind, name, options : str
        As ``Factory::BookMethod`` takes them; TMVA interprets the options.
    data : PreparedData
        The events.
    folder : path-like, optional
        New folder for what TMVA writes. Default: a temporary one, which is removed with the model.
    members : sequence of Member
        Of a ``Category``.
    timeout : float, optional
        Seconds. Default: a week.

    Raises
    ------
    TMVAError
        If TMVA refuses, with its own words.
    MissingDependencyError
        If there is no TMVA.
    RootProcessError
        If it crashes or takes too long.
    InvalidInputError
        If the name is no file name, some classes only have test events, or members are given for something else.
    OutputError
        If the folder exists.
    """
    if not _NAME.fullmatch(name):
        msg = f"{name!r} is no name of a method: letters, digits, '_', '-' and '+' make one, since it names files"
        raise InvalidInputError(msg)
    if bool(members) != (kind == "Category"):
        msg = "a Category needs members" if kind == "Category" else f"members are of a Category, not of {kind}"
        raise InvalidInputError(msg)
    if folder is None:
        temporary = Path(tempfile.mkdtemp(prefix="hepml-tmva-"))
        try:
            log = _train(kind, name, options, data, temporary, members, timeout)
            model = MethodOfRoot(temporary / f"TMVA_{name}.weights.xml", log)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        weakref.finalize(model, shutil.rmtree, temporary, ignore_errors=True)
        return model
    with atomic_folder(folder, overwrite=False) as inside:
        log = _train(kind, name, options, data, inside, members, timeout)
    return MethodOfRoot(Path(folder).absolute() / f"TMVA_{name}.weights.xml", log)


def _train(  # noqa: PLR0917
    kind: str,
    name: str,
    options: str,
    data: PreparedData,
    folder: Path,
    members: Sequence[Member],
    timeout: float | None,
) -> TrainingLog:
    with tmva_process(timeout) as process:
        handover = hand_over(data, process.folder / "input.root")
        start = time.perf_counter()
        call(process, "train", _arguments(kind, name, options, data, handover, members))
        seconds = time.perf_counter() - start
        printed = process.printed()
        _collect(process.folder, folder, handover, f"TMVA_{name}.weights.xml")
    (folder / "log.txt").write_text(printed + "\n")
    return TrainingLog(
        kind,
        name,
        "root",
        options,
        len(data.train),
        seconds,
        notes=_notes(data, is_category=bool(members)),
        printed=printed,
    )


def _arguments(  # noqa: PLR0917
    kind: str, name: str, options: str, data: PreparedData, handover: Handover, members: Sequence[Member]
) -> dict[str, Any]:
    variables = _declarations(data.variables, handover.variables)
    return {
        "kind": kind,
        "name": name,
        "options": options,
        "analysis_type": data.analysis_type,
        "preparation": f"SplitMode=Block:MixMode=Block:NormMode={data.norm_mode}:!V",
        "trees": list(handover.trees),
        "weight": handover.weight,
        "variables": [[*words, v.type] for words, v in zip(variables, data.variables, strict=True)],
        "spectators": _declarations(data.spectators, handover.spectators),
        "targets": _declarations(data.targets, handover.targets),
        # members of a category have events of their own, which TMVA makes of the trees again
        "arranged": {} if members else handover.arranged,
        "tests": len(data.test) > 0,
        "categories": [_member(member, place, data) for place, member in enumerate(members)],
    }


def _declarations(variables: Sequence[Variable], branches: Sequence[str]) -> list[list[str]]:
    return [
        [branch if variable.label == branch else f"{variable.label} := {branch}", variable.title, variable.unit]
        for variable, branch in zip(variables, branches, strict=True)
    ]


def _member(member: Member, place: int, data: PreparedData) -> list[str]:
    labels = [variable.label for variable in data.variables]
    chosen = list(member.variables or labels)
    for name in chosen:
        if name not in labels or ":" in name:
            why = "has a colon, by which TMVA tells names apart" if name in labels else "is no label of a variable"
            msg = f"a member of the category uses {name!r}, which {why} (there: {', '.join(labels)})"
            raise InvalidInputError(msg)
    return [member.cut, ":".join(chosen), member.kind, member.name or f"{member.kind}_{place}", member.options]


def _notes(data: PreparedData, *, is_category: bool) -> tuple[str, ...]:
    notes = []
    if is_category and (np.diff(data.train.class_index) < 0).any():
        notes.append(
            "TMVA makes the events of a category's members by itself, class by class, not in the order of the preparation: "
            "methods that draw random numbers event by event give another model than with that order"
        )
    if not len(data.test):
        notes.append("there are no test events: TMVA, which needs some, was given the training events for them")
    return tuple(notes)


def _collect(process_folder: Path, folder: Path, handover: Handover, weights: str) -> None:
    """Move what TMVA wrote to where it stays, expressions put where TMVA saw branches."""
    places = (process_folder / "dataset" / "weights", process_folder / "weights")
    written = [path for place in places for path in sorted(place.glob("*")) if path.is_file()]
    if not any(path.name == weights for path in written):
        msg = f"TMVA wrote no {weights}"
        raise ModelFormatError(msg)
    for path in written:
        if path.suffix == ".xml":
            path.write_text(handover.expressions_back(path.read_text()))
        elif path.suffix == ".C":
            path.write_text(handover.expressions_back(path.read_text(), quoted='"{}"'))
        shutil.move(path, folder / path.name)
    shutil.move(process_folder / "TMVA.root", folder / "TMVA.root")
