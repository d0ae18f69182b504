"""Networks, boosted trees and scikit-learn on the Higgs sample: areas on the same test events, differences with errors.

``networks_and_trees.py FOLDER`` takes a larger sample that the script of ``data/higgs_tautau`` made. Each kind has the same
number of trials, judged by the area on the validation part; the test part is looked at once, with the best of each.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from hepml import Analysis
from hepml.classifiers import get
from hepml.evaluation import compare_methods, roc_curve
from hepml.workflow.preparation import prepare

FOLDER = Path(__file__).parents[1]
NETWORK = {"scaling": "quantile", "missing": "mean", "device": "cpu", "n_jobs": 1, "activation": "silu", "epochs": 40}
TRIALS = {
    "nn": [
        {**NETWORK, "n_layers": 3, "width": 64, "dropout": 0.1},
        {**NETWORK, "n_layers": 3, "width": 128, "dropout": 0.2},
        {**NETWORK, "n_layers": 4, "width": 128, "dropout": 0.2, "residual": True},
    ],
    "xgboost": [{"n_estimators": 1500, "max_depth": depth, "learning_rate": 0.05, "n_jobs": 1} for depth in (3, 4, 6)],
    "sklearn": [
        {
            "estimator": "sklearn.ensemble.ExtraTreesClassifier",
            "parameters": {"n_estimators": 200, "min_samples_leaf": leaf},
        }
        for leaf in (3, 10)
    ]
    + [
        {
            "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
            "parameters": {"max_iter": 400},
        }
    ],
}


def main() -> None:
    """Train all trials, and compare the best of each kind."""
    sample = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "data" / "higgs_tautau"
    analysis = Analysis.from_file(FOLDER / "analyses" / "higgs_tautau" / "analysis.yaml")
    samples = tuple(
        one.model_copy(update={"files": (str(sample / Path(one.files[0]).name),)}) for one in analysis.config.samples
    )
    config = analysis.config.model_copy(update={"samples": samples})
    prepared = prepare(config, Analysis(config).read())
    train, validation, test = prepared.train, prepared.validation, prepared.test
    print(f"{len(train.y)} events of training, {len(validation.y)} of validation, {len(test.y)} of test")
    scores = {}
    for kind, trials in TRIALS.items():
        best = -1.0
        for number, options in enumerate(trials):
            begin = time.process_time()
            policy = {"negative_weights": "abs"} if kind == "sklearn" else {}
            model = get(kind).from_options({**options, **policy})
            model.fit(
                train.X, train.y, train.train_weight, validation=(validation.X, validation.y, validation.train_weight)
            )
            area = roc_curve(validation.y, model.evaluate(validation.X), validation.weight).auc
            print(
                f"{kind:8} trial {number}: validation {area:.4f}, {time.process_time() - begin:6.1f} CPU s", flush=True
            )
            if area > best:
                best, scores[kind] = area, model.evaluate(test.X)
    for kind, score in scores.items():
        curve = roc_curve(test.y, score, test.weight)
        print(f"{kind:8} test AUC {curve.auc:.4f} +- {curve.auc_error:.4f}")
    for pair in compare_methods(test.y, scores, test.weight):
        print(f"{pair.b} - {pair.a}: {pair.auc.difference:+.4f} +- {pair.auc.difference_error:.4f}")


if __name__ == "__main__":
    main()
