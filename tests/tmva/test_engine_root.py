"""A real TMVA: it trains every method, says what it refuses, books what we write, and agrees with our own engine."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot
from sklearn.neural_network import MLPClassifier
from xgboost import XGBClassifier

from hepml.errors import FeatureMismatchError, InvalidInputError, OutputError, RootProcessError, TMVAError
from hepml.forest import Forest
from hepml.tmva import Member, MethodOfRoot, Reader, RootReader, examine_tmva, prepare, train, write
from hepml.tmva.preparation import from_arrays
from hepml.tmva.training import TRAINERS
from tests.tmva.golden import differences

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.tmva import PreparedData

pytestmark = pytest.mark.requires_tmva

N = 1500
VARIABLES = ["first := a+b", ("b", "the second", "GeV"), "abs(c)", "d"]
OPTIONS = f"nTrain_Signal={N // 2}:nTrain_Background={N // 2 - 100}:NormMode=NumEvents"
# kind, options; short trainings of everything that TMVA 4.2.1 and newer have
TRAININGS = [
    ("Cuts", "FitMethod=MC:EffSel:SampleSize=2000:VarProp=FSmart"),
    ("Cuts", "FitMethod=GA:EffSel:Steps=3:Cycles=1:PopSize=30:VarTransform=Decorrelate"),
    ("Likelihood", "TransformOutput:PDFInterpol=Spline2:NSmoothSig[0]=20:NSmooth=1:NAvEvtPerBin=50"),
    ("Likelihood", "PDFInterpol=KDE:KDEtype=Gauss:KDEiter=Adaptive:KDEFineFactor=0.3:KDEborder=None:NAvEvtPerBin=50"),
    ("PDERS", "NormTree=T:VolumeRangeMode=Adaptive:KernelEstimator=Gauss:GaussSigma=0.3:NEventsMin=40:NEventsMax=60"),
    ("PDEFoam", "TailCut=0.001:VolFrac=0.0666:nActiveCells=50:nSampl=200:nBin=5:Nmin=50:Kernel=None:Compress=T"),
    ("KNN", "nkNN=20:ScaleFrac=0.8:SigmaFact=1.0:Kernel=Gaus:UseKernel=F:UseWeight=T:!Trim"),
    ("HMatrix", "VarTransform=None"),
    ("LD", "VarTransform=None:CreateMVAPdfs:PDFInterpolMVAPdf=Spline2:NbinsMVAPdf=50:NsmoothMVAPdf=10"),
    ("Fisher", "Fisher:VarTransform=Gauss"),
    ("Fisher", "Boost_Num=5:Boost_Transform=log:Boost_Type=AdaBoost:Boost_AdaBoostBeta=0.2"),
    (
        "FDA",
        "Formula=(0)+(1)*x0+(2)*x1:ParRanges=(-1,1);(-10,10);(-10,10):FitMethod=GA:PopSize=30:Cycles=1:Steps=3:Trim=True",
    ),
    ("MLP", "NeuronType=tanh:VarTransform=N:NCycles=20:HiddenLayers=N+1:TestRate=5:!UseRegulator"),
    ("SVM", "Gamma=0.25:Tol=0.01:VarTransform=Norm"),
    ("BDT", "NTrees=20:MaxDepth=3:BoostType=AdaBoost:UseBaggedBoost:BaggedSampleFraction=0.5:nCuts=20"),
    ("BDT", "NTrees=20:BoostType=Grad:Shrinkage=0.3:nCuts=20:MaxDepth=2:VarTransform=D"),
    ("RuleFit", "RuleFitModule=RFTMVA:Model=ModRuleLinear:NTrees=5:fEventsMin=0.05:fEventsMax=0.5:GDNSteps=100"),
]
BOTH = [
    ("Fisher", "VarTransform=D,G:CreateMVAPdfs"),
    ("LD", ""),
    ("HMatrix", "VarTransform=N:CreateMVAPdfs"),
    ("BDT", "NTrees=20:UseBaggedBoost:CreateMVAPdfs"),
    ("BDT", "NTrees=30:MaxDepth=3:nCuts=20:NegWeightTreatment=InverseBoostNegWeights"),
    ("BDT", "NTrees=30:BoostType=Grad:Shrinkage=0.3:MaxDepth=2:NegWeightTreatment=IgnoreNegWeightsInTraining"),
    ("BDT", "NTrees=10:UseBaggedBoost:BaggedSampleFraction=0.6:MaxDepth=3"),
    ("BDT", "NTrees=10:BoostType=AdaCost:Css=0.9:Cts_sb=1.5:Ctb_ss=0.8:Cbb=1.1"),
    ("BDT", "NTrees=10:BoostType=AdaCost:Cts_sb=2:UseBaggedBoost:NegWeightTreatment=Pray:SigToBkgFraction=1.5"),
    ("BDT", "NTrees=10:MaxDepth=4:DoPreselection"),
    ("BDT", "NTrees=10:MaxDepth=3:UseFisherCuts:MinLinCorrForFisher=0.2"),
    ("BDT", "NTrees=5:MaxDepth=3:UseFisherCuts:MinLinCorrForFisher=0.2:UseExclusiveVars:DoBoostMonitor"),
    ("BDT", "NTrees=10:MaxDepth=5:MinNodeSize=1%:PruneMethod=CostComplexity:PruneStrength=-1"),
    ("BDT", "NTrees=10:MaxDepth=5:MinNodeSize=1%:PruneMethod=CostComplexity:PruneStrength=30"),
    ("BDT", "NTrees=10:MaxDepth=5:MinNodeSize=1%:PruneMethod=ExpectedError:PruneStrength=2"),
]
# sums in another order, for some events
LIMITS = {"PDERS": 1e-5, "PDEFoam": 1e-5}


@pytest.fixture(scope="module", autouse=True)
def _real_tmva() -> None:
    found = examine_tmva()
    if found.tmva is None:
        pytest.skip(f"no real TMVA: {found.problem}")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("samples") / "samples.root"
    rng = np.random.default_rng(7)
    mixing = np.array([[1.0, 0.4, 0.2, 0.0], [0.0, 1.0, 0.3, 0.1], [0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 0.0, 1.0]])
    with uproot.recreate(path) as file:
        for place, name in enumerate(("signal", "background", "third")):
            values = (rng.normal(size=(N, 4)) @ mixing + np.array([0.5, 0.3, 0.2, -0.4]) * (1 - place)).astype("f4")
            weight = rng.uniform(0.5, 1.5, N) * np.where(rng.random(N) < 0.05, -1.0, 1.0)
            columns = {letter: values[:, column] for column, letter in enumerate("abcd")}
            response = (values[:, 0] ** 2 + values[:, 1]).astype("f4")
            file[name] = {**columns, "w": weight, "number": np.arange(N, dtype="i4"), "value": response}
    return path


def prepared_from(samples: Path, split: str, weight: str = "w", options: str = OPTIONS) -> PreparedData:
    return prepare(
        [(samples, "signal", 1.0)],
        [(samples, "background", 2.0)],
        variables=VARIABLES,
        spectators=["number", "twice := 2*d"],
        weight=weight,
        options=f"{options}:SplitMode={split}",
    )


@pytest.fixture(scope="module")
def block(samples: Path) -> PreparedData:
    return prepared_from(samples, "Block")


@pytest.fixture(scope="module")
def positive(samples: Path) -> PreparedData:
    return prepared_from(samples, "Block", "abs(w)")


def tree_of(model: MethodOfRoot, name: str = "TestTree") -> dict[str, NDArray[Any]]:
    with uproot.open(model.folder / "TMVA.root") as file:
        key = next(key for key in file.keys(cycle=False) if key.rpartition("/")[2] == name)
        columns: dict[str, NDArray[Any]] = file[key].arrays(library="np")
    return columns


@pytest.mark.parametrize(("kind", "options"), TRAININGS, ids=lambda text: text.partition(":")[0].partition("=")[0])
def test_every_method_trains_and_is_read_here(positive: PreparedData, kind: str, options: str) -> None:
    model = train(kind, f"!H:!V:{options}", positive, engine="root", name="Any")
    assert isinstance(model, MethodOfRoot)
    assert isinstance(model.reader, Reader)
    assert model.engine == model.log.engine == "root"
    found = tree_of(model)
    X = np.concatenate([positive.test.variables, positive.test.spectators], axis=1)
    if kind == "Cuts":
        # TMVA asks cuts for the decision at one efficiency only
        answer = model.evaluate(positive.test.variables, signal_efficiency=0.7)
        booked = RootReader(model.weights_path).evaluate(X, signal_efficiency=0.7)
        np.testing.assert_array_equal(answer, booked)
        return
    limit = LIMITS.get(kind, 1e-6)
    difference = differences(model.evaluate(positive.test.variables), found["Any"].astype(float))
    assert np.quantile(difference, 0.999 if kind in LIMITS else 1.0) <= limit


def test_a_method_that_only_tmva_reads(positive: PreparedData, tmp_path: Path) -> None:
    options = "NCycles=10:HiddenLayers=N+1,N:LearningMethod=BFGS:ValidationFraction=0.3"
    model = train("TMlpANN", options, positive, engine="root", folder=tmp_path / "network")
    assert isinstance(model, MethodOfRoot)
    assert isinstance(model.reader, RootReader)
    answer = model.evaluate(positive.test.variables)
    assert differences(answer, tree_of(model)["TMlpANN"].astype(float)).max() <= 1e-6
    with pytest.raises(InvalidInputError, match="read by a real TMVA only"):
        _ = model.method
    with pytest.raises(InvalidInputError, match="no forest"):
        _ = model.forest


def test_a_category_has_members(positive: PreparedData, tmp_path: Path) -> None:
    members = [Member("d<0", "Fisher"), Member("d>=0", "LD", "VarTransform=N", variables=["first", "b"], name="rest")]
    model = train("Category", "!V", positive, engine="root", members=members, folder=tmp_path / "category")
    test = positive.test
    answer = model.evaluate(np.concatenate([test.variables, test.spectators[:, :0]], axis=1))
    assert isinstance(model, MethodOfRoot)
    assert differences(answer, tree_of(model)["Category"].astype(float)).max() <= 1e-6


@pytest.mark.parametrize("split", ["Block", "Alternate", "Random"])
def test_the_events_are_those_that_were_prepared(samples: Path, split: str) -> None:
    for norm_mode in ("None", "NumEvents", "EqualNumEvents"):
        data = prepared_from(samples, split, options=OPTIONS.replace("NumEvents", norm_mode))
        model = train("Fisher", "", data, engine="root")
        assert isinstance(model, MethodOfRoot)
        for name, events in (("TrainTree", data.train), ("TestTree", data.test)):
            tree = tree_of(model, name)
            np.testing.assert_array_equal(tree["classID"], events.class_index)
            np.testing.assert_array_equal(tree["number"], events.spectators[:, 0])
            np.testing.assert_array_equal(tree["first"], events.variables[:, 0])
            np.testing.assert_allclose(tree["weight"], events.weight, rtol=1e-6)


@pytest.mark.parametrize("split", ["Block", "Random"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [pair for pair in BOTH if pair[0] in TRAINERS],
)
def test_both_engines_train_the_same(samples: Path, split: str, kind: str, options: str) -> None:
    data = prepared_from(samples, split)
    ours, theirs = (train(kind, options, data, engine=engine) for engine in ("native", "root"))
    assert (ours.engine, theirs.engine) == ("native", "root")
    X = data.test.variables
    np.testing.assert_allclose(ours.evaluate(X), theirs.evaluate(X), rtol=0, atol=1e-7 if kind == "BDT" else 1e-6)
    if "CreateMVAPdfs" in options:
        np.testing.assert_allclose(ours.proba(X), theirs.proba(X), rtol=0, atol=1e-6)
    if kind == "BDT":
        np.testing.assert_array_equal(ours.method.forest.feature, theirs.method.forest.feature)


def test_arrays_train_in_their_order_and_with_all_digits_of_their_weights() -> None:
    rng = np.random.default_rng(9)
    index = rng.integers(0, 2, 600)
    X = rng.normal(size=(600, 2)) + index[:, None]
    data = from_arrays(X, index, rng.uniform(0.5, 1.5, 600), variables=["a", "b"])
    options = "NTrees=10:UseBaggedBoost:MaxDepth=3"
    ours, theirs = (train("BDT", options, data, engine=engine) for engine in ("native", "root"))
    np.testing.assert_allclose(ours.evaluate(X), theirs.evaluate(X), rtol=0, atol=1e-12)


def test_several_classes_and_a_regression(samples: Path) -> None:
    classes = {name: [(samples, name)] for name in ("signal", "background", "third")}
    data = prepare(classes=classes, variables=list("abcd"), options="SplitMode=Block")
    model = train("BDT", "NTrees=10:BoostType=Grad:MaxDepth=2", data, engine="root")
    answer = model.evaluate(data.test.variables)
    assert answer.shape == (len(data.test), 3)
    booked = RootReader(model.weights_path).evaluate(data.test.variables)  # type: ignore[union-attr]
    np.testing.assert_allclose(answer, booked, rtol=0, atol=1e-6)

    regression = {"Regression": [(samples, "third")]}
    data = prepare(classes=regression, variables=["a", "b"], targets=["value"], options="SplitMode=Block")
    model = train("BDT", "NTrees=20", data, engine="root")
    booked = RootReader(model.weights_path).evaluate(data.test.variables)  # type: ignore[union-attr]
    np.testing.assert_allclose(model.evaluate(data.test.variables), booked, rtol=1e-6)
    np.testing.assert_allclose(
        train("LD", "", data, engine="root").evaluate(data.test.variables),
        train("LD", "", data, engine="native").evaluate(data.test.variables),
        rtol=0,
        atol=1e-5,
    )


def test_a_real_reader_books_what_we_write(positive: PreparedData, tmp_path: Path) -> None:
    X, y = positive.train.variables, positive.train.class_index == 0
    test = positive.test.variables
    names = [f"v{place}" for place in range(4)]
    booster = XGBClassifier(n_estimators=30, max_depth=3, n_jobs=1, base_score=0.3).fit(X, y)
    forest = Forest.from_xgboost(booster, names)
    forest.to_tmva(tmp_path / "xgboost.weights.xml")
    expected = Reader(tmp_path / "xgboost.weights.xml").evaluate(test)
    np.testing.assert_allclose(RootReader(tmp_path / "xgboost.weights.xml").evaluate(test), expected, rtol=0, atol=1e-7)
    order = np.argsort(booster.predict_proba(test)[:, 1], kind="stable")
    assert (np.diff(expected[order]) >= -1e-5).all()

    network = MLPClassifier((6, 4), activation="tanh", max_iter=50, random_state=1, tol=1.0).fit(X, y)
    write(network, tmp_path / "network.weights.xml", variables=names)
    expected = Reader(tmp_path / "network.weights.xml").evaluate(test)
    booked = RootReader(tmp_path / "network.weights.xml").evaluate(test)
    np.testing.assert_allclose(booked, expected, rtol=0, atol=1e-6)

    beside = np.concatenate([test, positive.test.spectators], axis=1)
    for kind, options in (("Fisher", "VarTransform=D,G,P:CreateMVAPdfs"), ("LD", "VarTransform=U,N"), ("HMatrix", "")):
        model = train(kind, options, positive, engine="native")
        model.save(tmp_path / f"{kind}.weights.xml")
        reader = RootReader(tmp_path / f"{kind}.weights.xml")
        np.testing.assert_allclose(reader.evaluate(beside), model.evaluate(test), rtol=0, atol=1e-6)
        if "CreateMVAPdfs" in options:
            np.testing.assert_allclose(reader.proba(test, 0.3), model.proba(test, 0.3), rtol=0, atol=1e-6)
            np.testing.assert_allclose(reader.rarity(test), model.rarity(test), rtol=0, atol=1e-6)


def test_what_tmva_refuses_is_said_in_its_words(block: PreparedData, tmp_path: Path) -> None:
    with pytest.raises(TMVAError, match=r"TMVA ended the training: .*'Nonsense=3', please check"):
        train("BDT", "NTrees=3:Nonsense=3", block, engine="root", folder=tmp_path / "refused")
    assert not list(tmp_path.iterdir())
    with pytest.raises(TMVAError, match="BTD"):
        train("BTD", "", block, engine="root")
    (tmp_path / "bad.weights.xml").write_text(
        '<MethodSetup Method="Fisher::F"><GeneralInfo/><Options/><Variables NVar="1"/><Weights/></MethodSetup>'
    )
    with pytest.raises((TMVAError, FeatureMismatchError, RootProcessError, InvalidInputError)):
        RootReader(tmp_path / "bad.weights.xml").evaluate(np.zeros((2, 1)))


def test_everything_that_tmva_wrote_is_kept(block: PreparedData, tmp_path: Path) -> None:
    folder = tmp_path / "fisher"
    model = train("Fisher", "CreateMVAPdfs", block, engine="root", name="Mine", folder=folder)
    files = {path.name for path in folder.iterdir()}
    assert files == {"TMVA.root", "TMVA_Mine.weights.xml", "TMVA_Mine.class.C", "log.txt"}
    assert "Booking method: Mine" in (folder / "log.txt").read_text()
    assert "Booking method: Mine" in model.log.printed
    setup = Reader(folder / "TMVA_Mine.weights.xml").setup
    assert [(v.label, v.expression) for v in setup.variables[:2]] == [("first", "a+b"), ("b", "b")]
    assert (setup.variables[1].title, setup.variables[1].unit) == ("the second", "GeV")
    assert [v.expression for v in setup.spectators] == ["number", "2*d"]
    assert '"a+b", "b", "abs(c)", "d"' in (folder / "TMVA_Mine.class.C").read_text()
    model.save(tmp_path / "copy.weights.xml")
    assert (tmp_path / "copy.weights.xml").read_bytes() == (folder / "TMVA_Mine.weights.xml").read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        train("Fisher", "", block, engine="root", folder=folder)
    temporary = train("Fisher", "", block, engine="root")
    assert isinstance(temporary, MethodOfRoot)
    place = temporary.folder
    assert place.is_dir()
    del temporary
    assert not place.exists()


def test_time_is_limited_and_a_training_can_be_interrupted(block: PreparedData) -> None:
    with pytest.raises(RootProcessError, match=r"within 0\.1 s"):
        train("BDT", "NTrees=20000", block, engine="root", timeout=0.1)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 2.0)
        with pytest.raises(KeyboardInterrupt):
            train("BDT", "NTrees=200000:MaxDepth=6:nCuts=-1", block, engine="root")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def test_another_python_may_have_it(block: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = os.environ.get("HEPML_TMVA_PYTHON") or sys.executable
    script = tmp_path / "python with set-up"
    script.write_text(f'#!/bin/sh\nexport HEPML_TEST_SETUP=1\nexec {python} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("HEPML_TMVA_PYTHON", str(script))
    assert examine_tmva().tmva is not None
    model = train("LD", "", block, engine="root")
    np.testing.assert_allclose(
        model.evaluate(block.test.variables),
        train("LD", "", block, engine="native").evaluate(block.test.variables),
        rtol=0,
        atol=1e-6,
    )


def test_a_classifier_takes_all_files_with_it(positive: PreparedData, tmp_path: Path) -> None:
    from hepml import load
    from hepml.classifiers import get

    X, y = positive.train.variables, positive.train.class_index == 0
    options = "VolFrac=0.0666:nActiveCells=50:nSampl=200:Nmin=50"
    model = get("tmva")(method="PDEFoam", options=options, engine="root").fit(X, y)
    model.save(tmp_path / "model")
    expected = model.decision_function(X)
    assert np.ptp(expected) > 0.1
    np.testing.assert_array_equal(load(tmp_path / "model").evaluate(X), model.reader_.evaluate(X))
