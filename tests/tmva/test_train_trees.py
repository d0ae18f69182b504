"""Boosted trees trained as TMVA trains them: its files to the last byte, and what each option does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hepml.errors import EmptyClassError, FeatureValueError, HepmlError, InvalidInputError, NotSupportedError
from hepml.tmva import train
from hepml.tmva.option_tables import TABLES
from hepml.tmva.options import parse
from hepml.tmva.preparation import from_arrays
from hepml.tmva.training.trees import bdt
from hepml.tmva.training.trees.forest_growing import TreeSample, grow_forest
from hepml.tmva.training.trees.introsort import sort
from hepml.tmva.training.trees.settings import settings_of
from hepml.tmva.training.trees.threaded_growing import parts_of
from tests.tmva.golden_trainings import golden_file, option_string, part, training_events

QUICK = (
    *("block/BDT10", "block/BDTG10", "block/BDTnCutsM1", "block/BDTpurity", "block/BDTreal", "block/BDTce"),
    *("block/BDTmis", "block/BDTsdiv", "posw/BDT10", "posw/BDTG10", "negw/BDT10", "negw/BDTG10", "negw/BDT10_ign"),
    *("negw/BDTG10_igt", "negw/BDT10_pray", "negw/BDT10_pair", "negw/BDTG10_pray", "negw/BDTG10_pair"),
    *("negw/BDTnobag_pray", "alternate/BDT10", "expr/BDT", "random/BDTB", "multi/BDTGnobag", "reg/BDTGnobag"),
    "block/BDTprune",
    "random/BDTF",
)
LONG = (
    *("block/BDTnobag", "block/BDTGnobag", "posw/BDTnobag", "posw/BDTGnobag", "posw/BDTreal", "negw/BDTnobag"),
    *("negw/BDTGnobag", "negw/BDTnobag_ign", "negw/BDTGnobag_ign", "negw/BDTnobag_pair", "negw/BDTG10_inv"),
    *("negw/BDTG10_ign", "alternate/BDTG10", "random/BDT", "random/BDTnobag", "random/BDTG", "random/BDTGnobag"),
    *("random/BDTD", "multi/BDTG", "reg/BDTG"),
)


@pytest.fixture(scope="module")
def folder() -> Path:
    place = os.environ.get("HEPML_REFERENCE_DATA")
    if not place:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no trainings of TMVA to compare with")
    return Path(place) / "tmva_reference"


def check_golden(folder: Path, golden: str, path: Path) -> None:
    job, _, name = golden.partition("/")
    data = training_events(folder, job)
    trained = train("BDT", option_string(folder, job, name), data, name=name, engine="native")
    trained.save(path)
    ours, theirs = path.read_text(), golden_file(folder, job, name)
    for tag in ("Options", "Variables", "Weights"):
        assert part(ours, tag) == part(theirs, tag), tag


@pytest.mark.parametrize("golden", QUICK)
def test_the_trees_are_those_of_tmva(folder, golden, tmp_path):
    check_golden(folder, golden, tmp_path / "x.weights.xml")


@pytest.mark.slow
@pytest.mark.parametrize("golden", LONG)
def test_large_forests_are_those_of_tmva(folder, golden, tmp_path):
    check_golden(folder, golden, tmp_path / "x.weights.xml")


@pytest.fixture(scope="module")
def events():
    """Correlated normal variables, a few weights negative, one variable of whole numbers."""
    rng = np.random.default_rng(7)
    n = 3000
    class_index = rng.permutation(np.arange(n) % 2)
    X = rng.normal(size=(n, 5)) - 0.4 * np.outer(class_index, [1, 0.5, 0.3, 0.8, 0.0])
    X[:, 1] += 0.8 * X[:, 0]
    X[:, 4] = np.floor(3 * rng.random(n) + class_index)
    weight = rng.uniform(0.5, 1.5, n) * np.where(rng.random(n) < 0.03, -1.0, 1.0)
    return X.astype(np.float32), class_index, weight


def booked(events, options, *, regression=False, whole="F"):
    X, class_index, weight = events
    variables = ["a", "b", "c", "d", ("e", "e", "", whole)]
    if regression:
        target = (X[:, 0] + 2.0 * X[:, 1] ** 2)[:, None]
        data = from_arrays(X, None, np.abs(weight), variables=variables, targets=target, target_variables=["y"])
    else:
        data = from_arrays(X, class_index, weight, variables=variables)
    return train("BDT", options, data, engine="native")


# what changes, and what it changes
CHANGES = {
    "NTrees": ("NTrees=3", "NTrees=4"),
    "MaxDepth": ("", "MaxDepth=2"),
    "MinNodeSize": ("", "MinNodeSize=12%"),
    "nCuts": ("", "nCuts=31"),
    "nCuts 0": ("", "nCuts=0"),
    "BoostType": ("BoostType=AdaBoost", "BoostType=RealAdaBoost"),
    "Grad": ("", "BoostType=Grad"),
    "PruneMethod": ("", "PruneMethod=CostComplexity:PruneStrength=50"),
    "ExpectedError": ("", "PruneMethod=ExpectedError:PruneStrength=50"),
    "PruneStrength": ("PruneMethod=CostComplexity:PruneStrength=20", "PruneMethod=CostComplexity:PruneStrength=80"),
    "PruningValFraction": (
        "PruneMethod=CostComplexity:PruneStrength=-1",
        "PruneMethod=CostComplexity:PruneStrength=-1:PruningValFraction=0.2",
    ),
    "Bagging": ("", "BoostType=Bagging"),
    "UseBaggedBoost": ("", "UseBaggedBoost"),
    "UseBaggedGrad": ("BoostType=Grad", "BoostType=Grad:UseBaggedGrad"),
    "Shrinkage": ("BoostType=Grad", "BoostType=Grad:Shrinkage=0.2"),
    "AdaBoostBeta": ("", "AdaBoostBeta=0.2"),
    "UseRandomisedTrees": ("", "UseRandomisedTrees"),
    "UseNvars": ("UseRandomisedTrees", "UseRandomisedTrees:UseNvars=4"),
    "UsePoissonNvars": ("UseRandomisedTrees", "UseRandomisedTrees:!UsePoissonNvars"),
    "UsePoissonNvars without": ("UseRandomisedTrees:nCuts=-1", "UseRandomisedTrees:nCuts=-1:UseNvars=4"),
    "BaggedSampleFraction": ("UseBaggedBoost", "UseBaggedBoost:BaggedSampleFraction=0.4"),
    "GradBaggingFraction": ("UseBaggedBoost", "UseBaggedBoost:GradBaggingFraction=0.4"),
    "UseNTrainEvents": ("UseBaggedBoost", "UseBaggedBoost:UseNTrainEvents=1000"),
    "UseYesNoLeaf": ("", "!UseYesNoLeaf"),
    "NegWeightTreatment": ("", "NegWeightTreatment=Pray"),
    "PairNegWeightsGlobal": ("", "NegWeightTreatment=PairNegWeightsGlobal"),
    "IgnoreNegWeightsInTraining": ("", "IgnoreNegWeightsInTraining"),
    "NodePurityLimit": ("", "NodePurityLimit=0.6"),
    "SeparationType": ("", "SeparationType=SDivSqrtSPlusB"),
    "GiniIndexWithLaplace": (
        "MinNodeSize=1%:MaxDepth=5",
        "MinNodeSize=1%:MaxDepth=5:SeparationType=GiniIndexWithLaplace",
    ),
    "SigToBkgFraction": ("", "SigToBkgFraction=2"),
    "nEventsMin": ("", "nEventsMin=400"),
    "AdaCost": ("BoostType=RealAdaBoost", "BoostType=AdaCost:Cts_sb=2"),
    "Css": ("BoostType=AdaCost", "BoostType=AdaCost:Css=0.5"),
    "Cts_sb": ("BoostType=AdaCost", "BoostType=AdaCost:Cts_sb=0.5"),
    "Ctb_ss": ("BoostType=AdaCost", "BoostType=AdaCost:Ctb_ss=0.5"),
    "Cbb": ("BoostType=AdaCost", "BoostType=AdaCost:Cbb=0.5"),
    "NNodesMax": ("", "NNodesMax=4"),
    "UseFisherCuts": ("", "UseFisherCuts:MinLinCorrForFisher=0.5"),
    "MinLinCorrForFisher": ("UseFisherCuts:MinLinCorrForFisher=0.5", "UseFisherCuts:MinLinCorrForFisher=0.99"),
    "UseExclusiveVars": (
        "MinNodeSize=1%:MaxDepth=5:UseFisherCuts:MinLinCorrForFisher=0.1",
        "MinNodeSize=1%:MaxDepth=5:UseFisherCuts:MinLinCorrForFisher=0.1:UseExclusiveVars",
    ),
}
REGRESSION_CHANGES = {
    "BoostType": ("", "BoostType=Grad:Shrinkage=0.1"),
    "AdaBoost": ("", "BoostType=AdaBoost"),
    "AdaBoostR2Loss": ("", "AdaBoostR2Loss=Linear"),
    "Exponential": ("", "AdaBoostR2Loss=Exponential"),
    "bagged": ("BoostType=Grad", "BoostType=Grad:UseBaggedBoost"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_option_changes_the_model(events, change):
    before, after = (booked(events, f"NTrees=4:{options}") for options in CHANGES[change])
    assert not np.array_equal(before.evaluate(events[0]), after.evaluate(events[0]))


@pytest.mark.parametrize("change", REGRESSION_CHANGES)
def test_an_option_changes_a_regression(events, change):
    options = ("NTrees=4:MaxDepth=4:MinNodeSize=2%:" + text for text in REGRESSION_CHANGES[change])
    before, after = (booked(events, text, regression=True) for text in options)
    assert not np.array_equal(before.evaluate(events[0]), after.evaluate(events[0]))


def test_every_option_is_obeyed_or_refused(events):
    changed = {"AdaBoostR2Loss", "DoPreselection", *(name.split()[0] for name in CHANGES)}
    assert set(bdt.TREES.supports) <= changed
    # DoBoostMonitor only draws
    assert {option.name for option in TABLES["BDT"]} - set(bdt.TREES.supports) == {"DoBoostMonitor"}
    plain, drawn = (booked(events, f"NTrees=4{more}").evaluate(events[0]) for more in ("", ":DoBoostMonitor"))
    assert np.array_equal(plain, drawn)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("PruneMethod=CostComplexity", "PruneStrength=0"),
        ("PruneMethod=CostComplexity:PruneStrength=101", "up to 100"),
        ("PruneMethod=ExpectedError:PruneStrength=-1", "finds no strength"),
        ("PruneMethod=CostComplexity:PruneStrength=-1:PruningValFraction=0.9", "PruningValFraction=0.9"),
        ("UseRandomisedTrees:UseNvars=6", "UseNvars=6"),
        ("BoostType=AdaBoostR2", "regression"),
        ("SeparationType=RegressionVariance", "targets"),
        ("MaxDepth=-1", "MaxDepth"),
        ("UseBaggedBoost:BaggedSampleFraction=0", "BaggedSampleFraction"),
    ],
)
def test_what_cannot_be_trained_says_so(events, options, words):
    with pytest.raises((InvalidInputError, NotSupportedError), match=words):
        booked(events, options)


def test_pruning_is_no_error_where_tmva_switches_it_off(events):
    booked(events, "NTrees=2:BoostType=Grad:PruneMethod=CostComplexity")


def test_costs_boost_as_in_tmva(events):
    # of TMVA 4.2.1, trained on the same events
    with np.load(Path(__file__).parents[1] / "data" / "tmva" / "costs.npz") as theirs:
        ours = booked(events, "NTrees=6:BoostType=AdaCost:Css=0.9:Cts_sb=1.5:Ctb_ss=0.8:Cbb=1.1")
        assert np.array_equal(ours.forest.feature, theirs["feature"])
        assert np.array_equal(ours.forest.threshold, theirs["threshold"])
        np.testing.assert_allclose(ours.evaluate(events[0]), theirs["response"], rtol=0, atol=1e-7)


def test_a_preselection_decides_what_it_was_found_to():
    # class 1 has no values below 0.3, class 0 none above 1; cuts keep off by a hundredth of the range
    x = np.concatenate([np.linspace(0, 1, 1000), np.linspace(0.3, 1.3, 1000)])
    X = np.column_stack([x, np.tile(np.linspace(-1, 1, 100), 20)]).astype(np.float32)
    data = from_arrays(X, np.repeat([0, 1], 1000), np.ones(2000), variables=["a", "b"])
    model = train("BDT", "NTrees=3:DoPreselection", data, engine="native")
    response = model.evaluate(X)
    assert (response[:280] == 1.0).all()
    assert (response[1720:] == -1.0).all()
    low, high = model.method.preselection.cuts
    assert (low[0], low[1], high[0], high[1]) == (0, True, 0, False)
    np.testing.assert_allclose([low[2], high[2]], [0.3 - 0.013, 1.0 + 0.013], atol=2e-3)


def test_costs_are_not_for_a_regression(events):
    with pytest.raises(InvalidInputError, match="AdaCost"):
        booked(events, "BoostType=AdaCost", regression=True)


def test_whole_numbers_have_steps_of_one(events):
    cuts = [set(booked(events, "NTrees=6:MaxDepth=4", whole=whole).forest.threshold.tolist()) for whole in ("I", "F")]
    forest = booked(events, "NTrees=6:MaxDepth=4", whole="I").forest
    on_whole = forest.threshold[forest.feature == 4]
    assert on_whole.size
    assert np.array_equal(on_whole, np.rint(on_whole))
    assert cuts[0] != cuts[1]


def test_threads_and_repetitions_change_nothing():
    rng = np.random.default_rng(3)
    n = 30_000
    class_index = np.arange(n) % 2
    X = (rng.normal(size=(n, 19)) + 0.2 * class_index[:, None]).astype(np.float32)
    for options in ("NTrees=4", "NTrees=3:BoostType=Grad:UseBaggedBoost"):
        weight = rng.uniform(0.5, 2.0, n)
        sample = TreeSample(
            X, class_index, weight, weight, np.zeros(0, np.float32), np.zeros(19, bool), 2, 0, "Classification"
        )
        settings = settings_of(parse("BDT", options, n_variables=19), "Classification", 19, n)
        one, two, three = (grow_forest(sample, settings, threads=threads) for threads in (1, 2, 3))
        for other in (two, three):
            assert np.array_equal(one.nodes, other.nodes)
            assert np.array_equal(one.weight, other.weight)


def test_parts_of_threads_cover_all_variables():
    for n_variables in (1, 8, 9, 28, 64):
        for threads in (1, 2, 3):
            parts = parts_of(n_variables, min(threads, -(-n_variables // 8)))
            assert [v for first, last in parts for v in range(first, last)] == list(range(n_variables))


def test_the_log_tells_errors_weights_and_what_was_ignored(events):
    trained = booked(events, "NTrees=5:BoostType=Grad")
    n_negative = int((events[2] < 0).sum())
    assert any(f"{n_negative} events of negative weight" in note for note in trained.log.notes)
    ada = booked(events, "NTrees=5:AdaBoostBeta=1")
    error, weight = ada.log.history["error_fraction"], ada.log.history["boost_weight"]
    np.testing.assert_allclose(weight, np.log((1 - error) / error), rtol=1e-12)
    assert sum(ada.log.rankings[0].values) == pytest.approx(1.0)


def test_tables_that_tmva_prints_are_the_same(folder):
    trained = train("BDT", option_string(folder, "block", "BDT10"), training_events(folder, "block"))
    assert "   1 : var4      : 4.936e-01" in trained.log.rankings[0].text
    assert "   4 : var3      : 1.903e-02" in trained.log.rankings[0].text


def test_degenerate_variables(events):
    X, class_index, weight = events
    same = np.column_stack([X[:, 0], X[:, 0], X[:, 2]])
    forest = train("BDT", "NTrees=3", from_arrays(same, class_index, np.abs(weight), variables=["a", "b", "c"])).forest
    # the first of two equal gains wins
    assert 0 in forest.feature
    assert 1 not in forest.feature
    tied = np.rint(X[:, :2])
    forest = train(
        "BDT", "NTrees=3:nCuts=500", from_arrays(tied, class_index, np.abs(weight), variables=["a", "b"])
    ).forest
    assert np.isfinite(forest.predict(tied)).all()
    wrong = X.copy()
    wrong[5, 2] = np.nan
    with pytest.raises(FeatureValueError, match="c"):
        booked((wrong, class_index, weight), "NTrees=2")


def test_degenerate_classes(events):
    X, class_index, weight = events
    with pytest.raises(EmptyClassError):
        booked((X, np.zeros_like(class_index), weight), "NTrees=2")
    with pytest.raises(HepmlError):
        booked((X, class_index, np.where(class_index == 0, -1.0, 1.0)), "NTrees=2")
    parted = X.copy()
    parted[:, 0] = np.where(class_index == 0, 1.0, -1.0)
    with pytest.raises(InvalidInputError, match="without error"):
        booked((parted, class_index, np.abs(weight)), "NTrees=2")
    assert np.isfinite(booked((parted, class_index, np.abs(weight)), "NTrees=2:BoostType=Grad").evaluate(parted)).all()


def test_a_tree_of_one_leaf_stops_boosting(events):
    with pytest.raises(HepmlError, match="sum to nothing"):
        booked((*events[:2], np.ones(len(events[0]))), "NTrees=3:MaxDepth=0")


@pytest.mark.parametrize("n", [1, 2, 16, 17, 1000, 5000])
def test_sorting_sorts(n):
    x = np.random.default_rng(n).integers(0, max(n // 3, 1), n).astype(np.float32)
    values, order = x.copy(), np.arange(n, dtype=np.int32)
    sort(values, order)
    assert np.array_equal(values, np.sort(x))
    assert np.array_equal(x[order], values)
    assert np.array_equal(np.sort(order), np.arange(n))


def test_sorting_survives_what_defeats_its_pivots():
    # Musser 1997: medians of three are bad pivots here
    n, k = 4000, 2000
    killer = np.empty(n, np.float32)
    for i in range(1, k + 1):
        if i % 2:
            killer[i - 1] = i
            if i < k:
                killer[i] = k + i
        killer[k + i - 1] = 2 * i
    order = np.arange(n, dtype=np.int32)
    values = killer.copy()
    sort(values, order)
    assert np.array_equal(values, np.sort(killer))


def test_pruned_trees_of_a_regression_are_those_of_tmva(folder, tmp_path):
    # its file keeps "1.0%" of the option string, which is written "1%" here
    trained = train("BDT", option_string(folder, "reg", "BDT"), training_events(folder, "reg"), name="BDT")
    trained.save(tmp_path / "x.weights.xml")
    assert part((tmp_path / "x.weights.xml").read_text(), "Weights") == part(
        golden_file(folder, "reg", "BDT"), "Weights"
    )


def test_random_trees_are_those_of_tmva_but_for_the_first(folder, tmp_path):
    # TMVA seeds the generator of the first tree with 0, which means at random
    options = option_string(folder, "block", "BDTrf")
    train("BDT", options, training_events(folder, "block"), name="BDTrf").save(tmp_path / "x.weights.xml")
    files = ((tmp_path / "x.weights.xml").read_text(), golden_file(folder, "block", "BDTrf"))
    ours, theirs = ("\n".join(part(text, "Weights")).split("<BinaryTree") for text in files)
    assert ours[2:] == theirs[2:]
