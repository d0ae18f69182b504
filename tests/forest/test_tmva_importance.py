"""TMVA's variable importance: by hand, and the digits that a real TMVA printed."""

from __future__ import annotations

import dataclasses
import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml.forest import Forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS = Path(__file__).resolve().parent.parent / "data" / "tmva" / "block_BDTreal.weights.xml.gz"


def test_each_tree_counts_by_its_weight_and_its_squared_gains() -> None:
    # a tree of two splits, on x (gain 3) and z (gain 4); one of x alone (gain 100), which has half the weight; a leaf
    forest = Forest.from_nodes(
        feature=[0, 1, -1, -1, -1, 0, -1, -1, -1],
        threshold=np.zeros(9),
        left=[1, 2, -1, -1, -1, 6, -1, -1, -1],
        right=[4, 3, -1, -1, -1, 7, -1, -1, -1],
        value=np.zeros(9),
        first_node=[0, 5, 8, 9],
        tree_weight=[1.0, 0.5, 7.0],
        gain=[3.0, 4.0, *[np.nan] * 3, 100.0, *[np.nan] * 3],
        feature_names=["x", "z", "unused"],
        aggregate="average",
    )
    used = np.sqrt([9 / 25 + 0.5, 16 / 25, 0.0])
    np.testing.assert_allclose(forest.importance("tmva"), used / used.sum())


def test_a_forest_without_splits_uses_nothing() -> None:
    leaf = Forest.from_nodes(
        feature=[-1], threshold=[0.0], left=[-1], right=[-1], value=[1.0], first_node=[0, 1], feature_names=["x"]
    )
    assert leaf.importance("tmva").tolist() == [0.0]


def test_the_ranking_is_what_tmva_printed() -> None:
    """TMVA's trees and its boosting replayed on its training events: weights files do not hold the gains of splits."""
    place = os.environ.get("HEPML_REFERENCE_DATA")
    if not place:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no training events of TMVA to read")
    reference = Path(place) / "tmva_reference"
    log = gzip.decompress((reference / "logs" / "block.log.gz").read_bytes()).decode()
    table = log.split("--- BDTreal                  : Rank : Variable  : Variable Importance")[1].split("\n")[2:6]
    printed = {line.split(":")[2].strip(): float(line.split(":")[3]) for line in table}
    with np.load(reference / "data" / "toy.npz") as toy:
        X = np.concatenate([np.stack([toy[f"{c}_var{i}"][:5000] for i in range(1, 5)], axis=1) for c in "SB"])
    y = np.repeat([True, False], 5000)
    trained = Forest.from_file(WEIGHTS)
    found = dataclasses.replace(trained, gain=gini_gains(trained, X.astype(np.float32), y)).importance("tmva")
    assert {name: float(f"{value:.3e}") for name, value in zip(trained.feature_names, found, strict=True)} == printed


def gini_gains(forest: Forest, X: NDArray[np.float32], y: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return separation gain times sum of weights of each split of an AdaBoost with beta 1/2 and leaves by purity."""
    gain = np.full(len(forest.feature), np.nan)
    weight = np.ones(len(y))

    def impurity(rows: NDArray[np.int64]) -> float:
        signal, total = weight[rows][y[rows]].sum(), weight[rows].sum()
        return float(2 * signal * (total - signal) / total)

    for tree in range(forest.n_trees):
        purity = np.zeros(len(y))
        open_nodes = [(int(forest.first_node[tree]), np.arange(len(y)))]
        while open_nodes:
            node, rows = open_nodes.pop()
            if forest.feature[node] < 0:
                purity[rows] = forest.value[node, 0]
                continue
            right = X[rows, forest.feature[node]] >= forest.threshold[node]
            gain[node] = impurity(rows) - impurity(rows[right]) - impurity(rows[~right])
            open_nodes += [(int(forest.right[node]), rows[right]), (int(forest.left[node]), rows[~right])]
        # MethodBDT::AdaBoost where leaves are purities
        agreement = np.where(y, 1.0, -1.0) * (2.0 * purity - 1.0)
        mean = (weight * agreement).sum() / weight.sum()
        weight *= np.exp(-0.5 * np.log((1.0 + mean) / (1.0 - mean)) * agreement)
        weight *= len(y) / weight.sum()
    return gain
