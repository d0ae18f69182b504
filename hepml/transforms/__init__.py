"""TMVA's transformations of variables, in chains and as scikit-learn transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hepml.transforms.chain import TransformChain
from hepml.transforms.markup import to_text
from hepml.transforms.selection import Column

if TYPE_CHECKING:
    from hepml.transforms.transformer import TmvaTransformer

__all__ = ["Column", "TmvaTransformer", "TransformChain", "to_text"]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    # reading a weights file must not wait for scikit-learn
    if name == "TmvaTransformer":
        from hepml.transforms.transformer import TmvaTransformer

        return TmvaTransformer
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
