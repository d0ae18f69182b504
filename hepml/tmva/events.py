"""Events as a method of TMVA sees them: variables and spectators in single precision, and after its transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.transforms import TransformChain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.setup import MethodSetup

__all__ = ["Events", "chain_of", "spectators_of"]


def chain_of(setup: MethodSetup) -> TransformChain:
    """Return the transformations that stand before a method.

    Raises
    ------
    ModelFormatError
        If they are damaged.
    """
    return TransformChain.from_xml(
        setup.transformations, setup.variables, setup.spectators, setup.targets, setup.classes, setup.source
    )


def spectators_of(chain: TransformChain) -> tuple[int, ...]:
    """Return the places of the spectators that transformations mix with variables: none for nearly all chains."""
    return tuple(sorted({slot[1] for step in chain.steps for slot in step.selection.get if slot.kind == "s"}))


class Events:
    """Variables and spectators of events, which methods share so that nothing is transformed twice.

    TMVA keeps what an expression gives, and what a transformation gives, as ``Float_t``. So are both here.

    Parameters
    ----------
    variables : ndarray of float32, shape (n_events, n_variables)
        In the order of the weights file; column-major, so that a variable is contiguous.
    spectators : ndarray of float32, shape (n_events, n_spectators)
        The same; no column where none are needed.
    chain : TransformChain
        The method's transformations.
    """

    def __init__(self, variables: NDArray[np.float32], spectators: NDArray[np.float32], chain: TransformChain) -> None:
        self.variables = np.asfortranarray(variables, dtype=np.float32)
        self.spectators = np.asfortranarray(spectators, dtype=np.float32)
        self.chain = chain
        self._transformed: dict[int | None, NDArray[np.float32]] = {}

    def __len__(self) -> int:
        return len(self.variables)

    def transformed(self, class_index: int | None = None) -> NDArray[np.float32]:
        """Return the variables after the chain, as float32 of shape (n_events, n_outputs_of_the_chain).

        Parameters
        ----------
        class_index : int, optional
            Class whose transformation is applied where each has its own
            (``TransformationHandler::SetTransformationReferenceClass``). Default: all classes together.
        """
        if class_index not in self._transformed:
            n_spectators = len(self.chain.columns.spectators)
            beside = self.spectators[:, :n_spectators] if spectators_of(self.chain) else None
            self._transformed[class_index] = self.chain.apply(self.variables, class_index, spectators=beside)
        return self._transformed[class_index]

    def targets(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return targets as they were before transformations, from what a method predicts, shape (n_events, n_targets)."""
        with np.errstate(over="ignore"):
            single = outputs.astype(np.float32)
        return self.chain.inverse_targets(single).astype(np.float64)
