"""From what a user writes (paths, globs, ``file.root:tree``) to the files and trees that are read."""

from __future__ import annotations

import glob
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hepml.errors import InvalidInputError, MissingFileError, did_you_mean
from hepml.readers.remote import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["TreeLocation", "expand_files", "split_location"]

_LOG = logging.getLogger("hepml.readers")

_GLOB = re.compile(r"[*?\[]")
_FILE_NAME = re.compile(r"\.root\d*(?:\?|$)")


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

    Notes
    -----
    In the query of an address, write ``%3A`` for a colon that is followed by more than digits.
    """
    head, colon, tail = text.rpartition(":")
    if not colon or not head or _exists(text):
        return TreeLocation(text)
    if is_remote(head):
        return TreeLocation(text) if _belongs_to_address(head, tail) else TreeLocation(head, tail or None)
    if tail.startswith("//"):
        return TreeLocation(text)
    if re.search(r"\.root\d*$", head) or _exists(head) or _GLOB.search(head):
        return TreeLocation(head, tail or None)
    return TreeLocation(text)


def _belongs_to_address(head: str, tail: str) -> bool:
    """Tell whether the last colon of an address is a part of it: of its port, a folder or a time in its query."""
    address = head.partition("://")[2]
    if "/" not in address:
        return True
    if "?" in address:
        return tail.isdigit()
    return bool(_FILE_NAME.search(tail)) and not _FILE_NAME.search(address)


def _exists(path: str) -> bool:
    """Tell whether a path names something; text that cannot be a path names nothing."""
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False


def expand_files(
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], tree: str | None = None
) -> tuple[TreeLocation, ...]:
    """Expand paths, folders, globs (``**`` included) and lists of files to files, in a stable order and each once.

    Parameters
    ----------
    files : path-like or iterable of path-like
        Paths, addresses, folders (their ``*.root``), globs, or ``@list.txt`` with one of these on each line, relative to
        the list, ``#`` before a comment. Each optionally with ``:tree``.
    tree : str, optional
        Tree for those that name none.

    Returns
    -------
    tuple of TreeLocation
        In the order given, matches of a glob and files of a folder sorted by name. A file that is given twice is read once;
        a warning names both paths if a link leads from one to the other.

    Raises
    ------
    MissingFileError
        If a file does not exist, or a glob, folder or list gives none; near misses in its folder are named.
    InvalidInputError
        If no file is given, or a list names itself.
    """
    given = [files] if isinstance(files, (str, os.PathLike)) else list(files)
    if not given:
        msg = "no input file is given"
        raise InvalidInputError(msg)
    found: dict[TreeLocation, TreeLocation] = {}
    for item in given:
        for path, named in _listed(os.fspath(item)):
            chosen = named or tree
            # events that were read twice would count twice
            real = path if is_remote(path) else os.path.realpath(path)
            location = TreeLocation(path, chosen)
            first = found.setdefault(TreeLocation(real, chosen), location)
            if os.path.abspath(first.path) != os.path.abspath(path):  # noqa: PTH100  (links are not followed)
                _LOG.warning("%s is the same file as %s, by a link: it is read once", location, first)
    return tuple(found.values())


def _listed(text: str, lists: tuple[Path, ...] = ()) -> Iterator[tuple[str, str | None]]:
    """Yield path and tree of each file, lists of files taken apart."""
    if not text.startswith("@") or _exists(text):
        location = split_location(text)
        yield from ((path, location.tree) for path in _expand(location.path))
        return
    name, tree = text[1:], None
    if not _exists(name):
        name, _, tree = name.rpartition(":") if ":" in name else (name, "", None)
    path = Path(os.path.expanduser(name))  # noqa: PTH111  (Path.expanduser raises for an unknown user)
    real = path.resolve()
    if real in lists:
        msg = f"the list of files {path} names itself"
        raise InvalidInputError(msg)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        msg = f"the list of files {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise MissingFileError(msg) from error
    entries = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    if not entries:
        msg = f"the list of files {path} is empty"
        raise MissingFileError(msg)
    for entry in entries:
        for found, named in _listed(_beside(entry, path.parent), (*lists, real)):
            yield found, named or tree


def _beside(entry: str, folder: Path) -> str:
    """Return what a list names, relative to the list."""
    sign, name = ("@", entry[1:]) if entry.startswith("@") else ("", entry)
    if is_remote(name) or name.startswith("~") or Path(name).is_absolute():
        return entry
    where = glob.escape(str(folder)) if _GLOB.search(name) else str(folder)
    return f"{sign}{where}/{name}"


def _expand(path: str) -> list[str]:
    if is_remote(path):
        return [path]
    if _exists(path):
        expanded = Path(path).expanduser()
        if expanded.is_dir():
            inside = sorted(str(entry) for entry in expanded.glob("*.root") if entry.is_file())
            if not inside:
                msg = f"the folder {path} holds no *.root file"
                raise MissingFileError(msg)
            return inside
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
