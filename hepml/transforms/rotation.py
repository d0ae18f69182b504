"""D and P: linear maps that remove the linear correlations of the training events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.errors import EmptyClassError, FeatureValueError, InvalidInputError
from hepml.transforms.markup import digits
from hepml.transforms.selection import Selection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.transforms.markup import Source
    from hepml.transforms.selection import Columns
    from hepml.transforms.step import Events, Inputs

__all__ = ["Decorrelation", "PrincipalComponents"]

# events at a time: their sums stay in the processor's cache
_BLOCK = 8192
# TMVA's names of the classes in this place, whatever they are called
_CLASS_NAMES = ("Signal", "Background")


@dataclass(frozen=True, slots=True, eq=False)
class Decorrelation:
    """Multiplication by the inverse square root of the covariance matrix.

    Parameters
    ----------
    selection : Selection
        What it takes and puts.
    matrices : ndarray of float64, shape (n_tables, n_inputs, n_inputs)
        Matrices of each class and of all.
    """

    selection: Selection
    matrices: NDArray[np.float64]

    @classmethod
    def fit(cls, selection: Selection, events: Events) -> Self:
        """Invert the square root of the weighted covariance, for each class and all.

        Raises
        ------
        EmptyClassError
            If the weights of a class sum to zero or less.
        FeatureValueError
            If variables are constant or linearly dependent.
        """
        matrices = []
        for name, rows in events.groups():
            _, covariance = _moments(events, rows, name, weighted=True)
            matrices.append(_inverse_root(covariance, name))
        return cls(selection, np.array(matrices))

    @classmethod
    def from_xml(cls, element: Element, columns: Columns, source: Source) -> Self:
        """Read a ``Transform``."""
        selection = Selection.from_xml(element, columns, source)
        size = len(selection.get)
        matrices = []
        for item in element.iterfind("Matrix"):
            shape = source.count(item, "Rows"), source.count(item, "Columns")
            if shape != (size, size):
                source.fail(f"a matrix has {shape[0]} x {shape[1]} numbers for {size} values")
            matrices.append(source.numbers(item, size * size).reshape(shape))
        if not matrices:
            source.fail("a decorrelation has no matrix")
        return cls(selection, np.array(matrices))

    @property
    def n_tables(self) -> int:
        """Number of matrices."""
        return len(self.matrices)

    def apply(self, inputs: Inputs, table: int) -> Inputs:
        """Multiply by the matrix in double precision."""
        return _multiply(self.matrices[table], inputs)

    def inverse(self, outputs: Inputs, table: int) -> Inputs:
        """Multiply by the inverse matrix, which TMVA does not offer.

        Raises
        ------
        InvalidInputError
            If there is none.
        """
        try:
            inverse = np.linalg.inv(self.matrices[table])
        except np.linalg.LinAlgError as error:
            msg = f"the matrix of a decorrelation cannot be inverted: {error}"
            raise InvalidInputError(msg) from error
        return _multiply(inverse, outputs)

    def to_xml(self, columns: Columns) -> Element:
        """Return its ``Transform``."""
        transform = Element("Transform", Name="Decorrelation")
        self.selection.add_xml(transform, columns)
        for matrix in self.matrices:
            size = str(len(matrix))
            SubElement(transform, "Matrix", Rows=size, Columns=size).text = digits(matrix.ravel(), 15)
        return transform


@dataclass(frozen=True, slots=True, eq=False)
class PrincipalComponents:
    """Projection on the eigenvectors of the covariance matrix, those of large variance first.

    Parameters
    ----------
    selection : Selection
        What it takes and puts.
    means : ndarray of float64, shape (n_tables, n_inputs)
        Means of each class and of all.
    vectors : ndarray of float64, shape (n_tables, n_inputs, n_inputs)
        Eigenvectors, one a column.
    """

    selection: Selection
    means: NDArray[np.float64]
    vectors: NDArray[np.float64]

    @classmethod
    def fit(cls, selection: Selection, events: Events) -> Self:
        """Diagonalise the covariance of the events without their weights, as TMVA does.

        The sign of an eigenvector is free. Here its component of largest absolute value is positive; TMVA takes what its
        algorithm happens to give.

        Raises
        ------
        InvalidInputError
            If fewer than two variables are selected.
        """
        if len(selection.get) < 2:
            msg = f"principal components need two variables or more, not {len(selection.get)} feature(s)"
            raise InvalidInputError(msg)
        means, vectors = [], []
        for name, rows in events.groups():
            mean, covariance = _moments(events, rows, name, weighted=False)
            _, vector = np.linalg.eigh(covariance)
            vector = vector[:, ::-1]
            largest = np.take_along_axis(vector, np.abs(vector).argmax(axis=0)[None], axis=0)
            means.append(mean)
            vectors.append(vector * np.where(largest < 0, -1.0, 1.0))
        return cls(selection, np.array(means), np.array(vectors))

    @classmethod
    def from_xml(cls, element: Element, columns: Columns, source: Source) -> Self:
        """Read a ``Transform``."""
        selection = Selection.from_xml(element, columns, source)
        size = len(selection.get)
        means: dict[int, NDArray[np.float64]] = {}
        vectors: dict[int, NDArray[np.float64]] = {}
        for found, tag, counts in (
            (means, "Statistics", ("NRows",)),
            (vectors, "Eigenvectors", ("NRows", "NCols")),
        ):
            for item in element.iterfind(tag):
                shape = tuple(source.count(item, count) for count in counts)
                if set(shape) != {size}:
                    source.fail(f"{tag} are of {shape[0]} values, not {size}")
                found[source.count(item, "ClassIndex")] = source.numbers(item, size ** len(shape)).reshape(shape)
            if not found or sorted(found) != list(range(len(found))):
                source.fail(f"{tag} are of the classes {sorted(found)[:10]}")
        if len(means) != len(vectors):
            source.fail(f"there are {len(means)} Statistics and {len(vectors)} Eigenvectors")
        tables = range(len(means))
        return cls(selection, np.array([means[i] for i in tables]), np.array([vectors[i] for i in tables]))

    @property
    def n_tables(self) -> int:
        """Number of sets of eigenvectors."""
        return len(self.means)

    def apply(self, inputs: Inputs, table: int) -> Inputs:
        """Project in double precision."""
        return _multiply(self.vectors[table].T, inputs, subtract=self.means[table])

    def inverse(self, outputs: Inputs, table: int) -> Inputs:
        """Return to the variables; TMVA itself adds the sum of all means to each, which undoes nothing."""
        return _multiply(self.vectors[table], outputs, add=self.means[table])

    def to_xml(self, columns: Columns) -> Element:
        """Return its ``Transform``."""
        transform = Element("Transform", Name="PCA")
        self.selection.add_xml(transform, columns)
        size = str(len(self.selection.get))
        for tag, counts, tables in (
            ("Statistics", {"NRows": size}, self.means),
            ("Eigenvectors", {"NRows": size, "NCols": size}, self.vectors),
        ):
            for index, table in enumerate(tables):
                name = _CLASS_NAMES[index] if index < len(_CLASS_NAMES) else "Combined"
                item = SubElement(transform, tag, {"Class": name, "ClassIndex": str(index), **counts})
                item.text = digits(table.ravel())
        return transform


def _multiply(
    matrix: NDArray[np.float64],
    inputs: Inputs,
    *,
    subtract: NDArray[np.float64] | None = None,
    add: NDArray[np.float64] | None = None,
) -> Inputs:
    present = [x for x in inputs if x is not None]
    if not present:
        return inputs
    if len(present) < len(inputs):
        msg = "a transformation mixes variables with targets or spectators, which the events here do not have"
        raise InvalidInputError(msg)
    n_events = len(present[0])
    # one array for each, so that a column of the chain does not keep the others alive
    outputs = [np.empty(n_events, dtype=np.float32) for _ in present]
    # what is too large is infinite, as in TMVA
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, n_events, _BLOCK):
            stop = min(start + _BLOCK, n_events)
            total = np.zeros((len(matrix), stop - start))
            # added variable by variable, as TMVA does: no result depends on a library's threads
            for place, x in enumerate(present):
                column = x[start:stop].astype(np.float64)
                if subtract is not None:
                    column -= subtract[place]
                total += matrix[:, place, None] * column
            if add is not None:
                total += add[:, None]
            for output, row in zip(outputs, total, strict=True):
                output[start:stop] = row
    return list(outputs)


def _moments(
    events: Events, rows: NDArray[np.intp] | slice, name: str, *, weighted: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and covariance of the selected values of some events."""
    places = np.arange(len(events.weight))[rows]
    blocks = [places[start : start + _BLOCK] for start in range(0, len(places), _BLOCK)]
    weights = [events.weight[block] if weighted else np.ones(len(block)) for block in blocks]
    total = sum(float(weight.sum()) for weight in weights)
    if total <= 0:
        msg = f"the weights of {name} sum to {total:g}, not to more than zero, so it has no covariance"
        raise EmptyClassError(msg)
    size = len(events.values)
    mean = np.zeros(size)
    for block, weight in zip(blocks, weights, strict=True):
        mean += [(x[block] * weight).sum() for x in events.values]
    mean /= total
    moments = np.zeros((size, size))
    # about the mean, since the plain second moments of a variable far from zero lose its digits
    for block, weight in zip(blocks, weights, strict=True):
        centred = [x[block] - middle for x, middle in zip(events.values, mean, strict=True)]
        for row in range(size):
            lever = centred[row] * weight
            for column in range(row + 1):
                moments[row, column] += (lever * centred[column]).sum()
    covariance = np.tril(moments) / total
    return mean, covariance + np.tril(covariance, -1).T


def _inverse_root(covariance: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    # relative to the variables' own spreads, so that units do not matter
    spread = np.diag(covariance)
    if spread.min() > 0:
        correlation = covariance / np.sqrt(spread[:, None] * spread)
        smallest = np.linalg.eigvalsh(correlation)[0]
    else:
        smallest = 0.0
    if smallest <= 1e-13 or values[0] <= 0:
        msg = (
            f"the variables of {name} cannot be decorrelated: some are constant or depend linearly on others, "
            f"or negative weights dominate (smallest eigenvalue of their correlations: {smallest:.3g}); "
            "leave some out"
        )
        raise FeatureValueError(msg)
    # a sum of numpy, since a library's product has other digits with other threads
    root: NDArray[np.float64] = ((vectors / np.sqrt(values))[:, None, :] * vectors[None, :, :]).sum(axis=2)
    return root
