"""TRandom3: the numbers of ROOT itself, a table of them, and the published test of the Mersenne Twister."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.errors import InvalidInputError
from hepml.root_process import RootProcess
from hepml.tmva.random import TRandom3, integer, poisson, seeded
from tests.tmva.trandom import MEANS

HEX = float.fromhex
# of ROOT 6.40: the first two and the thousandth Rndm, Integer(1000), PoissonD(0.5), PoissonD(100), Gaus(0, 1)
TABLE = {
    4357: (
        [HEX("0x1.ffde2688p-1"), HEX("0x1.4da3b158p-3"), HEX("0x1.1afc4a74p-2")],
        [999, 162, 282, 947, 231, 484],
        [1, 0, 1, 0, 2, 1, 1, 1, 0, 0],
        [99, 112, 98, 90],
        [HEX("0x1.ff741bf212d34p-1"), HEX("-0x1.bd32e048p-2"), HEX("0x1.90479950fd694p-1"), HEX("-0x1.ec62758p-6")],
    ),
    100: (
        [HEX("0x1.16392c1p-1"), HEX("0x1.57a1b63p-1"), HEX("0x1.41751404p-1")],
        [543, 671, 278, 412, 424, 526],
        [0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
        [92, 100, 105, 91],
        [
            HEX("-0x1.c622dcad62f5cp-1"),
            HEX("-0x1.6fa45b58ab250p-2"),
            HEX("-0x1.6842099p-3"),
            HEX("-0x1.83811d1889c98p+1"),
        ],
    ),
}


@pytest.mark.parametrize("seed", TABLE)
def test_the_table(seed: int) -> None:
    uniforms, integers, small, large, normals = TABLE[seed]
    assert TRandom3(seed).rndm_array(1000)[[0, 1, 999]].tolist() == uniforms
    generator = TRandom3(seed)
    assert [generator.integer(1000) for _ in integers] == integers
    assert TRandom3(seed).poisson_array(10, 0.5).tolist() == small
    assert TRandom3(seed).poisson_array(4, 100.0).tolist() == large
    assert TRandom3(seed).gaus_array(4).tolist() == normals


def test_it_is_the_mersenne_twister() -> None:
    # seeded with 5489, the ten thousandth word is 4123659995 (ISO C++, [rand.predef])
    assert round(TRandom3(5489).rndm_array(10_000)[-1] * 2**32) == 4_123_659_995
    twister = np.random.RandomState(77)
    words = twister.randint(0, 2**32, 2000, np.uint32)
    np.testing.assert_array_equal(TRandom3(77).rndm_array(2000), words * 2.3283064365386963e-10)


@pytest.mark.requires_root
def test_numbers_are_those_of_root() -> None:
    seeds, count = [1, 100, 1234, 2**32 - 1], 3000
    with RootProcess(purpose="a test") as process:
        process.call("tests.tmva.trandom:draw", {"seeds": seeds, "count": count})
        expected = process.array("draws")
        for seed, rows in zip(seeds, expected, strict=True):
            generator = TRandom3(seed)
            found = [
                generator.rndm_array(count),
                [generator.integer(1_000_003) for _ in range(count)],
                [generator.uniform(-1.0, 3.0) for _ in range(count)],
                generator.gaus_array(count, 1.0, 2.0),
                *(generator.poisson_array(count, mean) for mean in MEANS),
            ]
            np.testing.assert_array_equal(np.array(found, dtype=np.float64), rows)


def test_compiled_functions_draw_from_the_same_state() -> None:
    state, generator = seeded(np.uint32(42)), TRandom3(42)
    for _ in range(700):
        assert integer(state, 17) == generator.integer(17)
        assert poisson(state, 0.5) == generator.poisson(0.5)
    np.testing.assert_array_equal(state, generator.state)


@pytest.mark.parametrize("seed", [0, -1, 2**32])
def test_seeds_that_cannot_be_reproduced_are_refused(seed: int) -> None:
    with pytest.raises(InvalidInputError, match="from 1 to 4294967295"):
        TRandom3(seed)
