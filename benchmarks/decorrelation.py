"""What flat trees and planing leave of the separation, and of the shape of the background's mass: a trade-off curve.

The sample is that of ``data/higgs_tautau``, or one that its script made larger: ``decorrelation.py FOLDER``. Printed are the
area, 1 / JSD of the visible mass at 50 % signal efficiency and the bias-corrected squared distance correlation, the last
two of the background; test part.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from hepml import Analysis
from hepml.classifiers import get
from hepml.evaluation import distance_correlation, roc_curve, sculpting
from hepml.workflow.preparation import prepare

FOLDER = Path(__file__).parents[1]
TREES = {"n_estimators": 1200, "max_depth": 4, "early_stopping_rounds": 100, "n_jobs": 1}
METHODS = {
    "BDT": {},
    "planed": {"planed_in": ["m_vis"]},
    "flat 1": {"uniform_in": ["m_vis"], "uniform_strength": 1.0},
    "flat 2": {"uniform_in": ["m_vis"], "uniform_strength": 2.0},
    "flat 4": {"uniform_in": ["m_vis"], "uniform_strength": 4.0},
    "flat 8": {"uniform_in": ["m_vis"], "uniform_strength": 8.0},
    "flat 4, tail 0.003": {"uniform_in": ["m_vis"], "uniform_strength": 4.0, "uniform_tail": 0.003},
    "planed, flat 1": {"planed_in": ["m_vis"], "uniform_in": ["m_vis"], "uniform_strength": 1.0},
    "planed, flat 2": {"planed_in": ["m_vis"], "uniform_in": ["m_vis"], "uniform_strength": 2.0},
    "loss of the paper, 4": {"uniform_in": ["m_vis"], "uniform_strength": 4.0, "uniform_tail": 1e3},
}


def main() -> None:
    """Train each method and print its place."""
    sample = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER / "data" / "higgs_tautau"
    analysis = Analysis.from_file(FOLDER / "analyses" / "higgs_tautau" / "analysis.yaml")
    samples = tuple(
        one.model_copy(update={"files": (str(sample / Path(one.files[0]).name),)}) for one in analysis.config.samples
    )
    config = analysis.config.model_copy(update={"samples": samples})
    prepared = prepare(config, Analysis(config).read())
    place = prepared.dataset.feature_names.index("m_vis")
    train, validation, test = prepared.train, prepared.validation, prepared.test
    mass = {part: selection.X[:, place].astype(float) for part, selection in (("t", train), ("v", validation))}
    background = test.y == 0
    test_mass, weight = test.X[background, place].astype(float), test.weight[background]
    print(f"{len(train.y)} events of training, {len(validation.y)} of validation, {len(test.y)} of test")
    print(
        "method                 AUC                share  1/JSD at 50 %      ratio  dCor^2               n      CPU s"
    )
    first = None
    for name, options in METHODS.items():
        start = time.process_time()
        model = get("xgboost").from_options({**TREES, **options})
        model.fit(
            train.X,
            train.y,
            train.train_weight,
            validation=(validation.X, validation.y, validation.train_weight),
            spectators={"m_vis": (mass["t"], mass["v"])},
        )
        seconds = time.process_time() - start
        cut = roc_curve(validation.y, model.evaluate(validation.X), validation.weight).at_signal_efficiency(0.5)
        score = model.evaluate(test.X)
        curve = roc_curve(test.y, score, test.weight)
        shape = sculpting(score[background] >= cut.threshold, test_mass, weight)
        dependence = distance_correlation(np.log(score / (1.0 - score))[background], test_mass, weight)
        first = first or (curve.auc - 0.5, shape.inverse)
        print(
            f"{name:22} {curve.auc:.4f} +- {curve.auc_error:.4f}  {(curve.auc - 0.5) / first[0]:6.1%} "
            f"{shape.inverse:7.1f} +- {shape.inverse_error:5.1f} {shape.inverse / first[1]:7.1f}  "
            f"{dependence.value:.5f} +- {dependence.error:.5f}  {dependence.n_used} {seconds:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
