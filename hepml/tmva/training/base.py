"""``hepml.tmva.train``: a method of TMVA by its kind and option string, trained by our own engine or by a real TMVA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from hepml.errors import InvalidInputError, NotSupportedError, unknown_name
from hepml.tmva.options import parse
from hepml.tmva.preparation import PreparedData, from_dataset
from hepml.tmva.training.native import TRAINERS, Request, train_natively, what_is_missing
from hepml.tmva.training.with_root import train_with_root

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from hepml.data import Dataset
    from hepml.tmva.training.model import TrainedMethod
    from hepml.tmva.training.with_root import Member, MethodOfRoot

__all__ = ["TRAINERS", "Engine", "train"]

Engine = Literal["auto", "native", "root"]


def train(
    method: str,
    options: str,
    data: PreparedData | Dataset,
    *,
    engine: Engine = "auto",
    name: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    members: Sequence[Member] = (),
    timeout: float | None = None,
) -> TrainedMethod | MethodOfRoot:
    """Train a method of TMVA.

    Parameters
    ----------
    method : str
        Its kind: ``"Fisher"``, ``"BDT"``, ...
    options : str
        TMVA's option string, ``"!H:!V:VarTransform=D,G:CreateMVAPdfs"``. What it does not set has TMVA's default.
    data : PreparedData or Dataset
        Training events: of :func:`hepml.tmva.prepare`, or a dataset of signal and background, all of which is trained on,
        normalised by TMVA's default (``EqualNumEvents``).
    engine : {"auto", "native", "root"}
        ``"native"`` trains without ROOT, to the numbers of TMVA 4.2.1; ``"root"`` hands everything to a real TMVA, which
        interprets the options. Default: native.
    name : str, optional
        Name of the method. Default: its kind.
    folder : path-like, optional
        Of engine ``"root"``: a new folder for everything that TMVA writes.
    members : sequence of Member, optional
        Of engine ``"root"``: the methods of a ``Category``.
    timeout : float, optional
        Of engine ``"root"``: seconds that the training may take. Default: a week.

    Returns
    -------
    TrainedMethod or MethodOfRoot
        Its ``evaluate`` answers for events, ``save`` writes ``weights.xml``, ``log`` says how it was trained and by which
        engine.

    Raises
    ------
    UnknownNameError
        If there is no such kind or engine.
    InvalidInputError
        If the option string is wrong.
    NotSupportedError
        If the engine does not have the method or an option.
    TMVAError
        If a real TMVA refuses, with its own words.
    MissingDependencyError
        If there is no real TMVA for engine ``"root"``.
    HepmlError
        If the events cannot train it: weights of a class that sum to zero or less, constant or linearly dependent variables.

    Examples
    --------
    >>> fisher = hepml.tmva.train("Fisher", "VarTransform=D", prepared)  # doctest: +SKIP
    >>> fisher.save("TMVA_Fisher.weights.xml")  # doctest: +SKIP
    """
    if engine not in get_args(Engine):
        what = "engine"
        raise unknown_name(what, engine, get_args(Engine))
    if name is not None and not name:
        msg = "the name of a method cannot be empty"
        raise InvalidInputError(msg)
    prepared = data if isinstance(data, PreparedData) else from_dataset(data)
    if engine == "root":
        return train_with_root(method, name or method, options, prepared, folder, members, timeout)
    if folder is not None or members or timeout is not None:
        msg = 'folder, members and timeout are for engine="root"'
        raise InvalidInputError(msg)
    parsed = parse(
        method,
        options,
        analysis_type=prepared.analysis_type,
        n_variables=len(prepared.variables),
        classes=prepared.class_names,
        newer=True,
    )
    request = Request(method, name or method, parsed, prepared)
    missing = what_is_missing(request)
    if missing:
        msg = f'{missing}; engine="root" hands it to a real TMVA'
        raise NotSupportedError(msg)
    return train_natively(request)
