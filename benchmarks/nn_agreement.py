"""Agreement of exported networks with torch, event by event, also where that is hardest.

For networks of every activation, with residual blocks, several classes or several targets, and preprocessing of all kinds,
the layers are rebuilt of torch's own modules in single precision. 100,000 events are scored by torch, by the ONNX model in
ONNX Runtime, by the C++17 header as this machine compiles it, and in double precision. Half of the events lie where features
lie; in the others features are missing, on knots, at ends of ranges, zero, denormal, or at the ends of single precision.

Prints the largest difference of a score from torch's, as a part of its size (at least 1, or the width of a target), of all
events in which features that are not cut off stay within 100 widths (further out a sum of single-precision numbers has no
1e-5 left). Ends with an error if a difference is above 1e-5 or a missing score is not missing in all.

    python benchmarks/nn_agreement.py [--events 100000]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hepml.classifiers.networks.program import ACTIVATIONS, Affine, Program, Residual, Step
from hepml.classifiers.networks.to_cpp import cpp_form
from hepml.classifiers.networks.to_onnx import onnx_form
from hepml.classifiers.networks.verification import edge_case_events

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE = 1e-5
FAR = 100.0
MODULES = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "silu": torch.nn.SiLU,
    "gelu": torch.nn.GELU,
    "elu": torch.nn.ELU,
    "leaky_relu": torch.nn.LeakyReLU,
}


class Block(torch.nn.Module):
    """A residual block."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum."""
        return x + self.inner(x)


def layers(steps: Sequence[Step]) -> torch.nn.Sequential:
    """Rebuild layers of torch's modules."""
    modules: list[torch.nn.Module] = []
    for step in steps:
        if isinstance(step, Affine):
            linear = torch.nn.Linear(*step.weight.shape[::-1])
            with torch.no_grad():
                linear.weight.copy_(torch.from_numpy(step.weight))
                linear.bias.copy_(torch.from_numpy(step.bias))
            modules.append(linear)
        elif isinstance(step, Residual):
            modules.append(Block(layers(step.steps)))
        else:
            modules.append(MODULES[step.name]())
    return torch.nn.Sequential(*modules)


def by_torch(program: Program, X: np.ndarray) -> np.ndarray:
    """Return torch's scores of events, float64 of shape (n_events, n_outputs)."""
    wide = X.astype(np.float64)
    columns = np.column_stack([column.of(wide[:, column.feature]) for column in program.columns]).astype(np.float32)
    with torch.no_grad():
        sums = layers(program.steps)(torch.from_numpy(columns))
        score = {"logistic": torch.sigmoid, "softmax": lambda m: torch.softmax(m, 1)}.get(program.link, lambda m: m)(
            sums
        )
    found: np.ndarray = score.numpy().astype(np.float64)
    if program.target_scale is not None and program.target_shift is not None:
        found = program.target_scale * found + program.target_shift
    found[np.isnan(wide[:, list(program.without_fill)]).any(axis=1)] = np.nan
    return found


def compared(program: Program, n_events: int) -> dict[str, float]:
    """Return the largest difference of each form from torch; infinite if missing scores are not the same."""
    X = edge_case_events(program, n_events)
    for column in program.columns:
        if not column.is_indicator and column.knots is None and not np.isfinite([column.low, column.high]).all():
            ends = column.shift - FAR / abs(column.scale), column.shift + FAR / abs(column.scale)
            X[:, column.feature] = np.clip(X[:, column.feature], *ends)
    expected = by_torch(program, X)
    scores: dict[str, Any] = {
        "onnxruntime": onnx_form(program, {}).evaluate(X).score,
        "C++": cpp_form(program, "net").evaluate(X).score,
        "double": program.evaluate(X)[1],
    }
    found = {}
    for name, score in scores.items():
        if score is None:
            continue
        same = np.array_equal(np.isnan(score), np.isnan(expected))
        difference = np.abs(score - expected) / np.maximum(program.unit, np.abs(expected))
        found[name] = float(np.nanmax(difference)) if same else float("inf")
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    # the networks are those of the tests
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.classifiers.networks.programs import program

    cases: list[dict[str, Any]] = [{"activation": name, "width": 64} for name in ACTIVATIONS]
    cases += [{"n_outputs": 4, "link": "softmax", "width": 64}, {"n_outputs": 3, "link": "identity", "width": 64}]
    worst = 0.0
    for number, case in enumerate(cases):
        found = compared(program(number, **case), options.events)
        worst = max(worst, *found.values())
        named = ", ".join(f"{key} {value}" for key, value in case.items())
        print(f"{named:40s} " + "  ".join(f"{name} {value:.1e}" for name, value in found.items()))
    if not worst <= TOLERANCE:
        msg = f"a score differs by {worst:.1e}"
        raise SystemExit(msg)


if __name__ == "__main__":
    main()
