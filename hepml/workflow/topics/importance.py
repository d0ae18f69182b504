"""How much each feature is worth to a method: by its trees, by permutation, by contributions, by training without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml import evaluation
from hepml.classifiers import FoldModel
from hepml.classifiers.explanation import explain
from hepml.data.mapped import take_rows
from hepml.errors import HepmlError, InvalidInputError
from hepml.evaluation import FeatureImportance, contribution_summary
from hepml.report import Listed
from hepml.workflow.topics.correlations import correlated_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hepml.classifiers import Model
    from hepml.evaluation import ContributionSummary
    from hepml.forest.explanation import Importance
    from hepml.workflow.topics.context import MethodContext, Scored

__all__ = ["contributions", "drop_column", "permutation", "trees"]

# the area of so many has an error of about a thousandth, and each feature needs several scores of each
_MOST_PERMUTED = 100_000
# enough to find a hundred that stand for the training events
_BACKGROUND = 2000

_KINDS: tuple[Importance, ...] = ("tmva", "total_gain", "gain", "total_cover", "cover", "splits")


def trees(context: MethodContext) -> Listed | None:
    """Return how the trees use the features, with folds the mean of all models; None for a method without trees."""
    forests = [model.forest for model in _models(context)]
    found = []
    for kind in _KINDS:
        try:
            values = [forest.importance(kind) for forest in forests if forest is not None]
        except InvalidInputError:
            # neither gain nor cover need be known
            continue
        if len(values) == len(forests):
            mean = np.mean(values, axis=0)
            found.append(FeatureImportance.of_features(kind, context.dataset.feature_names, mean))
    return Listed(found) if found else None


def permutation(context: MethodContext) -> FeatureImportance | None:
    """Loss of area on the test part, or on a share of it, if features are exchanged between events."""
    settings = context.config.evaluation
    if not settings.permutation_repeats:
        return None
    test = context.test
    chosen = _chosen(context, test, _MOST_PERMUTED, "permutation")
    X = take_rows(test.X, chosen)
    return evaluation.permutation_importance(
        context.scorer(test, chosen),
        X,
        test.y[chosen],
        test.weight[chosen],
        names=context.dataset.feature_names,
        event=None if test.event is None else test.event[chosen],
        groups=correlated_groups(context.config, context.prepared),
        n_repeats=settings.permutation_repeats,
        seed=context.seed("permutation_importance"),
    )


def contributions(context: MethodContext) -> ContributionSummary | None:
    """Sum up the contributions of features to the margin of some test events."""
    settings = context.config.evaluation
    if not settings.explained_events:
        return None
    test, train = context.test, context.train
    chosen = _chosen(context, test, settings.explained_events, "contributions")
    X = take_rows(test.X, chosen)
    background = _chosen(context, train, _BACKGROUND, "contributions background")
    seed = context.seed("contributions")
    rng = np.random.default_rng(seed.spawn(1)[0])
    known = take_rows(train.X, rng.permutation(background)[:_BACKGROUND])
    models = _models(context)
    # with folds each event is explained by the model that scores it
    number = np.zeros(len(X), np.int16) if test.model is None else test.model[chosen]
    phi = np.empty(X.shape)
    algorithm = ""
    for fold, model in enumerate(models):
        here = number == fold
        if here.any():
            phi[here], algorithm = explain(model, X[here], known, seed)
    return contribution_summary(
        phi,
        X,
        test.y[chosen],
        test.weight[chosen],
        names=context.dataset.feature_names,
        event=None if test.event is None else test.event[chosen],
        facts={"algorithm": algorithm},
    )


def drop_column(context: MethodContext) -> FeatureImportance | None:
    """Loss of area on the test part if the method is trained without features: same parts, options and seed."""
    from hepml.workflow.methods import build_estimators

    if not context.config.evaluation.drop_column:
        return None
    context.require_split("training without a feature")
    names = context.dataset.feature_names
    if len(names) < 2:
        msg = "there is one feature only, and a method needs at least one to train on"
        raise InvalidInputError(msg)
    train, validation, test = context.train, context.validation, context.test
    sets: list[tuple[str, ...]] = [(name,) for name in names]
    sets += [group for group in correlated_groups(context.config, context.prepared) if len(group) < len(names)]

    def scores(taken: tuple[str, ...]) -> Iterator[NDArray[np.float64]]:
        kept = [number for number, name in enumerate(names) if name not in taken]
        estimator = build_estimators(context.config)[context.name]
        try:
            estimator.fit(
                _columns(train.X, kept),
                train.y,
                sample_weight=train.train_weight,
                validation=(_columns(validation.X, kept), validation.y, validation.train_weight),
            )
            yield estimator.evaluate(_columns(test.X, kept))
        except HepmlError as error:
            msg = f"{context.name} cannot be trained without {', '.join(taken)}: {error}"
            raise InvalidInputError(msg) from error

    return evaluation.auc_losses(
        "drop_column",
        test.y,
        test.score,
        ((taken, scores(taken)) for taken in sets),
        test.weight,
        event=test.event,
    )


def _models(context: MethodContext) -> tuple[Model, ...]:
    model = context.method.model
    return model.models if isinstance(model, FoldModel) else (model,)


def _columns(X: NDArray[np.float32], kept: list[int]) -> NDArray[np.float32]:
    # features stay columns: rows of the transpose
    return X.T[kept].T


def _chosen(context: MethodContext, part: Scored, most: int, purpose: str) -> NDArray[np.int64]:
    """Return the events of a part, or about ``most`` of them, chosen by their identity."""
    if len(part.rows) <= most:
        return np.arange(len(part.rows))
    hashes = context.dataset.identity.take(part.rows).hash(context.config.seed, purpose)
    return np.flatnonzero(hashes < np.uint64(2**64 * most // len(part.rows)))
