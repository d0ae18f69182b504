"""What is to be read as one sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.readers.files import TreeLocation

__all__ = ["FriendRequest", "Normalise", "SampleRequest"]


@dataclass(frozen=True, slots=True)
class Normalise:
    """How a sample of simulation is scaled to a luminosity: weights times ``xsec * 1000 * lumi / sumw``.

    Parameters
    ----------
    xsec : float or str
        Cross section in pb, or ``"Tree:expression"``, which must have one value in all files.
    lumi : float or str
        Integrated luminosity in fb^-1, given as ``xsec``.
    sumw : float or str
        Sum of weights of all generated events: a number for all files together, or per file ``"Tree:expression"``, summed
        over the entries of that tree, or ``"histogram[bin]"``, the content of a bin (ROOT's numbers, 0 is the underflow).
    """

    xsec: float | str
    lumi: float | str
    sumw: float | str


@dataclass(frozen=True, slots=True)
class FriendRequest:
    """A friend tree: further columns of the same events.

    Parameters
    ----------
    files : sequence of TreeLocation
        Its trees. By entry order: one for each file of the sample, or any number that has the sample's entries in all.
    index : tuple of str
        Integer expressions that find the partner of an entry in both trees. Default: entries are in the same order.
    """

    files: Sequence[TreeLocation]
    index: tuple[str, ...] = ()


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
    normalise : Normalise, optional
        Scale to a luminosity, by the generated events of the files that are read.
    max_events : int, optional
        Read no more than so many entries. Generated events then count in proportion to the entries that are read of a file.
    bad_files : {"error", "skip"}
        What to do with files that cannot be read.
    friends : sequence of FriendRequest
        Trees with further columns.
    """

    name: str
    role: str
    files: Sequence[TreeLocation]
    parts: Sequence[int] = ()
    selection: str = ""
    weight: str = ""
    scale: float = 1.0
    title: str = ""
    normalise: Normalise | None = None
    max_events: int | None = None
    bad_files: Literal["error", "skip"] = "error"
    friends: Sequence[FriendRequest] = ()
