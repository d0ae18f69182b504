"""TMVA's transformations of variables, in chains and as scikit-learn transformers."""

from __future__ import annotations

from hepml.transforms.chain import TransformChain
from hepml.transforms.markup import to_text
from hepml.transforms.selection import Column

__all__ = ["Column", "TransformChain", "to_text"]
