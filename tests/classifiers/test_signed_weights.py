"""Training on signed weights learns the net density; the other policies say what they distort."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from scipy.special import logit

from hepml.classifiers.objective import MARGIN_BOUND, gradient_and_hessian, signed_log_loss
from hepml.errors import EmptyClassError, WeightError


def _slopes(model):
    """Least-squares slopes of the learned log-odds in x0 and x1 over the bulk."""
    grid = np.random.default_rng(0).uniform(-1.5, 1.5, size=(4000, 2)).astype(np.float32)
    design = np.column_stack([np.ones(len(grid)), grid])
    return np.linalg.lstsq(design, model.decision_function(grid), rcond=None)[0][1:]


def test_signed_learns_the_net_density_ratio_and_abs_does_not(kind, quick, two_gaussians):
    train = two_gaussians(20_000, seed=1, negative=0.4)
    held_out = two_gaussians(10_000, seed=2, negative=0.4)
    signed = quick(kind, 200).fit(*train, validation=held_out)
    slope, other = _slopes(signed)
    # exact: log-odds 1.4 x0, nothing in x1
    assert slope == pytest.approx(1.4, abs=0.15)
    assert other == pytest.approx(0.0, abs=0.15)
    absolute = quick(kind, 100, negative_weights="abs").fit(*train)
    # the signal looks (1 / (1 - 2 * 0.4)) = 5 times as frequent above x1 = 0
    assert _slopes(absolute)[1] > 0.5


def test_the_score_is_the_probability_of_the_net_weights(kind, quick, two_gaussians):
    X, y, w = two_gaussians(20_000, seed=3, negative=0.4)
    w[y] *= 0.2
    model = quick(kind, 200).fit(X, y, w)
    score = model.evaluate(X)
    # stationarity: the signed sums agree with the predicted ones, over all events and in the negative region
    for region in (np.ones(len(y), bool), X[:, 1] > 0, X[:, 1] <= 0):
        observed = w[region & y].sum()
        assert np.dot(w[region], score[region]) == pytest.approx(observed, rel=0.015)
    assert np.mean(score < 0.5) > 0.8


def test_ignore_is_training_without_the_negative_events(kind, quick, events):
    ignored = quick(kind, negative_weights="ignore").fit(events.X, events.y, events.w)
    kept = events.w > 0
    without = quick(kind).fit(events.X[kept], events.y[kept], events.w[kept])
    assert np.array_equal(ignored.evaluate(events.X), without.evaluate(events.X))


def test_abs_is_training_on_absolute_weights(kind, quick, events):
    absolute = quick(kind, negative_weights="abs").fit(events.X, events.y, events.w)
    assert np.array_equal(
        absolute.evaluate(events.X), quick(kind).fit(events.X, events.y, np.abs(events.w)).evaluate(events.X)
    )


@pytest.mark.parametrize("policy", ["ignore", "abs"])
def test_a_policy_that_changes_weights_says_what_it_shifts(kind, quick, two_gaussians, policy, caplog):
    X, y, w = two_gaussians(4000, seed=4, negative=0.3)
    with caplog.at_level(logging.WARNING, logger="hepml.classifiers"):
        model = quick(kind, 3, negative_weights=policy).fit(X, y, w)
    report = model.training_report_
    # closed form for x1 of signal: |x1| has mean sqrt(2/pi) and the net mean is 0; with abs it is (p - (1 - p)) times
    # that, where p = 1 / (2 - 2 r) of the events have x1 > 0; ignoring leaves p (1 - r) = 1/2 of them against 1 - p
    up = 1.0 / 1.4
    kept = up if policy == "abs" else up * 0.7
    mean = (kept - (1.0 - up)) / (kept + 1.0 - up) * np.sqrt(2.0 / np.pi)
    sigma = np.sqrt(np.dot(w[y] ** 2, X[y, 1] ** 2)) / w[y].sum()
    assert report["shifts"]["x1"]["True"] == pytest.approx(mean / sigma, abs=2.5)
    assert abs(report["shifts"]["x0"]["True"]) < 3.5
    assert report["shifts"]["x1"]["False"] == 0.0
    assert report["n_negative"] == np.count_nonzero(w < 0)
    (record,) = caplog.records
    message = record.getMessage()
    assert f"{report['n_negative']} of 8000" in message
    assert f"x1 +0.0 / {report['shifts']['x1']['True']:+.1f}" in message


def test_signed_and_positive_weights_warn_of_nothing(kind, quick, events, caplog):
    quick(kind, 3).fit(events.X, events.y, events.w)
    quick(kind, 3, negative_weights="abs").fit(events.X, events.y, np.abs(events.w))
    assert not caplog.records


def test_the_report_is_json_and_adds_up(kind, quick, events):
    report = quick(kind).fit(events.X, events.y, events.w, validation=(events.X, events.y, events.w)).training_report_
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["policy"] == "signed"
    assert report["classes"]["True"]["sum_of_weights"] == pytest.approx(events.w[events.y].sum())
    assert report["classes"]["False"]["n_events"] == 1000
    assert 0 <= report["n_leaves_not_positive"] < report["n_leaves"]
    assert len(report["validation_log_loss"]) >= report["iterations"] > 0


def test_leaves_of_negative_sum_are_counted(kind, quick):
    # feature 0 separates a cell in which the signed sum is negative; one stump on it has one such leaf
    X = np.repeat([[0.0], [1.0]], [3000, 400], axis=0).astype(np.float32)
    y = np.arange(3400) % 2 == 0
    w = np.where(X[:, 0] > 0.5, np.where(y, -1.0, 0.5), 1.0)
    stump = quick(kind, 1, max_depth=1, **({"min_samples_leaf": 5} if kind == "hist_gradient_boosting" else {}))
    if kind != "hist_gradient_boosting":
        stump.set_params(subsample=1.0, colsample_bytree=1.0)
    report = stump.fit(X, y, w).training_report_
    assert (report["n_leaves"], report["n_leaves_not_positive"]) == (2, 1)


def test_steps_are_bounded(kind, quick, two_gaussians):
    X, y, w = two_gaussians(500, seed=9, negative=0.45)
    model = quick(kind, 5, max_delta_step=0.2, learning_rate=0.5, min_child_weight=0.0).fit(X, y, w)
    start = np.log(w[y].sum() / w[~y].sum())
    assert np.abs(model.decision_function(X) - start).max() <= 5 * 0.2 * 0.5 + 1e-6


def test_scaling_all_weights_changes_nothing(kind, quick, events):
    first = quick(kind).fit(events.X, events.y, events.w, validation=(events.X, events.y, events.w))
    for factor in (2.0**-40, 2.0**30):
        other = quick(kind).fit(
            events.X, events.y, factor * events.w, validation=(events.X, events.y, factor * events.w)
        )
        assert np.array_equal(first.evaluate(events.X), other.evaluate(events.X))
    thousand = quick(kind).fit(events.X, events.y, 1000.0 * events.w)
    plain = quick(kind).fit(events.X, events.y, events.w)
    np.testing.assert_allclose(thousand.evaluate(events.X), plain.evaluate(events.X), atol=1e-4)


def test_events_of_weight_zero_do_not_count(kind, quick, events):
    rng = np.random.default_rng(1)
    X = np.concatenate([events.X, rng.normal(5, 9, size=(500, 2)).astype(np.float32)])
    y = np.concatenate([events.y, rng.random(500) < 0.5])
    with_zeros = quick(kind).fit(X, y, np.concatenate([events.w, np.zeros(500)]))
    assert with_zeros.training_report_["n_zero"] == 500
    assert np.array_equal(
        with_zeros.evaluate(events.X), quick(kind).fit(events.X, events.y, events.w).evaluate(events.X)
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda w, y: np.where(np.cumsum(y) == 3, np.nan, w), WeightError, "1 NaN or infinite"),
        (lambda w, y: np.where(y, np.inf, w), WeightError, "1000 NaN or infinite"),
        (lambda w, y: 0.0 * w * y, WeightError, "zero"),
        (lambda w, y: w[y], WeightError, r"shape \(2000,\)"),
        (lambda w, y: np.where(y, -np.abs(w), w), EmptyClassError, "class 'True'.* sum to -"),
        (lambda w, y: np.where(y, 0.0, w), EmptyClassError, "class 'True'.* sum to 0"),
        (lambda w, y: np.where(y, np.resize([1.0, -0.99], w.size), 1.0), EmptyClassError, "less than 3 standard dev"),
    ],
)
def test_weights_that_cannot_be_trained_on(kind, quick, events, *, change, error, message):
    with pytest.raises(error, match=message):
        quick(kind).fit(events.X, events.y, change(events.w, events.y))


def test_the_gradient_is_that_of_the_metric():
    rng = np.random.default_rng(3)
    margin, y, w = rng.normal(size=50), rng.random(50) < 0.5, rng.normal(1.0, 1.0, 50)
    gradient, hessian = gradient_and_hessian(margin, y, w)
    step = 1e-6
    for i in range(50):
        up, down = margin.copy(), margin.copy()
        up[i] += step
        down[i] -= step
        slope = (signed_log_loss(up, y, w) - signed_log_loss(down, y, w)) / (2 * step) * w.sum()
        assert gradient[i] == pytest.approx(slope, abs=2e-6)
    assert (hessian > 0).all()


def test_sums_of_gradients_do_not_depend_on_their_order():
    rng = np.random.default_rng(4)
    gradient, hessian = gradient_and_hessian(rng.normal(size=5000), rng.random(5000) < 0.5, rng.normal(size=5000) * 1e3)
    for values in (gradient, hessian):
        shuffled = rng.permutation(values)
        assert np.cumsum(values, dtype=np.float64)[-1] == np.cumsum(shuffled, dtype=np.float64)[-1]


def test_the_metric_is_bounded_where_the_net_density_is_negative():
    y, w = np.array([True, False, False]), np.array([-1.0, 1.0, 2.0])
    values = [signed_log_loss(np.array([-size, 0.0, 0.0]), y, w) for size in (MARGIN_BOUND, 1e3, 1e30)]
    assert values[0] == values[1] == values[2]
    assert np.isfinite(values[0])
    assert logit(1e-6) > -MARGIN_BOUND
