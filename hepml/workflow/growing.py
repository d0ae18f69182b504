"""The hidden folder in which a run grows, its lock, its log, and how it gets its final name."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hepml.atomic import refuse_existing, replace_folder
from hepml.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

__all__ = ["finish", "log_file", "refuse_to_replace", "working_folder"]


def refuse_to_replace(final: Path, *, overwrite: bool) -> None:
    """Raise :class:`~hepml.errors.OutputError` if ``final`` exists, unless it is a run that may be overwritten."""
    refuse_existing(final, overwrite=overwrite)
    is_folder = final.is_dir()
    if final.exists() and not (is_folder and ((final / "metrics.json").is_file() or not any(final.iterdir()))):
        # `-o .` must not cost a user the folder that everything stands in
        msg = f"{final} is not a run ({'no metrics.json in it' if is_folder else 'no folder'}) and is not overwritten"
        raise OutputError(msg)


@contextlib.contextmanager
def working_folder(final: Path, *, keep: AbstractSet[str] | None, overwrite: bool) -> Iterator[Path]:
    """Give the hidden folder in which a run grows; one process at a time.

    Parameters
    ----------
    final : pathlib.Path
        Name of the run.
    keep : set of str, optional
        Methods whose models are kept if an interrupted run left some; nothing else is, since it may belong to other
        options, and a traceback may count data that are to stay hidden. Default: nothing is kept.
    overwrite : bool
        Whether an existing run may be replaced.

    Yields
    ------
    pathlib.Path
        The folder. It stays if the block does not end well.

    Raises
    ------
    OutputError
        If it cannot be written, another process writes it, or ``final`` exists and may not be replaced.
    """
    folder = final.with_name(f".{final.name}.partial")
    with _lock(final) as lock:
        try:
            # another process may have finished since this was asked first
            refuse_to_replace(final, overwrite=overwrite)
            try:
                _clear(folder, keep)
                (folder / "models").mkdir(parents=True, exist_ok=True)
            except OSError as error:
                msg = f"cannot write {final}: {error.filename}: {error.strerror or error}"
                raise OutputError(msg) from error
            yield folder
        finally:
            Path(lock.name).unlink(missing_ok=True)


def finish(folder: Path, final: Path, *, overwrite: bool) -> None:
    """Give a complete run its final name."""
    try:
        refuse_to_replace(final, overwrite=overwrite)
        replace_folder(folder, final)
    except OSError as error:
        reason = str(error) if isinstance(error, OutputError) else error.strerror or error
        msg = f"the run is complete in {folder} but cannot be renamed to {final}: {reason}"
        raise OutputError(msg) from error


@contextlib.contextmanager
def log_file(path: Path) -> Iterator[None]:
    """Write what ``hepml`` logs to a file as well, and the traceback of an error only there."""
    logger = logging.getLogger("hepml")
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    except BaseException:
        # a logger outside the hierarchy: the traceback is for the file, the terminal gets one clear message
        only_file = logging.Logger("hepml.workflow")  # noqa: LOG001
        only_file.addHandler(handler)
        only_file.exception("the run stopped here")
        raise
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()


@contextlib.contextmanager
def _lock(final: Path) -> Iterator[IO[str]]:
    """Hold ``.NAME.lock``; whoever is second is refused."""
    path = final.with_name(f".{final.name}.lock")
    while True:
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            lock = path.open("w", encoding="utf-8")
        except OSError as error:
            msg = f"cannot write {final}: {error.strerror or error}"
            raise OutputError(msg) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                msg = f"{final} is being written by another process"
                raise OutputError(msg) from error
            except OSError as error:
                msg = f"cannot write {final}: this file system gives no lock on {path} ({error.strerror or error})"
                raise OutputError(msg) from error
            # the file that was opened may have been deleted by its owner meanwhile: its lock then excludes nobody
            if _is_at(lock, path):
                yield lock
                return


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _clear(folder: Path, keep: AbstractSet[str] | None) -> None:
    if not folder.exists():
        return
    if keep is None:
        shutil.rmtree(folder)
        return
    for path in (*folder.iterdir(), *(folder / "models").glob("*")):
        if path == folder / "models" or (path.parent != folder and path.name in keep):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
