"""How long the training of a network takes beside a bare loop of PyTorch with the same arithmetic, and scikit-learn's.

200,000 events of 28 features, two hidden layers of 64, 20 epochs in batches of 1024, one thread. CPU seconds, medians of
interleaved repetitions. The bare loop does what ours does to the parameters (AdamW, one-cycle rate, clipping, moving
average) on inputs that are scaled already, and no more: neither checks, nor weights, nor validation.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from hepml.classifiers.networks.classifier import NNClassifier
from hepml.evaluation import roc_curve

EVENTS, FEATURES, EPOCHS, BATCH, WIDTH = 200_000, 28, 20, 1024, 64
REPETITIONS = 3


def events(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return signal and background that differ in means and in correlations."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(np.int64)
    X = rng.normal(size=(n, FEATURES)).astype(np.float32)
    X[:, 0] += 0.5 * y
    X[:, 1] += np.where(y == 1, 0.6 * X[:, 2] * X[:, 3], 0.0).astype(np.float32)
    return X, y


def bare(X: np.ndarray, y: np.ndarray) -> None:
    """Train as a user of PyTorch would write it, with the same arithmetic."""
    torch.manual_seed(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(FEATURES, WIDTH),
        torch.nn.ReLU(),
        torch.nn.Linear(WIDTH, WIDTH),
        torch.nn.ReLU(),
        torch.nn.Linear(WIDTH, 1),
    )
    x, target = torch.from_numpy(X), torch.from_numpy(y.astype(np.float32))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.005, weight_decay=1e-4)
    steps = -(-len(X) // BATCH) * EPOCHS
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.005, total_steps=steps + 1, cycle_momentum=False)
    averaged = [p.detach().clone() for p in model.parameters()]
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(X)).split(BATCH):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x[rows])[:, 0], target[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            torch._foreach_lerp_(averaged, [p.detach() for p in model.parameters()], 0.01)


def batches(X: np.ndarray, y: np.ndarray) -> None:
    """Do what prepares the batches, and nothing with them."""
    generator = torch.Generator().manual_seed(1)
    x, target, weight = torch.from_numpy(X), torch.from_numpy(y), torch.ones(len(X))
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(X), generator=generator).split(BATCH):
            weight.index_select(0, rows)
            x.index_select(0, rows)
            target.index_select(0, rows)


def main() -> None:
    """Time all of them in turn."""
    torch.set_num_threads(1)
    X, y = events(1, EVENTS)
    validation, test = events(2, 50_000), events(3, 100_000)
    scaled = StandardScaler().fit_transform(X)
    options = {
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "width": WIDTH,
        "device": "cpu",
        "n_jobs": 1,
        "n_iter_no_change": None,
    }
    seconds: dict[str, list[float]] = {}

    def timed(name: str, function: object, *arguments: object) -> object:
        wall, cpu = time.perf_counter(), time.process_time()
        result = function(*arguments)  # type: ignore[operator]
        seconds.setdefault(name, []).append(time.process_time() - cpu)
        seconds.setdefault(f"{name} (wall)", []).append(time.perf_counter() - wall)
        return result

    for _ in range(REPETITIONS):
        model = timed(
            "ours, with validation", lambda: NNClassifier(**options).fit(X, y, validation=(*validation, None))
        )
        timed("ours, without", lambda: NNClassifier(**options).fit(X, y))
        timed("bare loop", bare, scaled, y)
        timed("preparation of batches", batches, scaled, y)
    sklearn = MLPClassifier(
        (WIDTH, WIDTH), batch_size=BATCH, max_iter=EPOCHS, tol=0.0, n_iter_no_change=EPOCHS, random_state=1
    )
    timed("MLPClassifier", sklearn.fit, scaled, y)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in median.items():
        print(f"{name:36} {value:7.2f} s   {min(seconds[name]):.2f} to {max(seconds[name]):.2f}")
    print(f"ours, without validation / bare loop: {median['ours, without'] / median['bare loop']:.2f} (limit 1.15)")
    print(
        f"preparation of batches / ours: {median['preparation of batches'] / median['ours, without']:.1%} (limit 15 %)"
    )
    print(f"ours / MLPClassifier: {median['ours, without'] / median['MLPClassifier']:.2f}")
    area = roc_curve(test[1], model.evaluate(test[0]))  # type: ignore[attr-defined]
    other = roc_curve(test[1], sklearn.predict_proba(StandardScaler().fit(X).transform(test[0]))[:, 1])
    print(f"AUC: ours {area.auc:.4f} +- {area.auc_error:.4f}, MLPClassifier {other.auc:.4f}")


if __name__ == "__main__":
    main()
