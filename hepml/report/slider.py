"""The numbers that the report's slider reads off the curves: one list a number and method, one entry a cut."""

from __future__ import annotations

from typing import Any

__all__ = ["SLIDER_NUMBERS", "slider_data"]

# key and words of each number that is shown
SLIDER_NUMBERS = (
    ("signal_efficiency", "signal efficiency"),
    ("background_efficiency", "background efficiency"),
    ("background_rejection", "background rejection"),
    ("signal", "expected signal"),
    ("background", "expected background"),
    ("significance", "significance"),
)


def slider_data(metrics: dict[str, Any]) -> list[dict[str, Any]]:
    """Return for each method its name and the lists, from the tightest cut to the loosest."""
    found = []
    for name in metrics["method_order"]:
        curve = metrics["methods"][name]["roc"]["curve"]
        # the first point is that of an infinite threshold
        lists = {key: values[1:] for key, values in curve.items()}
        background = lists["background_efficiency"]
        found.append(
            _significance(metrics["methods"][name].get("significance", {}), lists["thresholds"])
            | {
                "name": name,
                "threshold": lists["thresholds"],
                "signal_efficiency": lists["signal_efficiency"],
                "signal_efficiency_error": lists["signal_efficiency_error"],
                "background_efficiency": background,
                "background_efficiency_error": lists["background_efficiency_error"],
                "background_rejection": [1.0 - value for value in background],
                "background_rejection_error": lists["background_efficiency_error"],
            }
        )
    return found


def _significance(found: dict[str, Any], thresholds: list[float]) -> dict[str, Any]:
    """Return expected events and the chosen figure of merit, if they are there for the very same cuts."""
    curve = found.get("curve")
    if curve is None or curve["thresholds"] != thresholds:
        return {}
    merit = curve["figures"][found["figure"]]
    events = {key: curve[key] for key in ("signal", "signal_error", "background", "background_error")}
    return events | {"significance": merit["values"], "significance_error": merit["errors"]}
