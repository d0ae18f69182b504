"""TMVA's Kolmogorov-Smirnov number, against ROOT's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import binned_kolmogorov, fill_histogram
from hepml.root_process import RootProcess, root_is_installed

if TYPE_CHECKING:
    from pathlib import Path

EDGES = np.linspace(-3.5, 3.5, 41)


def histograms(seed: int, shift: float, *, negative: float = 0.0, sizes: tuple[int, int] = (900, 400)) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [
        fill_histogram(
            rng.normal(mean, 1, size), EDGES, rng.uniform(0.5, 1.5, size) * np.where(rng.random(size) < negative, -1, 1)
        )
        for size, mean in zip(sizes, (0.0, shift), strict=True)
    ]


def kolmogorov_by_root(folder: Path, pairs: list[Any], toys: int) -> list[list[float]]:  # noqa: ARG001  (of every task)
    """Distance and p-value of each pair of histograms by ROOT."""
    import ROOT

    ROOT.TH1.AddDirectory(False)
    found = []
    for number, pair in enumerate(pairs):
        # in place: what one toy draws must not depend on the pairs before it
        ROOT.gRandom.SetSeed(number + 1)
        made = []
        for name, (edges, sums, squares) in zip("ab", pair, strict=True):
            histogram = ROOT.TH1D(name, "", len(edges) - 1, edges[0], edges[-1])
            histogram.Sumw2()
            for slot, (value, square) in enumerate(zip(sums, squares, strict=True), 1):
                histogram.SetBinContent(slot, value)
                histogram.SetBinError(slot, square**0.5)
            made.append(histogram)
        found.append([made[0].KolmogorovTest(made[1], option) for option in ("M", f"X={toys}")])
    return found


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
def test_distance_is_that_of_root_and_p_value_within_the_scatter_of_toys():
    pairs = [
        histograms(1, 0.0), histograms(2, 0.08), histograms(3, 0.15), histograms(4, 0.1, sizes=(300, 2000)),
        histograms(5, 0.1, negative=0.15), histograms(6, 0.1, negative=0.15, sizes=(500, 2000)), histograms(7, 0.5),
    ]  # fmt: skip
    toys = 4000
    content = [[[h.edges.tolist(), h.sum_w.tolist(), h.sum_w2.tolist()] for h in pair] for pair in pairs]
    with RootProcess(purpose="a test", timeout=120) as process:
        by_root = process.call(f"{__name__}:kolmogorov_by_root", {"pairs": content, "toys": toys})
    p_values = []
    for pair, (distance, p_value) in zip(pairs, by_root, strict=True):
        result = binned_kolmogorov(*pair, n_toys=toys)
        assert result.distance == pytest.approx(distance, rel=1e-12)
        scatter = np.sqrt(2 * max(p_value * (1 - p_value), 1e-4) / toys)
        assert result.p_value == pytest.approx(p_value, abs=4 * scatter)
        p_values.append(p_value)
    # neither all nor none of the toys: the comparison says something
    assert sum(0.02 < value < 0.98 for value in p_values) >= 4
    assert p_values[-1] == 0


def test_distance_by_hand():
    edges = [0.0, 1.0, 2.0, 3.0]
    first = fill_histogram([0.5, 0.5, 1.5, 2.5], edges)
    second = fill_histogram([1.5, 2.5], edges)
    assert binned_kolmogorov(first, second, n_toys=10).distance == 0.5
    same = binned_kolmogorov(first, first).to_dict()
    assert (same["distance"], same["n_toys"], same["n_negative_bins"]) == (0.0, 1000, 0)


def test_only_the_seed_decides_and_the_scale_of_the_weights_does_not():
    first, second = histograms(1, 0.1)
    results = [binned_kolmogorov(first, second, seed=3) for _ in range(2)]
    assert results[0] == results[1]
    scaled = fill_histogram([0.5, 1.5, 2.5, 2.5], [0, 1, 2, 3], [4, 4, 8, 4])
    plain = fill_histogram([0.5, 1.5, 2.5, 2.5], [0, 1, 2, 3], [1, 1, 2, 1])
    other = fill_histogram([0.5, 2.5, 2.5], [0, 1, 2, 3])
    assert binned_kolmogorov(scaled, other, seed=3) == binned_kolmogorov(plain, other, seed=3)
    assert binned_kolmogorov(first, second, seed=4).p_value != results[0].p_value


def test_p_values_are_too_large_in_coarse_bins_and_never_too_small():
    p_values = np.array(
        [binned_kolmogorov(*histograms(seed, 0.0), n_toys=200, seed=seed).p_value for seed in range(300)]
    )
    for level in (0.1, 0.3, 0.5):
        assert np.mean(p_values <= level) <= level + 3 * np.sqrt(level * (1 - level) / 300)
    assert np.mean(p_values <= 0.3) > 0.15


def test_less_than_one_effective_event_has_no_p_value():
    edges = [0.0, 1.0, 2.0]
    few = fill_histogram([0.5, 1.5, 1.5], edges, [3.0, 2.0, -4.5])
    result = binned_kolmogorov(few, fill_histogram([0.5, 1.5], edges))
    assert np.isnan(result.p_value)
    assert result.to_dict()["p_value"] is None


def test_bad_input_is_one_clear_error():
    good = fill_histogram([0.5, 1.5], [0, 1, 2])
    with pytest.raises(InvalidInputError, match="different edges"):
        binned_kolmogorov(good, fill_histogram([0.5], [0, 1, 3]))
    with pytest.raises(InvalidInputError, match="0 toys"):
        binned_kolmogorov(good, good, n_toys=0)
    with pytest.raises(EmptyClassError, match="second histogram sum to 0"):
        binned_kolmogorov(good, fill_histogram([5.0], [0, 1, 2]))
