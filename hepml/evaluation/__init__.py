"""Numbers for a review board: separation, ROC, overtraining; arrays in, frozen results with uncertainties out."""

from hepml.evaluation.comparison import (
    MethodPair,
    PairedDifference,
    compare_auc,
    compare_background_efficiency,
    compare_methods,
)
from hepml.evaluation.correlations import Correlations, correlations
from hepml.evaluation.data_simulation import DataMC, data_mc
from hepml.evaluation.efficiency import Efficiency, efficiency
from hepml.evaluation.exploration import Exploration
from hepml.evaluation.feature_histograms import FeatureHistograms, feature_histograms
from hepml.evaluation.fold_comparison import FoldArea, FoldComparison, FoldShapes, compare_folds
from hepml.evaluation.histogram import Histogram, fill_histogram
from hepml.evaluation.overtraining import EfficiencyComparison, Overtraining, overtraining
from hepml.evaluation.partial_auc import PartialAuc, partial_auc
from hepml.evaluation.roc import RocCurve, roc_curve
from hepml.evaluation.roc_band import RocBand
from hepml.evaluation.roc_bootstrap import BootstrapEfficiency, RocBootstrap, bootstrap_roc
from hepml.evaluation.score_histograms import ScoreHistograms, score_histograms
from hepml.evaluation.separation import Separation, mutual_information, rank_features, separation
from hepml.evaluation.simultaneous_band import simultaneous_band
from hepml.evaluation.tmva_efficiencies import TmvaEfficiencies, tmva_efficiencies
from hepml.evaluation.two_sample import TwoSampleTest, two_sample_test
from hepml.evaluation.working_point import WorkingPoint

__all__ = [
    "BootstrapEfficiency",
    "Correlations",
    "DataMC",
    "Efficiency",
    "EfficiencyComparison",
    "Exploration",
    "FeatureHistograms",
    "FoldArea",
    "FoldComparison",
    "FoldShapes",
    "Histogram",
    "MethodPair",
    "Overtraining",
    "PairedDifference",
    "PartialAuc",
    "RocBand",
    "RocBootstrap",
    "RocCurve",
    "ScoreHistograms",
    "Separation",
    "TmvaEfficiencies",
    "TwoSampleTest",
    "WorkingPoint",
    "bootstrap_roc",
    "compare_auc",
    "compare_background_efficiency",
    "compare_folds",
    "compare_methods",
    "correlations",
    "data_mc",
    "efficiency",
    "feature_histograms",
    "fill_histogram",
    "mutual_information",
    "overtraining",
    "partial_auc",
    "rank_features",
    "roc_curve",
    "score_histograms",
    "separation",
    "simultaneous_band",
    "tmva_efficiencies",
    "two_sample_test",
]
