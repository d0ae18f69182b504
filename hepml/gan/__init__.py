"""Fast calorimeter simulation: showers in and out, and a cascade Monte Carlo that makes them."""

from hepml.gan.geometry import PRESETS, Calorimeter
from hepml.gan.shower_files import read_showers, write_showers
from hepml.gan.showers import ShowerDataset
from hepml.gan.simulation import Cascade, SimulatedFile, log_uniform, simulate, simulate_chunks, simulate_file

__all__ = [
    "PRESETS",
    "Calorimeter",
    "Cascade",
    "ShowerDataset",
    "SimulatedFile",
    "log_uniform",
    "read_showers",
    "simulate",
    "simulate_chunks",
    "simulate_file",
    "write_showers",
]
