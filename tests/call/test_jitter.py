"""The playout point and the order of motion, on exact times."""

from bcdcodec.call.chunks import MotionChunk
from bcdcodec.call.jitter import (
    COPY_WAIT_MS,
    FALL_MS_PER_S,
    HISTORY,
    LEAST_STEPS,
    MARGIN_MS,
    MAX_BUFFER_MS,
    Medium,
    MotionBuffer,
    Playout,
)


def chunk(index: int, tick: int | None = None) -> MotionChunk:
    return MotionChunk(index, index if tick is None else tick, 0, b"")


def taken(buffer: MotionBuffer, until: float) -> list[tuple[int, int]]:
    return [(chunk.index, missing) for chunk, missing in buffer.take(until)]


def test_nothing_is_known_before_the_first_packet() -> None:
    playout = Playout()
    assert (playout.offset_ms(5.0), playout.buffer_ms) == (None, 0.0)


def test_steady_packets_wait_for_the_margin_alone() -> None:
    playout = Playout()
    for index in range(100):
        playout.observe(Medium.MOTION, 80.0 * index + 1000, 80.0 * index)
    assert playout.offset_ms(8000.0) == 1000 + MARGIN_MS
    assert playout.buffer_ms == MARGIN_MS


def test_one_packet_in_twenty_may_be_late() -> None:
    playout = Playout()
    for index in range(HISTORY):
        playout.observe(Medium.MOTION, 500.0 if index < 3 else 100.0, 0.0)
    assert playout.offset_ms(0.0) == 100 + MARGIN_MS
    playout.observe(Medium.MOTION, 500.0, 0.0)  # takes the place of one of the three
    assert playout.offset_ms(0.0) == 100 + MARGIN_MS
    playout.observe(Medium.MOTION, 500.0, 0.0)
    playout.observe(Medium.MOTION, 500.0, 0.0)
    playout.observe(Medium.MOTION, 500.0, 0.0)
    assert playout.offset_ms(0.0) == 500 + MARGIN_MS


def test_it_rises_at_once_and_falls_slowly() -> None:
    playout = Playout()
    playout.observe(Medium.MOTION, 300.0, 0.0)
    assert playout.offset_ms(0.0) == 300 + MARGIN_MS
    for _ in range(HISTORY):
        playout.observe(Medium.MOTION, 100.0, 0.0)
    assert playout.offset_ms(1000.0) == 300 + MARGIN_MS - FALL_MS_PER_S
    assert playout.offset_ms(2000.0) == 300 + MARGIN_MS - 2 * FALL_MS_PER_S
    assert playout.offset_ms(60_000.0) == 100 + MARGIN_MS


def test_the_slower_medium_decides() -> None:
    playout = Playout()
    playout.observe(Medium.SOUND, 50.0, 0.0)
    playout.observe(Medium.MOTION, 400.0, 0.0)
    assert playout.offset_ms(0.0) == 400 + MARGIN_MS


def test_the_buffer_is_bounded() -> None:
    playout = Playout()
    playout.observe(Medium.MOTION, 0.0, 0.0)
    for _ in range(10):
        playout.observe(Medium.MOTION, 60_000.0, 0.0)
    assert playout.offset_ms(0.0) == MAX_BUFFER_MS


def test_motion_in_order_is_taken_at_once_after_the_first() -> None:
    buffer = MotionBuffer()
    buffer.add(chunk(5))
    assert taken(buffer, 4) == []
    assert taken(buffer, 5) == [(5, 0)]
    buffer.add(chunk(6))
    assert taken(buffer, 5) == [(6, 0)]


def test_a_gap_is_waited_for_until_what_follows_is_due() -> None:
    buffer = MotionBuffer()
    buffer.add(chunk(0))
    assert taken(buffer, 0) == [(0, 0)]
    buffer.add(chunk(3))
    buffer.add(chunk(2))
    assert taken(buffer, 1.9) == []
    assert taken(buffer, 2) == [(2, 1), (3, 0)]
    assert (buffer.missing, buffer.late) == (1, 0)
    assert not buffer.add(chunk(1))
    assert not buffer.add(chunk(1))
    assert buffer.late == 1


def test_copies_are_no_news() -> None:
    buffer = MotionBuffer()
    assert buffer.add(chunk(0))
    assert not buffer.add(chunk(0))
    assert taken(buffer, 0) == [(0, 0)]
    assert not buffer.add(chunk(0))
    assert buffer.late == 0


def test_memory_is_bounded() -> None:
    buffer = MotionBuffer()
    for index in range(2000):
        buffer.add(chunk(index))
    assert [index for index, _ in taken(buffer, 2000)] == list(range(2000 - 512, 2000))


def test_copies_that_come_late_are_not_waited_for() -> None:
    playout = Playout()
    for index in range(HISTORY):
        is_copy = index % 5 == 0 and index > 0
        playout.observe(Medium.MOTION, 240 * index + (COPY_WAIT_MS + 1 if is_copy else 0), 240 * index, is_copy=is_copy)
    assert playout.offset_ms(0) == MARGIN_MS
    for index in range(HISTORY):
        is_copy = index % 5 == 0
        playout.observe(Medium.MOTION, 240 * index + (COPY_WAIT_MS if is_copy else 0), 240 * index, is_copy=is_copy)
    assert playout.offset_ms(0) == COPY_WAIT_MS + MARGIN_MS


def test_a_first_packet_that_is_early_does_not_hide_copies() -> None:
    playout = Playout()
    playout.observe(Medium.MOTION, 0, 0)
    for index in range(1, 20):
        is_copy = index % 5 == 0
        playout.observe(Medium.MOTION, 160 * index + (240 if is_copy else 80), 160 * index, is_copy=is_copy)
    assert playout.offset_ms(0) == 240 + MARGIN_MS


def test_the_time_that_pictures_take_to_make_is_left_to_what_comes_just_in_time() -> None:
    playout = Playout()
    for _ in range(LEAST_STEPS):
        playout.observe_step(10, made_picture=False)
        playout.observe_step(55, made_picture=True)
    assert playout.margin_ms == 45


def test_a_clock_that_is_made_up_leaves_the_least_margin() -> None:
    playout = Playout()
    for _ in range(LEAST_STEPS):
        playout.observe_step(10, made_picture=False)
        playout.observe_step(10, made_picture=True)
    assert playout.margin_ms == MARGIN_MS
