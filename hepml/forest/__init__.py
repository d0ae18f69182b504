"""Tree ensembles of every library in one representation: fast prediction, conversions in and out."""

from __future__ import annotations

from hepml.forest.forest import Forest

__all__ = ["Forest"]
