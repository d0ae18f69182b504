"""Settings and fixtures shared by all tests."""

from __future__ import annotations

import os

import matplotlib as mpl
from hypothesis import HealthCheck, settings

mpl.use("Agg")

settings.register_profile(
    "hepml", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("hepml")

# two cores are the design size; libraries that count more would make timings and memory differ between machines
os.environ.setdefault("OMP_NUM_THREADS", "2")
