"""The options that TMVA 4.2.1 declares: names, types, defaults and allowed values, by method, fitter and density."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["FITTERS", "KINDS", "PDF", "TABLES", "Declared", "Value"]

Value = bool | int | float | str
Shape = Literal["single", "array", "elements"]


@dataclass(frozen=True, slots=True)
class Declared:
    """An option as a ``DeclareOptions`` of TMVA declares it.

    Parameters
    ----------
    name : str
        As TMVA spells it; case does not matter.
    default : bool, int, float, str or None
        None where it depends on the number of variables.
    allowed : tuple of str
        Allowed values of a text; empty for any.
    type : str
        ``bool``, ``int``, ``float``, ``str``, or ``percent``, a number that may end in ``%``.
    shape : str
        ``single``; ``array``, one value for each variable, set by ``Name[2]=`` or all by ``Name=``; or ``elements``,
        where only the former exists.
    exact : bool
        Whether the case of values matters, and a value does not stand for itself.
    """

    name: str
    default: Value | None
    allowed: tuple[str, ...] = ()
    type: str = ""
    shape: Shape = "single"
    exact: bool = False

    def __post_init__(self) -> None:
        if not self.type:
            object.__setattr__(self, "type", type(self.default).__name__)

    def named(self, name: str, shape: Shape = "single") -> Declared:
        """Return the same option under another name."""
        return replace(self, name=name, shape=shape)


def _text(name: str, default: str, allowed: str = "", shape: Shape = "single") -> Declared:
    return Declared(name, default, tuple(allowed.split()), shape=shape)


_OPTION = Declared
_SEPARATIONS = "CrossEntropy GiniIndex GiniIndexWithLaplace MisClassificationError SDivSqrtSPlusB"
_PRUNING = "NoPruning ExpectedError CostComplexity"

_BASE = (
    _OPTION("V", default=False),
    _text("VerbosityLevel", "Default", "Default Debug Verbose Info Warning Error Fatal"),
    _text("VarTransform", "None"),
    _OPTION("H", default=False),
    _OPTION("CreateMVAPdfs", default=False),
    _OPTION("IgnoreNegWeightsInTraining", default=False),
)

PDF = (
    _OPTION("NSmooth", 0),
    _OPTION("MinNSmooth", -1),
    _OPTION("MaxNSmooth", -1),
    _OPTION("NAvEvtPerBin", 50),
    _OPTION("Nbins", 0),
    _OPTION("CheckHist", default=False),
    _text("PDFInterpol", "Spline2", "Spline0 Spline1 Spline2 Spline3 Spline5 KDE"),
    _text("KDEtype", "Gauss", "Gauss"),
    _text("KDEiter", "Nonadaptive", "Nonadaptive Adaptive"),
    _OPTION("KDEFineFactor", 1.0),
    _text("KDEborder", "None", "None Renorm Mirror"),
)

FITTERS = {
    "GA": (
        _OPTION("PopSize", 300),
        _OPTION("Steps", 40),
        _OPTION("Cycles", 3),
        _OPTION("SC_steps", 10),
        _OPTION("SC_rate", 5),
        _OPTION("SC_factor", 0.95),
        _OPTION("ConvCrit", 0.001),
        _OPTION("SaveBestGen", 1),
        _OPTION("SaveBestCycle", 10),
        _OPTION("Trim", default=False),
        _OPTION("Seed", 100),
    ),
    "SA": (
        _OPTION("MaxCalls", 100_000),
        _OPTION("InitialTemp", 1e6),
        _OPTION("MinTemp", 1e-6),
        _OPTION("Eps", 1e-10),
        _OPTION("TempScale", 1.0),
        _OPTION("AdaptiveSpeed", 1.0),
        _OPTION("TempAdaptiveStep", 0.009875),
        _OPTION("UseDefaultScale", default=False),
        _OPTION("UseDefaultTemp", default=False),
        _text("KernelTemp", "IncAdaptive", "IncAdaptive DecAdaptive Sqrt Log Sin Homo Geo"),
    ),
    "MC": (_OPTION("SampleSize", 100_000), _OPTION("Sigma", -1.0), _OPTION("Seed", 100)),
    "MCEvents": (_OPTION("SampleSize", 200_000), _OPTION("Seed", 100)),
    "MINUIT": (
        _OPTION("ErrorLevel", 1.0),
        _OPTION("PrintLevel", -1),
        _OPTION("FitStrategy", 2),
        _OPTION("PrintWarnings", default=False),
        _OPTION("UseImprove", default=True),
        _OPTION("UseMinos", default=True),
        _OPTION("SetBatch", default=False),
        _OPTION("MaxCalls", 1000),
        _OPTION("Tolerance", 0.1),
    ),
}

_LAYERS = (_OPTION("NCycles", 500), _text("HiddenLayers", "N,N-1"))

# of MethodDL: settings of training phases, one behind the other
_STRATEGY = (
    "LearningRate=1e-1,Momentum=0.3,Repetitions=3,ConvergenceSteps=50,BatchSize=30,TestRepetitions=7,WeightDecay=0.0,"
    "Regularization=None,DropConfig=0.0,DropRepetitions=5|LearningRate=1e-4,Momentum=0.3,Repetitions=3,ConvergenceSteps=50,"
    "MaxEpochs=2000,BatchSize=20,TestRepetitions=7,WeightDecay=0.001,Regularization=L2,DropConfig=0.0+0.5+0.5,"
    "DropRepetitions=5,Multithreading=True"
)
_STRATEGY_OF_DNN = (
    "LearningRate=1e-1,Momentum=0.3,Repetitions=3,ConvergenceSteps=50,BatchSize=30,TestRepetitions=7,WeightDecay=0.0,"
    "Renormalize=L2,DropConfig=0.0,DropRepetitions=5|LearningRate=1e-4,Momentum=0.3,Repetitions=3,ConvergenceSteps=50,"
    "BatchSize=20,TestRepetitions=7,WeightDecay=0.001,Renormalize=L2,DropConfig=0.0+0.5+0.5,DropRepetitions=5,"
    "Multithreading=True"
)

TABLES: dict[str, tuple[Declared, ...]] = {
    "base": _BASE,
    "ANN": (
        *_LAYERS,
        # TMVA adds the names of neurons to the values of EstimatorType, and takes any NeuronType until it builds the network
        Declared("NeuronType", "sigmoid", ("linear", "sigmoid", "tanh", "ReLU", "radial"), exact=True),
        _OPTION("RandomSeed", 1),
        _text("EstimatorType", "MSE", "MSE CE"),
        _text("NeuronInputType", "sum", "sum sqsum abs"),
    ),
    "MLP": (
        _text("TrainingMethod", "BP", "BP GA BFGS"),
        _OPTION("LearningRate", 0.02),
        _OPTION("DecayRate", 0.01),
        _OPTION("TestRate", 10),
        _OPTION("EpochMonitoring", default=False),
        _OPTION("Sampling", 1.0),
        _OPTION("SamplingEpoch", 1.0),
        _OPTION("SamplingImportance", 1.0),
        _OPTION("SamplingTraining", default=True),
        _OPTION("SamplingTesting", default=False),
        _OPTION("ResetStep", 50),
        _OPTION("Tau", 3.0),
        _text("BPMode", "sequential", "sequential batch"),
        _OPTION("BatchSize", -1),
        _OPTION("ConvergenceImprove", 1e-30),
        _OPTION("ConvergenceTests", -1),
        _OPTION("UseRegulator", default=False),
        _OPTION("UpdateLimit", 10_000),
        _OPTION("CalculateErrors", default=False),
        _OPTION("WeightRange", 1.0),
    ),
    "BDT": (
        _OPTION("NTrees", 800),
        _OPTION("MaxDepth", 3),
        Declared("MinNodeSize", 5.0, type="percent"),
        _OPTION("nCuts", 20),
        _text("BoostType", "AdaBoost", "AdaBoost RealAdaBoost AdaCost Bagging AdaBoostR2 Grad"),
        _text("AdaBoostR2Loss", "Quadratic", "Linear Quadratic Exponential"),
        _OPTION("UseBaggedBoost", default=False),
        _OPTION("Shrinkage", 1.0),
        _OPTION("AdaBoostBeta", 0.5),
        _OPTION("UseRandomisedTrees", default=False),
        Declared("UseNvars", None, type="int"),
        _OPTION("UsePoissonNvars", default=True),
        _OPTION("BaggedSampleFraction", 0.6),
        _OPTION("UseYesNoLeaf", default=True),
        _text(
            "NegWeightTreatment",
            "InverseBoostNegWeights",
            "InverseBoostNegWeights IgnoreNegWeightsInTraining NoNegWeightsInTraining PairNegWeightsGlobal Pray",
        ),
        _OPTION("Css", 1.0),
        _OPTION("Cts_sb", 1.0),
        _OPTION("Ctb_ss", 1.0),
        _OPTION("Cbb", 1.0),
        _OPTION("NodePurityLimit", 0.5),
        _text("SeparationType", "GiniIndex", f"{_SEPARATIONS} RegressionVariance"),
        _OPTION("DoBoostMonitor", default=False),
        _OPTION("UseFisherCuts", default=False),
        _OPTION("MinLinCorrForFisher", 0.8),
        _OPTION("UseExclusiveVars", default=False),
        _OPTION("DoPreselection", default=False),
        _OPTION("SigToBkgFraction", 1.0),
        _text("PruneMethod", "NoPruning", _PRUNING),
        _OPTION("PruneStrength", 0.0),
        _OPTION("PruningValFraction", 0.5),
        _OPTION("nEventsMin", 0),
        _OPTION("UseBaggedGrad", default=False),
        _OPTION("GradBaggingFraction", 0.6),
        _OPTION("UseNTrainEvents", 0),
        _OPTION("NNodesMax", 0),
    ),
    "Boost": (
        _OPTION("Boost_Num", 1),
        _OPTION("Boost_MonitorMethod", default=True),
        _OPTION("Boost_DetailedMonitoring", default=False),
        _text("Boost_Type", "AdaBoost", "RealAdaBoost AdaBoost Bagging"),
        _OPTION("Boost_BaggedSampleFraction", 0.6),
        _OPTION("Boost_AdaBoostBeta", 1.0),
        _text("Boost_Transform", "step", "step linear log gauss"),
        _OPTION("Boost_RandomSeed", 0),
    ),
    "Fisher": (_text("Method", "Fisher", "Fisher Mahalanobis"),),
    "Likelihood": (_OPTION("TransformOutput", default=False),),
    "KNN": (
        _OPTION("nkNN", 20),
        _OPTION("BalanceDepth", 6),
        _OPTION("ScaleFrac", 0.8),
        _OPTION("SigmaFact", 1.0),
        _text("Kernel", "Gaus"),
        _OPTION("Trim", default=False),
        _OPTION("UseKernel", default=False),
        _OPTION("UseWeight", default=True),
        _OPTION("UseLDA", default=False),
    ),
    "Cuts": (
        _text("FitMethod", "GA", "GA SA MC MCEvents MINUIT EventScan"),
        _text("EffMethod", "EffSel", "EffSel EffPDF"),
        Declared("CutRangeMin", -1.0, shape="array"),
        Declared("CutRangeMax", -1.0, shape="array"),
        _text("VarProp", "NotEnforced", "NotEnforced FMax FMin FSmart", "array"),
    ),
    "SVM": (_OPTION("Gamma", 1.0), _OPTION("C", 1.0), _OPTION("Tol", 0.01), _OPTION("MaxIter", 1000)),
    "FDA": (
        _text("Formula", "(0)"),
        _text("ParRanges", "()"),
        _text("FitMethod", "MINUIT", "MC GA SA MINUIT"),
        _text("Converger", "None", "None MINUIT"),
    ),
    "PDERS": (
        _text("VolumeRangeMode", "Adaptive", "Unscaled MinMax RMS Adaptive kNN"),
        _text(
            "KernelEstimator",
            "Box",
            "Box Sphere Teepee Gauss Sinc3 Sinc5 Sinc7 Sinc9 Sinc11 Lanczos2 Lanczos3 Lanczos5 Lanczos8 Trim",
        ),
        _OPTION("DeltaFrac", 3.0),
        _OPTION("NEventsMin", 100.0),
        _OPTION("NEventsMax", 200.0),
        _OPTION("MaxVIterations", 150.0),
        _OPTION("InitialScale", 0.99),
        _OPTION("GaussSigma", 0.1),
        _OPTION("NormTree", default=False),
    ),
    "PDEFoam": (
        _OPTION("SigBgSeparate", default=False),
        _OPTION("TailCut", 0.001),
        _OPTION("VolFrac", 1.0 / 15.0),
        _OPTION("nActiveCells", 500),
        _OPTION("nSampl", 2000),
        _OPTION("nBin", 5),
        _OPTION("Compress", default=True),
        _OPTION("MultiTargetRegression", default=False),
        _OPTION("Nmin", 100),
        _OPTION("MaxDepth", 0),
        _OPTION("FillFoamWithOrigWeights", default=False),
        _OPTION("UseYesNoCell", default=False),
        _text(
            "DTLogic", "None", "None GiniIndex MisClassificationError CrossEntropy GiniIndexWithLaplace SdivSqrtSplusB"
        ),
        _text("Kernel", "None", "None Gauss LinNeighbors"),
        _text("TargetSelection", "Mean", "Mean Mpv"),
    ),
    "RuleFit": (
        _OPTION("GDTau", -1.0),
        _OPTION("GDTauPrec", 0.01),
        _OPTION("GDStep", 0.01),
        _OPTION("GDNSteps", 10_000),
        _OPTION("GDErrScale", 1.1),
        _OPTION("LinQuantile", 0.025),
        _OPTION("GDPathEveFrac", 0.5),
        _OPTION("GDValidEveFrac", 0.5),
        _OPTION("fEventsMin", 0.1),
        _OPTION("fEventsMax", 0.9),
        _OPTION("nTrees", 20),
        _text("ForestType", "AdaBoost", "AdaBoost Random"),
        _OPTION("RuleMinDist", 0.001),
        _OPTION("MinImp", 0.01),
        _text("Model", "ModRuleLinear", "ModRule ModRuleLinear ModLinear"),
        _text("RuleFitModule", "RFTMVA", "RFTMVA RFFriedman"),
        _text("RFWorkDir", "./rulefit"),
        _OPTION("RFNrules", 2000),
        _OPTION("RFNendnodes", 4),
    ),
    "DL": (
        _text("InputLayout", "0|0|0"),
        _text("BatchLayout", "0|0|0"),
        _text("Layout", "DENSE|(N+100)*2|SOFTSIGN,DENSE|0|LINEAR"),
        _text("ErrorStrategy", "CROSSENTROPY", "CROSSENTROPY SUMOFSQUARES MUTUALEXCLUSIVE"),
        _text("WeightInitialization", "XAVIER", "XAVIER XAVIERUNIFORM"),
        _OPTION("RandomSeed", 0),
        _text("ValidationSize", "20%"),
        _text("Architecture", "CPU", "STANDARD CPU GPU OPENCL CUDNN"),
        _text("TrainingStrategy", _STRATEGY),
    ),
    "DNN": (
        _text("Layout", "SOFTSIGN|(N+100)*2,LINEAR"),
        _text("ErrorStrategy", "CROSSENTROPY", "CROSSENTROPY SUMOFSQUARES MUTUALEXCLUSIVE"),
        _text("WeightInitialization", "XAVIER", "XAVIER XAVIERUNIFORM"),
        _text("Architecture", "CPU", "STANDARD CPU GPU OPENCL"),
        _text("TrainingStrategy", _STRATEGY_OF_DNN),
    ),
    "CrossValidation": (
        _OPTION("V", default=False),
        _OPTION("ModelPersistence", default=True),
        _text("Transformations", ""),
        _OPTION("Jobs", 1),
        _OPTION("Silent", default=False),
        _text("VerboseLevel", "Info", "Debug Verbose Info"),
        _OPTION("DrawProgressBar", default=False),
        _OPTION("Correlations", default=False),
        _OPTION("ROC", default=True),
        _text("AnalysisType", "Auto", "Classification Regression Multiclass Auto"),
        _text("SplitType", "Random", "Deterministic Random RandomStratified"),
        _text("SplitExpr", ""),
        _OPTION("NumFolds", 2),
        _OPTION("NumWorkerProcs", 1),
        _OPTION("FoldFileOutput", default=False),
        _text("OutputEnsembling", "None", "None Avg"),
    ),
    "Factory": (
        _OPTION("V", default=False),
        _OPTION("Color", default=True),
        _text("Transformations", "I"),
        _OPTION("Correlations", default=False),
        _OPTION("ROC", default=True),
        _OPTION("Silent", default=False),
        _OPTION("SilentFile", default=False),
        _OPTION("DrawProgressBar", default=True),
        _text("AnalysisType", "Auto", "Classification Regression Multiclass Auto"),
    ),
    "PrepareTrainingAndTestTree": (
        _text("SplitMode", "Random", "Random Alternate Block"),
        _text("MixMode", "SameAsSplitMode", "SameAsSplitMode Random Alternate Block"),
        _OPTION("SplitSeed", 100),
        _text("NormMode", "EqualNumEvents", "None NumEvents EqualNumEvents"),
        _OPTION("ScaleWithPreselEff", default=False),
        _OPTION("V", default=False),
        _text("VerboseLevel", "Info", "Debug Verbose Info"),
    ),
}

# tables in the order in which TMVA declares them, which decides what a bare value means and the order in files
KINDS: dict[str, tuple[str, ...]] = {
    "BDT": ("base", "BDT"),
    "Boost": ("base", "Boost"),
    "Category": ("base",),
    "Cuts": ("base", "Cuts"),
    # of ROOT 6
    "CrossValidation": ("CrossValidation",),
    "DL": ("base", "DL"),
    "DNN": ("base", "DNN"),
    "FDA": ("base", "FDA"),
    "Fisher": ("base", "Fisher"),
    "HMatrix": ("base",),
    "KNN": ("base", "KNN"),
    "LD": ("base",),
    "Likelihood": ("base", "Likelihood"),
    "MLP": ("ANN", "base", "MLP"),
    "PDEFoam": ("base", "PDEFoam"),
    "PDERS": ("base", "PDERS"),
    "RuleFit": ("base", "RuleFit"),
    "SVM": ("base", "SVM"),
    "Factory": ("Factory",),
    "PrepareTrainingAndTestTree": ("PrepareTrainingAndTestTree",),
}
