"""Numbers that stand as text in the elements of a weights file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from hepml.tmva.setup import MethodSetup

__all__ = ["finite_single", "number_option", "table_of"]


def table_of(rows: Iterable[str | None], n_columns: int, what: str, setup: MethodSetup) -> NDArray[np.float64]:
    """Return the numbers of texts that each hold the same count of them, finite, float64 of shape (n_rows, n_columns).

    Parameters
    ----------
    rows : iterable of str or None
        Numbers parted by blanks.
    n_columns : int
        How many there must be in each.
    what : str
        What a row is, for messages.
    setup : MethodSetup
        Whose file it is.

    Raises
    ------
    ModelFormatError
        If a row has more or fewer numbers, or one is none.
    """
    words: list[str] = []
    n_rows = 0
    for n_rows, row in enumerate(rows, 1):
        found = (row or "").split()
        if len(found) != n_columns:
            setup.fail(f"{what} {n_rows - 1} has {len(found)} numbers, not {n_columns}")
        words += found
    try:
        values = np.array(words, dtype=np.float64).reshape(n_rows, n_columns)
    except ValueError:
        setup.fail(f"a number of {what} is none")
    if not np.isfinite(values).all():
        setup.fail(f"a number of {what} is not finite")
    return values


def finite_single(values: NDArray[np.float64], what: str, setup: MethodSetup) -> NDArray[np.float32]:
    """Return numbers as TMVA's ``Float_t``.

    Raises
    ------
    ModelFormatError
        If one is too large for it, or not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        single = values.astype(np.float32)
    if not np.isfinite(single).all():
        setup.fail(f"{what} is not finite in single precision, or has a number that is not")
    return single


def number_option(setup: MethodSetup, name: str, default: str) -> tuple[float, np.float32]:
    """Return an option that is a number as it stands, and as ``Float_t``.

    Raises
    ------
    ModelFormatError
        If it is no number, or not finite in single precision.
    """
    text = setup.option(name, default)
    try:
        value = float(text)
    except ValueError:
        setup.fail(f"the option {name!r} is {text[:40]!r}, not a number")
    return value, np.float32(finite_single(np.array([value]), f"the option {name!r}", setup)[0])
