"""What is to be read as one sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.readers.files import TreeLocation

__all__ = ["SampleRequest"]


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """What to read as one sample.

    Parameters
    ----------
    name : str
        Name of the physics process.
    role : {"signal", "background", "data", "control", "apply_only"}
        What it is used for.
    files : sequence of TreeLocation
        Its trees.
    parts : sequence of int
        For each file the part (:class:`~hepml.data.Part`) that was fixed beforehand, 0 for none. Default: none.
    selection, weight : str
        Expressions on top of the common ones; ``""`` for none.
    scale : float
        Factor on the weights.
    title : str
        For legends and tables.
    """

    name: str
    role: str
    files: Sequence[TreeLocation]
    parts: Sequence[int] = ()
    selection: str = ""
    weight: str = ""
    scale: float = 1.0
    title: str = ""
