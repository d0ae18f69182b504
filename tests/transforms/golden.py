"""What a real TMVA fitted, wrote and answered, for the tests of this room."""

from __future__ import annotations

import functools
import gzip
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring

from hepml.transforms import Column, TransformChain

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

SMALL = Path(__file__).resolve().parent.parent / "data" / "tmva"
# VarTransform of each training
OPTIONS = {
    "expr_FisherN": "N",
    "expr_FisherDsig": "D_Signal",
    "expr_FisherP": "P",
    "expr_FisherPart": "N(myvar1,var3)+D(_V1_,_V3_)_Background",
    "expr_FisherU": "U",
    "expr_FisherDG": "D,G",
}


@dataclass(frozen=True)
class Golden:
    """A weights file: the text of its Transformations, and what it says about the events."""

    text: str
    root: Element
    variables: list[Column]
    spectators: list[Column]
    targets: list[Column]

    @classmethod
    def read(cls, path: Path) -> Golden:
        content = gzip.decompress(path.read_bytes()).decode()
        (text,) = re.findall(r"^  <Transformations (?:.*/>\n|(?s:.*</Transformations>\n))", content, re.MULTILINE)
        root = fromstring(content)
        groups = ("Variables/Variable", "Spectators/Spectator", "Targets/Target")
        return cls(text, root, *([_column(item) for item in root.iterfind(group)] for group in groups))

    def chain(self, text: str | None = None) -> TransformChain:
        element = fromstring(self.text if text is None else text)
        return TransformChain.from_xml(element, self.variables, self.spectators, self.targets)

    def linear(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Response of a Fisher discriminant to transformed variables."""
        coefficients = [float(item.attrib["Value"]) for item in self.root.iterfind("Weights/Coefficient")]
        return coefficients[0] + (X.astype(np.float64) * coefficients[1:]).sum(axis=1)

    def network(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Last sum of a network of tanh neurons, to transformed variables."""
        layers = list(self.root.iterfind("Weights/Layout/Layer"))
        values = X.astype(np.float64)
        for number, layer in enumerate(layers[:-1]):
            values = _tanh(values) if number else values
            values = np.hstack([values, np.ones((len(values), 1))])
            synapses = [[float(word) for word in (neuron.text or "").split()] for neuron in layer]
            values = values @ np.array(synapses)
        return values[:, 0]


def _tanh(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """TMVA's tanh: a continued fraction that ends, in single precision."""
    f = np.float32
    square = (x * x).astype(f)
    above = (x * (f(135135) + square * (f(17325) + square * (f(378) + square)))).astype(f)
    below = f(135135) + square * (f(62370) + square * (f(3150) + square * f(28)))
    return np.where(np.abs(x) > 4.97, np.sign(x), above / below)


def _column(item: Element) -> Column:
    return Column(item.attrib["Expression"], item.attrib["Label"])


@functools.cache
def small(name: str) -> Golden:
    return Golden.read(SMALL / f"{name}.weights.xml.gz")


@functools.cache
def events() -> dict[str, NDArray[np.generic]]:
    with np.load(SMALL / "expr_transforms.npz") as stored:
        return dict(stored)


def training() -> NDArray[np.float32]:
    """Variables of the job ``expr`` as TMVA was trained on them."""
    X = events()["train"].astype(np.float32)
    return np.column_stack([X, np.abs(X[:, 2])])


def applied(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Variables of the job ``expr`` from the branches var1, var2, var3."""
    one, two, three = columns.T
    return np.column_stack([one + two, one - two, three, np.abs(three)])


def reference() -> Path:
    place = os.environ.get("HEPML_REFERENCE_DATA")
    if not place:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no real files to read")
    return Path(place) / "tmva_reference"
