"""A mean with its interval: what it holds, and that it is the same every time."""

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.interval import Interval, interval


def test_it_holds_the_mean_of_the_source_19_times_in_20() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        found = interval(rng.normal(5, 2, 30).tolist())
        held += found.low <= 5 <= found.high
    assert 178 <= held <= 199


def test_it_narrows_with_more_values_and_repeats() -> None:
    values = np.random.default_rng(0).normal(0, 1, 400).tolist()
    few, many = interval(values[:25]), interval(values)
    assert many.high - many.low < 0.5 * (few.high - few.low)
    assert interval(values[:25]) == few
    assert few.low < few.mean < few.high
    assert few.mean == pytest.approx(np.mean(values[:25]))


def test_one_value_and_none() -> None:
    assert interval([2.0]) == Interval(2.0, 2.0, 2.0)
    assert Interval(1.234, 0.5, 2).text(2) == "1.23 (0.50 to 2.00)"
    with pytest.raises(ConfigError, match="at least one"):
        interval([])
