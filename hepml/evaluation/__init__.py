"""Numbers for a review board: separation, ROC, overtraining; arrays in, frozen results with uncertainties out."""

from hepml.evaluation.agreement import ClassifierAgreement, Overlap, classifier_agreement
from hepml.evaluation.calibration import Calibration, calibration
from hepml.evaluation.confusion import ConfusionMatrix, confusion_matrix
from hepml.evaluation.correlations import Correlations, correlations
from hepml.evaluation.data_simulation import DataMC, data_mc
from hepml.evaluation.distance_correlation import DistanceCorrelation, distance_correlation
from hepml.evaluation.efficiency import Efficiency, efficiency
from hepml.evaluation.exploration import Exploration
from hepml.evaluation.feature_histograms import FeatureHistograms, feature_histograms
from hepml.evaluation.flatness import Flatness, flatness
from hepml.evaluation.histogram import Histogram, fill_histogram
from hepml.evaluation.isotonic import IsotonicMap, fit_isotonic
from hepml.evaluation.multiclass import MulticlassAuc, multiclass_auc
from hepml.evaluation.overtraining import EfficiencyComparison, Overtraining, overtraining
from hepml.evaluation.platt import PlattMap, fit_platt
from hepml.evaluation.purity import PurityScan, purity_scan
from hepml.evaluation.roc import RocCurve, roc_curve
from hepml.evaluation.score_densities import ClassDensity, ScoreDensities, score_densities
from hepml.evaluation.score_histograms import ScoreHistograms, score_histograms
from hepml.evaluation.score_slices import ScoreSlices, score_slices
from hepml.evaluation.sculpting import Sculpting, sculpting
from hepml.evaluation.separation import Separation, mutual_information, rank_features, separation
from hepml.evaluation.two_sample import TwoSampleTest, two_sample_test
from hepml.evaluation.uniformity import Uniformity, uniformity
from hepml.evaluation.working_point import WorkingPoint

__all__ = [
    "Calibration",
    "ClassDensity",
    "ClassifierAgreement",
    "ConfusionMatrix",
    "Correlations",
    "DataMC",
    "DistanceCorrelation",
    "Efficiency",
    "EfficiencyComparison",
    "Exploration",
    "FeatureHistograms",
    "Flatness",
    "Histogram",
    "IsotonicMap",
    "MulticlassAuc",
    "Overlap",
    "Overtraining",
    "PlattMap",
    "PurityScan",
    "RocCurve",
    "ScoreDensities",
    "ScoreHistograms",
    "ScoreSlices",
    "Sculpting",
    "Separation",
    "TwoSampleTest",
    "Uniformity",
    "WorkingPoint",
    "calibration",
    "classifier_agreement",
    "confusion_matrix",
    "correlations",
    "data_mc",
    "distance_correlation",
    "efficiency",
    "feature_histograms",
    "fill_histogram",
    "fit_isotonic",
    "fit_platt",
    "flatness",
    "multiclass_auc",
    "mutual_information",
    "overtraining",
    "purity_scan",
    "rank_features",
    "roc_curve",
    "score_densities",
    "score_histograms",
    "score_slices",
    "sculpting",
    "separation",
    "two_sample_test",
    "uniformity",
]
