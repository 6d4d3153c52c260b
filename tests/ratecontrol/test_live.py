"""The limits of a call: the bucket, what pictures may take, and a bitrate that changes."""

import pytest

from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.live import LiveController
from bcdcodec.ratecontrol.tuning import RateTuning

TUNING = RateTuning()


def controller(bitrate: float = 4000.0, bucket_s: float = 0.5) -> LiveController:
    return LiveController(bitrate, bucket_s=bucket_s, tuning=TUNING)


def test_motion_has_what_the_bucket_has() -> None:
    limits = controller()
    assert limits.room_bits(0.0) == 2000
    limits.send_motion(0.0, 1500, 0.08)
    assert limits.room_bits(0.1) == 900
    with pytest.raises(RateError, match=r"901 bits at 0\.1 s, allowed are 900"):
        limits.send(0.1, 901)


def test_pictures_leave_room_for_the_next_motion() -> None:
    limits = controller()
    limits.send_motion(2.0, 400, 0.08)
    # Of 2000 bits 400 are taken, and 600 less those of 0.08 s are kept.
    assert limits.picture_room_bits(2.0, motion_in_s=0.08) == pytest.approx(2000 - 400 - (600 - 320))


def test_pictures_wait_until_the_header_is_paid() -> None:
    limits = controller(bucket_s=10.0)
    limits.open(20_000)
    assert limits.picture_room_bits(1.0, motion_in_s=1.0) == pytest.approx(4000 - 2000)
    assert limits.picture_room_bits(10.0, motion_in_s=1.0) == pytest.approx(40_000 - 20_000)
    assert limits.room_bits(1.0) == 40_000, "motion does not"


def test_a_new_bitrate_counts_from_now_on() -> None:
    limits = controller(bitrate=8000, bucket_s=1.0)
    limits.send(0.0, 8000)
    limits.set_bitrate(2000, 0.25)
    assert limits.bitrate == 2000 and limits.bucket_bits == 2000
    assert limits.room_bits(0.25) == 0, "a full bucket stays full, and no more than that"
    assert limits.room_bits(0.75) == 1000
    assert limits.picture_room_bits(10.25, motion_in_s=1.0) == 2000, (
        "of 22 000 bits 8000 are spent, the bucket has less"
    )
    with pytest.raises(ConfigError, match="bitrate is 100 bit/s, allowed are 500 to 64000"):
        limits.set_bitrate(100, 11.0)


def test_sizes_of_pictures_follow_what_motion_leaves() -> None:
    limits = controller()
    assert limits.picture_bits(20_000, 20.0, within_s=3.0) == 12_000
    for n in range(200):
        limits.send_motion(20 + 0.08 * n, 80, 0.08)
    assert limits.picture_bits(20_000, 36.0, within_s=3.0) == pytest.approx(9000, rel=0.01)
    assert limits.picture_bits(20_000, 36.0, within_s=3.0, is_alone=True) == 12_000
    assert limits.picture_bits(20_000, 36.0, within_s=0.1) == TUNING.min_reference_bits
    assert limits.picture_bits(5000, 36.0, within_s=3.0) == 5000


def test_an_idle_picture_is_worth_it_when_the_old_one_is_worse_or_old() -> None:
    limits = controller()
    assert limits.idle_picture_bits(20_000, 20.0, used_bits=8000, age_s=0.0) is None
    assert limits.idle_picture_bits(20_000, 20.0, used_bits=8000, age_s=3.0) is None
    assert limits.idle_picture_bits(20_000, 20.0, used_bits=8000, age_s=4.0) == 20_000
    assert limits.idle_picture_bits(2000, 20.0, used_bits=1000, age_s=60.0) is None, "nothing so small"


def test_motion_shares_with_a_picture_that_was_asked_for() -> None:
    limits = controller()
    alone = limits.motion_budget(1.0, 0.08, is_shared=False)
    beside = limits.motion_budget(1.0, 0.08, is_shared=True)
    assert alone.target_bits == alone.max_bits == beside.max_bits == 2000
    assert beside.target_bits == pytest.approx(TUNING.live_motion_share * 320)


@pytest.mark.parametrize(("bitrate", "bucket_s"), [(100, 1.0), (500, 0.1)])
def test_numbers_out_of_range_are_refused(bitrate: float, bucket_s: float) -> None:
    with pytest.raises(ConfigError, match=r"allowed are|needs at least"):
        controller(bitrate, bucket_s)
