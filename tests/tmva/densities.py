"""Committed responses of methods that are densities or formulas, and weights files made from theirs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import FeatureValueError, ModelFormatError
from hepml.tmva import Reader
from tests.tmva.golden import SMALL, Golden, differences
from tests.tmva.test_golden import columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIECES = (b"<", b"-", b"9", b"/", b'"', b"e9", b".")


@functools.cache
def responses() -> dict[str, NDArray[Any]]:
    with np.load(SMALL / "densities.npz") as arrays:
        return dict(arrays)


def sample(job: str = "") -> dict[str, NDArray[Any]]:
    if job != "multi":
        return columns(job)
    with np.load(SMALL / "responses.npz") as arrays:
        return {f"var{place + 1}": column for place, column in enumerate(arrays["apply_multi"].T)}


def largest_difference(golden: Golden) -> float:
    found = golden.respond(SMALL / f"{golden.job}_{golden.name}.weights.xml.gz", sample(golden.job))
    return float(differences(found, responses()[f"{golden.job}_{golden.key}"]).max())


def answer_or_refuse(text: str, rng: np.random.Generator) -> None:
    """Damage a file in up to four places; it must be refused, or answer without NaN, or say why it does not."""
    content = bytearray(text.encode())
    for at in rng.integers(len(content), size=rng.integers(1, 5)).tolist():
        piece = rng.choice(np.array([*_PIECES, rng.bytes(2)], dtype=object))
        content[at : at + int(rng.choice([1, 1, 1, 2, 10, 200]))] = piece
    try:
        reader = Reader(bytes(content))
        response = reader.evaluate(np.zeros((3, len(reader.features) + len(reader.spectators))))
    except (ModelFormatError, FeatureValueError):
        return
    assert response.shape[0] == 3
    assert not np.isnan(response).any()
