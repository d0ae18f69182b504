"""TTreeFormula's language: parse an expression, and evaluate it on columns."""

from __future__ import annotations

from hepml.expressions.expression import Expression, parse
from hepml.expressions.steps import split_selection
from hepml.expressions.syntax import to_text

__all__ = ["Expression", "parse", "split_selection", "to_text"]
