"""ROOT trees in, checked and deployable signal/background classifiers out.

Every room (``hepml.readers``, ``hepml.evaluation``, ...) and every public name below is loaded on first use, so that
``import hepml`` costs milliseconds and pulls in no heavy library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hepml.classifiers import load
    from hepml.data import Dataset
    from hepml.readers import iterate, read, write
    from hepml.workflow import Analysis, Run, compare

_ROOMS = frozenset(
    {
        "classifiers",
        "cli",
        "config",
        "data",
        "errors",
        "evaluation",
        "expressions",
        "forest",
        "gan",
        "plots",
        "readers",
        "report",
        "tmva",
        "transforms",
        "workflow",
    }
)
_NAMES = {
    "Analysis": "workflow",
    "Dataset": "data",
    "Run": "workflow",
    "compare": "workflow",
    "iterate": "readers",
    "load": "classifiers",
    "read": "readers",
    "write": "readers",
}

__all__ = ["Analysis", "Dataset", "Run", "compare", "iterate", "load", "read", "write"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("hepml-framework")
    if name in _ROOMS:
        return importlib.import_module(f"hepml.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"hepml.{_NAMES[name]}"), name)
    msg = f"module 'hepml' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, *_NAMES, "__version__"})
