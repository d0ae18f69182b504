"""``hepml.tmva.train``: a method of TMVA by its kind and option string, trained by our own engine or by a real TMVA."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from hepml.errors import InvalidInputError, NotSupportedError, unknown_name
from hepml.tmva.options import parse
from hepml.tmva.preparation import PreparedData, from_dataset
from hepml.tmva.training.native import TRAINERS, Request, train_natively, what_is_missing
from hepml.tmva.training.with_root import train_with_root

if TYPE_CHECKING:
    from hepml.data import Dataset
    from hepml.tmva.training.model import TrainedMethod

__all__ = ["TRAINERS", "Engine", "train"]

Engine = Literal["auto", "native", "root"]


def train(
    method: str, options: str, data: PreparedData | Dataset, *, engine: Engine = "auto", name: str | None = None
) -> TrainedMethod:
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
        ``"native"`` trains without ROOT, to the numbers of TMVA 4.2.1; ``"root"`` hands everything to a real TMVA. Default:
        native.
    name : str, optional
        Name of the method. Default: its kind.

    Returns
    -------
    TrainedMethod
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
    parsed = parse(
        method,
        options,
        analysis_type=prepared.analysis_type,
        n_variables=len(prepared.variables),
        classes=prepared.class_names,
    )
    request = Request(method, name or method, parsed, prepared)
    if engine == "root":
        return train_with_root(request)
    missing = what_is_missing(request)
    if missing:
        msg = f'{missing}; engine="root" hands it to a real TMVA'
        raise NotSupportedError(msg)
    return train_natively(request)
