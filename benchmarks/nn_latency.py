"""Time for a single event through a dense network of two hidden layers of 64, exported as a C++17 header.

Writes the header of a network of random weights (28 features, standardised, cut off, missing values filled), compiles it
with the compiler of this machine, and times calls for one event after the other, each with other features than the one
before, on one core. Beside it: ONNX Runtime for one event at a time, and for blocks of 10,000.

    python benchmarks/nn_latency.py [--events 200000] [--repeat 7] [--flags=-O2]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from hepml.classifiers.networks.program import Activation, Affine, Column, Program
from hepml.classifiers.networks.to_cpp import cpp_form
from hepml.classifiers.networks.to_onnx import onnx_form
from hepml.forest.compiling import find_compiler

N_FEATURES, WIDTH = 28, 64
MAIN = """
#include "net.hpp"
#include <chrono>
#include <cstdio>
#include <vector>
int main(int, char** argv) {{
  const long n = {n_events};
  std::vector<float> x(n * {n_features});
  std::FILE* file = std::fopen(argv[1], "rb");
  if (!file || std::fread(x.data(), sizeof(float), x.size(), file) != x.size()) return 1;
  for (int k = 0; k < {repeat}; ++k) {{
    double sum = 0;
    const auto start = std::chrono::steady_clock::now();
    for (long i = 0; i < n; ++i) sum += net_score(&x[i * {n_features}]);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::printf("%.9g %.17g\\n", taken.count() / n * 1e6, sum);
  }}
}}
"""


def network() -> Program:
    """Return the network that is timed."""
    rng = np.random.default_rng(1)
    columns = tuple(Column(k, shift=0.1 * k, scale=1.5, low=-10.0, high=10.0, fill=0.0) for k in range(N_FEATURES))
    steps: list[Affine | Activation] = []
    for n_in, n_out in ((N_FEATURES, WIDTH), (WIDTH, WIDTH), (WIDTH, 1)):
        weight = rng.normal(size=(n_out, n_in)) / np.sqrt(n_in)
        steps += [Affine(weight.astype(np.float32), np.zeros(n_out, np.float32)), Activation("relu")]
    return Program(tuple(f"x{k}" for k in range(N_FEATURES)), columns, tuple(steps[:-1]), "logistic")


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--flags", default="-O2")
    options = parser.parse_args()
    made = network()
    X = np.random.default_rng(2).normal(size=(options.events, N_FEATURES)).astype(np.float32)
    X[::7, 3] = np.nan
    expected = made.evaluate(X)[1].sum()
    compiler = find_compiler("c++17")
    if compiler is None:
        msg = "there is no compiler for C++17 here"
        raise SystemExit(msg)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "net.hpp").write_bytes(cpp_form(made, "net").content)
        (folder / "main.cpp").write_text(MAIN.format(n_events=len(X), n_features=N_FEATURES, repeat=options.repeat))
        X.tofile(folder / "events")
        build = [compiler, "-std=c++17", *options.flags.split(), folder / "main.cpp", "-o", folder / "main"]
        subprocess.run(build, check=True)
        done = subprocess.run([folder / "main", folder / "events"], check=True, capture_output=True, text=True)
    rows = [[float(word) for word in line.split()] for line in done.stdout.splitlines()]
    if abs(rows[0][1] / expected - 1) > 1e-6:
        msg = f"the scores sum to {rows[0][1]}, not to {expected}"
        raise SystemExit(msg)
    times = [row[0] for row in rows]
    print(f"C++ ({options.flags}), one event: {statistics.median(times):.2f} us ({min(times):.2f} to {max(times):.2f})")
    onnx_runtime(made, X, options.repeat)


def onnx_runtime(made: Program, X: np.ndarray, repeat: int) -> None:
    """Time ONNX Runtime with one thread."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    content = onnx_form(made, {}).content
    session = onnxruntime.InferenceSession(content, settings, providers=["CPUExecutionProvider"])
    for size, n_calls in ((1, 2000), (10_000, 10)):
        times = []
        for _ in range(repeat):
            start = time.perf_counter()
            for call in range(n_calls):
                first = call * size % (len(X) - size)
                session.run(["score"], {"features": X[first : first + size]})
            times.append((time.perf_counter() - start) / n_calls / size * 1e6)
        spread = f"({min(times):.3f} to {max(times):.3f})"
        print(f"ONNX Runtime, blocks of {size}: {statistics.median(times):.3f} us an event {spread}")


if __name__ == "__main__":
    main()
