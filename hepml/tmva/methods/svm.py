"""Support vector machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.tmva.methods.numbers import finite_single, table_of
from hepml.tmva.methods.svm_kernel import GAUSS, MULTI_GAUSS, POLYNOMIAL, exponents, kernel_sums
from hepml.tmva.setup import number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["SVM", "Kernel"]

_KERNELS = {"RBF": GAUSS, "MultiGauss": MULTI_GAUSS, "Polynomial": POLYNOMIAL}
_LARGEST_ORDER = 1000
_MOST_KERNELS = 20
# points of a block times support vectors
_BLOCK_NUMBERS = 2**17


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A sum of kernels.

    Parameters
    ----------
    kinds : ndarray of int64
        What is added: exp(-gamma |x - y|^2), exp(-sum of gammas (x - y)^2), (theta + x y)^order.
    gamma, theta : float32
        Parameters.
    gammas : ndarray of float32, shape (n_variables,)
        A gamma for each variable.
    order : int
        Power.
    """

    kinds: NDArray[np.int64]
    gamma: np.float32
    gammas: NDArray[np.float32]
    order: int
    theta: np.float32


@dataclass(frozen=True, slots=True, eq=False)
class SVM:
    """A support vector machine.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_vectors, n_variables)
        Support vectors.
    coefficients : ndarray of float32, shape (n_vectors,)
        Lagrange multipliers with the sign of the class; their differences for a regression.
    offset : float
        Offset of the plane (``fBparm``).
    kernel : Kernel
        Scalar product.
    regresses : bool
        Whether the response is a target.
    """

    kind: ClassVar[str] = "SVM"
    vectors: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    offset: float
    kernel: Kernel
    regresses: bool

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        regresses = setup.analysis_type == "Regression"
        n_variables = len(setup.variables)
        items = setup.weights.findall("SupportVector")
        if len(items) != whole_number(setup.weights, "NSupVec", setup.source) or not items:
            setup.fail(f"it has {len(items)} support vectors, and claims {setup.weights.get('NSupVec')!r}")
        if regresses and len(setup.targets) != 1:
            setup.fail(f"it has {len(setup.targets)} targets, and a support vector machine has one")
        # number of the event, class, two multipliers, variables
        table = finite_single(
            table_of((item.text for item in items), n_variables + 4, "support vector", setup), "support vector", setup
        )
        sign, multiplier, other = np.trunc(table[:, 1]), table[:, 2], table[:, 3]
        with np.errstate(over="ignore"):
            coefficients = multiplier - other if regresses else multiplier * sign
        if not np.isfinite(coefficients).all():
            setup.fail("the coefficient of a support vector is not finite")
        return cls(
            vectors=np.ascontiguousarray(table[:, 4:]),
            coefficients=np.ascontiguousarray(coefficients),
            offset=float(_single(setup, "fBparm")),
            kernel=_kernel(setup, n_variables),
            regresses=regresses,
        )

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return 1 / (1 + exp(sum - offset)), or sum + offset as a target, float64 of shape (n_events,)."""
        total = self._sums(np.ascontiguousarray(events.transformed()))
        if self.regresses:
            return events.targets((total + self.offset)[:, None])[:, 0]
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(1.0 / (1.0 + np.exp(total - self.offset)), dtype=np.float64)

    def _sums(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return sums over support vectors; of the usual kernel by numpy's exponential, which is five times faster."""
        kernel, total = self.kernel, np.empty(len(points))
        if kernel.kinds.tolist() != [GAUSS]:
            kernel_sums(
                points, self.vectors, self.coefficients, kernel.kinds, kernel.gamma, kernel.gammas, kernel.order,
                kernel.theta, total,
            )  # fmt: skip
            return total
        columns = np.ascontiguousarray(self.vectors.T)
        step = max(1, _BLOCK_NUMBERS // len(self.vectors))
        block = np.empty((min(step, len(points)), len(self.vectors)))
        for start in range(0, len(points), step):
            part = block[: min(step, len(points) - start)]
            exponents(points[start : start + step], columns, kernel.gamma, part)
            with np.errstate(over="ignore", invalid="ignore"):
                np.exp(part, out=part)
                terms = part.astype(np.float32) * self.coefficients
                total[start : start + step] = terms.sum(axis=1, dtype=np.float64)
        return total


def _kernel(setup: MethodSetup, n_variables: int) -> Kernel:
    """Return the kernel: exp(-gamma |x - y|^2) in old files, and what ``Kernel`` names in those that list gammas."""
    gammas = np.zeros(n_variables, np.float32)
    order, theta = 0, np.float32(0.0)
    names = ["RBF"]
    if setup.weights.get("fGammaList") is not None:
        order = whole_number(setup.weights, "fOrder", setup.source, most=_LARGEST_ORDER)
        theta = _single(setup, "fTheta")
        name = setup.option("Kernel", "RBF")
        # MethodSVM::ReadWeightsFromXML makes a sum of a product, too
        parted = {"Prod": "*", "Sum": "+"}.get(name)
        names = setup.option("KernelList", "").split(parted) if parted else [name]
    if not set(names) <= _KERNELS.keys() or len(names) > _MOST_KERNELS:
        setup.fail(
            f"its kernel is {'+'.join(names)[:40]!r} (known: {', '.join(_KERNELS)}, and sums and products of them)"
        )
    if order < 0:
        setup.fail(f"its kernel has the order {order}")
    if "MultiGauss" in names:
        listed = (setup.weights.get("fGammaList") or "").replace(",", " ")
        gammas = finite_single(table_of([listed], n_variables, "fGammaList", setup), "fGammaList", setup)[0]
    return Kernel(np.array([_KERNELS[name] for name in names]), _single(setup, "fGamma"), gammas, order, theta)


def _single(setup: MethodSetup, name: str) -> np.float32:
    values = np.array([number(setup.weights, name, setup.source)])
    return np.float32(finite_single(values, name, setup)[0])
