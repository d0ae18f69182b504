"""Linear correlations of variables in each class, as the DataLoader prints them (``CalcCorrelationMatrix``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.preparation.normalising import running_sum
from hepml.tmva.training.moments import product_sums, value_sums
from hepml.tmva.training.reporting import CorrelationTable

if TYPE_CHECKING:
    from hepml.tmva.preparation import PreparedData

__all__ = ["correlation_tables"]


def correlation_tables(data: PreparedData) -> tuple[CorrelationTable, ...]:
    """Return the table of each class: training events, before transformations, with their signed weights.

    Parameters
    ----------
    data : PreparedData
        The events. A class whose weights sum to zero has correlations 0.
    """
    names = tuple(variable.expression for variable in data.variables)
    found = []
    for index, class_name in enumerate(data.class_names):
        rows = data.train.class_index == index
        X, weight = np.ascontiguousarray(data.train.variables[rows]), data.train.weight[rows]
        total = running_sum(weight)
        values = np.eye(len(names))
        if total != 0.0:
            first = value_sums(X, weight)
            covariance = product_sums(X, weight, np.zeros(len(names))) / total - np.outer(first, first) / total**2
            variances = np.outer(np.diag(covariance), np.diag(covariance))
            values = np.divide(
                covariance, np.sqrt(np.abs(variances)), out=np.zeros_like(covariance), where=variances > 0.0
            )
            np.fill_diagonal(values, 1.0)
        found.append(CorrelationTable(class_name, names, values))
    return tuple(found)
