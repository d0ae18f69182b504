"""Responses of a real TMVA, and how far a Reader may be from them."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.tmva import Reader
from hepml.tmva.document import method_in
from hepml.tmva.methods.base import METHODS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = Path(__file__).resolve().parent.parent / "data" / "tmva"
# kinds whose sums run over thousands of float32 terms in another order: most events only
_LOOSE = {"PDERS": 1e-5, "PDEFoam": 1e-5}
_EVENTS_OF_LOOSE = 0.999
_LIMIT = 1e-6
_LIMITS = {"BDT": 1e-7, "Cuts": 0.0}


@dataclass(frozen=True)
class Golden:
    """An array of responses: its job, its key among the job's, and the kind of the method."""

    job: str
    key: str
    kind: str

    @property
    def name(self) -> str:
        """Name of the method."""
        return self.key.partition("@")[0].partition(".")[0]

    @property
    def is_read(self) -> bool:
        """Whether hepml has the method."""
        return find_spec(METHODS[self.kind].partition(":")[0]) is not None

    @property
    def limit(self) -> float:
        """How far a response may be from TMVA's."""
        return _LOOSE.get(self.kind, _LIMITS.get(self.kind if "." not in self.key else "", _LIMIT))

    @property
    def fraction(self) -> float:
        """Of how many events at least."""
        return _EVENTS_OF_LOOSE if self.kind in _LOOSE else 1.0

    def respond(self, path: Path, columns: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Return what a Reader answers."""
        reader = Reader(path)
        efficiency, what = self.key.partition("@")[2], self.key.partition(".")[2]
        if efficiency:
            return reader.evaluate(columns, signal_efficiency=float(efficiency))
        return {"Proba": reader.proba, "Rarity": reader.rarity}.get(what, reader.evaluate)(columns)


def differences(found: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return absolute differences, of numbers above 1 relative ones: TMVA answers some in single precision."""
    assert found.shape == expected.shape
    return np.abs(found - expected) / np.maximum(1.0, np.abs(expected))


def reference() -> Path | None:
    """Return the folder of all golden files, if there is one."""
    place = os.environ.get("HEPML_REFERENCE_DATA")
    return Path(place) / "tmva_reference" if place else None


def all_golden(folder: Path) -> list[Golden]:
    """List what is in the folder."""
    found = []
    for path in sorted((folder / "responses").glob("*.npz")):
        with np.load(path) as responses:
            keys = list(responses)
        for key in keys:
            golden = Golden(path.stem, key, "")
            kind = method_in(weights_file(folder, golden).read_bytes()).partition("::")[0]
            found.append(replace(golden, kind=kind))
    return found


def weights_file(folder: Path, golden: Golden) -> Path:
    """Return where the method's weights are; of foams beside the cells, which the reference does not have."""
    if golden.kind == "PDEFoam":
        return SMALL / f"{golden.job}_{golden.name}.weights.xml.gz"
    return folder / "weights" / golden.job / f"TMVA_{golden.name}.weights.xml.gz"


@functools.cache
def applied(folder: Path, job: str) -> dict[str, NDArray[Any]]:
    """Return the branches of the events that the methods of a job were applied to."""
    import uproot

    name = {"multi": "apply3", "reg": "applyreg"}.get(job, "apply")
    with uproot.open(folder / "data" / f"{name}.root") as file:
        columns: dict[str, NDArray[Any]] = file["TreeA"].arrays(library="np")
    return columns


def compared(folder: Path, golden: Golden) -> NDArray[np.float64]:
    """Return the differences of a golden array."""
    path = weights_file(folder, golden)
    with np.load(folder / "responses" / f"{golden.job}.npz") as responses:
        return differences(golden.respond(path, applied(folder, golden.job)), responses[golden.key])
