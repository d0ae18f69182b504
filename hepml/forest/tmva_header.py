"""What stands above the trees in a ``weights.xml``: kept from the file that a forest came from, or made up for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.forest.from_tmva import GROUPS
from hepml.forest.tmva_document import RELEASES, internal_name, variable_entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from hepml.forest.forest import Forest

__all__ = ["Names", "header_of"]


@dataclass(frozen=True, slots=True)
class Names:
    """What a weights file says that a forest does not know. None: as in the file that it came from, or a default.

    Parameters
    ----------
    method : str, optional
        Name of the method.
    classes : sequence of str, optional
        Names of the classes, signal first; of the one target for a regression.
    ranges : array-like of shape (n_features, 2), optional
        Smallest and largest value of each feature.
    """

    method: str | None = None
    classes: Sequence[str] | None = None
    ranges: ArrayLike | None = None


def header_of(forest: Forest, analysis: str, names: Names) -> tuple[dict[str, Any], bool]:
    """Return the header for a forest, as :func:`hepml.forest.from_tmva.from_tmva` keeps it.

    Parameters
    ----------
    forest : Forest
        If it came from TMVA, its own header is used.
    analysis : {"Classification", "Multiclass", "Regression"}
        What it is written as.
    names : Names
        What is given.

    Returns
    -------
    dict
        Header; without options if it was made up.
    bool
        Whether it is the forest's own.

    Raises
    ------
    InvalidInputError
        If what is given does not fit the forest.
    """
    own = forest.metadata.get("tmva")
    kept = isinstance(own, dict) and _fits(own, forest, analysis)
    header = _copied(own) if kept and isinstance(own, dict) else _made_up(forest, analysis)
    if names.method is not None:
        header["method"] = f"BDT::{names.method}"
    if names.classes is not None:
        _rename_classes(header, analysis, list(names.classes))
    if names.ranges is not None:
        for variable, (low, high) in zip(header["variables"], _ranges(names.ranges, forest), strict=True):
            variable.update(Min=f"{low:.8e}", Max=f"{high:.8e}")
    return header, kept


def _fits(header: Mapping[str, Any], forest: Forest, analysis: str) -> bool:
    """Whether a header, which may come from any file, is one of this forest."""
    for group in GROUPS:
        items = header.get(group)
        if not isinstance(items, list) or not all(
            isinstance(item, dict) and all(isinstance(text, str) for text in item.values()) for item in items
        ):
            return False
    if not isinstance(header.get("method"), str) or header.get("transformations") not in {"0", "1"}:
        return False
    n_classes = {"Classification": 2, "Multiclass": forest.n_outputs, "Regression": 1}[analysis]
    return (
        [variable.get("Expression") for variable in header["variables"]] == list(forest.feature_names)
        and {"name": "AnalysisType", "value": analysis} in header["info"]
        and len(header["classes"]) == n_classes
        and all({"name", "modified", "value"} <= set(option) for option in header["options"])
    )


def _copied(header: Mapping[str, Any]) -> dict[str, Any]:
    copied = {key: [dict(item) for item in value] if key in GROUPS else value for key, value in header.items()}
    for option in copied["options"]:
        # nothing stands before the trees but perhaps the identity (VarTransform=I)
        if option["name"] == "VarTransform" and option["value"] != "I":
            option["value"] = "None"
        elif option["name"] == "DoPreselection":
            option["value"] = "False"
    return copied


def _made_up(forest: Forest, analysis: str) -> dict[str, Any]:
    info = {**RELEASES, "Creator": "hepml", "AnalysisType": analysis}
    classes = {
        "Classification": ["Signal", "Background"],
        "Multiclass": [f"class{index}" for index in range(forest.n_outputs)],
        "Regression": ["Regression"],
    }[analysis]
    ranges = _ranges_of_cuts(forest)
    variables = [
        variable_entry("VarIndex", index, name, *ranges[index]) for index, name in enumerate(forest.feature_names)
    ]
    return {
        "method": "BDT::BDT",
        "info": [{"name": name, "value": value} for name, value in info.items()],
        "options": [],
        "variables": variables,
        "spectators": [],
        "classes": [{"Name": name, "Index": str(index)} for index, name in enumerate(classes)],
        "targets": [variable_entry("TargetIndex", 0, "target", 0.0, 1.0)] if analysis == "Regression" else [],
        "transformations": "0",
    }


def _rename_classes(header: dict[str, Any], analysis: str, names: list[str]) -> None:
    items = header["targets"] if analysis == "Regression" else header["classes"]
    if len(names) != len(items) or len(set(names)) != len(names):
        msg = f"{names} are no different names for {len(items)} of them ({analysis.lower()})"
        raise InvalidInputError(msg)
    for item, name in zip(items, names, strict=True):
        if analysis == "Regression":
            item.update(Expression=name, Label=name, Title=name, Internal=internal_name(name))
        else:
            item["Name"] = name


def _ranges(given: ArrayLike, forest: Forest) -> NDArray[np.float64]:
    ranges = np.asarray(given, dtype=np.float64)
    if ranges.shape != (forest.n_features, 2) or not np.isfinite(ranges).all() or (ranges[:, 0] > ranges[:, 1]).any():
        msg = f"ranges must be the smallest and largest value of each of the {forest.n_features} features"
        raise InvalidInputError(msg)
    return ranges


def _ranges_of_cuts(forest: Forest) -> list[tuple[float, float]]:
    """Return the outermost cuts on each feature: nothing that is evaluated depends on ranges."""
    found = []
    for index in range(forest.n_features):
        cuts = forest.threshold[forest.feature == index]
        cuts = cuts[np.isfinite(cuts)]
        found.append((float(cuts.min()), float(cuts.max())) if cuts.size else (0.0, 1.0))
    return found
