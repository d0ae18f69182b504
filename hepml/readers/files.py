"""From what a user writes (paths, globs, ``file.root:tree``) to the files and trees that are read."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hepml.errors import InvalidInputError, MissingFileError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TreeLocation", "expand_files", "split_location"]

_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class TreeLocation:
    """A tree in a file.

    Parameters
    ----------
    path : str
        Path or URL of the ROOT file.
    tree : str or None
        Name of the tree, None for the only one of the file.
    """

    path: str
    tree: str | None = None

    def __str__(self) -> str:
        return self.path if self.tree is None else f"{self.path}:{self.tree}"


def split_location(text: str) -> TreeLocation:
    """Split ``file.root:tree``; a colon that belongs to a URL or to the file's own name stays there.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    TreeLocation
        Path and, if there was one, tree.
    """
    head, colon, tail = text.rpartition(":")
    if not colon or not head or _exists(text):
        return TreeLocation(text)
    _, is_url, address = head.partition("://")
    if is_url:
        # a colon before the first slash of an address belongs to a port, one before '//' to the scheme
        return TreeLocation(head, tail or None) if "/" in address else TreeLocation(text)
    if tail.startswith("//"):
        return TreeLocation(text)
    if re.search(r"\.root\d*$", head) or _exists(head) or _GLOB.search(head):
        return TreeLocation(head, tail or None)
    return TreeLocation(text)


def _exists(path: str) -> bool:
    """Tell whether a path names something; text that cannot be a path names nothing."""
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False


def expand_files(
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], tree: str | None = None
) -> tuple[TreeLocation, ...]:
    """Expand paths and globs (``**`` included) to files, in a stable order and each once.

    Parameters
    ----------
    files : path-like or iterable of path-like
        Paths, globs, each optionally with ``:tree``.
    tree : str, optional
        Tree for those that name none.

    Returns
    -------
    tuple of TreeLocation
        In the order given, matches of a glob sorted by name. A file that is given twice, by whatever path, is read once.

    Raises
    ------
    MissingFileError
        If a file does not exist or a glob matches nothing; near misses in its folder are named.
    InvalidInputError
        If no file is given.
    """
    given = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    if not given:
        msg = "no input file is given"
        raise InvalidInputError(msg)
    found: dict[TreeLocation, TreeLocation] = {}
    for item in given:
        location = split_location(os.fspath(item))
        for path in _expand(location.path):
            chosen = location.tree or tree
            # events that were read twice would count twice
            real = path if "://" in path else os.path.realpath(path)
            found.setdefault(TreeLocation(real, chosen), TreeLocation(path, chosen))
    return tuple(found.values())


def _expand(path: str) -> list[str]:
    if "://" in path:
        return [path]
    if _exists(path):
        expanded = Path(path).expanduser()
        if expanded.is_dir():
            msg = f"{path} is a folder: name its files, e.g. {expanded / '*.root'}"
            raise MissingFileError(msg)
        return [str(expanded)]
    if _GLOB.search(path):
        pattern = os.path.expanduser(path)  # noqa: PTH111  (Path would collapse the pattern)
        matches = sorted(match for match in glob.glob(pattern, recursive=True) if Path(match).is_file())  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if matches:
            return matches
        msg = f"no file matches {path}"
        raise MissingFileError(msg)
    folder = Path(os.path.expanduser(path)).parent  # noqa: PTH111  (Path.expanduser raises for an unknown user)
    if not _exists(str(folder)) or not folder.is_dir():
        msg = f"no such file: {path} (nor the folder {folder})"
        raise MissingFileError(msg)
    hint = did_you_mean(Path(path).name, (entry.name for entry in folder.iterdir()))
    msg = f"no such file: {path}{hint}"
    raise MissingFileError(msg)
