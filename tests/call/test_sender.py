"""The sender: what is in its datagrams, and what reports change."""

import pytest
from call_kit import RATE, ScriptedEncoder, frame, sound

from bcdcodec.call.chunks import Chunk, MotionChunk, Piece, SoundChunk, unpack_chunks
from bcdcodec.call.datagram import (
    IP_UDP_BYTES,
    MAX_DATAGRAM_BYTES,
    Checksum,
    Datagram,
    DatagramKind,
    DatagramReader,
    DatagramWriter,
)
from bcdcodec.call.feedback import Report
from bcdcodec.call.references import ReferenceInbox
from bcdcodec.call.sender import BYES, MAX_SOUND_WAIT_MS, Sender
from bcdcodec.errors import ConfigError

TICK_MS = 80.0
SESSION = 7


def opened(datagrams: list[bytes]) -> list[Datagram]:
    reader = DatagramReader(Checksum(), SESSION)
    return [reader.unpack(data, tuple(DatagramKind)) for data in datagrams]


def chunks(datagrams: list[bytes]) -> list[Chunk]:
    return [chunk for datagram in opened(datagrams) for chunk in unpack_chunks(datagram.body)]


def motion(datagrams: list[bytes]) -> list[int]:
    return [chunk.index for chunk in chunks(datagrams) if isinstance(chunk, MotionChunk)]


def pieces(datagrams: list[bytes]) -> list[int]:
    return [chunk.ordinal for chunk in chunks(datagrams) if isinstance(chunk, Piece)]


class Reports:
    """A receiver that only reports."""

    def __init__(self) -> None:
        self._writer = DatagramWriter(SESSION, Checksum())
        self.inbox = ReferenceInbox()

    def data(
        self, *, loss: float = 0.0, queue_ms: int = 0, needs_reference: bool = False, has_end: bool = False
    ) -> bytes:
        report = Report(
            highest=0,
            loss=loss,
            jitter_ms=0,
            queue_ms=queue_ms,
            buffer_ms=0,
            echo_ms=0,
            held_ms=0,
            pieces_highest=self.inbox.highest,
            pieces=self.inbox.mask,
            has_header=self.inbox.header is not None,
            needs_reference=needs_reference,
            has_end=has_end,
        )
        return self._writer.pack(DatagramKind.REPORT, report.pack(), sent_ms=0)

    def take(self, datagrams: list[bytes]) -> None:
        for chunk in chunks(datagrams):
            if isinstance(chunk, Piece):
                self.inbox.add(chunk)


def sender(encoder: ScriptedEncoder | None = None) -> Sender:
    return Sender(encoder or ScriptedEncoder(), bitrate=4000, session=SESSION)


def test_header_motion_and_sound_share_a_datagram() -> None:
    made = sender()
    assert made.push_sound([sound(0), sound(1)], 0) == []
    (data,) = made.push_frame(frame(0), 40)
    first, second, third = chunks([data])
    assert isinstance(first, MotionChunk)
    assert (first.index, first.tick, first.source) == (0, 0, 0)
    assert second == SoundChunk(0, 1, (sound(0).data, sound(1).data))
    assert isinstance(third, Piece)
    assert third.is_last
    assert opened([data])[0].sent_ms == 40


def test_motion_comes_again_in_the_next_datagram() -> None:
    made = sender()
    sent = [made.push_frame(frame(index), TICK_MS * index) for index in range(3)]
    assert [motion(data) for data in sent] == [[0], [1, 0], [2, 1]]
    reports = Reports()
    made.receive(reports.data(loss=0.5), 3 * TICK_MS)
    assert motion(made.push_frame(frame(3), 3 * TICK_MS)) == [3, 2, 1]
    for _ in range(60):
        made.receive(reports.data(), 3 * TICK_MS)
    assert motion(made.push_frame(frame(4), 4 * TICK_MS)) == [4]


def test_sound_does_not_wait_for_motion_for_long() -> None:
    made = sender()
    assert made.push_sound([sound(0)], 0) == []
    assert made.poll(MAX_SOUND_WAIT_MS - 1) == []
    assert chunks(made.poll(MAX_SOUND_WAIT_MS)) == [SoundChunk(0, 1, (sound(0).data,))]


def test_sound_with_a_hole_is_in_two_chunks() -> None:
    made = sender()
    made.push_sound([sound(0), sound(1), sound(5)], 0)
    assert [chunk.tick for chunk in chunks(made.poll(300)) if isinstance(chunk, SoundChunk)] == [0, 5]


def test_the_header_is_sent_until_it_came() -> None:
    made, reports = sender(), Reports()
    first = made.push_frame(frame(0), 0)
    assert pieces(first) == [0]
    assert made.poll(100) == []
    again = made.poll(2000)
    assert pieces(again) == [0]
    assert motion(again) == []
    reports.take(again)
    made.receive(reports.data(), 2000)
    assert made.poll(60_000) == []


