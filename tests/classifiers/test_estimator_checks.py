"""scikit-learn's own checks of the estimator contract."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from hepml import classifiers

_REASONS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights are divided by their mean, so that repeating an event and doubling its weight regularise differently"
    ),
}

_SMALL = {"min_child_weight": 0.5, "n_jobs": 1}
_CHECKS = parametrize_with_checks(
    [
        classifiers.get("xgboost")(n_estimators=20, **_SMALL),
        classifiers.get("hist_gradient_boosting")(max_iter=20, min_samples_leaf=3, **_SMALL),
        classifiers.get("lightgbm")(n_estimators=20, min_child_samples=3, **_SMALL),
        classifiers.get("lightgbm", "regression")(n_estimators=20, min_child_samples=3, **_SMALL),
        classifiers.get("sklearn")(n_jobs=1),
        classifiers.get("sklearn", "regression")(n_jobs=1),
        classifiers.get("category")(regions={"all": "1"}, method={"kind": "sklearn"}, n_jobs=1),
        classifiers.get("ensemble")(members={"A": {"kind": "sklearn"}, "B": {"kind": "sklearn"}}, n_jobs=1),
        classifiers.get("xgboost", "regression")(n_estimators=20, **_SMALL),
        classifiers.get("hist_gradient_boosting", "regression")(max_iter=20, min_samples_leaf=3, **_SMALL),
        classifiers.get("tmva")(options="BoostType=Grad:NTrees=20:MaxDepth=3"),
    ],
    expected_failed_checks=lambda _: _REASONS,
).mark


# a list, since scikit-learn < 1.8 gives a generator, which pytest deprecates
@pytest.mark.parametrize(_CHECKS.args[0], list(_CHECKS.args[1]), **_CHECKS.kwargs)
def test_scikit_learn_contract(estimator, check):
    check(estimator)
