"""How local files are read: by one plain handle that threads share, in the thread that asks."""

from __future__ import annotations

import os
from typing import Any

from uproot.source.file import FileResource, MultithreadedFileSource
from uproot.source.futures import ResourceTrivialExecutor

__all__ = ["LocalSource"]


class _Handle(FileResource):  # type: ignore[misc]
    """A file handle without a position, which threads would move under each other."""

    def get(self, start: int, stop: int) -> bytes:
        """Return the bytes between two places, fewer where the file ends before."""
        pieces = []
        while start < stop:
            piece = os.pread(self.file.fileno(), stop - start, start)
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class LocalSource(MultithreadedFileSource):  # type: ignore[misc]
    """A local file for uproot, without the thread of its own that uproot's sources hand each request to."""

    def _open(self) -> None:
        self._executor: Any = ResourceTrivialExecutor(_Handle(self._file_path))
        self._num_bytes = os.path.getsize(self._file_path)  # noqa: PTH202  (the path is text)

    def reopen(self) -> None:
        """Open the file again after it was closed."""
        self._open()
