"""Who gets how many bits of a file."""

from dataclasses import replace
from fractions import Fraction

import pytest

from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.plan import RatePlan, plan_rate, reference_budget
from bcdcodec.ratecontrol.stats import FirstPassStats, PacketCost
from bcdcodec.ratecontrol.tuning import RateTuning

RATE = Fraction(25, 2)
TUNING = RateTuning()


def plan_file(stats: FirstPassStats, bitrate: float, *, bucket: bool) -> RatePlan:
    return plan_rate(stats, bitrate, bucket=bucket, tuning=TUNING)


def survey(
    seconds: float, *, shots: tuple[int, ...] = (0,), content_bits: tuple[int, ...] | None = None
) -> FirstPassStats:
    frames = round(seconds * RATE)
    packets = [PacketCost(start, min(16, frames - start), 1600, 200) for start in range(0, frames, 16)]
    return FirstPassStats(
        frame_rate=RATE,
        shots=shots,
        references=shots,
        frames=frames,
        packets=tuple(packets),
        header_bits=600,
        target_bits=20_000,
        reference_bits=content_bits,
    )


@pytest.mark.parametrize("bitrate", [1500, 2500, 4000, 8000, 16_000])
@pytest.mark.parametrize("seconds", [10.24, 30.72, 61.44])
def test_contents_get_what_motion_leaves(bitrate: int, seconds: float) -> None:
    found = plan_file(survey(seconds), bitrate, bucket=False)
    contents = sum(content.bits for content in found.references)
    motion = 1600 * len(found.stats.packets)
    left = bitrate * seconds - contents - motion
    if found.motion_ratio(bitrate) < 0.9:  # scarce: both give way, the picture keeps something to be seen by
        assert len(found.references) == 1 and contents >= TUNING.min_reference_bits
    elif bitrate < 16_000:
        assert -0.12 * motion < left < 1500 or contents == TUNING.max_reference_bits


@pytest.mark.parametrize("bitrate", [2500, 4000, 8000])
def test_references_share_their_budget_evenly(bitrate: int) -> None:
    stats = replace(survey(40.96), references=(0, 64, 208, 400))
    sizes = [reference.bits for reference in plan_file(stats, bitrate, bucket=False).references]
    assert len(set(sizes)) == 1
    assert sizes[0] == min(TUNING.max_reference_bits, reference_budget(stats, bitrate, TUNING) // 4)


def test_a_short_file_does_not_take_what_a_longer_one_may() -> None:
    """Up to ten seconds the bitrate would allow as much as ten take."""
    few, long = (reference_budget(survey(seconds), 4000, TUNING) for seconds in (2.56, 10.24))
    assert few == 20_480 < long


def test_with_a_bucket_no_content_is_larger_than_can_be_sent_before_it() -> None:
    shots = (0, 128, 160, 288)
    found = plan_file(survey(40.96, shots=shots), 8000, bucket=True)
    for before, content in zip(found.references, found.references[1:], strict=False):
        seconds = (content.start - before.start) / 12.5
        assert content.bits <= max(
            TUNING.min_reference_bits + 480, 8000 * seconds - 100 * (content.start - before.start)
        )


def test_contents_of_one_size_only_stay_as_they_are() -> None:
    found = plan_file(survey(20.48, shots=(0, 64), content_bits=(9000, 8000)), 4000, bucket=True)
    assert [(content.start, content.bits) for content in found.references] == [(0, 9000), (64, 8000)]


def test_a_plan_can_be_enlarged_up_to_what_can_be_sent() -> None:
    one = plan_file(survey(10.24), 2500, bucket=False)
    larger = one.enlarged(1000)
    assert larger is not None and larger.references[0].bits == one.references[0].bits + 1000
    most = one.enlarged(10**6)
    assert most is not None and most.references[0].bits == most.references[0].max_bits
    assert most.enlarged(1000) is None
    fixed = plan_file(survey(10.24, content_bits=(9000,)), 2500, bucket=False)
    assert fixed.enlarged(1000) is None


def test_what_one_picture_cannot_take_goes_to_the_others() -> None:
    plan = plan_file(survey(10.24), 2500, bucket=False)
    first = plan.references[0]
    full = replace(first, bits=5000, max_bits=5000)
    roomy = replace(first, bits=4000, max_bits=40_000)
    little = replace(first, bits=4000, max_bits=4100)
    larger = RatePlan(plan.stats, (full, roomy, little), TUNING).enlarged(3000)
    assert larger is not None
    assert [content.bits for content in larger.references] == [5000, 6900, 4100]


def test_motion_gets_bits_where_its_codes_need_them() -> None:
    packets = (PacketCost(0, 16, 3000, 10), PacketCost(16, 16, 1000, 10))
    found = plan_file(
        FirstPassStats(
            frame_rate=RATE,
            shots=(0,),
            references=(0,),
            frames=32,
            packets=packets,
            header_bits=0,
            target_bits=20_000,
            reference_bits=None,
        ),
        4000,
        bucket=False,
    )
    assert found.motion_bits(0.0, 1.28, left_bits=4000) == pytest.approx(3000)
    assert found.motion_bits(0.0, 1.28, left_bits=2000) == pytest.approx(10 + 1980 * 2990 / 3980)
    assert found.motion_bits(1.28, 2.56, left_bits=700) == pytest.approx(700)
    assert found.motion_bits(0.0, 1.28, left_bits=10) == pytest.approx(5)  # not even the cheapest: by those


def test_what_cannot_be_is_refused_with_the_least_that_can() -> None:
    crowded = survey(20.48, shots=tuple(range(0, 256, 16)))
    with pytest.raises(RateError, match="is the least") as caught:
        plan_file(crowded, 1000, bucket=True)
    least = int(str(caught.value).split("about ")[1].split()[0])
    plan_file(crowded, least, bucket=True)
    with pytest.raises(RateError):
        plan_file(crowded, 0.98 * least, bucket=True)


def test_contents_that_were_chosen_for_less_motion_stay_pictures() -> None:
    """More motion than the bitrate can hold leaves them the least, not less than nothing."""
    lively = replace(survey(120), references=(0, 400, 900))
    found = plan_file(lively, 900, bucket=False)
    assert [content.start for content in found.references] == [0, 400, 900]
    assert all(content.bits >= TUNING.min_reference_bits for content in found.references)
    assert found.motion_ratio(900) < 0.8


def test_a_second_survey_keeps_the_contents_of_the_first() -> None:
    starts = (0, 96, 192, 288)
    first = plan_file(replace(survey(30.72), references=starts), 4000, bucket=False)
    cheaper = tuple(replace(packet, min_distortion_bits=1000) for packet in first.stats.packets)
    again = plan_file(replace(first.stats, packets=cheaper), 4000, bucket=False)
    assert tuple(content.start for content in again.references) == starts
    assert again.references[0].bits > first.references[0].bits


def test_references_of_a_fixed_size() -> None:
    plan = plan_rate(survey(30.72), 4000, bucket=True, tuning=replace(TUNING, fixed_reference_bits=8000))
    assert {plan.picture_bits(at_s, left_bits=9e9, motion_from_s=0.0) for at_s in (0.0, 20.0)} == {8000}
