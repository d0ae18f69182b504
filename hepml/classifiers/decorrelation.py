"""Options of classifiers whose score is not to depend on some variables: planed weights, and a flat score of trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hepml.classifiers.flatness_loss import FlatnessLoss
from hepml.classifiers.objective import gradient_and_hessian, signed_log_loss
from hepml.classifiers.parameters import Choice, Integer, Names, Number, Parameter
from hepml.classifiers.planing import planed_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hepml.classifiers.training import TrainingPart

__all__ = ["FlatObjective", "Planed", "Uniform"]


class Planed:
    """Part of a classifier that can train on planed weights; see :func:`~hepml.classifiers.planing.planed_weights`.

    It has the options ``planed_in``, names of features or spectators, and ``planing_bins``.
    """

    planing_parameters: ClassVar[dict[str, Parameter]] = {"planed_in": Names(), "planing_bins": Integer(2, 1000)}

    planed_in: tuple[str, ...]
    planing_bins: int

    def needed_spectators(self) -> tuple[str, ...]:
        """Return the names of the columns that the options name."""
        return tuple(self.planed_in)

    def _shaped_weights(
        self, target: NDArray[Any], weight: NDArray[np.float64], spectators: Mapping[str, NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        if not self.planed_in:
            return weight
        variables = {name: spectators[name] for name in self.planed_in}
        return planed_weights(variables, target, weight, n_bins=self.planing_bins)


class Uniform(Planed):
    """Part of a classifier of boosted trees whose score can be made flat; see :class:`FlatnessLoss`.

    It has the options ``uniform_in``, names of features or spectators, ``uniform_class`` (``background`` or ``both``),
    ``uniform_strength``, ``uniform_bins`` and ``uniform_tail``, beside those of :class:`Planed`.
    """

    uniform_parameters: ClassVar[dict[str, Parameter]] = {
        **Planed.planing_parameters,
        "uniform_in": Names(),
        "uniform_class": Choice(("background", "both")),
        "uniform_strength": Number(0.0),
        "uniform_bins": Integer(2, 1000),
        "uniform_tail": Number(0.0, above=True),
    }

    uniform_in: tuple[str, ...]
    uniform_class: str
    uniform_strength: float
    uniform_bins: int
    uniform_tail: float

    def needed_spectators(self) -> tuple[str, ...]:
        """Return the names of the columns that the options name."""
        return tuple(dict.fromkeys((*super().needed_spectators(), *self.uniform_in)))

    def _objective(self, part: TrainingPart) -> FlatObjective:
        """Return the loss of the events of a part."""
        if not self.uniform_in or self.uniform_strength == 0.0:
            return FlatObjective(part, (), 0.0)
        variables = {name: part.spectators[name] for name in self.uniform_in}
        places = (0,) if self.uniform_class == "background" else (0, 1)
        losses = tuple(
            FlatnessLoss.of(
                variables, part.weight, part.target == place, n_bins=self.uniform_bins, tail=self.uniform_tail
            )
            for place in places
        )
        return FlatObjective(part, losses, self.uniform_strength)


@dataclass(frozen=True, slots=True)
class FlatObjective:
    """The signed log-loss of a part of the events and, with ``strength``, the flatness of one class or of both.

    Parameters
    ----------
    part : TrainingPart
        The events.
    flatness : tuple of FlatnessLoss
        Of each class whose score is to be flat; empty for the log-loss alone.
    strength : float
        Factor on the flatness, in units of the log-loss.
    """

    part: TrainingPart
    flatness: tuple[FlatnessLoss, ...]
    strength: float

    def derivatives(self, margin: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and Hessian for the trees; see :func:`~hepml.classifiers.objective.gradient_and_hessian`."""
        if not self.flatness:
            return gradient_and_hessian(margin, self.part.signal, self.part.weight)
        gradient, hessian = np.zeros(len(margin)), np.zeros(len(margin))
        for loss in self.flatness:
            loss.add_derivatives(gradient, hessian, margin, self.strength)
        return gradient_and_hessian(margin, self.part.signal, self.part.weight, further=(gradient, hessian))

    def log_loss(self, margin: NDArray[np.floating]) -> float:
        """Return the signed log-loss."""
        return signed_log_loss(margin, self.part.signal, self.part.weight)

    def value(self, margin: NDArray[np.floating]) -> float:
        """Return what the trees minimise, per unit of weight."""
        total = self.part.weight.sum()
        return self.log_loss(margin) + sum(
            0.5 * self.strength * float(loss.weight.sum() / total) * loss.value(margin) for loss in self.flatness
        )
