"""Numbers for a review board: separation, ROC, overtraining; arrays in, frozen results with uncertainties out."""

from hepml.evaluation.correlations import Correlations, correlations
from hepml.evaluation.data_simulation import DataMC, data_mc
from hepml.evaluation.efficiency import Efficiency, efficiency
from hepml.evaluation.exploration import Exploration
from hepml.evaluation.feature_histograms import FeatureHistograms, feature_histograms
from hepml.evaluation.fold_comparison import FoldArea, FoldComparison, FoldShapes, compare_folds
from hepml.evaluation.histogram import Histogram, fill_histogram
from hepml.evaluation.overtraining import EfficiencyComparison, Overtraining, overtraining
from hepml.evaluation.roc import RocCurve, roc_curve
from hepml.evaluation.score_histograms import ScoreHistograms, score_histograms
from hepml.evaluation.separation import Separation, mutual_information, rank_features, separation
from hepml.evaluation.two_sample import TwoSampleTest, two_sample_test
from hepml.evaluation.working_point import WorkingPoint

__all__ = [
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
    "Overtraining",
    "RocCurve",
    "ScoreHistograms",
    "Separation",
    "TwoSampleTest",
    "WorkingPoint",
    "compare_folds",
    "correlations",
    "data_mc",
    "efficiency",
    "feature_histograms",
    "fill_histogram",
    "mutual_information",
    "overtraining",
    "rank_features",
    "roc_curve",
    "score_histograms",
    "separation",
    "two_sample_test",
]
