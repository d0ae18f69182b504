"""TMVA.root, written without ROOT: the folders, trees and histograms that TMVA's macros draw."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.readers import root_writer
from hepml.tmva.output.layout import single_columns, tree_columns
from hepml.tmva.output.responses import response_histograms
from hepml.tmva.output.variables import VariableLabel, correlation_matrices, correlation_plots, variable_histograms

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from hepml.readers import RootWriter
    from hepml.tmva.output.events import OutputEvents
    from hepml.tmva.output.filled import Filled

__all__ = ["write_output"]

_LOG = logging.getLogger("hepml.tmva")

_CHUNK_ROWS = 200_000
_NOTHING: Mapping[str, str] = MappingProxyType({})
# ROOT takes them for folders and for versions of a key
_NOT_IN_KEYS = re.compile(r"[/;\x00-\x1f]")
# Tools::ReplaceRegularExpressions
_REPLACED = str.maketrans(dict.fromkeys("$&|!%^()'<>?=[]; ", "_") | {"*": "_T_", "/": "_D_", "+": "_P_", "-": "_M_"})


def write_output(
    path: str | os.PathLike[str],
    train: OutputEvents,
    test: OutputEvents,
    *,
    dataset: str = "dataset",
    kinds: Mapping[str, str] = _NOTHING,
    labels: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    yields: Mapping[str, float] | None = None,
    overwrite: bool = False,
) -> None:
    """Write what ``TMVA::Factory`` leaves of a classification: trees and histograms in its layout.

    ``TMVA::TMVAGui``, its macros and scripts that read TMVA.root find what they look for: responses, the check of
    overtraining, efficiencies, ROC curves, input variables and their correlations. Objects that describe how TMVA's own
    methods train are not there; docs/tmva_output.md lists them.

    Parameters
    ----------
    path : path-like
        The file.
    train, test : OutputEvents
        Signal and background with the responses of the same methods. Weights are physics weights and are written as they
        are, in single precision; so are all numbers but whole ones.
    dataset : str
        Name of the folder, which TMVA gets from its ``DataLoader``.
    kinds : mapping of str to str
        Kind of each method, by which TMVA groups folders: ``BDT`` makes ``Method_BDT``. Default: the method's name.
    labels : mapping of str to (str, str)
        Title, plain or in mathtext, and unit of variables. Default: their names.
    yields : mapping of str to float, optional
        Expected number of ``Signal`` and ``Background`` events, stored so that significances can be computed from the file.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InvalidInputError
        If there are several classes or targets, or both parts differ in columns or methods, or a name is not possible.
    OutputError
        If the file exists and may not be replaced, or cannot be written.

    Examples
    --------
    >>> write_output("TMVA.root", train, test, kinds={"xgb": "BDT"})  # doctest: +SKIP
    """
    _check(train, test, (dataset, *test.responses, *kinds.values()))
    titled = {_internal(name): _label(name, *labels.get(name, (name, ""))) for name in train.variables}
    train, test = _renamed(train), _renamed(test)
    with root_writer(path, overwrite=overwrite, any_root=True) as writer:
        _store(writer, dataset, correlation_matrices(train, titled))
        _store(writer, f"{dataset}/InputVariables_Id", variable_histograms(train, titled, "_Id"))
        _store(writer, f"{dataset}/InputVariables_Id/CorrelationPlots", correlation_plots(train, titled, "_Id"))
        for method in test.responses:
            folder = f"{dataset}/Method_{kinds.get(method, method)}/{method}"
            try:
                _store(writer, folder, list(response_histograms(method, train, test)))
            except (EmptyClassError, InvalidInputError) as error:
                _LOG.warning("%s has no histograms of %s: %s", path, method, error)
            _store(writer, folder, variable_histograms(test, titled, ""))
        for tree, events in (("TestTree", test), ("TrainTree", train)):
            # a part without events still makes a tree with its branches
            for start in range(0, max(len(events), 1), _CHUNK_ROWS):
                chunk = single_columns(tree_columns(events.rows(slice(start, start + _CHUNK_ROWS))))
                writer.extend(f"{dataset}/{tree}", chunk)
        # inside of the dataset: TMVA's GUI takes each key at the top for a dataset
        writer.note(
            {"format": "hepml-tmva", "version": 1, "yields": None if yields is None else dict(yields)}, folder=dataset
        )


def _store(writer: RootWriter, folder: str, histograms: Iterable[tuple[str, Filled]]) -> None:
    for key, filled in histograms:
        writer.store(f"{folder}/{key}", filled.to_root())


def _check(train: OutputEvents, test: OutputEvents, names: tuple[str, ...]) -> None:
    for what, events in (("training", train), ("test", test)):
        if not set(events.classes.values()) <= {"Signal", "Background"} or events.targets:
            msg = (
                f"the {what} events have the classes {', '.join(events.classes.values())}: only Signal and Background can "
                f"be written, as uproot writes no branch of several leaves, which TMVA has for several classes and targets"
            )
            raise InvalidInputError(msg)
        if not events.variables:
            msg = f"the {what} events have no variables"
            raise InvalidInputError(msg)
        wide = [name for name, response in events.responses.items() if np.ndim(response) != 1]
        if wide:
            msg = f"the responses of {', '.join(wide)} are not one number an event"
            raise InvalidInputError(msg)
    for what in ("variables", "spectators", "responses"):
        found, expected = list(getattr(test, what)), list(getattr(train, what))
        if found != expected:
            msg = f"training and test events have other {what}: {', '.join(expected)} and {', '.join(found)}"
            raise InvalidInputError(msg)
    for name in names:
        if not name or _NOT_IN_KEYS.search(name):
            msg = f"{name!r} cannot be the name of a folder in a ROOT file"
            raise InvalidInputError(msg)


def _label(name: str, title: str, unit: str) -> VariableLabel:
    """Return a title in mathtext as ROOT's TLatex writes it; a name such as ``Max$(a)`` is none."""
    return VariableLabel(title if title == name else title.replace("$", "").replace("\\", "#"), unit)


def _internal(name: str) -> str:
    """Return what TMVA makes of an expression to name a branch."""
    return name.replace("::", "_").translate(_REPLACED)


def _renamed(events: OutputEvents) -> OutputEvents:
    """Return the events with TMVA's names of variables and spectators."""
    named = [*events.variables, *events.spectators, *events.responses, "classID", "className", "weight"]
    seen: dict[str, str] = {}
    for name in named:
        if (internal := _internal(name)) in seen:
            msg = f"{seen[internal]!r} and {name!r} would both be the branch {internal!r}: rename one"
            raise InvalidInputError(msg)
        seen[internal] = name
    return replace(
        events,
        variables={_internal(name): column for name, column in events.variables.items()},
        spectators={_internal(name): column for name, column in events.spectators.items()},
    )
