"""The samples of a run as ``metrics.json`` tells of them: sums, cutflow and quality, of what may be shown only."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hepml.data import sample_quality

if TYPE_CHECKING:
    from hepml.data import Dataset

__all__ = ["sample_rows"]


def sample_rows(shown: Dataset, *, unblind: bool) -> list[dict[str, Any]]:
    """Return what stands in ``metrics.json`` under ``samples``.

    Parameters
    ----------
    shown : Dataset
        Events that may be shown.
    unblind : bool
        Whether that is all of them by the user's decision.

    Returns
    -------
    list of dict
        One for each sample. Counts before the blinding are None for data that are not unblinded: the difference to the
        visible events would tell how many are hidden.
    """
    rows = shown.summary()
    for row, info, quality in zip(rows, shown.samples, sample_quality(shown), strict=True):
        row["cutflow"] = info.cutflow.to_dict()
        if info.role == "data" and not unblind:
            row["n_entries"] = row["sum_weights_entries"] = row["cutflow"] = None
        row["skipped"] = [asdict(file) for file in info.skipped]
        row["n_repeated"] = quality.n_repeated
        row["features"] = quality.to_dict()["features"]
    return rows
