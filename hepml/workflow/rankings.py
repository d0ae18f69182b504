"""Rankings of the features in the log, laid out as TMVA prints them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hepml.evaluation import Exploration, FeatureImportance
from hepml.report import Listed, ranking_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hepml.report import Findings

__all__ = ["log_rankings"]

_LOG = logging.getLogger("hepml.workflow")


def log_rankings(findings: Findings) -> None:
    """Log the ranking by separation, which no method takes part in, and that of each method of trees by its splits.

    Parameters
    ----------
    findings : Findings
        All results of a run.
    """
    exploration = findings.of_run("exploration", Exploration)
    if exploration is not None:
        values = {name: found.value for name, found in exploration.separations.items()}
        _log("input variables", values, "Separation")
    for method, listed in findings.of_methods("tree_importance", Listed).items():
        for found in listed.items:
            if isinstance(found, FeatureImportance) and found.kind == "tmva":
                _log(method, dict(zip(found.names, found.value.tolist(), strict=True)), "Variable Importance")


def _log(of: str, values: Mapping[str, float], discriminator: str) -> None:
    for line in ranking_lines(values, discriminator):
        _LOG.info("%s: %s", of, line)
