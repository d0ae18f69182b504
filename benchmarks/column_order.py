"""Row-major or column-major feature matrix? Times what each step of a run costs with either.

Fills a matrix from separate columns (as a reader does), trains and applies XGBoost and HistGradientBoosting and takes a
masked subset, on the same numbers in both orders, interleaved. Prints medians and the ratio column-major / row-major.

    python benchmarks/column_order.py [--events 500000] [--repeat 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import xgboost as xgb
from sklearn.ensemble import HistGradientBoostingClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

N_FEATURES = 28


def main() -> None:
    """Run every step in both orders, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    columns = [rng.normal(size=options.events).astype(np.float32) for _ in range(N_FEATURES)]
    y = (columns[0] + rng.normal(size=options.events) > 0).astype(np.int8)
    mask = columns[1] > 0
    matrices = {"row": np.column_stack(columns), "column": np.asfortranarray(np.column_stack(columns))}
    booster = xgb.train({"max_depth": 4, "nthread": 1}, xgb.QuantileDMatrix(matrices["row"], y), 50)
    hist = HistGradientBoostingClassifier(max_iter=20, early_stopping=False).fit(matrices["row"], y)

    def fill(order: str) -> object:
        X = np.empty((options.events, N_FEATURES), dtype=np.float32, order="C" if order == "row" else "F")
        for number, column in enumerate(columns):
            X[:, number] = column
        return X

    steps: dict[str, Callable[[str], object]] = {
        "fill from columns": fill,
        "one column's mean": lambda order: [matrices[order][:, i].mean() for i in range(N_FEATURES)],
        "subset by mask": lambda order: matrices[order][mask],
        "xgboost matrix": lambda order: xgb.QuantileDMatrix(matrices[order], y, nthread=1),
        "xgboost predict": lambda order: booster.inplace_predict(matrices[order]),
        "hist fit": lambda order: HistGradientBoostingClassifier(max_iter=5, early_stopping=False).fit(
            matrices[order], y
        ),
        "hist predict": lambda order: hist.predict_proba(matrices[order]),
    }
    print(f"{options.events} events x {N_FEATURES} float32")
    for name, step in steps.items():
        seconds: dict[str, list[float]] = {"row": [], "column": []}
        for repetition in range(options.repeat + 1):
            for order, found in seconds.items():
                start = time.process_time()
                step(order)
                if repetition:
                    found.append(time.process_time() - start)
        row, column = (statistics.median(seconds[order]) for order in ("row", "column"))
        print(f"{name:18s} row-major {row:7.3f} s  column-major {column:7.3f} s  ratio {column / row:5.2f}")


if __name__ == "__main__":
    main()
