"""Boosted trees trained as TMVA trains them: its files to the last byte, and what each option does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hepml.tmva import train
from tests.tmva.golden_trainings import golden_file, option_string, part, training_events

QUICK = (
    *("block/BDT10", "block/BDTG10", "block/BDTnCutsM1", "block/BDTpurity", "block/BDTreal", "block/BDTce"),
    *("block/BDTmis", "block/BDTsdiv", "posw/BDT10", "posw/BDTG10", "negw/BDT10", "negw/BDTG10", "negw/BDT10_ign"),
    *("negw/BDTG10_igt", "negw/BDT10_pray", "negw/BDT10_pair", "negw/BDTG10_pray", "negw/BDTG10_pair"),
    *("negw/BDTnobag_pray", "alternate/BDT10", "expr/BDT", "random/BDTB", "multi/BDTGnobag", "reg/BDTGnobag"),
)
LONG = (
    *("block/BDTnobag", "block/BDTGnobag", "posw/BDTnobag", "posw/BDTGnobag", "posw/BDTreal", "negw/BDTnobag"),
    *("negw/BDTGnobag", "negw/BDTnobag_ign", "negw/BDTGnobag_ign", "negw/BDTnobag_pair", "negw/BDTG10_inv"),
    *("negw/BDTG10_ign", "alternate/BDTG10", "random/BDT", "random/BDTnobag", "random/BDTG", "random/BDTGnobag"),
    *("random/BDTD", "multi/BDTG", "reg/BDTG"),
)


@pytest.fixture(scope="module")
def folder() -> Path:
    place = os.environ.get("HEPML_REFERENCE_DATA")
    if not place:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no trainings of TMVA to compare with")
    return Path(place) / "tmva_reference"


def check_golden(folder: Path, golden: str, path: Path) -> None:
    job, _, name = golden.partition("/")
    data = training_events(folder, job)
    trained = train("BDT", option_string(folder, job, name), data, name=name, engine="native")
    trained.save(path)
    ours, theirs = path.read_text(), golden_file(folder, job, name)
    for tag in ("Options", "Variables", "Weights"):
        assert part(ours, tag) == part(theirs, tag), tag


@pytest.mark.parametrize("golden", QUICK)
def test_the_trees_are_those_of_tmva(folder, golden, tmp_path):
    check_golden(folder, golden, tmp_path / "x.weights.xml")


@pytest.mark.slow
@pytest.mark.parametrize("golden", LONG)
def test_large_forests_are_those_of_tmva(folder, golden, tmp_path):
    check_golden(folder, golden, tmp_path / "x.weights.xml")
