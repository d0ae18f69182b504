"""Where a result came from: file hashes, versions, seed, timings, host."""

from __future__ import annotations

import getpass
import hashlib
import logging
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.report.formats import PROVENANCE_FORMAT, PROVENANCE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["file_record", "library_versions", "provenance"]

_LOG = logging.getLogger("hepml.report")

_LIBRARIES = (
    "hepml-framework",
    "awkward",
    "matplotlib",
    "mplhep",
    "numba",
    "numpy",
    "scikit-learn",
    "scipy",
    "uproot",
    "xgboost",
)


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that a result depends on; 'not installed' where one is missing."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def file_record(path: str) -> dict[str, Any]:
    """Return path, size in bytes and SHA-256 of a local file; only the path of a remote one or of one that is gone."""
    unknown = {"path": path, "size": None, "sha256": None}
    if "://" in path:
        return unknown
    try:
        with Path(path).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return {"path": path, "size": os.fstat(stream.fileno()).st_size, "sha256": digest}
    except OSError as error:
        _LOG.warning("provenance has no checksum of %s: %s", path, error.strerror or error)
        return unknown


def provenance(
    *,
    seed: int,
    files: Sequence[Mapping[str, Any]],
    timings: Mapping[str, float],
    started: datetime,
    decisions: Mapping[str, Any],
) -> dict[str, Any]:
    """Collect what is needed to make a result again.

    Parameters
    ----------
    seed : int
        The analysis's seed.
    files : sequence of mapping
        Input files, each as :func:`file_record` described it when it was read.
    timings : mapping of str to float
        Seconds that each step took.
    started : datetime
        Start of the run.
    decisions : mapping
        What the user decided on the command line (unblinding, chosen methods, ...).

    Returns
    -------
    dict
        Plain JSON types.
    """
    return {
        "format": PROVENANCE_FORMAT,
        "version": PROVENANCE_VERSION,
        "seed": seed,
        "decisions": dict(decisions),
        "files": [dict(record) for record in files],
        "libraries": library_versions(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "host": platform.node(),
        "user": _user(),
        "cores": os.cpu_count(),
        "command": sys.argv,
        "started": started.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": {name: round(value, 3) for name, value in timings.items()},
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # batch nodes may run under a number without a name
        return str(os.getuid())
