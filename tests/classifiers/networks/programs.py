"""Networks of random numbers, with everything that can stand in one."""

from __future__ import annotations

import numpy as np

from hepml.classifiers.networks.program import Activation, Affine, Column, Link, Program, Residual, Step


def affine(rng: np.random.Generator, n_inputs: int, n_outputs: int) -> Affine:
    weight = rng.normal(size=(n_outputs, n_inputs)) / np.sqrt(n_inputs)
    return Affine(weight.astype(np.float32), rng.normal(0.0, 0.3, n_outputs).astype(np.float32))


def program(
    seed: int,
    *,
    activation: str = "relu",
    n_outputs: int = 1,
    link: Link = "logistic",
    plain: bool = False,
    residual: bool = True,
    width: int = 16,
) -> Program:
    """A network of four features; plain: scaled and cut off only, without missing values."""
    rng = np.random.default_rng(seed)
    columns = [Column(0, shift=50.0, scale=0.04, low=-10.0, high=10.0)]
    if plain:
        columns += [Column(k, shift=float(k), scale=1.0 / k, low=-10.0, high=10.0) for k in (1, 2, 3)]
    else:
        x = np.sort(rng.exponential(30.0, 100))
        columns += [
            Column(1, is_indicator=True),
            Column(1, shift=1.0, scale=2.0, low=-10.0, high=10.0, fill=1.0),
            Column(2, fill=20.0, knots=(x, np.sort(rng.normal(size=100)))),
            Column(3, shift=-0.5, scale=1.5),
            Column(2, is_indicator=True),
        ]
    steps: list[Step] = [affine(rng, len(columns), width), Activation(activation)]
    if residual:
        block = (affine(rng, width, width + 3), Activation(activation), affine(rng, width + 3, width))
        steps += [Residual(block), Activation(activation)]
    steps += [affine(rng, width, width), Activation(activation), affine(rng, width, n_outputs)]
    names = ("pt", 'a"; } /*', "é日\\", "eta")
    if link == "identity":
        scale = np.linspace(10.0, 20.0, n_outputs)
        return Program(names, tuple(columns), tuple(steps), link, 100.0 + scale, scale)
    return Program(names, tuple(columns), tuple(steps), link)
