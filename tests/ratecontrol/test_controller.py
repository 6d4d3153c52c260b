"""States, limits and promises."""

import pytest

from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.budget import END_RESERVE_BITS
from bcdcodec.ratecontrol.controller import Controller, State, check_limits
from bcdcodec.ratecontrol.tuning import RateTuning

TUNING = RateTuning()


def test_the_header_is_not_in_the_bucket_but_counts() -> None:
    controller = Controller(4000, bucket_s=1.0)
    assert controller.state is State.START
    controller.open(20_000)
    assert controller.state is State.CODE
    assert controller.room_bits(0.0) == 4000
    assert Controller(4000, bucket_s=None).room_bits(0.0) == 40_000 - END_RESERVE_BITS


def test_more_than_fits_is_never_sent() -> None:
    controller = Controller(4000, bucket_s=1.0)
    controller.open(1000)
    controller.send(0.0, 3000)
    with pytest.raises(RateError, match="allowed are 1000"):
        controller.send(0.0, 1001)
    controller.send(0.5, 3000)
    assert controller.room_bits(0.5) == 0


def test_a_header_that_no_time_pays_for_is_refused() -> None:
    with pytest.raises(RateError, match="is the least") as caught:
        Controller(600, bucket_s=1.0).open(9000)
    least = int(str(caught.value).split("about ")[1].split()[0])
    Controller(least, bucket_s=1.0).open(9000)


def test_a_bucket_must_take_something() -> None:
    with pytest.raises(ConfigError, match=f"needs at least {TUNING.min_bucket_bits}"):
        Controller(500, bucket_s=0.5)
    with pytest.raises(ConfigError, match="needs at least 9000"):
        check_limits(500, 0.5, RateTuning(min_bucket_bits=9000))


def test_promised_bits_are_kept_from_motion() -> None:
    controller = Controller(4000, duration_s=20.0, bucket_s=None)
    controller.open(0)
    free = controller.motion_budget(0.0, 2.0)
    controller.reserve_content(20_000, at_s=0.0)
    promised = controller.motion_budget(0.0, 2.0)
    assert free.target_bits - promised.target_bits == pytest.approx(2000)
    assert free.max_bits == promised.max_bits
    controller.settle_content(20_000)
    assert controller.motion_budget(0.0, 2.0).target_bits == pytest.approx(free.target_bits)


def test_live_pictures_wait_a_moment_at_most() -> None:
    controller = Controller(4000, bucket_s=1.0)
    assert controller.picture_bits(20_000, 0.0, min_rate_bps=100) > 15_000
    controller.open(4000)
    assert controller.picture_bits(20_000, 2.0, min_rate_bps=100) == 8000
    controller.send(2.0, 4000)
    assert controller.picture_bits(20_000, 2.0, min_rate_bps=100) == 4000
    assert controller.picture_bits(20_000, 2.0, min_rate_bps=1e6) == TUNING.min_reference_bits


def test_the_state_tells_what_happened_to_the_last_packet() -> None:
    controller = Controller(4000, bucket_s=1.0)
    controller.open(1000)
    controller.code(limited=True)
    assert controller.state is State.RATE_LIMITED
    controller.skip()
    assert controller.state is State.SKIP
    controller.code(limited=False)
    assert controller.state is State.CODE
