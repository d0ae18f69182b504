"""Showers in files: what was written is read, and what is damaged or of another calorimeter is refused."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from hepml.cli.main import main
from hepml.errors import AnalysisFileError, FileUnreadableError, InvalidInputError, MissingFileError, ModelFormatError
from hepml.gan import Calorimeter, ShowerDataset, read_showers, simulate_file, write_showers
from hepml.gan.geometry import CylinderLayer

CALORIMETER = Calorimeter.named("calogan")


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(1)
    where = tmp_path / "showers.h5"
    with write_showers(where, CALORIMETER, "photon") as writer:
        for _ in range(2):
            cells = rng.exponential(1.0, (30, CALORIMETER.n_cells)).astype(np.float32)
            writer.append(rng.uniform(1e3, 1e4, 30), cells)
    return where


def test_what_was_written_is_read(path):
    whole = read_showers(path)
    assert len(whole) == 60
    assert whole.calorimeter == CALORIMETER
    part = read_showers(path, first=10, last=40)
    np.testing.assert_array_equal(part.cells, whole.cells[10:40])
    np.testing.assert_array_equal(part.energy, whole.energy[10:40])


def test_a_file_of_another_program_needs_a_calorimeter(tmp_path):
    where = tmp_path / "challenge.hdf5"
    with h5py.File(where, "w") as file:
        file["incident_energies"] = np.full((5, 1), 1000.0)
        file["showers"] = np.zeros((5, CALORIMETER.n_cells))
    with pytest.raises(InvalidInputError, match="does not say which calorimeter"):
        read_showers(where)
    assert len(read_showers(where, CALORIMETER)) == 5
    with pytest.raises(InvalidInputError, match=r"\(5, 504\); calogan_cylinder has 480 cells"):
        read_showers(where, Calorimeter.named("calogan_cylinder"))


def _edited(path, change):
    with h5py.File(path, "a") as file:
        change(file)
    return path


def test_what_is_damaged_is_refused(path, tmp_path):
    with pytest.raises(MissingFileError):
        read_showers(tmp_path / "none.h5")
    content = path.read_bytes()
    (tmp_path / "half.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileUnreadableError, match="truncated, damaged"):
        read_showers(tmp_path / "half.h5")

    def negative(file):
        file["showers"][3, 7] = -1.0

    def no_energy(file):
        file["incident_energies"][2] = np.nan

    def newer(file):
        file.attrs["version"] = 2

    def other(file):
        del file["showers"]

    with pytest.raises(InvalidInputError, match="1 of 60 showers have a cell whose energy is negative"):
        read_showers(_edited(path, negative))
    with pytest.raises(InvalidInputError, match="1 of 60 incident energies"):
        read_showers(_edited(path, no_energy))
    with pytest.raises(ModelFormatError, match="version 2"):
        read_showers(_edited(path, newer))
    with pytest.raises(ModelFormatError, match="no data set 'showers'"):
        read_showers(_edited(path, other))


def test_nothing_half_written_stays(tmp_path):
    with pytest.raises(InvalidInputError), write_showers(tmp_path / "x.h5", CALORIMETER, "photon") as writer:
        writer.append(np.ones(2), np.zeros((2, 3), dtype=np.float32))
    assert not list(tmp_path.iterdir())


def test_cells_stand_where_they_should():
    cells = Calorimeter.named("calogan_cylinder").cells()
    assert cells.n_layers == 10
    assert cells.radius[:6] == pytest.approx([3.0, 10.0, 21.0, 42.0, 84.0, 176.0])
    assert np.unique(np.arctan2(cells.y, cells.x).round(6)).size == 8
    grid = CALORIMETER.cells()
    assert grid.x[:96] == pytest.approx(np.full(96, -160.0))
    assert grid.y[:2] == pytest.approx([-237.5, -232.5])
    assert grid.z[[0, -1]] == pytest.approx([45.0, 458.5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stacks": [{"slabs": [{"material": "Lead", "thickness": 1, "active": True}]}]}, "unknown material 'Lead'"),
        ({"stacks": [{"slabs": [{"material": "Pb", "thickness": 1}]}]}, "no slab is active"),
        ({"layers": [{"kind": "cylinder", "thickness": 1, "radii": [2, 1], "n_alpha": 4}]}, "radii must rise"),
        ({"layer": []}, "layer"),
    ],
)
def test_a_geometry_that_cannot_be_says_why(change, message):
    content = CALORIMETER.model_dump(mode="json") | change
    with pytest.raises(AnalysisFileError, match=message):
        Calorimeter.from_content(content, "geometry.yaml")


def test_the_command_writes_the_same_showers_on_any_number_of_cores(tmp_path):
    geometry = tmp_path / "small.yaml"
    geometry.write_text(
        "name: small\nstacks: [{slabs: [{material: PbWO4, thickness: 100, active: true}]}]\n"
        "layers: [{kind: grid, thickness: 100, width: 100, height: 100, shape: [5, 5]}]\n"
    )
    for name, workers in (("one.h5", "1"), ("two.h5", "2")):
        arguments = ["gan", "simulate", "-n", "300", "-o", str(tmp_path / name), "--calorimeter", str(geometry)]
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--energy", "0.05", "0.1", "--workers", workers])
        assert ended.value.code == 0
    one, two = (read_showers(tmp_path / name) for name in ("one.h5", "two.h5"))
    np.testing.assert_array_equal(one.cells, two.cells)
    assert one.calorimeter.name == "small"
    assert isinstance(one, ShowerDataset)
    assert isinstance(one.calorimeter.layers[0].thickness, float)
    assert not isinstance(one.calorimeter.layers[0], CylinderLayer)


def test_wrong_energies_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InvalidInputError, match="must be a range"):
        simulate_file(tmp_path / "x.h5", 10, energy=(10.0, 5.0))
    assert not list(tmp_path.iterdir())
