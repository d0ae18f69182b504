"""What a model file says of its features beyond their names: text of our own in a place that its format leaves free.

A forest carries it as ``metadata["features"]``, a list of mappings (name, expression, unit, title, missing) that this room
hands on without looking into it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEY", "described_features", "to_text"]

KEY = "hepml_features"
_LONGEST = 10_000_000


def to_text(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the entry to write, empty if there is nothing to say."""
    features = metadata.get("features")
    return {KEY: json.dumps(features, ensure_ascii=False)} if isinstance(features, list) else {}


def described_features(entries: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the metadata that an entry of a file gives, empty if there is none that could be ours."""
    text = entries.get(KEY)
    if not isinstance(text, str) or len(text) > _LONGEST:
        return {}
    try:
        features = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {"features": features} if isinstance(features, list) else {}
