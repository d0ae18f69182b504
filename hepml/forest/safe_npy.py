"""Read an ``.npy`` file from bytes that nobody vouches for."""

from __future__ import annotations

import io
import math
import tokenize
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ModelFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["array_from_npy"]

_LARGEST_HEADER = 10_000


def array_from_npy(content: bytes, dtype: Any, name: str, *, dimensions: int = 1) -> NDArray[Any]:
    """Return the array that a whole ``.npy`` file holds, without copying it.

    Parameters
    ----------
    content : bytes
        Version 1.0 of the format.
    dtype : dtype-like
        The type that the array must have.
    name : str
        What it is, for the message.
    dimensions : int
        Largest number of dimensions.

    Returns
    -------
    ndarray
        Read-only.

    Raises
    ------
    ModelFormatError
        If it is not such a file, or the array is of another type, or longer or shorter than it says.
    """
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            msg = "not version 1.0"
            raise ValueError(msg)  # noqa: TRY301  (one exit for everything that numpy and this code find)
        shape, fortran, found = np.lib.format.read_array_header_1_0(stream, max_header_size=_LARGEST_HEADER)
        rest = content[stream.tell() :]
        if (
            found != dtype
            or not 1 <= len(shape) <= dimensions
            or (fortran and len(shape) > 1)
            or math.prod(shape) * found.itemsize != len(rest)
        ):
            msg = f"shape {shape} of {found} in {len(rest)} bytes"
            raise ValueError(msg)  # noqa: TRY301  (one exit for everything that numpy and this code find)
    except (ValueError, TypeError, SyntaxError, KeyError, RecursionError, MemoryError, tokenize.TokenError) as error:
        msg = f"{name} is damaged: {error!s:.300}"
        raise ModelFormatError(msg) from error
    return np.frombuffer(rest, dtype=found).reshape(shape)
