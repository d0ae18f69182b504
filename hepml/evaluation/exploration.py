"""What is known of the features before any training: separation, correlations, agreement of data and simulation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hepml.evaluation.correlations import Correlations
    from hepml.evaluation.data_simulation import DataMC
    from hepml.evaluation.separation import Separation

__all__ = ["Exploration"]


@dataclass(frozen=True, slots=True, eq=False)
class Exploration(Displayed):
    """Results for all features of an analysis.

    Parameters
    ----------
    separations, informations : mapping of str to Separation
        Separation, and mutual information with the class, by feature in the order of the analysis file.
    columns : tuple of str
        Rows and columns of the correlation matrices: the features, then the spectators.
    correlations : mapping of str to Correlations
        By class, ``signal`` and ``background``.
    data_mc : mapping of str to mapping of str to DataMC
        By sample of data and by feature.
    score_data_mc : mapping of str to mapping of str to DataMC
        By sample of data and by method: the score as one more quantity. Simulation is of the test part.
    """

    separations: Mapping[str, Separation]
    informations: Mapping[str, Separation]
    columns: tuple[str, ...]
    correlations: Mapping[str, Correlations]
    data_mc: Mapping[str, Mapping[str, DataMC]]
    score_data_mc: Mapping[str, Mapping[str, DataMC]] = field(default_factory=dict)

    def feature(self, name: str) -> dict[str, Any]:
        """Return the numbers of one feature as plain JSON types."""
        separation, information = self.separations[name].to_dict(), self.informations[name].to_dict()
        return {
            "separation": separation["value"],
            "separation_error": separation["error"],
            "separation_uncorrected": separation["uncorrected"],
            "separation_bins": separation["n_bins"],
            "mutual_information": information["value"],
            "mutual_information_error": information["error"],
        }

    def to_dict(self) -> dict[str, Any]:
        """Return what concerns more than one feature, or data, as plain JSON types."""
        return {
            "correlations": {
                "columns": list(self.columns),
                **{name: found.to_dict() for name, found in self.correlations.items()},
            },
            "data_mc": [
                {
                    "sample": sample,
                    "features": [{"name": feature, **found.to_dict()} for feature, found in features.items()],
                    "methods": [
                        {"name": method, **found.to_dict()}
                        for method, found in self.score_data_mc.get(sample, {}).items()
                    ],
                }
                for sample, features in self.data_mc.items()
            ],
        }
