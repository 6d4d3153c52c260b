"""A mean with its interval: what it holds, of how many people, and what it says of few."""

import numpy as np
import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.intervals import MIN_PEOPLE, Interval, interval, interval_of_people, t_point


@pytest.mark.parametrize("people", [6, 8, 30])
def test_it_holds_the_mean_of_the_source_19_times_in_20(people: int) -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(2000):
        found = interval(rng.normal(5, 2, people).tolist())
        assert found.low is not None and found.high is not None
        held += found.low <= 5 <= found.high
    # 95 % with four standard deviations of chance to either side; a percentile bootstrap of 6 holds 88 %.
    assert 1861 <= held <= 1939


def test_points_of_t_are_those_of_the_tables() -> None:
    for freedom, expected in {1: 12.7062, 5: 2.5706, 10: 2.2281, 11: 2.2010, 20: 2.0860, 60: 2.0003}.items():
        assert t_point(freedom) == pytest.approx(expected, abs=2e-4)
    assert all(t_point(n) > t_point(n + 1) for n in range(1, 40))


def test_clips_of_one_person_count_once() -> None:
    values = {"a": [1.0], "b": [2.0, 2.0, 2.0, 2.0], "c": [3.0, 5.0], "d": []}
    assert interval_of_people(values) == interval([1.0, 2.0, 4.0])
    assert interval_of_people(values).people == 3


def test_the_side_of_nothing_needs_people_and_distance() -> None:
    close = [1.0, 1.1, 0.9, 1.05, 0.95, 1.0]
    assert len(close) == MIN_PEOPLE
    assert interval(close).sign == 1
    assert interval([-value for value in close]).sign == -1
    assert interval([*close[1:], -9.0]).sign == 0
    assert interval(close[1:]).sign is None


def test_one_value_and_none() -> None:
    assert interval([2.0]) == Interval(2.0, None, None, 1)
    assert interval([2.0]).text(1) == "2.0"
    assert Interval(1.234, 0.5, 2, 8).text(2) == "1.23 (0.50 to 2.00)"
    with pytest.raises(ConfigError, match="at least one"):
        interval([])
