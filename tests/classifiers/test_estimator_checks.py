"""scikit-learn's own checks of the estimator contract."""

from __future__ import annotations

import warnings

from sklearn.exceptions import SkipTestWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from hepml import classifiers

_REASONS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights are divided by their mean, so that repeating an event and doubling its weight regularise differently"
    ),
}


def _estimators():
    small = {"min_child_weight": 0.5, "n_jobs": 1}
    return [
        classifiers.get("xgboost")(n_estimators=20, **small),
        classifiers.get("hist_gradient_boosting")(max_iter=20, min_samples_leaf=3, **small),
    ]


with warnings.catch_warnings():
    warnings.simplefilter("ignore", SkipTestWarning)

    @parametrize_with_checks(_estimators(), expected_failed_checks=lambda _: _REASONS)
    def test_scikit_learn_contract(estimator, check):
        check(estimator)
