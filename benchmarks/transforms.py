"""Speed of TMVA's transformations: fit, apply and undo each on events of 28 Gaussian variables, one core.

D and P are compared with the matrix product of BLAS, with which they agree to single precision.

    OMP_NUM_THREADS=1 python benchmarks/transforms.py [--events 200000]
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np

from hepml.transforms import TransformChain

if TYPE_CHECKING:
    from collections.abc import Callable


def cpu_seconds(work: Callable[[], object], repetitions: int = 3) -> float:
    """Return the median CPU time of some calls."""
    taken = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return float(np.median(taken))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    n_events = parser.parse_args().events
    rng = np.random.default_rng(1)
    X = np.asfortranarray(rng.normal(size=(n_events, 28)).astype(np.float32))
    index = rng.integers(0, 2, n_events)
    print(f"{'':4}{'fit':>10}{'apply':>10}{'inverse':>10}{'apply':>16}")
    for letter in "NDPUG":
        chain = TransformChain.fit(letter, X, index)
        out = chain.apply(X)
        fitting = cpu_seconds(lambda letter=letter: TransformChain.fit(letter, X, index), 1)
        applying = cpu_seconds(lambda chain=chain: chain.apply(X))
        undoing = cpu_seconds(lambda chain=chain, out=out: chain.inverse(out))
        rate = n_events / applying / 1e6
        print(f"{letter:4}{fitting:9.3f}s{applying:9.3f}s{undoing:9.3f}s{rate:10.1f} M ev/s")
        if letter == "D":
            matrix = chain.steps[0].matrices[-1]
            product = cpu_seconds(lambda matrix=matrix: (X.astype(np.float64) @ matrix.T).astype(np.float32))
            np.testing.assert_allclose(out, X.astype(np.float64) @ matrix.T, atol=1e-6)
            print(f"    the bare product takes {product:.3f} s; ratio {applying / product:.2f}")


if __name__ == "__main__":
    main()
