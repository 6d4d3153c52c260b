"""Packets within the limits: no bucket overflows, no frame comes twice, a content comes whole or not at all."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import MAX_REFERENCES, CodingMode, ContentCoding, ContentRecord
from bcdcodec.bitstream.references import ContentAssembler, ReferenceTable
from bcdcodec.codec.encode.packetizer import Packetizer
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.tables import fit_rows
from bcdcodec.ratecontrol.controller import Controller, State

RATE = Fraction(25, 2)
GROUPS, ENTRIES = 16, 8
HEADER_BITS = 3000
#: The first entry costs a fiftieth of a bit, the others ten and more: what a packet takes is up to the codes.
TABLE = fit_rows(np.tile(np.array([100_000] + [100] * (ENTRIES - 1)), (GROUPS, 1)))
CODER = MotionCoder(CodingMode.CODED, TABLE, None)


def motion(start: int, frames: int, seed: int, *, costly: bool = True) -> MotionUnit:
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, ENTRIES, (frames, GROUPS)) if costly else np.zeros((frames, GROUPS), np.int64)
    distances = rng.random((frames, GROUPS, ENTRIES)).astype(np.float32) + 0.1
    np.put_along_axis(distances, codes[..., None], 0.0, -1)
    return MotionUnit(start, codes, distances)


def content(start: int, size: int, number: int = 0, drops: int = 0) -> ReferenceUnit:
    data = np.random.default_rng(start).bytes(size)
    coding = ContentCoding.PICTURE
    record = ContentRecord(x=0, y=0, size=9, coding=coding, data=data, number=number, drops=drops)
    return ReferenceUnit(start, record)


def named(unit: MotionUnit, reference: int) -> MotionUnit:
    return replace(unit, reference=reference)


def emit(
    findings: list[AnalyzedUnit], controller: Controller | None, *, lookahead: bool
) -> tuple[Packetizer, list[Packet]]:
    emitter = Packetizer(CODER, frame_rate=RATE, key_interval_s=10.0, controller=controller, lookahead=lookahead)
    if controller is not None:
        controller.open(HEADER_BITS)
    packets = [packet for finding in findings for packet in emitter.push(finding)]
    return emitter, packets + emitter.flush()


def assert_within(packets: list[Packet], bitrate: float, size_s: float) -> None:
    """Straight from the definition: the bits of every stretch of time."""
    times = [float(packet.timestamp / RATE) for packet in packets]
    assert times == sorted(times)
    for first, start in enumerate(times):
        bits = 0
        for number in range(first, len(packets)):
            bits += 8 * packets[number].size
            assert bits <= bitrate * (times[number] - start + size_s) + 1e-6


def assert_sound(packets: list[Packet], findings: list[AnalyzedUnit], held: int) -> None:
    """Every packet can be read; contents are those that were given; frames are said once or held."""
    given_contents = {finding.start: finding.record for finding in findings if isinstance(finding, ReferenceUnit)}
    assembler, frames, fresh, end = ContentAssembler(), 0, True, 0
    for packet in packets:
        record = packet.record()
        if isinstance(record, ContentPart):
            assembler.add(record)
        elif isinstance(record, ContentRecord):
            assert assembler.assemble(record) in given_contents.values()
            fresh = True
        elif isinstance(record, MotionPayload):
            assert record.key or not (fresh or packet.timestamp != end)
            frames, end, fresh = frames + record.frames, packet.timestamp + record.frames, False
            CODER.decode(record.codes, record.frames)
    total = sum(len(finding.codes) for finding in findings if isinstance(finding, MotionUnit))
    assert frames + held == total


@st.composite
def shots(draw: st.DrawFn) -> list[AnalyzedUnit]:
    """Shots of a few packets each, after the first content, which is the header's."""
    found: list[AnalyzedUnit] = []
    tick = 0
    for shot in range(draw(st.integers(1, 5))):
        if shot:
            found.append(content(tick, draw(st.integers(2, 4000))))
        for _ in range(draw(st.integers(1, 4))):
            frames = draw(st.integers(1, 40))
            found.append(motion(tick, frames, tick, costly=draw(st.booleans())))
            tick += frames
    return found


@settings(max_examples=60, deadline=None)
@given(shots(), st.integers(500, 16_000), st.sampled_from([0.8, 1.0, 2.5]), st.booleans())
def test_no_input_overflows_the_bucket(
    findings: list[AnalyzedUnit], bitrate: int, size_s: float, lookahead: bool
) -> None:
    controller = Controller(bitrate, bucket_s=size_s)
    emitter, packets = emit(findings, controller, lookahead=lookahead)
    assert_within(packets, bitrate, size_s)
    assert_sound(packets, findings, emitter.skipped_frames)
    spent = HEADER_BITS + sum(8 * packet.size for packet in packets)
    last = float(packets[-1].timestamp / RATE) if packets else 0.0
    assert spent <= bitrate * max(10.0, last)


def test_without_limits_everything_comes_as_it_is() -> None:
    findings: list[AnalyzedUnit] = [motion(0, 16, 1), motion(16, 16, 2), content(32, 900), motion(32, 16, 3)]
    _, packets = emit(findings, None, lookahead=False)
    assert [(p.kind, p.timestamp) for p in packets] == [
        (PacketKind.MOTION, 0),
        (PacketKind.MOTION, 16),
        (PacketKind.CONTENT, 32),
        (PacketKind.MOTION, 32),
    ]
    for packet, finding in zip(packets, findings, strict=True):
        record = packet.record()
        if isinstance(finding, MotionUnit) and isinstance(record, MotionPayload):
            assert np.array_equal(CODER.decode(record.codes, record.frames), finding.codes)


