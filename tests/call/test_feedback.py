"""Reports, and what a sender makes of them."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.call.datagram import Datagram, DatagramKind
from bcdcodec.call.feedback import CHANGE_MS, DECREASE, EASE_MS, LEAST_SHARE, REFERENCE_MS, Adaptation, Arrivals, Report
from bcdcodec.errors import BitstreamError

SHORT, LONG = st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
CALM = Report(
    highest=10,
    loss=0.0,
    jitter_ms=0,
    queue_ms=0,
    buffer_ms=0,
    echo_ms=0,
    held_ms=0,
    pieces_highest=0,
    pieces=1,
    has_header=True,
    needs_reference=False,
)


@given(
    st.builds(
        Report,
        highest=LONG,
        loss=st.integers(0, 255).map(lambda share: share / 255),
        jitter_ms=SHORT,
        queue_ms=SHORT,
        buffer_ms=SHORT,
        echo_ms=SHORT,
        held_ms=SHORT,
        pieces_highest=st.integers(-1, 0xFFFF_FFFE),
        pieces=st.integers(0, (1 << 64) - 1),
        has_header=st.booleans(),
        needs_reference=st.booleans(),
        has_end=st.booleans(),
    )
)
def test_what_is_packed_is_unpacked(report: Report) -> None:
    assert Report.unpack(report.pack()) == report


@given(st.binary(max_size=40))
def test_any_bytes_are_a_report_or_refused(body: bytes) -> None:
    try:
        report = Report.unpack(body)
    except BitstreamError:
        return
    assert report.pack() == body


def arrived(arrivals: Arrivals, sequence: int, sent_ms: int, now_ms: float) -> bool:
    return arrivals.add(Datagram(DatagramKind.MEDIA, 7, sequence, sent_ms, b""), now_ms)


def report_of(arrivals: Arrivals, now_ms: float) -> Report:
    return arrivals.report(now_ms, buffer_ms=0, pieces=(-1, 0), has_header=False, needs_reference=False)


def test_loss_is_that_of_the_time_since_the_last_report() -> None:
    arrivals = Arrivals()
    for sequence in (0, 1, 3, 3, 4):
        arrived(arrivals, sequence, 0, 0)
    assert report_of(arrivals, 0).loss == pytest.approx(1 / 5)
    assert (arrivals.lost, arrivals.duplicates) == (1, 1)
    for sequence in (5, 7, 9):
        arrived(arrivals, sequence, 0, 0)
    assert report_of(arrivals, 0).loss == pytest.approx(2 / 5)
    assert report_of(arrivals, 0).loss == 0


def test_who_joins_late_has_lost_nothing() -> None:
    arrivals = Arrivals()
    arrived(arrivals, 500, 0, 0)
    arrived(arrivals, 501, 0, 0)
    assert (report_of(arrivals, 0).loss, arrivals.lost) == (0, 0)


def test_a_growing_queue_is_seen_and_one_slow_datagram_is_not() -> None:
    arrivals = Arrivals()
    for sequence in range(30):
        arrived(arrivals, sequence, 100 * sequence, 100 * sequence + (900 if sequence == 15 else 50))
    assert arrivals.queue_ms == 0
    for sequence in range(30, 50):
        arrived(arrivals, sequence, 100 * sequence, 100 * sequence + 250)
    assert arrivals.queue_ms == 200


def test_the_time_of_a_round_trip_leaves_out_what_the_receiver_held() -> None:
    adaptation = Adaptation(4000)
    for _ in range(40):
        adaptation.observe(dataclasses.replace(CALM, held_ms=300), 0, age_ms=400)
    assert adaptation.rtt_ms == pytest.approx(100, abs=1)
    adaptation.observe(dataclasses.replace(CALM, held_ms=300), 0, age_ms=60_000)  # a time that was never sent
    assert adaptation.rtt_ms == pytest.approx(100, abs=1)


def test_redundancy_rises_faster_than_it_falls() -> None:
    adaptation = Adaptation(4000)
    adaptation.observe(CALM, 0, age_ms=0)
    assert adaptation.level == 0
    adaptation.observe(dataclasses.replace(CALM, loss=0.3), 0, age_ms=0)
    assert adaptation.level == 2
    adaptation.observe(CALM, 0, age_ms=0)
    assert adaptation.level == 2
    for _ in range(20):
        adaptation.observe(CALM, 0, age_ms=0)
    assert adaptation.level == 0


def test_congestion_lowers_the_bitrate_step_by_step_and_calm_raises_it() -> None:
    adaptation, jam = Adaptation(4000), dataclasses.replace(CALM, queue_ms=400)
    adaptation.observe(jam, 0, age_ms=0)
    adaptation.observe(jam, CHANGE_MS - 1, age_ms=0)
    assert adaptation.bitrate == 4000 * DECREASE
    for count in range(1, 50):
        adaptation.observe(jam, CHANGE_MS * count, age_ms=0)
    assert adaptation.bitrate == 4000 * LEAST_SHARE
    for count in range(50, 200):
        adaptation.observe(CALM, CHANGE_MS * count, age_ms=0)
    assert adaptation.bitrate == 4000


def test_a_queue_is_not_fed_with_copies() -> None:
    adaptation, jam = Adaptation(4000), dataclasses.replace(CALM, queue_ms=400, loss=0.3)
    adaptation.observe(jam, 0, age_ms=0)
    assert adaptation.level == 0
    lossy = dataclasses.replace(jam, queue_ms=0)
    adaptation.observe(lossy, EASE_MS - 1, age_ms=0)
    assert (adaptation.level, adaptation.loss) == (0, 0)
    adaptation.observe(lossy, EASE_MS, age_ms=0)
    assert adaptation.level == 2


def test_random_loss_alone_leaves_the_bitrate() -> None:
    adaptation = Adaptation(4000)
    for count in range(20):
        adaptation.observe(dataclasses.replace(CALM, loss=0.2), CHANGE_MS * count, age_ms=0)
    assert adaptation.bitrate == 4000


def test_pictures_are_asked_for_now_and_then() -> None:
    adaptation, asks = Adaptation(4000), dataclasses.replace(CALM, needs_reference=True)
    wanted = []
    for now_ms in range(0, 2 * int(REFERENCE_MS) + 1, 500):
        adaptation.observe(asks, now_ms, age_ms=0)
        wanted += [now_ms] if adaptation.needs_reference else []
        adaptation.needs_reference = False
    assert wanted == [0, REFERENCE_MS, 2 * REFERENCE_MS]
