"""Foams against what TMVA's own classes answer, and ROOT files that nobody vouches for."""

from __future__ import annotations

import dataclasses
import gzip
import shutil
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml.errors import HepmlError, ModelFormatError
from hepml.tmva import Reader
from hepml.tmva.methods.pdefoam import PDEFoam
from tests.tmva.golden import SMALL, reference
from tests.tmva.neighbours import weights_file
from tests.tmva.test_golden import columns

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KERNELS = {"none": 0, "gauss": 1, "linear": 2}
FOAMS = "weights_foams.root"


def answers(name: str) -> NDArray[np.float64]:
    with np.load(SMALL / "foams.npz") as stored:
        return stored[name]


def variables(job: str, count: int) -> NDArray[np.float32]:
    return np.column_stack([columns(job)[f"var{number + 1}"] for number in range(count)])


def weights(
    ranges: NDArray[np.float64], *, separate: int = 0, kernel: int = 0, selection: int = 0, yes_no: int = 0
) -> str:
    ends = "".join(
        f'<{name} Index="{k}" Value="{value:.16e}"/>'
        for name, row in zip(("Xmin", "Xmax"), ranges, strict=True)
        for k, value in enumerate(row)
    )
    return (
        f'<Weights SigBgSeparated="{separate}" VolFrac="0.0666" Kernel="{kernel}" TargetSelection="{selection}" '
        f'UseYesNoCell="{yes_no}">{ends}</Weights>'
    )


def reader_of(folder: Path, foams: str, text: str) -> Reader:
    (folder / "f.weights.xml").write_text(text)
    shutil.copy(SMALL / foams, folder / f"f.{FOAMS}")
    return Reader(folder / "f.weights.xml")


@pytest.mark.parametrize("kernel", ["linear", "gauss"])
@pytest.mark.parametrize("job", ["random", "reg"])
def test_kernels(job: str, kernel: str) -> None:
    reader = Reader(SMALL / f"{job}_PDEFoam.weights.xml.gz")
    assert isinstance(reader.method, PDEFoam)
    reader.method = dataclasses.replace(reader.method, kernel=KERNELS[kernel])
    found = reader.evaluate(columns("reg" if job == "reg" else ""))
    np.testing.assert_allclose(found, answers(f"{job}_{kernel}"), rtol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_foam_for_each_class(kernel: str, tmp_path: Path) -> None:
    chosen = weights(answers("separate_range"), separate=1, kernel=KERNELS[kernel])
    reader = reader_of(tmp_path, "separate_foams.root", weights_file("PDEFoam", 4, chosen, {}))
    signal, background = answers(f"separate_{kernel}").T
    total = signal + background
    expected = np.divide(signal, total, out=np.full(len(total), 0.5), where=total > 0)
    np.testing.assert_allclose(reader.evaluate(variables("", 4)), expected, rtol=1e-6)


def test_yes_or_no(tmp_path: Path) -> None:
    chosen = weights(answers("separate_range"), separate=1, yes_no=1)
    reader = reader_of(tmp_path, "separate_foams.root", weights_file("PDEFoam", 4, chosen, {}))
    signal, background = answers("separate_none").T
    expected = np.where((signal < background) & (signal + background > 0), -1.0, 1.0)
    np.testing.assert_array_equal(reader.evaluate(variables("", 4)), expected)


def test_several_classes_share_by_exponentials() -> None:
    reader = Reader(SMALL / "random_PDEFoam.weights.xml.gz")
    assert isinstance(reader.method, PDEFoam)
    values = reader.evaluate(columns(""))
    (foam,) = reader.method.foams
    foams = (foam, dataclasses.replace(foam, value=1 - foam.value), dataclasses.replace(foam, value=0 * foam.value))
    reader.method = dataclasses.replace(reader.method, foams=foams, multiclass=True)
    powers = np.exp(np.column_stack([values, 1 - values, 0 * values]))
    np.testing.assert_allclose(reader.evaluate(columns("")), powers / powers.sum(axis=1, keepdims=True), rtol=1e-6)


@pytest.mark.parametrize("selection", ["mean", "mpv"])
def test_targets_by_density(selection: str, tmp_path: Path) -> None:
    chosen = weights(answers("density_range"), selection=int(selection == "mpv"))
    text = weights_file("PDEFoam", 2, chosen, {"MultiTargetRegression": True}, targets=1)
    found = reader_of(tmp_path, "density_foams.root", text).evaluate(variables("reg", 2))
    np.testing.assert_allclose(found, answers(f"density_{selection}"), rtol=1e-6)


def test_cells_are_looked_for_beside_the_weights(tmp_path: Path) -> None:
    content = (SMALL / "random_PDEFoam.weights.xml.gz").read_bytes()
    with pytest.raises(ModelFormatError, match="give its path"):
        Reader(content)
    path = tmp_path / "x.weights.xml.gz"
    path.write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"x\.weights_foams\.root, which is not there"):
        Reader(path)
    shutil.copy(SMALL / "separate_foams.root", tmp_path / f"x.{FOAMS}")
    with pytest.raises(ModelFormatError, match="lacks the foam 'DiscrFoam'"):
        Reader(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('Kernel="0"', 'Kernel="3"'),
        ('Index="3"', 'Index="4"'),
        ('VolFrac="', 'VolFrac="nan" was="'),
        ("<Xmax Index", "<Xmin Index"),
        ('SigBgSeparated="1"', ""),
        ('VarIndex="3"', 'VarIndex="9"'),
    ],
)
def test_damaged_weights_are_refused(old: str, new: str, tmp_path: Path) -> None:
    text = weights_file("PDEFoam", 4, weights(answers("separate_range"), separate=1), {})
    assert old in text
    with pytest.raises(ModelFormatError):
        reader_of(tmp_path, "separate_foams.root", text.replace(old, new, 1))


def test_damaged_cells_are_refused_or_answer(tmp_path: Path) -> None:
    from hepml.tmva.methods import foam_file

    text = weights_file("PDEFoam", 4, weights(answers("separate_range"), separate=1), {})
    reader = reader_of(tmp_path, "separate_foams.root", text)
    rng = np.random.default_rng(1)
    whole = (SMALL / "separate_foams.root").read_bytes()
    import uproot

    with uproot.open(SMALL / "separate_foams.root") as file:
        content = bytes(file.key("SignalFoam").get_uncompressed_chunk_cursor()[0].raw_data)
    refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for at in rng.integers(0, 20_000, 3):
            damaged[at] = rng.integers(0, 256)
        start = time.process_time()
        try:
            foam_file._cells(foam_file._Bytes(bytes(damaged)), 4)
        except (ValueError, IndexError, foam_file.struct.error):
            refused += 1
        assert time.process_time() - start < 1.0
    assert refused > 20
    for size in (0, 100, 1000, len(whole) // 2):
        (tmp_path / f"f.{FOAMS}").write_bytes(whole[:size])
        with pytest.raises(HepmlError):
            Reader(tmp_path / "f.weights.xml")
    assert reader.evaluate(np.zeros((3, 4))).shape == (3,)


@pytest.mark.parametrize("job", ["random", "reg"])
def test_the_weights_beside_the_cells_are_the_golden_ones(job: str) -> None:
    folder = reference()
    if folder is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no real files to read")
    golden = folder / "weights" / job / "TMVA_PDEFoam.weights.xml.gz"
    own = SMALL / f"{job}_PDEFoam.weights.xml.gz"
    assert gzip.decompress(own.read_bytes()) == gzip.decompress(golden.read_bytes())
