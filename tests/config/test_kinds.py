"""Durations and sizes in all forms that Docker and Compose know, and no others."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.config.kinds import duration, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", 10.0),
        ("0", 0.0),
        ("2.5", 2.5),
        ("10s", 10.0),
        ("500ms", 0.5),
        ("1m30s", 90.0),
        ("1h5m30s20ms", 3930.02),
        ("250us", 0.00025),
        ("1.5m", 90.0),
        *(
            (bad, None)
            for bad in ("", "s", "10 s", "-1s", "1e3", "10x", "1m30", "s10", "٣s", "inf")
        ),
    ],
)
def test_durations(text: str, expected: float | None) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1048576", 1024**2),
        ("1MiB", 1024**2),
        ("1m", 1024**2),
        ("1 MB", 1024**2),
        ("512k", 512 * 1024),
        ("1.5kb", 1536),
        ("2g", 2 * 1024**3),
        ("10b", 10),
        *((bad, None) for bad in ("", "k", "-1", "1e3", "1 kilo", "1i", "1tb", "٣k")),
    ],
)
def test_sizes(text: str, expected: int | None) -> None:
    assert size(text) == expected


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(h: int, m: int, s: int, ms: int) -> None:
    read = duration(f"{h}h{m}m{s}s{ms}ms")
    assert read is not None
    assert math.isclose(read, h * 3600 + m * 60 + s + ms / 1000, abs_tol=1e-9)


@given(st.text())
def test_any_text_is_a_value_or_none(text: str) -> None:
    assert (duration(text) or 0) >= 0
    assert (size(text) or 0) >= 0
