"""Networks that were trained, in the formats of other programs: whatever the options, the file scores as the bundle does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml import classifiers
from hepml.errors import ExportError
from hepml.workflow import convert_model

if TYPE_CHECKING:
    from pathlib import Path

CASES: list[tuple[dict[str, Any], int]] = [
    ({}, 2),
    ({"scaling": "quantile", "missing": "mean", "residual": True, "activation": "gelu"}, 2),
    ({"missing": "mean"}, 3),
]


@pytest.mark.parametrize(("options", "n_classes"), CASES)
def test_files_score_as_the_bundle(options: dict[str, Any], n_classes: int, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(1)
    y = np.arange(1200) % n_classes
    # the last feature is constant, the second far from 0
    X = (rng.normal(size=(1200, 3)) * [1.0, 30.0, 0.0] + np.column_stack([y, -20.0 * y, 0.0 * y + 3.0])).astype(
        np.float32
    )
    X[::9, 0] = np.nan if "missing" in options else 0.0
    fitted = classifiers.get("nn")(epochs=2, width=16, **options).fit(X, y)
    bundle = fitted.save(tmp_path / "NN")
    for suffix in (".onnx", ".hpp", ".weights.xml"):
        path = tmp_path / f"nn{suffix}"
        if suffix == ".weights.xml" and "residual" in options:
            with pytest.raises(ExportError, match=r"is a curve \(quantile\)"):
                convert_model(bundle, path, ignore_missing=True)
            continue
        result = convert_model(bundle, path, ignore_missing=True)
        assert result.verification is not None
        assert result.verification.verified
        if suffix != ".hpp":
            known = X[~np.isnan(X).any(axis=1)] if suffix == ".weights.xml" else X
            np.testing.assert_allclose(classifiers.load(path).evaluate(known), fitted.evaluate(known), atol=1e-5)
