"""Numbers that ROOT's own TRandom3 draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

MEANS = (0.0, 0.5, 24.9, 25.0, 1e5, 2e9)


def draw(folder: Path, seeds: list[int], count: int) -> None:
    """Leave what each seed gives in ``draws.npy``, shape (n_seeds, n_kinds, count); runs in the process that has ROOT."""
    import ROOT

    rows = []
    for seed in seeds:
        generator = ROOT.TRandom3(seed)
        row = [
            [generator.Rndm() for _ in range(count)],
            [float(generator.Integer(1_000_003)) for _ in range(count)],
            [generator.Uniform(-1.0, 3.0) for _ in range(count)],
            [generator.Gaus(1.0, 2.0) for _ in range(count)],
        ]
        row += [[generator.PoissonD(mean) for _ in range(count)] for mean in MEANS]
        rows.append(row)
    np.save(folder / "draws.npy", np.array(rows))
