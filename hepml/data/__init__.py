"""Events in memory: features, signed weights, labels, identity and roles."""

from hepml.data.features import Feature

__all__ = ["Feature"]
