"""What each policy for negative weights costs, on toys whose density ratio is known.

    python benchmarks/negative_weights.py [--toys 20] [--events 10000] [--jobs 1]

Prints the table of docs/negative_weights.md as Markdown. Nothing is read or written.

A toy class has a known density p(x). Its events are drawn from q(x) ~ p(x) / (1 - 2 r(x)) and carry a negative weight
with the probability r(x), which depends on the features, as in next-to-leading-order generators: the net density is
then exactly p(x), while neither the positive events alone nor the absolute weights have that density.
"""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit
from scipy.stats import multivariate_normal

import hepml
from hepml.classifiers.hist_gradient_boosting import HistGradientBoostingClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

N_FEATURES = 5
N_TEST = 100_000
KINDS = ("xgboost", "hist_gradient_boosting")


@dataclass(frozen=True)
class ToyClass:
    """Density of a class, and where its negative weights are."""

    mean: Array
    covariance: Array
    negative: Callable[[Array], Array]

    def density(self, x: Array) -> Array:
        """Log of the net density."""
        return multivariate_normal(self.mean, self.covariance).logpdf(x)

    def net(self, n: int, rng: np.random.Generator) -> Array:
        """Events of the net density, all of weight one."""
        return rng.multivariate_normal(self.mean, self.covariance, n)

    def signed(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Events with weights of both signs and of different size, whose net density is the same."""
        parts: list[Array] = []
        while sum(map(len, parts)) < n:
            x = self.net(4 * n, rng)
            excess = 1.0 / (1.0 - 2.0 * self.negative(x))
            parts.append(x[rng.random(len(x)) < excess / 10.0])
        x = np.concatenate(parts)[:n]
        sign = np.where(rng.random(n) < self.negative(x), -1.0, 1.0)
        return x, sign * rng.gamma(4.0, 0.25, n)


def classes() -> tuple[ToyClass, ToyClass]:
    """Background and signal: Gaussians of different mean and covariance; at most 45 % negative weights at a point."""
    correlated = np.full((N_FEATURES, N_FEATURES), 0.3) + 0.7 * np.eye(N_FEATURES)
    background = ToyClass(
        np.zeros(N_FEATURES), np.eye(N_FEATURES), lambda x: 0.05 + 0.40 * expit(3.0 * (x[:, 0] + x[:, 1] - 0.5))
    )
    signal = ToyClass(
        np.array([0.6, 0.4, 0.4, 0.2, 0.0]), correlated, lambda x: 0.05 + 0.35 * expit(-3.0 * (x[:, 1] + x[:, 2]))
    )
    return background, signal


def sample(n: int, rng: np.random.Generator, *, signed: bool) -> tuple[Array, NDArray[np.bool_], Array]:
    """Events of both classes; each class has the net weight that ``n`` signed events of background have on average."""
    parts, labels, weights = [], [], []
    for label, toy in enumerate(classes()):
        x, w = toy.signed(n, rng) if signed else (toy.net(n, rng), np.ones(n))
        parts.append(x)
        labels.append(np.full(n, bool(label)))
        weights.append(w / w.sum() * n)
    return np.concatenate(parts), np.concatenate(labels), np.concatenate(weights)


def equivalent_sample(
    weights: Array, labels: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Array, NDArray[np.bool_], Array]:
    """Positive events of the net density, as many of each class as the signed ones are worth."""
    parts, out, new = [], [], []
    for label, toy in enumerate(classes()):
        w = weights[labels == bool(label)]
        n_effective = round(w.sum() ** 2 / np.dot(w, w))
        parts.append(toy.net(n_effective, rng))
        out.append(np.full(n_effective, bool(label)))
        new.append(np.full(n_effective, w.sum() / n_effective))
    return np.concatenate(parts), np.concatenate(out), np.concatenate(new)


def auc(score: Array, truth: Array) -> float:
    """Area under the ROC curve with each event counted in both classes by the known probability."""
    order = np.argsort(score, kind="stable")
    signal, background = truth[order], 1.0 - truth[order]
    return float(np.dot(signal, np.cumsum(background) - 0.5 * background) / (signal.sum() * background.sum()))


def excess(score: Array, truth: Array) -> float:
    """Log-loss above that of the known probability, in units of 10^-3."""
    margin = np.clip(logit(np.clip(score, 1e-12, 1.0 - 1e-12)), -30.0, 30.0)
    best = logit(truth)

    def loss(f: Array) -> float:
        return float(np.mean(np.logaddexp(0.0, f) - truth * f))

    return 1e3 * (loss(margin) - loss(best))


class RenewedLeaves(HistGradientBoostingClassifier):
    """The alternative: leaf values from the signed Hessian, not below a fraction of that with |w|."""

    fraction = 0.1

    def _step(self, grower: Any, margin: Array, train: Any) -> Array:
        p = expit(margin)
        for leaf in grower.finalized_leaves:
            rows = leaf.sample_indices
            curvature = p[rows] * (1.0 - p[rows])
            largest = np.dot(np.abs(train.weight[rows]), curvature)
            net = max(np.dot(train.weight[rows], curvature), self.fraction * largest)
            leaf.value *= (largest + self.l2_regularization) / (net + self.l2_regularization)
        return super()._step(grower, margin, train)


def variants() -> dict[str, dict[str, Any]]:
    """Rows of the table."""
    rows: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        for policy in ("signed", "ignore", "abs"):
            rows[f"{kind}, {policy}"] = {"class": hepml.classifiers.get(kind), "negative_weights": policy}
        rows[f"{kind}, positive sample of the same N_eff"] = {"class": hepml.classifiers.get(kind), "reference": True}
    rows["hist_gradient_boosting, signed, leaves renewed"] = {"class": RenewedLeaves}
    return rows


def run(n_toys: int, n_events: int, jobs: int) -> None:
    """Train everything on every toy and print the table."""
    logging.getLogger("hepml.classifiers").setLevel(logging.ERROR)
    rng = np.random.default_rng(20_240_501)
    background, signal = classes()
    x, _, _ = sample(N_TEST // 2, rng, signed=False)
    truth = expit(signal.density(x) - background.density(x))
    ideal = auc(truth, truth)
    results: dict[str, list[tuple[float, float, float, float, float]]] = {name: [] for name in variants()}
    started = time.perf_counter()
    negative: list[float] = []
    effective: list[float] = []
    for toy in range(n_toys):
        rng = np.random.default_rng([20_240_502, toy])
        parts = [sample(n, rng, signed=True) for n in (n_events, n_events // 2)]
        references = [equivalent_sample(w, y, rng) for _, y, w in parts]
        w = parts[0][2]
        negative.append(float(np.mean(w < 0.0)))
        effective.append(len(references[0][2]) / len(w))
        for name, options in variants().items():
            settings = dict(options)
            cls, is_reference = settings.pop("class"), settings.pop("reference", False)
            train, held_out = references if is_reference else parts
            model = cls(n_jobs=jobs, random_state=toy, **settings)
            model.fit(*train, validation=held_out)
            report = model.training_report_
            score = model.evaluate(x)
            sums = [content["sum_of_used_weights"] for content in report["classes"].values()]
            balanced = expit(logit(np.clip(score, 1e-12, 1.0 - 1e-12)) - np.log(sums[1] / sums[0]))
            share = 100.0 * report["n_leaves_not_positive"] / report["n_leaves"]
            results[name].append(
                (
                    1e3 * (ideal - auc(score, truth)),
                    excess(score, truth),
                    excess(balanced, truth),
                    report["iterations"],
                    share,
                )
            )
    print(
        f"{n_toys} toys of 2 x {n_events} training and 2 x {n_events // 2} validation events, {N_FEATURES} features; "
    )
    print(
        f"{100 * np.mean(negative):.0f} % negative weights, N_eff / N = {np.mean(effective):.2f}, ideal AUC {ideal:.4f}, "
    )
    print(f"{N_TEST} positive test events, {time.perf_counter() - started:.0f} s\n")
    print(
        "| trained with | AUC lost [1e-3] | excess log-loss [1e-3] | same, class sums restored | trees | leaves <= 0 [%] |"
    )
    print("|---|---|---|---|---|---|")
    for name, values in results.items():
        mean = np.mean(values, axis=0)
        error = np.std(values, axis=0, ddof=1) / np.sqrt(n_toys)
        cells = " | ".join(f"{m:.2f} +- {e:.2f}" for m, e in zip(mean[:3], error[:3], strict=True))
        print(f"| {name} | {cells} | {mean[3]:.0f} | {mean[4]:.1f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--toys", type=int, default=20, help="number of toys (default 20)")
    parser.add_argument("--events", type=int, default=10_000, help="training events of each class (default 10000)")
    parser.add_argument("--jobs", type=int, default=1, help="threads; changes no result (default 1)")
    arguments = parser.parse_args()
    run(arguments.toys, arguments.events, arguments.jobs)
