"""Small samples of two Gaussians and the analysis files that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import uproot
import yaml

if TYPE_CHECKING:
    from pathlib import Path

FIRST_EVENT = 2**53 + 1  # above what a double can count


def write_sample(
    path: Path, n_events: int, *, mean: float, seed: int, first_event: int = FIRST_EVENT, negative: float = 0.0
) -> Path:
    """Write ``n_events`` of a two-dimensional unit Gaussian around (mean, 0), some of negative weight."""
    rng = np.random.default_rng(seed)
    x = rng.normal(mean, 1.0, n_events)
    y = rng.normal(0.0, 1.0, n_events)
    sign = np.where(rng.random(n_events) < negative, -1.0, 1.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with uproot.recreate(path) as file:
        tree = file.mktree("events", {"run": "u4", "event_number": "u8", "x": "f4", "y": "f4", "weight": "f8"})
        tree.extend(
            {
                "run": np.full(n_events, 7, dtype=np.uint32),
                "event_number": np.arange(first_event, first_event + n_events, dtype=np.uint64),
                "x": x.astype(np.float32),
                "y": y.astype(np.float32),
                "weight": 0.5 * sign,
            }
        )
    return path


def analysis_content(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = {
        "name": "toy",
        "seed": 3,
        "tree": "events",
        "samples": [
            {"name": "signal", "role": "signal", "files": "signal.root"},
            {"name": "background", "role": "background", "files": "background.root"},
        ],
        "features": ["x", {"name": "y2", "expression": "y*y", "unit": "GeV^2", "title": "y squared"}],
        "spectators": ["y"],
        "weight": "weight",
        "methods": {"BDT": {"kind": "xgboost", "n_estimators": 20, "max_depth": 2}},
        "evaluation": {"permutations": 20},
        "report": {"formats": ["svg"]},
    }
    return content | changes


def write_analysis(folder: Path, **changes: Any) -> Path:
    path = folder / "analysis.yaml"
    path.write_text(yaml.safe_dump(analysis_content(**changes), sort_keys=False), encoding="utf-8")
    return path
