"""How much each feature adds to the margin of each event, for any model: exact for trees, by sampling for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hepml.errors import InvalidInputError, missing_dependency

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.classifiers.model import Model

__all__ = ["Explanation", "explain"]

# events that stand for the distribution of the features that are not known
_MOST_BACKGROUND = 100


class Explanation(NamedTuple):
    """Contributions, shape (n_events, n_features), and how they were found: ``TreeSHAP`` or ``permutation SHAP``."""

    contributions: NDArray[np.float64]
    algorithm: str


def explain(
    model: Model, X: NDArray[np.float32], background: NDArray[np.float32], seed: np.random.SeedSequence
) -> Explanation:
    """Return the Shapley values of the margin (of the score, for a model that has no margin).

    Parameters
    ----------
    model : Model
        Of one score.
    X : ndarray of float32, shape (n_events, n_features)
        Events to explain.
    background : ndarray of float32, shape (n_background, n_features)
        Training events in random order; up to a hundred stand for unknown features, where the model is not of trees.
    seed : numpy.random.SeedSequence
        Of the sampling; trees need none.

    Returns
    -------
    Explanation
        Trees: :meth:`hepml.forest.Forest.contributions`. Others: Lundberg and Lee, NeurIPS 2017, by the library ``shap``.

    Raises
    ------
    MissingDependencyError
        If the model is not of trees and shap is not installed.
    InvalidInputError
        If it has several scores, or a forest does not know the cover of its nodes.
    """
    if model.n_scores > 1:
        msg = f"a model of {model.n_scores} scores has contributions to each of them; one score is needed"
        raise InvalidInputError(msg)
    forest = model.forest
    if forest is not None:
        return Explanation(forest.contributions(X)[:, :-1], "TreeSHAP")
    try:
        import shap
    except ImportError as error:
        problem = missing_dependency("shap", purpose="contributions to a model without trees", extra="explain")
        raise problem from error
    margin: Any = getattr(model.estimator, "decision_function", model.evaluate)

    def evaluate(rows: NDArray[Any]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = margin(np.asarray(rows, dtype=np.float32))
        return found

    masker = shap.maskers.Independent(background[:_MOST_BACKGROUND], max_samples=_MOST_BACKGROUND)
    explainer = shap.explainers.Permutation(evaluate, masker, seed=int(seed.generate_state(1)[0] >> 1))
    return Explanation(np.asarray(explainer(X, silent=True).values, dtype=np.float64), "permutation SHAP")
