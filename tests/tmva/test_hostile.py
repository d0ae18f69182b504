"""Weights files that nobody vouches for: an error that says why, within a second and in bounded memory, or a response."""

from __future__ import annotations

import functools
import gzip
import re
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hepml
from hepml.errors import HepmlError, ModelFormatError
from hepml.tmva import Reader
from tests.tmva.golden import SMALL
from tests.tmva.test_reader import text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FISHER = functools.partial(text_of, "random_Fisher")
LAUGHS = "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 10))


def hostile() -> dict[str, Callable[[], str | bytes]]:
    return {
        "nothing": lambda: b"",
        "no XML": lambda: "<",
        "another root": lambda: "<Model/>",
        "no method": lambda: "<MethodSetup><Weights/></MethodSetup>",
        "unknown method": lambda: FISHER().replace("Fisher::", "Fischer::"),
        "no weights": lambda: '<MethodSetup Method="Fisher::F"/>',
        "cut off": lambda: FISHER()[: len(FISHER()) // 2],
        "cut off gzip": lambda: (SMALL / "random_Fisher.weights.xml.gz").read_bytes()[:700],
        "gzip of nothing": lambda: b"\x1f\x8b",
        "entities": lambda: f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]><MethodSetup Method="Fisher::&a9;"/>',
        "entities for trees": lambda: f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]><MethodSetup Method="BDT::&a9;"/>',
        "external entity": lambda: '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><MethodSetup>&a;</MethodSetup>',
        "external DTD": lambda: '<!DOCTYPE x SYSTEM "http://localhost/x.dtd"><MethodSetup/>',
        "unknown encoding": lambda: '<?xml version="1.0" encoding="rot13"?><MethodSetup/>',
        "deep": lambda: '<MethodSetup Method="Fisher::F">' + "<a>" * 100_000,
        "wide": lambda: '<MethodSetup Method="Fisher::F">' + "<a/>" * 500_000,
        "bomb": lambda: gzip.compress(b'<MethodSetup Method="Fisher::F">' + b" " * 50_000_000, 1),
        "bomb of elements": lambda: gzip.compress(b'<MethodSetup Method="Fisher::F">' + b"<a/>" * 1_000_000, 1),
        "endless attribute": lambda: '<MethodSetup Method="Fisher::' + "a" * 10_000_000,
        "endless tag among trees": lambda: '<MethodSetup Method="BDT::B"><Weights><' + "a" * 10_000_000,
        "no variables": lambda: (
            '<MethodSetup Method="Fisher::F"><Weights><Coefficient Index="0" Value="1"/></Weights></MethodSetup>'
        ),
        "number of a variable": lambda: FISHER().replace('VarIndex="1"', 'VarIndex="99999999999"'),
        "variables in disorder": lambda: FISHER().replace('VarIndex="1"', 'VarIndex="2"'),
        "coefficient of none": lambda: FISHER().replace('Index="4" V', 'Index="5" V'),
        "coefficient twice": lambda: FISHER().replace('Index="4" V', 'Index="3" V'),
        "coefficient is NaN": lambda: FISHER().replace('Value="-3.4', 'Value="nan" was="-3.4'),
        "coefficient is no number": lambda: FISHER().replace('Value="-3.4', 'Value="0x1" was="-3.4'),
        "coefficient is missing": lambda: FISHER().replace('<Coefficient Index="4"', '<Other Index="4"'),
        "unknown transformation": lambda: FISHER().replace(
            '<Transformations NTransformations="0"/>',
            '<Transformations NTransformations="1"><Transform Name="X"/></Transformations>',
        ),
        "unknown analysis": lambda: text_of("reg_LD").replace('value="Regression"', 'value="Guess"'),
        "coefficients of none": lambda: text_of("random_Fisher").replace('NCoeff="5"', 'NCoeff="1000000000"'),
        "outputs of none": lambda: text_of("reg_LD").replace('NOut="1"', 'NOut="1000000000"'),
        "bins of none": lambda: text_of("random_Cuts").replace('nbins="100"', 'nbins="1000000000"'),
        "bin twice": lambda: text_of("random_Cuts").replace('ibin="7"', 'ibin="8"'),
        "bin out of range": lambda: text_of("random_Cuts").replace('ibin="7"', 'ibin="0"'),
        "cut is NaN": lambda: text_of("random_Cuts").replace('cutMax_2="', 'cutMax_2="nan" was="', 1),
        "cut is missing": lambda: text_of("random_Cuts").replace("cutMax_2", "cutMax_9", 1),
        "trees of 10^9": lambda: text_of("random_BDTD").replace('NTrees="', 'NTrees="1000000000" was="'),
        "cut of an expression bomb": lambda: text_of("expr_FisherCat").replace("abs(weight)&lt;=1", "(" * 100_000),
        "kernels that cost minutes": lambda: re.sub(
            r'NBins="500"([^>]*)>[^<]*<',
            lambda found: f'NBins="20000"{found[1]}>{"1 " * 20_000}<',
            text_of("random_LikelihoodKDE"),
        ),
        "members of none": lambda: text_of("random_BoostedFisher").replace("<Weights NCoeff", "<Heights NCoeff").replace(
            "</Weights>\n    </Method>", "</Heights>\n    </Method>"
        ),
    }  # fmt: skip


@pytest.mark.parametrize("kind", hostile())
def test_refused_within_a_second(kind: str, tmp_path: Path) -> None:
    content = hostile()[kind]()
    path = tmp_path / "x.weights.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    seconds = []
    # the quickest of three: a machine that others use takes longer for the same
    for _ in range(3):
        start = time.process_time()
        with pytest.raises(ModelFormatError) as caught:
            Reader(path)
        seconds.append(time.process_time() - start)
        if seconds[-1] < 1.0:
            break
    assert min(seconds) < 1.0
    assert len(str(caught.value)) < 2000
    with pytest.raises(ModelFormatError):
        hepml.load(path)


DAMAGED = ("random_Fisher", "random_Cuts", "expr_FisherCat", "random_BoostedFisher", "block_BDT10", "reg_LD")


@settings(max_examples=120)
@given(data=st.data())
def test_mutated_files_are_refused_or_answer(data: st.DataObject) -> None:
    content = bytearray(text_of(data.draw(st.sampled_from(DAMAGED))).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        size = data.draw(st.sampled_from([1, 1, 1, 2, 10, 200]))
        content[at : at + size] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"<", b"-", b"9", b"/", b'"', b"e9"])
        )
    try:
        reader = Reader(bytes(content))
    except ModelFormatError:
        return
    X = np.zeros((3, len(reader.features) + len(reader.spectators)))
    efficiency = 0.5 if reader.setup.kind == "Cuts" else None
    try:
        response = reader.evaluate(X, signal_efficiency=efficiency)
        if reader.setup.pdfs is not None and len(reader.setup.pdfs):
            reader.rarity(X)
    except HepmlError:
        return
    assert response.shape[0] == 3
    assert not np.isnan(response).any()
