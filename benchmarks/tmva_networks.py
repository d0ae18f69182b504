"""Time a multilayer perceptron of TMVA against the bare matrix products and tanh in numpy, on one core.

``OMP_NUM_THREADS=1 python -m benchmarks.tmva_networks``: 28 variables and 33 hidden neurons (``HiddenLayers=N+5``), medians
of seven. A Reader should need at most 1.3 times the bare time, which has the block of events that numpy is fastest with.
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

EVENTS, VARIABLES, HIDDEN = 200_000, 28, 33
BLOCKS = (250, 500, 1000, 2000, 4000)


def main() -> None:
    """Print the times."""
    random = np.random.default_rng(1)
    first = random.normal(size=(HIDDEN, VARIABLES + 1)) / 3
    second = random.normal(size=(1, HIDDEN + 1)) / 3
    X = random.normal(size=(EVENTS, VARIABLES)).astype(np.float32)
    rows = np.asfortranarray(X)
    bare = min(measured(lambda block=block: bare_products(rows, first, second, block)) for block in BLOCKS)  # type: ignore[misc]
    print(f"bare numpy: {bare * 1e9 / EVENTS:.0f} ns an event")
    for name, release in (("tanh of 4.2.1", "262657"), ("tanh of before", "262656")):
        reader = Reader(weights_file(first, second, release))
        took = measured(lambda reader=reader: reader.evaluate(rows))  # type: ignore[misc]
        print(
            f"Reader, {name}: {took * 1e9 / EVENTS:.0f} ns an event, {EVENTS / took / 1e6:.1f}M events/s, "
            f"{took / bare:.2f} times bare"
        )


def bare_products(
    X: NDArray[np.float32], first: NDArray[np.float64], second: NDArray[np.float64], block: int
) -> NDArray[np.float64]:
    """Return the response, by matrix products and tanh of blocks of events, in buffers that are there already."""
    weights, bias = np.ascontiguousarray(first[:, :-1]), np.ascontiguousarray(first[:, -1:])
    last = np.ascontiguousarray(second[:, :-1])
    response = np.empty(len(X))
    inputs, hidden = np.empty((VARIABLES, block)), np.empty((HIDDEN, block))
    for start in range(0, len(X), block):
        inputs[:] = X[start : start + block].T
        np.matmul(weights, inputs, out=hidden)
        np.add(hidden, bias, out=hidden)
        np.tanh(hidden, out=hidden)
        response[start : start + block] = (last @ hidden)[0]
    response += second[0, -1]
    return response


def measured(run: Callable[[], object]) -> float:
    """Return the median of seven times, CPU seconds."""
    run()
    times = []
    for _ in range(7):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return median(times)


def weights_file(first: NDArray[np.float64], second: NDArray[np.float64], release: str) -> str:
    """Return a network as TMVA writes it."""
    variables = "".join(f'<Variable VarIndex="{k}" Expression="v{k}" Label="v{k}"/>' for k in range(VARIABLES))
    return f"""<MethodSetup Method="MLP::MLP"><GeneralInfo><Info name="TMVA Release" value="[{release}]"/>
<Info name="AnalysisType" value="Classification"/></GeneralInfo>
<Options><Option name="NeuronType">tanh</Option><Option name="EstimatorType">MSE</Option></Options>
<Variables NVar="{VARIABLES}">{variables}</Variables><Classes><Class Name="Signal" Index="0"/></Classes>
<Transformations NTransformations="0"/><Weights><Layout NLayers="3">{_layer(0, first)}{_layer(1, second)}
<Layer Index="2" NNeurons="1"><Neuron NSynapses="0"/></Layer></Layout></Weights></MethodSetup>"""


def _layer(index: int, weights: NDArray[np.float64]) -> str:
    neurons = "".join(
        f'<Neuron NSynapses="{len(weights)}">{" ".join(map(repr, column.tolist()))}</Neuron>' for column in weights.T
    )
    return f'<Layer Index="{index}" NNeurons="{weights.shape[1]}">{neurons}</Layer>'


if __name__ == "__main__":
    main()
