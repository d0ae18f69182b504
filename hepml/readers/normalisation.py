"""Cross section, luminosity and sum of generated weights, as the files of a sample state them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import ExpressionError, FileUnreadableError, HepmlError, TreeNotFoundError, WeightError, did_you_mean
from hepml.expressions import parse
from hepml.readers.files import TreeLocation
from hepml.readers.source import TreeSource, damage, open_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.readers.request import Normalise

__all__ = ["Generated", "generated_of", "normalisation"]

_BIN = re.compile(r"([^:]+)\[(\d+)\]")
_PB_PER_FB = 1000.0


@dataclass(frozen=True, slots=True)
class Generated:
    """What one file says about the events that were generated for it; None where the analysis gives a number for all."""

    path: str
    xsec: float | None
    lumi: float | None
    sumw: float | None


def generated_of(path: str, wanted: Normalise) -> Generated:
    """Read what a file says of its generated events.

    Raises
    ------
    WeightError
        If a cross section or luminosity has several values, or a number is not finite.
    HepmlError
        If tree, branch or histogram cannot be read.
    """
    return Generated(
        path,
        xsec=_one_value(path, "xsec", wanted.xsec),
        lumi=_one_value(path, "lumi", wanted.lumi),
        sumw=None if not isinstance(wanted.sumw, str) else float(_values(path, "sumw", wanted.sumw).sum()),
    )


def _one_value(path: str, what: str, given: float | str) -> float | None:
    if not isinstance(given, str):
        return None
    values = _values(path, what, given)
    if len(values) == 0 or (values != values[0]).any():
        found = "no entry" if len(values) == 0 else f"values from {values.min():g} to {values.max():g}"
        msg = f"{what} {given!r} has {found} in {path}; it must have one value"
        raise WeightError(msg)
    return float(values[0])


def _values(path: str, what: str, given: str) -> NDArray[np.float64]:
    if match := _BIN.fullmatch(given):
        return _bin_content(path, match[1], int(match[2]))
    tree, _, text = given.partition(":")
    if not text:
        msg = f"{what} is {given!r}; it must be a number, 'Tree:expression' or 'histogram[bin]'"
        raise ExpressionError(msg)
    with TreeSource(TreeLocation(path, tree)) as source:
        expression = parse(text)
        columns = source.read(sorted(expression.branches), 0, source.n_entries)
        try:
            values = expression.evaluate(columns, source.n_entries)
        except HepmlError as error:
            msg = f"{what} {text!r} in {source}: {error}"
            raise type(error)(msg) from error
    if not np.isfinite(values).all():
        msg = f"{what} {given!r} has values that are NaN or infinite in {path}"
        raise WeightError(msg)
    return values


def _bin_content(path: str, name: str, number: int) -> NDArray[np.float64]:
    with open_file(path) as directory:
        with damage(path, "is damaged: its list of contents cannot be read"):
            known = directory.keys(recursive=True, cycle=False)
        if name not in known:
            msg = f"no histogram {name!r} in {path}{did_you_mean(name, known)}"
            raise TreeNotFoundError(msg)
        with damage(path, f"is damaged: the histogram {name!r} cannot be read"):
            contents = np.asarray(directory[name].values(flow=True), dtype=np.float64)
    if contents.ndim != 1 or number >= len(contents):
        msg = f"histogram {name!r} in {path} has no bin {number} (bins with under- and overflow: {contents.shape})"
        raise FileUnreadableError(msg)
    return contents[number : number + 1]


def normalisation(wanted: Normalise, read: Sequence[tuple[Generated, float]], sample: str) -> tuple[float, float]:
    """Return the factor on the weights and the sum of generated weights that it leads to.

    Parameters
    ----------
    wanted : Normalise
        What the analysis says.
    read : sequence of (Generated, float)
        Files that were read, each with the share of its entries that was.
    sample : str
        Name, for messages.

    Returns
    -------
    factor, expected : float
        ``xsec * 1000 * lumi / sumw`` and ``xsec * 1000 * lumi``.

    Raises
    ------
    WeightError
        If files disagree on cross section or luminosity, or a sum is not positive.
    """
    xsec = _agreed("xsec", wanted.xsec, [(item.path, item.xsec) for item, _ in read], sample)
    lumi = _agreed("lumi", wanted.lumi, [(item.path, item.lumi) for item, _ in read], sample)
    if isinstance(wanted.sumw, str):
        sumw = math.fsum(item.sumw * share for item, share in read if item.sumw is not None)
    else:
        sumw = wanted.sumw
    if not (sumw > 0 and math.isfinite(sumw)):
        msg = f"sample {sample!r}: the generated weights ({wanted.sumw}) sum to {sumw:g}; the sum must be positive"
        raise WeightError(msg)
    expected = xsec * _PB_PER_FB * lumi
    return expected / sumw, expected


def _agreed(what: str, given: float | str, found: list[tuple[str, float | None]], sample: str) -> float:
    value = float(given) if not isinstance(given, str) else next((v for _, v in found if v is not None), math.nan)
    for path, other in found:
        if other is not None and other != value:
            msg = f"sample {sample!r}: {what} is {value:g} in {found[0][0]}, but {other:g} in {path}: make them two samples"
            raise WeightError(msg)
    if not (value > 0 and math.isfinite(value)):
        msg = f"sample {sample!r}: {what} is {value:g}; it must be positive"
        raise WeightError(msg)
    return value
