"""Option strings: TMVA's own defaults and given values, the grammar, and what is refused."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import InvalidInputError, ModelFormatError, UnknownNameError
from hepml.tmva import Reader, options
from hepml.tmva.document import method_in, read_document
from hepml.tmva.option_tables import KINDS
from hepml.tmva.setup import MethodSetup
from tests.tmva.golden import SMALL, reference
from tests.tmva.test_reader import text_of

if TYPE_CHECKING:
    from pathlib import Path

    from hepml.tmva.options import Options


def setups() -> list[Path]:
    folder = reference()
    files = sorted((folder / "weights").rglob("*.weights.xml.gz")) if folder else []
    return [*sorted(SMALL.glob("*.weights.xml.gz")), *files]


def setup_of(path: Path) -> MethodSetup:
    return MethodSetup.from_element(read_document(path)[0], path.name)


# what TMVA changes after it has read a string (MethodBDT and MethodANNBase::ProcessOptions): what the file says, by default
def changed(found: Options, setup: MethodSetup) -> dict[str, object]:
    return {
        "EstimatorType": ("CE" if setup.analysis_type == "Classification" else "MSE") if setup.kind == "MLP" else None,
        "NegWeightTreatment": "IgnoreNegWeightsInTraining"
        if "BoostType" in found.given and _is(found, "Grad")
        else None,
        "UseBaggedBoost": True if "BoostType" in found.given and _is(found, "Bagging") else None,
        "UseYesNoLeaf": False,
        "GradBaggingFraction": found.given.get("BaggedSampleFraction"),
    }


def _is(found: Options, boost: str) -> bool:
    return found["BoostType"] == boost


@pytest.mark.parametrize("path", setups(), ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
def test_names_order_and_defaults_are_those_of_every_file(path: Path) -> None:
    setup = setup_of(path)
    found = options.from_setup(setup)
    assert list(found) == list(setup.options)
    defaults = options.declared(setup.kind, analysis_type=setup.analysis_type, n_variables=len(setup.variables))
    for option in defaults:
        if option.name in found.given or option.shape == "array":
            continue
        stated = found[option.name]
        if isinstance(option.default, float):
            # TMVA writes six decimals
            assert stated == pytest.approx(option.default, rel=1e-6) or stated == changed(found, setup)[option.name]
        else:
            assert stated == option.default or stated == changed(found, setup)[option.name], option.name


def booked() -> list[tuple[str, str, str, str]]:
    folder = reference()
    if folder is None:
        return []
    found = []
    for path in sorted((folder / "weights").glob("*/methods.json")):
        for name, (kind, text) in json.loads(path.read_text()).items():
            found.append((path.parent.name, name, kind, text))
    return found


@pytest.mark.skipif(reference() is None, reason="HEPML_REFERENCE_DATA is not set: no strings that were booked")
def test_strings_give_what_tmva_wrote_down() -> None:
    folder = reference()
    assert folder is not None
    strings = booked()
    assert len(strings) >= 80
    for job, name, kind, text in strings:
        setup = setup_of(folder / "weights" / job / f"TMVA_{name}.weights.xml.gz")
        found = options.parse(kind, text, analysis_type=setup.analysis_type, n_variables=len(setup.variables))
        assert setup.kind == ("Boost" if "Boost_Num" in found.given else kind)
        written = options.from_setup(setup)
        ours = {key: value for key, value in found.given.items() if key.partition("[")[0] in setup.options}
        if "VarProp" in ours:
            whole = ours.pop("VarProp")
            ours |= {f"VarProp[{k}]": whole for k in range(len(setup.variables))}
        if ours.get("BoostType") == "RealAdaBoost":
            ours["BoostType"] = "AdaBoost"
        if _grad_of_all_weights(ours):
            ours["NegWeightTreatment"] = "IgnoreNegWeightsInTraining"
        assert ours == written.given, (job, name)
        again = options.parse(kind, found.text, analysis_type=setup.analysis_type)
        assert again.given == found.given
        assert again.text == found.text


def _grad_of_all_weights(given: dict[str, bool | int | float | str]) -> bool:
    return given.get("BoostType") == "Grad" and given.get("NegWeightTreatment") == "InverseBoostNegWeights"


def test_grammar() -> None:
    found = options.parse(
        "BDT", ":!h:V=F::~NTREES=850:minnodesize=2.5%:VarTransform=G,D:giniindex:UseBaggedBoost=kTRUE:Shrinkage=.1"
    )
    assert found.given == {
        "H": False,
        "V": False,
        "NTrees": 850,
        "MinNodeSize": 2.5,
        "VarTransform": "G,D",
        "SeparationType": "GiniIndex",
        "UseBaggedBoost": True,
        "Shrinkage": 0.1,
    }  # fmt: skip
    assert found.text == (
        "!H:!V:NTrees=850:MinNodeSize=2.5%:VarTransform=G,D:SeparationType=GiniIndex:UseBaggedBoost:Shrinkage=0.1"
    )
    assert (found["maxdepth"], found["nCuts"], found["BoostType"]) == (3, 20, "AdaBoost")
    json.dumps(found.to_dict(), allow_nan=False)


def test_defaults_depend_on_the_analysis_and_the_variables() -> None:
    assert options.parse("BDT", "")["UseNvars"] is None
    assert [options.parse("BDT", "", n_variables=n)["UseNvars"] for n in (2, 4, 28)] == [2, 2, 5]
    found = options.parse("BDT", "", analysis_type="Regression")
    assert (found["MaxDepth"], found["MinNodeSize"], found["BoostType"]) == (50, 0.2, "AdaBoostR2")
    assert options.parse("SVM", "", analysis_type="Regression")["C"] == 0.002


def test_arrays() -> None:
    found = options.parse("Cuts", "VarProp[1]=FMax:CutRangeMin[0]=-10", n_variables=2)
    assert (found["VarProp[0]"], found["VarProp[1]"], found["CutRangeMin[0]"]) == ("NotEnforced", "FMax", -10.0)
    assert options.parse("Cuts", "VarProp[1]=FMax:VarProp=FMin")["VarProp[1]"] == "FMin"
    assert options.parse("Cuts", "VarProp=FMin:VarProp[1]=FMax").text == "VarProp=FMin:VarProp[1]=FMax"
    densities = options.parse("Likelihood", "NSmooth=5:NSmoothSig[0]=20:NAvEvtPerBinBkg[3]=10")
    assert (densities["NSmoothSig[0]"], densities["NSmooth"]) == (20, 5)


def test_further_options_where_they_are_in_use() -> None:
    assert options.parse("Cuts", "PopSize=10:FitMethod=GA").given == {"PopSize": 10, "FitMethod": "GA"}
    assert options.parse("Cuts", "PopSize=10")["Steps"] == 40
    assert options.parse("FDA", "FitMethod=MC:Converger=MINUIT:Sigma=0.1:ErrorLevel=1").given["ErrorLevel"] == 1.0
    assert (
        options.parse("Fisher", "CreateMVAPdfs:NbinsMVAPdf=50:PDFInterpolMVAPdfSig=kde")["PDFInterpolMVAPdfSig"]
        == "KDE"
    )
    assert options.parse("LD", "Boost_Num=3:Boost_Transform=LOG")["Boost_Transform"] == "log"
    split = "nTrain_Signal=1000:nTest_Background=10:SplitMode=random:NormMode=NumEvents:!V"
    assert options.parse("PrepareTrainingAndTestTree", split)["nTrain_Signal"] == 1000
    assert options.parse("PrepareTrainingAndTestTree", "nTrain_a=1", classes=("a", "b"))["nTest_b"] == 0
    assert options.parse("Factory", "!V:!Silent:Color:Transformations=I;D;P;G,D")["Transformations"] == "I;D;P;G,D"


def test_two_names_of_one_variable(caplog: pytest.LogCaptureFixture) -> None:
    found = options.parse("BDT", "GradBaggingFraction=0.3")
    assert found["BaggedSampleFraction"] == 0.3
    with caplog.at_level(logging.WARNING):
        assert options.parse("BDT", "NTrees=1:NTrees=2").given == {"NTrees": 2}
    assert "NTrees is set twice" in caplog.text


REFUSED = {
    ("BDT", "NTree=850"): r"did you mean 'NTrees'",
    ("BDT", "GiniIndx"): r"did you mean 'GiniIndex'",
    ("BDT", "NTrees=1e3"): "whole number",
    ("BDT", "NTrees=10.5"): "whole number",
    ("BDT", "Shrinkage=0.1x"): "a number",
    ("BDT", "Shrinkage=nan"): "a number",
    ("BDT", "MinNodeSize=60%"): "between 0 and 50",
    ("BDT", "H=maybe"): "True or False",
    ("BDT", "NTrees"): "has no value",
    ("BDT", "!NTrees"): "cannot be negated",
    ("BDT", "!H=1"): "both ! and a value",
    ("BDT", "NTrees[1]=3"): "takes no index",
    ("BDT", "BoostType=AdaBost"): "did you mean 'AdaBoost'",
    ("BDT", "BoostType="): "one of",
    ("Cuts", "VarProp[4]=FMax"): r"from \[0\] to \[3\]",
    ("Cuts", "FitMethod=MC:PopSize=3"): "with FitMethod=GA only",
    ("Likelihood", "NSmoothSig=3"): "needs an index",
    ("Fisher", "NbinsMVAPdf=50"): "with CreateMVAPdfs only",
    ("Fisher", "Boost_Type=Bagging"): "with Boost_Num only",
    ("FDA", "Formula=(0) + (1)*x0"): "first blank",
    ("MLP", "NeuronType=Tanh"): "did you mean 'tanh'",
    ("MLP", "tanh"): "is no option of MLP",
    ("PrepareTrainingAndTestTree", "nTrain_Sig=1000"): "did you mean 'nTrain_Signal'",
    ("BDT", ":" * 200_000): "too long",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), REFUSED, ids=[text[:30] for _, text in REFUSED])
def test_refused(kind: str, text: str) -> None:
    with pytest.raises(InvalidInputError, match=REFUSED[kind, text]) as caught:
        options.parse(kind, text, n_variables=4)
    assert len(str(caught.value)) < 2000


def test_unknown_names() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'BDT'"):
        options.parse("BTD", "")
    with pytest.raises(UnknownNameError, match="did you mean 'NTrees'"):
        options.parse("BDT", "")["NTree"]
    with pytest.raises(ModelFormatError, match="NTree"):
        options.from_setup(Reader(text_of("block_BDT10").replace('name="NTrees"', 'name="NTree"')).setup)
    with pytest.raises(ModelFormatError, match="nCuts"):
        options.from_setup(Reader(text_of("block_BDT10").replace(">20<", ">twenty<")).setup)


@given(data=st.data())
def test_round_trip(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    words = []
    for option in data.draw(st.lists(st.sampled_from(options.declared(kind)), unique=True, max_size=12)):
        value: object
        if option.allowed:
            value = data.draw(st.sampled_from(option.allowed))
        else:
            value = data.draw({
                "bool": st.booleans(),
                "int": st.integers(-(10**6), 10**6),
                "float": st.floats(allow_nan=False, allow_infinity=False),
                "percent": st.floats(0.001, 49.0),
                "str": st.from_regex(r"[A-Za-z0-9_,;()+*.-]{1,12}", fullmatch=True),
            }[option.type])  # fmt: skip
        if option.name == "CreateMVAPdfs" or option.shape == "single":
            words.append(f"{option.name}={value}")
    found = options.parse(kind, ":".join(words))
    assert list(found.given) == [word.partition("=")[0] for word in words] or kind == "BDT"
    again = options.parse(kind, found.text)
    assert again == found


@given(text=st.text(alphabet="aHV!=:~[]0% .NTreesCutsVarProp", max_size=40), kind=st.sampled_from(sorted(KINDS)))
def test_any_text_is_read_or_refused(text: str, kind: str) -> None:
    try:
        found = options.parse(kind, text)
    except InvalidInputError:
        return
    assert options.parse(kind, found.text).given == found.given


def test_every_kind_of_the_golden_files_has_a_table() -> None:
    assert {method_in(path.read_bytes()).partition("::")[0] for path in setups()} <= set(KINDS)


def test_options_that_newer_root_added() -> None:
    text = "BoostType=Grad:RegressionLossFunctionBDTG=absolutedeviation:HuberQuantile=0.9:SkipNormalization"
    with pytest.raises(InvalidInputError, match="RegressionLossFunctionBDTG"):
        options.parse("BDT", text)
    found = options.parse("BDT", text, newer=True, analysis_type="Regression")
    assert (found["RegressionLossFunctionBDTG"], found["HuberQuantile"]) == ("AbsoluteDeviation", 0.9)
    assert found["SkipNormalization"] is True
    names = list(found)
    assert names.index("HuberQuantile") == names.index("DoBoostMonitor") - 1
    split = options.parse("PrepareTrainingAndTestTree", "TrainTestSplit_b=0.7", newer=True, classes=["s", "b"])
    assert (split["TrainTestSplit_s"], split["TrainTestSplit_b"], split["CalcCorrelations"]) == (0.0, 0.7, True)
    assert list(split)[4:13] == [
        *("ScaleWithPreselEff", "nTrain_s", "nTest_s", "TrainTestSplit_s", "nTrain_b", "nTest_b", "TrainTestSplit_b"),
        *("V", "VerboseLevel"),
    ]
    assert options.parse("SVM", "Kernel=MultiGauss:GammaList=0.1,0.2", newer=True)["GammaList"] == "0.1,0.2"
    strategy = "LearningRate=1e-2,Momentum=0.9|LearningRate=1e-3"
    network = options.parse("DL", f"Layout=TANH|128,DENSE|1|LINEAR:Architecture=CPU:TrainingStrategy={strategy}")
    assert network["TrainingStrategy"] == strategy
    assert options.parse("DL", network.text) == network
    assert options.parse("CrossValidation", "NumFolds=5:SplitExpr=int([eventID])%int([NumFolds])")["NumFolds"] == 5


def test_files_of_newer_root_have_their_options() -> None:
    old = text_of("reg_BDTGnobag")
    loss = '<Option name="RegressionLossFunctionBDTG" modified="Yes">huber</Option>'
    at = '<Option name="DoBoostMonitor"'
    assert at in old
    found = options.from_setup(Reader(old.replace(at, loss + at)).setup)
    assert found.given["RegressionLossFunctionBDTG"] == "Huber"
    assert "RegressionLossFunctionBDTG" not in list(options.from_setup(Reader(old).setup))
