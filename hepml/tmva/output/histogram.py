"""A histogram of a ROOT file as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OutputHistogram"]


@dataclass(frozen=True, slots=True, eq=False)
class OutputHistogram(Displayed):
    """A histogram in one or two dimensions, or a profile, without the bins beyond its ends.

    Parameters
    ----------
    path : str
        Where it stands in the file.
    title : str
        Its title.
    kind : str
        ROOT's class: ``TH1D``, ``TH2F``, ``TProfile``, ...
    edges : tuple of ndarray of float64, each of shape (n_bins + 1,)
        Edges of the bins for each axis.
    axis_titles : tuple of str
        Title of each axis; the last is that of the contents.
    values : ndarray of float64, shape (n_bins,) or (n_x, n_y)
        Contents; of a profile the means.
    variances : ndarray of float64, of the shape of ``values``
        Squared errors as ROOT has them: the contents' absolute values where the file holds no sums of squared weights.
    labels : tuple of str, or None
        Labels of the bins of the first axis.
    n_entries : float
        How often it was filled.
    """

    path: str
    title: str
    kind: str
    edges: tuple[NDArray[np.float64], ...]
    axis_titles: tuple[str, ...]
    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    labels: tuple[str, ...] | None
    n_entries: float

    @classmethod
    def of(cls, stored: Any, path: str) -> OutputHistogram:
        """Take the arrays out of what uproot read.

        Parameters
        ----------
        stored : uproot histogram
            ``TH1``, ``TH2`` or ``TProfile``.
        path : str
            Where it stands.
        """
        n_axes = 2 if stored.classname.startswith("TH2") else 1
        axes = [stored.axis(number) for number in range(n_axes)]
        values = np.asarray(stored.values(), dtype=np.float64)
        labels = axes[0].labels()
        return cls(
            path=path,
            title=str(stored.title or ""),
            kind=stored.classname,
            edges=tuple(np.asarray(axis.edges(), dtype=np.float64) for axis in axes),
            axis_titles=tuple(str(stored.member(f"f{name}axis").member("fTitle")) for name in "XYZ"[: n_axes + 1]),
            values=values,
            variances=np.square(np.asarray(stored.errors(), dtype=np.float64)),
            labels=None if labels is None else tuple(map(str, labels)),
            n_entries=float(stored.member("fEntries")),
        )

    @property
    def name(self) -> str:
        """Name without the folders."""
        return self.path.rpartition("/")[2]

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain JSON types; those that are not finite are null."""
        return {
            "path": self.path,
            "title": self.title,
            "kind": self.kind,
            "n_entries": self.n_entries,
            "edges": [edges.tolist() for edges in self.edges],
            "axis_titles": list(self.axis_titles),
            "labels": None if self.labels is None else list(self.labels),
            "values": _plain(self.values),
            "variances": _plain(self.variances),
        }


def _plain(values: NDArray[np.float64]) -> list[Any]:
    return np.where(np.isfinite(values), values, None).tolist()  # type: ignore[call-overload, no-any-return]
