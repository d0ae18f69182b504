"""Members of objects in a branch: which numbers a TLorentzVector, or a vector of them, holds, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Member", "find_member", "member_array", "members_of"]

_MOST_MEMBERS = 200
_DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Member:
    """A number in an object.

    Parameters
    ----------
    branch : str
        Name of the branch as the file has it.
    path : tuple of str
        Names of the members on the way; empty for a branch of its own, as split objects have them.
    dtype : numpy.dtype, optional
        Type of the number, if there is a path.
    is_list : bool
        Whether an entry holds a list of objects.
    """

    branch: str
    path: tuple[str, ...] = ()
    dtype: np.dtype[Any] | None = None
    is_list: bool = False


def members_of(branch: Any) -> tuple[bool, dict[tuple[str, ...], np.dtype[Any]]]:
    """Return whether a branch holds lists of objects, and the numbers of an object by their path.

    Parameters
    ----------
    branch : uproot.TBranch
        A branch.

    Returns
    -------
    tuple of bool and dict
        Nothing in the dict if it holds no objects, or such that uproot does not lay out as arrays.
    """
    try:
        form = branch.interpretation.awkward_form(branch.file)
    except Exception:  # noqa: BLE001  (what cannot be described has no members, for whatever reason)
        return False, {}
    is_list = bool(form.is_list)
    if is_list:
        form = form.content
    found: dict[tuple[str, ...], np.dtype[Any]] = {}
    if form.is_record:
        _collect(form, (), found)
    return is_list, found


def _collect(form: Any, path: tuple[str, ...], found: dict[tuple[str, ...], np.dtype[Any]]) -> None:
    if form.is_record and len(path) < _DEEPEST:
        for name in form.fields:
            if not name.startswith("@"):
                _collect(form.content(name), (*path, name), found)
    elif form.is_numpy and path and not form.inner_shape and len(found) < _MOST_MEMBERS:
        dtype = np.dtype(form.primitive)
        if dtype.kind in "biuf":
            found[path] = dtype


def find_member(name: str, known: Callable[[str], Any]) -> Member | None:
    """Find what a dotted name such as ``muon.fP.fX`` means where no branch has that name.

    Parameters
    ----------
    name : str
        The dotted name.
    known : callable
        Returns the branch of a name, or None.

    Returns
    -------
    Member or None
        The member; None if there is none of that name.
    """
    steps = name.split(".")
    for n_first in range(len(steps) - 1, 0, -1):
        first, path = ".".join(steps[:n_first]), tuple(steps[n_first:])
        for written in (first, f"{first}.", first.replace(".", "/")):
            branch = known(written)
            if branch is None:
                continue
            if branch.branches:
                # split: a branch of its own, below its object
                for sub in (f"{written}/{'.'.join(path)}", f"{written}/{'/'.join(path)}"):
                    if known(sub) is not None:
                        return Member(sub)
            is_list, found = members_of(branch)
            if path in found:
                return Member(written, path, found[path], is_list)
    return None


def member_array(objects: Any, member: Member) -> Any:
    """Take a member out of objects.

    Parameters
    ----------
    objects : awkward.Array
        What was read of the branch.
    member : Member
        The member.

    Returns
    -------
    ndarray or awkward.Array
        Shape (n,), or lists.
    """
    import awkward as ak

    for name in member.path:
        objects = objects[name]
    plain = ak.without_parameters(objects)
    return plain if member.is_list else ak.to_numpy(plain)
