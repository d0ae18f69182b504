"""Sizes in bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.data import parse_size
from hepml.errors import InvalidInputError, UnknownNameError


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [
        (17, 17),
        ("17", 17),
        ("17 B", 17),
        ("100 MB", 100_000_000),
        ("100MB", 100_000_000),
        (" 2 gb ", 2_000_000_000),
        ("1.5 GiB", 3 * 2**29),
        (".5 kB", 500),
        ("1 TiB", 2**40),
    ],
)
def test_sizes_are_numbers_with_a_unit(text, n_bytes):
    assert parse_size(text) == n_bytes


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 2**60))
def test_whole_bytes_are_exact(n_bytes):
    assert parse_size(n_bytes) == parse_size(str(n_bytes)) == parse_size(f"{n_bytes}B") == n_bytes


def test_an_unknown_unit_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown unit of chunk 'MBB'.*did you mean 'MB'"):
        parse_size("10 MBB", "chunk")


@pytest.mark.parametrize(
    "size", ["", "many", "-1 MB", "1e3 MB", "1 M B", 0, -5, "0 MB", "0.1 B", 2**61, True, 1.5, None]
)
def test_what_is_no_size_is_refused(size):
    with pytest.raises(InvalidInputError, match="limit is"):
        parse_size(size, "limit")
