"""TMVA without ROOT: its weights files, outputs and options, its preparation of events, its methods trained and applied."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hepml.tmva.reader import Reader

if TYPE_CHECKING:
    from hepml.tmva.engine import RootReader, examine_tmva
    from hepml.tmva.output import read_output, write_output
    from hepml.tmva.preparation import PreparedData, TMVAEvents, prepare
    from hepml.tmva.training import Member, MethodOfRoot, TrainedMethod, TrainingLog, train
    from hepml.tmva.writing import write

__all__ = [
    "Member",
    "MethodOfRoot",
    "PreparedData",
    "Reader",
    "RootReader",
    "TMVAEvents",
    "TrainedMethod",
    "TrainingLog",
    "examine_tmva",
    "prepare",
    "read_output",
    "train",
    "write",
    "write_output",
]

# reading a weights file must not wait for what only training and writing need
_LATER = {
    "Member": "hepml.tmva.training",
    "MethodOfRoot": "hepml.tmva.training",
    "RootReader": "hepml.tmva.engine",
    "examine_tmva": "hepml.tmva.engine",
    "PreparedData": "hepml.tmva.preparation",
    "TMVAEvents": "hepml.tmva.preparation",
    "TrainedMethod": "hepml.tmva.training",
    "TrainingLog": "hepml.tmva.training",
    "prepare": "hepml.tmva.preparation",
    "read_output": "hepml.tmva.output",
    "train": "hepml.tmva.training",
    "write": "hepml.tmva.writing",
    "write_output": "hepml.tmva.output",
}


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