def test_a_large_header_is_in_several_datagrams_of_bounded_size() -> None:
    made = sender(ScriptedEncoder(bytes(5000)))
    sent = made.push_frame(frame(0), 0)
    assert len(sent) == 5
    assert all(len(data) <= MAX_DATAGRAM_BYTES for data in sent)
    assert sorted(pieces(sent)) == list(range(6))


def test_a_picture_is_sent_on_request_and_motion_names_it() -> None:
    encoder, reports = ScriptedEncoder(), Reports()
    made = sender(encoder)
    reports.take(made.push_frame(frame(0), 0))
    made.receive(reports.data(needs_reference=True), 0)
    sent = made.push_frame(frame(1), TICK_MS)
    made.push_frame(frame(2), 2 * TICK_MS)
    assert encoder.asked == 1
    assert pieces(sent) == [1, 2]
    assert [chunk.source for chunk in chunks(sent) if isinstance(chunk, MotionChunk)] == [1]
    reports.take(sent)
    record = reports.inbox.record(1)
    assert record is not None
    assert record.data == b"a" * 50 + b"b" * 50


def test_congestion_reaches_the_encoder() -> None:
    encoder, reports = ScriptedEncoder(), Reports()
    made = sender(encoder)
    made.push_frame(frame(0), 0)
    made.receive(reports.data(queue_ms=500), 0)
    made.receive(reports.data(queue_ms=500), 10)
    assert encoder.bitrates == [3400]


def test_a_bitrate_may_change_and_is_the_most_from_then_on() -> None:
    encoder, reports = ScriptedEncoder(), Reports()
    made = sender(encoder)
    made.push_frame(frame(0), 0)
    made.set_bitrate(8000)
    made.receive(reports.data(queue_ms=500), 0)
    assert encoder.bitrates == [8000, 6800]
    assert made.frame_rate == RATE


def test_congestion_after_a_change_reaches_the_encoder_near_what_it_was() -> None:
    """What counts is what the encoder was told last, not what it was told at first."""
    encoder, reports = ScriptedEncoder(), Reports()
    made = sender(encoder)
    made.push_frame(frame(0), 0)
    made.set_bitrate(4700)
    made.receive(reports.data(queue_ms=500), 0)
    assert encoder.bitrates == pytest.approx([4700, 3995])


def test_anything_else_is_counted_and_dropped() -> None:
    made = sender()
    (data,) = made.push_frame(frame(0), 0)
    for wrong in (
        b"",
        b"\xc1" * 40,
        data,
        DatagramWriter(8, Checksum()).pack(DatagramKind.REPORT, bytes(33), sent_ms=0),
    ):
        made.receive(wrong, 0)
    assert (made.refused, made.report) == (4, None)


def test_the_end_is_said_until_it_is_enough() -> None:
    made = sender()
    made.push_frame(frame(0), 0)
    made.push_sound([sound(0)], 0)
    sent = opened(made.finish(80))
    assert [datagram.kind for datagram in sent] == [DatagramKind.MEDIA, DatagramKind.BYE]
    assert sent[1].body == bytes([0, 0, 0, 1])
    assert not made.is_over
    again = opened([data for now_ms in range(80, 10_000, 10) for data in made.poll(now_ms)])
    assert sum(datagram.kind is DatagramKind.BYE for datagram in again) == BYES - 1
    assert made.is_over


def test_the_end_is_said_no_more_once_it_came() -> None:
    made = sender()
    made.push_frame(frame(0), 0)
    made.finish(80)
    made.receive(Reports().data(has_end=True), 100)
    assert made.is_over
    assert all(datagram.kind is not DatagramKind.BYE for datagram in opened(made.poll(5000)))


def test_traffic_adds_up_to_what_is_sent() -> None:
    made, sent = sender(), list[bytes]()
    for index in range(10):
        sent += made.push_sound([sound(4 * index + tick) for tick in range(4)], TICK_MS * index)
        sent += made.push_frame(frame(index), TICK_MS * index)
    sent += made.finish(800)
    assert made.traffic.wire_bytes == sum(len(data) + IP_UDP_BYTES for data in sent)
    assert made.traffic.datagrams == len(sent)
    assert sum(made.traffic.bits().values()) == 8 * made.traffic.wire_bytes
    assert made.traffic.bits()["framing"] == 8 * 12 * len(sent) + 8 * 4


def test_motion_that_fits_no_datagram_is_refused() -> None:
    encoder = ScriptedEncoder()
    whole = encoder.push

    def long_motion(pushed):  # type: ignore[no-untyped-def]
        (packet,) = whole(pushed)
        return [type(packet)(packet.kind, packet.sequence, packet.timestamp, packet.payload + bytes(1200))]

    encoder.push = long_motion  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="bytes of motion in a packet, a datagram has 1188"):
        sender(encoder).push_frame(frame(0), 0)
