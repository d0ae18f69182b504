"""From a sample of the analysis file to what is read for it, with globs expanded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.data import Part
from hepml.readers import FriendRequest, Normalise, SampleRequest, TreeLocation, expand_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.config import FriendConfig, SampleConfig

__all__ = ["sample_request"]


def sample_request(sample: SampleConfig, tree: str | None) -> SampleRequest:
    """Return what is read for a sample.

    Parameters
    ----------
    sample : SampleConfig
        The sample.
    tree : str or None
        Name of the tree where the sample has none of its own.

    Returns
    -------
    SampleRequest
        Its files, selection, weights and friends.
    """
    tree = sample.tree or tree
    if isinstance(sample.files, dict):
        by_part = {part: expand_files(files, tree) for part, files in sample.files.items()}
        files = [location for locations in by_part.values() for location in locations]
        parts = [int(Part[part.upper()]) for part, locations in by_part.items() for _ in locations]
    else:
        files, parts = list(expand_files(sample.files, tree)), []
    return SampleRequest(
        name=sample.name,
        role=sample.role,
        files=files,
        parts=parts,
        selection=sample.selection,
        weight=sample.weight,
        scale=sample.scale,
        title=sample.title,
        normalise=None if sample.normalise is None else Normalise(**dict(sample.normalise)),
        max_events=sample.max_events,
        bad_files=sample.bad_files,
        friends=[_friend(friend, files, tree) for friend in sample.friends],
    )


def _friend(friend: FriendConfig, files: Sequence[TreeLocation], tree: str | None) -> FriendRequest:
    if friend.files:
        locations = expand_files(friend.files, friend.tree or tree)
    else:
        # another tree of the same files
        locations = tuple(dict.fromkeys(TreeLocation(location.path, friend.tree) for location in files))
    return FriendRequest(locations, friend.index or ())
