"""The engine that hands a training to a real ``ROOT.TMVA``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from hepml.errors import NotSupportedError

if TYPE_CHECKING:
    from hepml.tmva.training.native import Request

__all__ = ["train_with_root"]


def train_with_root(request: Request) -> NoReturn:
    """Train a method by a real TMVA.

    Raises
    ------
    NotSupportedError
        Always: this engine is not there yet.
    """
    msg = f'engine="root" is not there yet, so {request.kind} cannot be trained by a real TMVA from here'
    raise NotSupportedError(msg)
