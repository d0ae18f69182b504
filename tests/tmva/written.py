"""Methods of exact numbers, whose files a real TMVA::Reader (4.2.1) has read; ``written.npz`` holds its answers.

``python -m tests.tmva.written FOLDER`` writes the files and the events anew, for a reader to answer.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.document_writing import document_of
from hepml.tmva.methods.hmatrix import HMatrix
from hepml.tmva.networks import Affine, Network
from hepml.tmva.setup_making import setup_of, variables_of
from hepml.transforms.chain import TransformChain
from hepml.transforms.normalisation import Normalisation
from hepml.transforms.selection import Columns, Selection

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("a", "b := a1+a2", "c")
N_OUTPUTS = {"Fisher": 1, "HMatrix": 1, "tanh": 1, "ReLU": 3, "softmax": 3, "LD": 2, "targets": 2}


def fractions(*shape: int, start: int = 0) -> NDArray[np.float64]:
    """Numbers from -50/32 to 50/32, which no arithmetic rounds."""
    places = np.arange(start, start + int(np.prod(shape)))
    return ((places * 37 + 11) % 101 - 50).reshape(shape) / 32.0


def affine(n_in: int, n_out: int, start: int) -> Affine:
    return Affine(fractions(n_out, n_in, start=start), fractions(n_out, start=start + 500))


def normalised() -> TransformChain:
    columns = Columns.of(variables_of(NAMES))
    slots = tuple(columns.slots("v"))
    low, high = (np.tile(np.float32([1.0, 2.0, 0.5]) * side, (3, 1)).astype(np.float32) for side in (-1.0, 1.0))
    return TransformChain(columns, (Normalisation(Selection(slots, slots), low, high),), (None,))


def texts() -> dict[str, str]:
    """Return the files by name."""
    tanh = Network.of([affine(3, 5, 0), "exact tanh", affine(5, 4, 100), "exact tanh", affine(4, 1, 200), "sigmoid"])
    relu = Network.of([affine(3, 4, 7), "ReLU", affine(4, 3, 107), "softmax"])
    targets = Network.of([affine(3, 4, 9), "sigmoid", affine(4, 2, 109)])
    matrices = np.stack([np.diag([1.0, 2.0, 0.5]), np.diag([0.25, 1.0, 3.0])])
    three = ("x", "y", "z")
    setups = {
        "Fisher": setup_of(Network.of([affine(3, 1, 30)]).to_fisher(), NAMES),
        "HMatrix": setup_of(HMatrix(fractions(2, 3), matrices, (0, 1)), NAMES),
        "tanh": setup_of(tanh.to_mlp("Classification"), NAMES, transforms=normalised()),
        "ReLU": setup_of(relu.to_mlp("Multiclass"), NAMES, analysis_type="Multiclass", classes=three),
        "softmax": setup_of(
            Network.of([affine(3, 3, 40), "softmax"]).to_mlp("Multiclass"),
            NAMES,
            analysis_type="Multiclass",
            classes=three,
        ),
        "LD": setup_of(Network.of([affine(3, 2, 50)]).to_ld(), NAMES, analysis_type="Regression", targets=("s", "t")),
        "targets": setup_of(targets.to_mlp("Regression"), NAMES, analysis_type="Regression", targets=("s", "t")),
    }
    return {name: document_of(setup) for name, setup in setups.items()}


def events() -> NDArray[np.float32]:
    return (fractions(200, 3, start=3) * np.array([1.0, 2.0, 0.5])).astype(np.float32)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, text in texts().items():
        (folder / f"{name}.weights.xml").write_text(text)
    events().tofile(folder / "events.bin")
