"""Every exception that hepml raises on purpose, and the words that make its message useful.

Each class is a :class:`HepmlError` and the builtin that fits. A message says what was asked, where, what was found, what
is allowed and what to do next.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AnalysisFileError",
    "BranchNotFoundError",
    "BranchTypeError",
    "EmptyClassError",
    "EmptySelectionError",
    "ExportError",
    "ExpressionError",
    "FeatureMismatchError",
    "FeatureValueError",
    "FileUnreadableError",
    "HepmlError",
    "IdentityError",
    "InvalidInputError",
    "MissingDependencyError",
    "MissingFileError",
    "ModelFormatError",
    "NotSupportedError",
    "OutputError",
    "RootProcessError",
    "SchemaMismatchError",
    "TMVAError",
    "TreeNotFoundError",
    "UnknownNameError",
    "WeightError",
    "did_you_mean",
    "missing_dependency",
    "unknown_name",
]


class HepmlError(Exception):
    """Root of all errors that hepml raises on purpose."""

    def __str__(self) -> str:
        # KeyError would print the repr of its message
        return str(self.args[0]) if self.args else ""


class AnalysisFileError(HepmlError, ValueError):
    """The analysis file is not valid: unknown or duplicate key, wrong type, contradiction."""


class InvalidInputError(HepmlError, ValueError):
    """An argument has a value or shape that cannot be used."""


class ExpressionError(HepmlError, ValueError):
    """A selection, feature or weight expression cannot be parsed or evaluated."""


class MissingFileError(HepmlError, FileNotFoundError):
    """A file that was asked for does not exist, or a glob matches nothing."""


class FileUnreadableError(HepmlError, OSError):
    """A file is not a ROOT file, is truncated or is damaged."""


class TreeNotFoundError(HepmlError, KeyError):
    """A ROOT file holds no tree of that name."""


class BranchNotFoundError(HepmlError, KeyError):
    """A tree holds no branch of that name."""


class BranchTypeError(HepmlError, TypeError):
    """A branch has a type that cannot be used as it was asked for."""


class SchemaMismatchError(HepmlError, ValueError):
    """Files of one sample disagree on a branch."""


class EmptySelectionError(HepmlError, ValueError):
    """No event passes the selection."""


class EmptyClassError(HepmlError, ValueError):
    """A class has no events, or its weights sum to zero or less."""


class WeightError(HepmlError, ValueError):
    """Weights are NaN, infinite, all zero, or of a sign that a step cannot take."""


class FeatureValueError(HepmlError, ValueError):
    """A feature holds infinite values, or missing ones that a method cannot take."""


class FeatureMismatchError(HepmlError, ValueError):
    """The features given are not those that a model was trained on."""


class IdentityError(HepmlError, ValueError):
    """Event identities are missing, or one identity stands in two roles."""


class ModelFormatError(HepmlError, ValueError):
    """A model folder or file is damaged, unsafe, or of a format that is not known."""


class NotSupportedError(HepmlError, NotImplementedError):
    """A method or option that is known, but that the engine asked for does not have."""


class ExportError(HepmlError, ValueError):
    """A model cannot be held by a format, or what would be written does not agree with it."""


class OutputError(HepmlError, OSError):
    """An output cannot be written."""


class RootProcessError(HepmlError, RuntimeError):
    """The process that runs ROOT failed, crashed or took too long."""


class TMVAError(RootProcessError):
    """A real TMVA refused what it was asked for, in its own words."""


class UnknownNameError(HepmlError, KeyError):
    """A name that is not in a list of known ones."""


class MissingDependencyError(HepmlError, ImportError):
    """A library of an extra is not installed."""


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """Return ``"; did you mean 'a' or 'b'?"`` for the nearest known names, or ``""`` when none is near.

    Parameters
    ----------
    name : str
        What was asked for.
    known : iterable of str
        What exists.
    limit : int
        Largest number of suggestions.

    Returns
    -------
    str
        Text to append to a message.
    """
    candidates = list(dict.fromkeys(known))
    folded = {candidate.casefold(): candidate for candidate in candidates}
    near = [folded[key] for key in difflib.get_close_matches(name.casefold(), list(folded), n=limit, cutoff=0.6)]
    return f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for a name that is not in a registry, naming the nearest and all known ones."""
    names = sorted(known)
    return UnknownNameError(f"unknown {kind} {name!r}{did_you_mean(name, names)} (known: {', '.join(names)})")


def missing_dependency(module: str, purpose: str, extra: str) -> MissingDependencyError:
    """Build the error for a library that an extra would bring, with the command that installs it."""
    return MissingDependencyError(f'{module} is needed for {purpose}: pip install "hepml-framework[{extra}]"')
