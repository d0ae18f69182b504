"""Options that ROOT 6 has added to those of TMVA 4.2.1, and where they stand among them."""

from __future__ import annotations

from hepml.tmva.option_tables import Declared

__all__ = ["INSERTED", "PER_CLASS", "with_newer"]

# kind -> option behind which they are declared ("" for the beginning) -> options
INSERTED: dict[str, dict[str, tuple[Declared, ...]]] = {
    "BDT": {
        "SeparationType": (
            Declared("RegressionLossFunctionBDTG", "Huber", ("Huber", "AbsoluteDeviation", "LeastSquares")),
            Declared("HuberQuantile", 0.7),
        ),
        "PruningValFraction": (Declared("SkipNormalization", default=False),),
    },
    "SVM": {
        "IgnoreNegWeightsInTraining": (Declared("Kernel", "RBF"),),
        "Gamma": (
            Declared("Order", 3),
            Declared("Theta", 1.0),
            Declared("GammaList", ""),
            Declared("Tune", "All"),
            Declared("KernelList", "None"),
            Declared("Loss", "hinge"),
        ),
    },
    "Factory": {
        "V": (Declared("VerboseLevel", "Info", ("Debug", "Verbose", "Info")),),
        "DrawProgressBar": (Declared("ModelPersistence", default=True),),
    },
    "PrepareTrainingAndTestTree": {
        "VerboseLevel": (Declared("Correlations", default=True), Declared("CalcCorrelations", default=True)),
    },
}
# of each class, behind nTrain_CLASS and nTest_CLASS: the fraction for training, 0 for none
PER_CLASS = Declared("TrainTestSplit", 0.0)


def with_newer(kind: str, options: tuple[Declared, ...]) -> tuple[Declared, ...]:
    """Return the options of TMVA 4.2.1 with those of newer ROOT among them, in the order of newer ROOT."""
    added = INSERTED.get(kind, {})
    found = list(added.get("", ()))
    for option in options:
        found += [option, *added.get(option.name, ())]
    return tuple(found)
