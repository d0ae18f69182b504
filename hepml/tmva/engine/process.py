"""The process that has a real TMVA: which Python and library it takes, and what TMVA says where it fails."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.errors import HepmlError, MissingDependencyError, RootProcessError, TMVAError
from hepml.root_process import RootProcess, root_is_installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["HOW_TO_GET_IT", "TMVAInstallation", "call", "examine_tmva", "tmva_process"]

HOW_TO_GET_IT = (
    "ROOT's pip wheel has no TMVA. Take the Python of a ROOT that has it (conda-forge, LCG), or name that Python by "
    "HEPML_TMVA_PYTHON, or a libTMVA built for the ROOT that is here by HEPML_TMVA_LIBRARY"
)

_TASK = str(Path(__file__).with_name("task.py"))
_WEEK = 7 * 86_400.0
_EXAMINED_WITHIN = 120.0
_SHOWN = 2000
_VERSION = re.compile(r"TMVA Version (\d[\w.]*)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HEAD = re.compile(r"(?:--- )?<(?:FATAL|ERROR)>\s*(.*)")
_FATAL = re.compile(r"(?:--- )?<FATAL>")
# what is printed before an assertion that fails
_UNKNOWN = re.compile(r"ClassifierFactory\S*::Create - (.*)")


@dataclass(frozen=True, slots=True)
class TMVAInstallation:
    """A real TMVA, or why there is none.

    Parameters
    ----------
    root, tmva : str or None
        Releases; None if there is none.
    problem : str
        Why there is no TMVA, ``""`` if there is.
    """

    root: str | None
    tmva: str | None
    problem: str = ""


def examine_tmva() -> TMVAInstallation:
    """Start ROOT, and say which TMVA it has.

    Returns
    -------
    TMVAInstallation
        Of the Python that ``HEPML_TMVA_PYTHON`` names, else of the one that runs this.

    Notes
    -----
    It takes a second or two. Nothing is raised.
    """
    if not _python() and not root_is_installed():
        return TMVAInstallation(None, None, f"PyROOT is not installed. {HOW_TO_GET_IT}")
    try:
        with tmva_process(_EXAMINED_WITHIN) as process:
            root = str(call(process, "version", {}))
            found = _VERSION.search(process.printed())
            return TMVAInstallation(root, found[1] if found else "of unknown release")
    except (HepmlError, OSError) as error:
        return TMVAInstallation(None, None, str(error))


@contextlib.contextmanager
def tmva_process(timeout: float | None = None) -> Iterator[RootProcess]:
    """Start a process for a real TMVA: a new one each time, since TMVA keeps what it was told.

    Parameters
    ----------
    timeout : float, optional
        Seconds that a call may take. Default: a week.

    Yields
    ------
    RootProcess
        What runs in it is called by :func:`call`.

    Raises
    ------
    MissingDependencyError
        If there is no PyROOT.
    """
    try:
        with RootProcess(
            purpose='engine="root"', timeout=_WEEK if timeout is None else timeout, python=_python()
        ) as process:
            yield process
    except PermissionError as error:
        msg = f"{_python()}, which HEPML_TMVA_PYTHON names, cannot be run ({error.strerror})"
        raise MissingDependencyError(msg) from error


def call(process: RootProcess, task: str, arguments: Mapping[str, Any]) -> Any:
    """Run a task of :mod:`hepml.tmva.engine.task`.

    Raises
    ------
    TMVAError
        If TMVA ended it, with what TMVA said.
    MissingDependencyError
        If this ROOT has no TMVA.
    RootProcessError
        If it crashed or took too long.
    """
    try:
        return process.call(f"{_TASK}:{task}", arguments)
    except MissingDependencyError as error:
        msg = f"{error}. {HOW_TO_GET_IT}"
        raise MissingDependencyError(msg) from error
    except TMVAError as error:
        said = complaint(process.printed())
        msg = f"{error}. {said}" if said else str(error)
        raise TMVAError(msg) from error
    except RootProcessError as error:
        said = complaint(process.printed())
        if not said:
            raise
        msg = f"TMVA ended the training: {said}" if task == "train" else f"TMVA refused: {said}"
        raise TMVAError(msg) from error


def complaint(printed: str) -> str:
    """Return what TMVA said in its errors, ``<FATAL> Source : words``, as one line; "" if there was none."""
    found: list[str] = []
    fatal = False
    for line in map(str.strip, _COLOUR.sub("", printed).splitlines()):
        unknown = _UNKNOWN.match(line)
        if unknown:
            return unknown[1]
        head = _HEAD.match(line)
        if not head:
            continue
        fatal = fatal or bool(_FATAL.match(line))
        source, _, words = head[1].partition(":")
        text = (words or source).strip()
        if text:
            found.append(text)
    return " ".join(found)[-_SHOWN:] if fatal else ""


def _python() -> str | None:
    return os.environ.get("HEPML_TMVA_PYTHON") or None
