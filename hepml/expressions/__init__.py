"""TTreeFormula's language: parse an expression, and evaluate it on columns."""

from __future__ import annotations

from hepml.expressions.expression import Expression, parse
from hepml.expressions.syntax import to_text

__all__ = ["Expression", "parse", "to_text"]