def test_content_goes_ahead_in_parts_and_no_frame_waits() -> None:
    findings: list[AnalyzedUnit] = [motion(16 * n, 16, n, costly=False) for n in range(5)]
    findings += [content(80, 2000), motion(80, 16, 9, costly=False)]
    emitter, packets = emit(findings, Controller(4000, bucket_s=1.0), lookahead=True)
    assert emitter.skipped_frames == 0
    parts = [packet for packet in packets if packet.kind == PacketKind.CONTENT_PART]
    sizes = [len(packet.payload) for packet in parts]
    assert len(parts) >= 5 and max(sizes) < 3.5 * min(sizes)  # evenly
    assert all(packet.timestamp < 80 for packet in parts)


def test_a_live_content_that_is_too_large_holds_the_picture_until_it_is_there() -> None:
    findings: list[AnalyzedUnit] = [motion(0, 16, 0, costly=False), content(16, 1500)]
    findings += [motion(16 + 8 * n, 8, n, costly=False) for n in range(8)]
    controller = Controller(4000, bucket_s=1.0)
    emitter, packets = emit(findings, controller, lookahead=False)
    arrived = next(packet.timestamp for packet in packets if packet.kind == PacketKind.CONTENT)
    after = [packet for packet in packets if packet.kind == PacketKind.MOTION and packet.timestamp >= 16]
    assert 16 < arrived <= after[0].timestamp
    assert emitter.skipped_frames == after[0].timestamp - 16
    # 12 kbit less the bucket of 4 take two seconds; it does not wait much longer.
    assert emitter.skipped_frames <= 40
    assert controller.state is State.CODE


def test_cheaper_codes_are_taken_before_frames_are_held() -> None:
    findings: list[AnalyzedUnit] = [motion(16 * n, 16, n) for n in range(20)]
    controller = Controller(2000, bucket_s=2.0, duration_s=25.6)
    emitter, packets = emit(findings, controller, lookahead=False)
    assert controller.state is State.RATE_LIMITED and emitter.skipped_frames == 0
    spent = HEADER_BITS + sum(8 * packet.size for packet in packets)
    assert 0.97 * 2000 * 25.6 <= spent <= 2000 * 25.6


@pytest.mark.parametrize("lookahead", [False, True])
def test_a_shot_that_ends_before_its_content_came_is_held_whole(lookahead: bool) -> None:
    findings: list[AnalyzedUnit] = [
        motion(0, 8, 0, costly=False),
        content(8, 3500),
        motion(8, 2, 1, costly=False),
        content(10, 40),
        *(motion(10 + 8 * n, 8, n, costly=False) for n in range(4)),
    ]
    emitter, packets = emit(findings, Controller(2000, bucket_s=1.0), lookahead=lookahead)
    assert_sound(packets, findings, emitter.skipped_frames)
    shown = [packet.timestamp for packet in packets if packet.kind == PacketKind.MOTION]
    assert 8 not in shown and any(10 <= tick < 30 for tick in shown)


def test_packets_name_their_reference_and_begin_anew_where_it_changes() -> None:
    used = [0, 0, 1, 1, 0, 2]
    units: list[AnalyzedUnit] = [named(motion(8 * at, 8, at), number) for at, number in enumerate(used)]
    units.insert(2, content(16, 50, number=1))
    units.insert(6, content(40, 50, number=2, drops=1))
    _, packets = emit(units, None, lookahead=True)
    records = [packet.record() for packet in packets]
    moves = [record for record in records if isinstance(record, MotionPayload)]
    assert [record.reference for record in moves] == used
    assert [record.key for record in moves] == [True, False, True, False, True, True]
    assert [(r.number, r.drops) for r in records if isinstance(r, ContentRecord)] == [(1, 0), (2, 1)]


def test_a_late_addition_holds_only_the_frames_that_name_it() -> None:
    """In a call, where nothing can be sent ahead of its time."""
    used = [0, 1, 0, 1, 1, 1, 1, 1]
    units: list[AnalyzedUnit] = [named(motion(8 * at, 8, at, costly=False), number) for at, number in enumerate(used)]
    units.insert(1, content(8, 900, number=1))
    emitter, packets = emit(units, Controller(2000, bucket_s=1.0), lookahead=False)
    records = [(packet.timestamp, packet.record()) for packet in packets]
    there = next(tick for tick, record in records if isinstance(record, ContentRecord))
    moves = {tick: record.reference for tick, record in records if isinstance(record, MotionPayload)}
    assert there > 8 and moves[16] == 0 and all(tick >= there for tick, number in moves.items() if number)
    assert 1 in moves.values() and emitter.skipped_frames == 8 * (len(used) - len(moves)) > 0


def test_an_addition_that_never_came_is_not_dropped_from_the_stream() -> None:
    """What a later one takes the place of need not be there; readers drop what they have and the encoder has not."""
    units: list[AnalyzedUnit] = [motion(0, 8, 0, costly=False)]
    for number in range(1, 10):
        size = 2500 if number == 2 else 20
        units += [content(8 * number, size, number, max(0, number - 7)), motion(8 * number, 8, number, costly=False)]
    for at in range(10, 60):
        units.append(named(motion(8 * at, 8, at, costly=False), 9))
    _, packets = emit(units, Controller(1500, bucket_s=1.0), lookahead=False)
    table, latest = ReferenceTable[None](None), 0
    for packet in packets:
        record = packet.record()
        if isinstance(record, ContentRecord):
            assert record.number > latest and (not record.drops or record.drops in table.numbers)
            table.add(record, None)
            latest = record.number
            assert len(table.numbers) <= MAX_REFERENCES
        elif isinstance(record, MotionPayload):
            assert record.reference in table.numbers
    assert latest == 9
