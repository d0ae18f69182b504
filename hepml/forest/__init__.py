"""Tree ensembles of every library in one representation: fast prediction, conversions in and out."""

from __future__ import annotations

from hepml.forest.files import open_forest
from hepml.forest.forest import Forest

__all__ = ["Forest", "open_forest"]
