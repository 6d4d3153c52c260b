"""The leaky bucket: what drains, what fits, and the bound on every stretch of time."""

import math
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.errors import ConfigError
from bcdcodec.ratecontrol.bucket import LeakyBucket


def test_bits_drain_at_the_bitrate_and_the_fill_is_never_negative() -> None:
    bucket = LeakyBucket(4000, 1.0)
    bucket.add(3000)
    assert bucket.fill_bits == 3000
    bucket.drain(0.5)
    assert bucket.fill_bits == 1000
    bucket.drain(10.0)
    assert bucket.fill_bits == 0


def test_room_is_what_is_missing_to_the_size_and_changes_nothing() -> None:
    bucket = LeakyBucket(4000, 0.5)
    bucket.add(1500)
    assert bucket.room_bits(0.0) == 500
    assert bucket.room_bits(0.25) == 1500
    assert bucket.room_bits(9.0) == 2000
    assert (bucket.fill_bits, bucket.time_s) == (1500, 0.0)


def test_more_than_fits_can_be_added_and_shows() -> None:
    bucket = LeakyBucket(1000, 1.0)
    bucket.add(2500)
    assert bucket.fill_bits == 2500
    assert bucket.room_bits(1.0) == -500


@pytest.mark.parametrize(
    ("bitrate", "size_s"), [(0, 1.0), (-1, 1.0), (math.inf, 1.0), (math.nan, 1.0), (1, 0), (1, math.nan)]
)
def test_a_bucket_without_size_or_drain_is_refused(bitrate: float, size_s: float) -> None:
    with pytest.raises(ConfigError, match="needs a number above 0"):
        LeakyBucket(bitrate, size_s)


def test_time_goes_forward_and_bits_are_not_taken_out() -> None:
    bucket = LeakyBucket(1000, 1.0)
    bucket.drain(2.0)
    for call in (bucket.drain, bucket.room_bits):
        with pytest.raises(ConfigError, match="cannot go back"):
            call(1.0)
    with pytest.raises(ConfigError, match="at least 0"):
        bucket.add(-1)


@given(
    bitrate=st.floats(10, 1e5),
    size_s=st.floats(0.01, 10),
    steps=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1)), min_size=1, max_size=30),
)
def test_what_fits_keeps_the_bound_over_every_window(
    bitrate: float, size_s: float, steps: list[tuple[float, float]]
) -> None:
    bucket = LeakyBucket(bitrate, size_s)
    times = list(accumulate(wait for wait, _ in steps))
    sent = []
    for time_s, (_, share) in zip(times, steps, strict=True):
        sent.append(share * max(0.0, bucket.room_bits(time_s)))
        bucket.drain(time_s)
        bucket.add(sent[-1])
        assert 0 <= bucket.fill_bits <= bucket.size_bits * (1 + 1e-9)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            bound = bitrate * (times[last] - times[first]) + bucket.size_bits
            assert sum(sent[first : last + 1]) <= bound * (1 + 1e-6)


@given(steps=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 5000)), min_size=1, max_size=20))
def test_the_fill_is_the_worst_window_that_ends_now(steps: list[tuple[float, float]]) -> None:
    bucket = LeakyBucket(1000, 1.0)
    times = list(accumulate(wait for wait, _ in steps))
    bits = [added for _, added in steps]
    for last, time_s in enumerate(times):
        bucket.drain(time_s)
        bucket.add(bits[last])
        worst = max(sum(bits[i : last + 1]) - 1000 * (time_s - times[i]) for i in range(last + 1))
        assert bucket.fill_bits == pytest.approx(max(0.0, worst), abs=1e-3)


def test_a_new_bitrate_changes_what_drains_and_what_fits() -> None:
    bucket = LeakyBucket(8000, 0.5)
    bucket.add(3000)
    bucket.drain(0.125)
    bucket.set_bitrate(2000)
    assert (bucket.size_bits, bucket.fill_bits) == (1000, 1000), "no fuller than full"
    assert bucket.room_bits(0.375) == 500
    bucket.set_bitrate(16_000)
    assert (bucket.size_bits, bucket.fill_bits) == (8000, 1000)
