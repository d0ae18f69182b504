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
    if not colon or not head or tail.startswith("//") or Path(text).exists():
        return TreeLocation(text)
    if "://" in head or re.search(r"\.root\d*$", head) or Path(head).exists() or _GLOB.search(head):
        return TreeLocation(head, tail or None)
    return TreeLocation(text)


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
        In the order given, matches of a glob sorted by name.

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
    found: dict[TreeLocation, None] = {}
    for item in given:
        location = split_location(os.fspath(item))
        for path in _expand(location.path):
            found.setdefault(TreeLocation(path, location.tree or tree))
    return tuple(found)


def _expand(path: str) -> list[str]:
    if "://" in path:
        return [path]
    expanded = Path(path).expanduser()
    if expanded.exists():
        if expanded.is_dir():
            msg = f"{path} is a folder: name its files, e.g. {expanded / '*.root'}"
            raise MissingFileError(msg)
        return [str(expanded)]
    if _GLOB.search(path):
        matches = sorted(match for match in glob.glob(str(expanded), recursive=True) if Path(match).is_file())  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if matches:
            return matches
        msg = f"no file matches {path}"
        raise MissingFileError(msg)
    folder = expanded.parent
    if not folder.is_dir():
        msg = f"no such file: {path} (nor the folder {folder})"
        raise MissingFileError(msg)
    hint = did_you_mean(expanded.name, (entry.name for entry in folder.iterdir()))
    msg = f"no such file: {path}{hint}"
    raise MissingFileError(msg)
