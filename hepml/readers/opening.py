"""ROOT files, opened with errors that a physicist can act on."""

from __future__ import annotations

import contextlib
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uproot

from hepml.errors import FileUnreadableError, HepmlError, MissingFileError, missing_dependency
from hepml.readers.remote import address_of, is_remote, open_options

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["damage", "file_stamp", "open_file", "tree_names"]

_TREE_CLASSES = ("TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple", "ROOT::Experimental::RNTuple")
_LARGE_FILE_VERSION = 1_000_000
_SMALLEST_HEADER = 64


def open_file(path: str) -> Any:
    """Open a ROOT file for reading.

    Parameters
    ----------
    path : str
        Local path or URL.

    Returns
    -------
    uproot.ReadOnlyDirectory
        Close it after use, or use it as a context manager.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FileUnreadableError
        If it is empty, not a ROOT file, truncated or damaged.
    """
    if not is_remote(path):
        _check_header(path)
    with damage(path, "cannot be opened as a ROOT file"):
        try:
            # as a mapping: uproot would take a colon in the path for the beginning of a tree's name
            return uproot.open({address_of(path): None}, object_cache=None, array_cache=None, **open_options(path))
        except FileNotFoundError as error:
            msg = f"no such file: {path}"
            raise MissingFileError(msg) from error
        except ImportError as error:
            problem = missing_dependency(error.name or "a library", f"reading {path}", "remote")
            raise problem from error


def tree_names(directory: Any) -> list[str]:
    """Return the names of all trees and ntuples in a file, sub-folders included, without cycles."""
    names = directory.iterclassnames(recursive=True, cycle=False)
    return list(dict.fromkeys(name for name, kind in names if kind in _TREE_CLASSES))


@contextlib.contextmanager
def damage(path: str, what: str) -> Iterator[None]:
    """Turn whatever uproot raises on damaged bytes into one error that names the file."""
    try:
        yield
    except HepmlError:
        raise
    except Exception as error:  # struct, zlib, index, assertion errors, and memory errors for damaged lengths
        first = (str(error).strip() or repr(error)).splitlines()[0]
        or_server = ", or the server may not give ranges of bytes" if is_remote(path) else ""
        msg = f"{path} {what}: {type(error).__name__}: {first:.300}. The file may be truncated or damaged{or_server}"
        raise FileUnreadableError(msg) from error


def file_stamp(path: str) -> tuple[int, ...] | None:
    """Return what differs when another file stands under a name; None for what is no local file."""
    if is_remote(path):
        return None
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _check_header(path: str) -> None:
    """Compare the file's size with what its header promises: uproot would notice a lost end only when it reads there."""
    try:
        status = Path(path).stat()
        size = status.st_size
        # opening a pipe would wait for its other end
        head = b""
        if stat.S_ISREG(status.st_mode):
            with Path(path).open("rb") as stream:
                head = stream.read(64)
    except FileNotFoundError as error:
        msg = f"no such file: {path}"
        raise MissingFileError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise FileUnreadableError(msg) from error
    if not stat.S_ISREG(status.st_mode):
        msg = f"{path} is no regular file"
        raise FileUnreadableError(msg)
    if size == 0:
        msg = f"{path} is empty (0 bytes): was its transfer interrupted?"
        raise FileUnreadableError(msg)
    if head[:4] != b"root":
        shown = head[:8].decode("ascii", "replace")
        msg = f"{path} is not a ROOT file: it begins with {shown!r}, not with 'root'"
        raise FileUnreadableError(msg)
    if len(head) < 64:
        msg = f"{path} is truncated: {size} bytes do not even hold the header of a ROOT file"
        raise FileUnreadableError(msg)
    (version,) = struct.unpack_from(">i", head, 4)
    (end,) = struct.unpack_from(">q" if version >= _LARGE_FILE_VERSION else ">i", head, 12)
    (begin,) = struct.unpack_from(">i", head, 8)
    if begin < _SMALLEST_HEADER or end < begin:
        msg = f"{path} is damaged: its header says that contents begin at byte {begin} and end at {end}"
        raise FileUnreadableError(msg)
    if end > size:
        msg = (
            f"{path} is truncated: its header promises {end} bytes, {size} are there. Copy it again, or recover what is "
            f"left with ROOT (TFile::Recover) and check the number of entries"
        )
        raise FileUnreadableError(msg)
