"""Names and versions of the files of a run folder and of a comparison."""

from __future__ import annotations

__all__ = [
    "COMPARISON_FORMAT",
    "COMPARISON_VERSION",
    "FIGURES_FORMAT",
    "FIGURES_VERSION",
    "METRICS_FORMAT",
    "METRICS_VERSION",
    "PROVENANCE_FORMAT",
    "PROVENANCE_VERSION",
]

COMPARISON_FORMAT = "hepml-comparison"
COMPARISON_VERSION = 1
FIGURES_FORMAT = "hepml-figures"
FIGURES_VERSION = 1
METRICS_FORMAT = "hepml-metrics"
METRICS_VERSION = 1
PROVENANCE_FORMAT = "hepml-provenance"
PROVENANCE_VERSION = 1
