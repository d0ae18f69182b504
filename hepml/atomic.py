"""Files and folders that appear whole or not at all.

What is being written has a temporary name beside its final one and is renamed at the end, so that neither an error nor a
kill leaves something half-written under a final name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hepml.errors import HepmlError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_folder", "atomic_path", "refuse_existing", "replace_folder", "sync_folder", "write_text"]


# these say that the disk is full, whatever was written
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Raise :class:`~hepml.errors.OutputError` if ``path`` exists and may not be replaced."""
    if path.exists() and not overwrite:
        msg = f"{path} exists already: choose another output or allow it to be overwritten (--overwrite)"
        raise OutputError(msg)


def _prepare_parent(path: Path) -> None:
    if path.name in {"", ".."}:
        msg = f"{str(path)!r} is no name for an output"
        raise OutputError(msg)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot write {path}: cannot make the folder {path.parent} ({error.strerror or error})"
        raise OutputError(msg) from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        msg = f"cannot write {path}: the folder {path.parent} is not writable"
        raise OutputError(msg)


def _concerns(error: OSError, *paths: Path) -> bool:
    named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, (str, bytes, os.PathLike)) else None
    return named is not None and any(named == path or path in named.parents for path in paths)


def _temporary(path: Path) -> Path:
    # the suffix stays last: ROOT and image writers choose the format by it
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary path to write a file to; rename it to ``path`` if the block ends well, else delete it.

    Parameters
    ----------
    path : path-like
        Final name.
    overwrite : bool
        Whether an existing file may be replaced.

    Yields
    ------
    pathlib.Path
        Temporary name in the same folder.

    Raises
    ------
    OutputError
        If the folder cannot be written or the file exists and may not be replaced.
    """
    with _appearing(Path(path), overwrite=overwrite) as temporary:
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder to fill; rename it to ``path`` if the block ends well, else delete it.

    Parameters
    ----------
    path : path-like
        Final name.
    overwrite : bool
        Whether an existing folder may be replaced. It stays as it is until the new one is complete.

    Yields
    ------
    pathlib.Path
        Temporary folder beside the final one.

    Raises
    ------
    OutputError
        If the parent cannot be written or the folder exists and may not be replaced.
    """
    with _appearing(Path(path), overwrite=overwrite) as temporary:
        try:
            temporary.mkdir()
            yield temporary
            replace_folder(temporary, Path(path))
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def _appearing(final: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary name for ``final``, and turn what goes wrong with either into one error."""
    refuse_existing(final, overwrite=overwrite)
    _prepare_parent(final)
    temporary = _temporary(final)
    try:
        yield temporary
    except HepmlError:
        raise
    except OSError as error:
        # other files may be read or written inside the block; their errors are their own
        if error.errno not in _NO_SPACE and not _concerns(error, temporary, final):
            raise
        msg = f"cannot write {final}: {error.strerror or error}"
        raise OutputError(msg) from error


def replace_folder(source: Path, final: Path) -> None:
    """Move a complete folder to its final name, replacing what stands there.

    Parameters
    ----------
    source : pathlib.Path
        The complete folder, on the same file system.
    final : pathlib.Path
        Its name to be. What stands there is deleted once the new folder is in place; after an error or an interrupt it
        stands there as before.
    """
    old = _temporary(final)
    try:
        if final.exists():
            final.rename(old)
        source.rename(final)
    except BaseException:
        if old.exists() and not final.exists():
            old.rename(final)
        raise
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str, *, overwrite: bool = True) -> None:
    """Write a text file atomically in UTF-8.

    Parameters
    ----------
    path : path-like
        Final name.
    text : str
        Content.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sync_folder(folder: Path) -> None:
    """Wait until what stands in a folder is on the disk.

    For many files that are written into a folder which gets its name later: waiting once costs a fraction of waiting for
    each.
    """
    for path in folder.iterdir():
        if path.is_file():
            _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
