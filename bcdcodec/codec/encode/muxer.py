"""Muxer: video packets and the audio that belongs between them into one stream."""

import dataclasses
import math
from fractions import Fraction

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, Packet, PacketKind
from bcdcodec.bitstream.stream import StreamWriter
from bcdcodec.video.audio import SAMPLE_RATE, TICK_SAMPLES
from bcdcodec.video.source import AudioReplay

#: Opus packets in an AUDIO packet at most.
MAX_AUDIO_FRAMES = 100


class Muxer:
    """Write one stream. audio: None for none; rate: ticks a second of the video packets."""

    def __init__(self, writer: StreamWriter, audio: AudioReplay | None, rate: Fraction) -> None:
        self._writer, self._audio, self._rate = writer, audio, rate
        self._audio_start_s = Fraction(0)  # of the last Opus packet

    def write_header(self, header: StreamHeader) -> None:
        """Write the header, before the first packet."""
        self._writer.write_header(header)

    def write(self, packets: list[Packet]) -> None:
        """Write packets in order, each preceded by the audio up to its time."""
        for packet in packets:
            self._write_audio(float(packet.timestamp / self._rate))
            self._put(packet)

    def finish(self, end_tick: int) -> None:
        """Write all audio that is left, and the END packet: the last picture stays to the end of both.

        end_tick: after the last frame of the source, whether it was sent or not.
        """
        self._write_audio(math.inf)
        # An Opus packet that reaches beyond the end of its source is no longer picture.
        self._writer.finish(max(end_tick, int(self._audio_start_s * self._rate)))

    def _write_audio(self, until_s: float) -> None:
        if self._audio is None:
            return
        due = list(self._audio.until(until_s))
        # One AUDIO packet for all that is due: framing is paid once.
        for start in range(0, len(due), MAX_AUDIO_FRAMES):
            part = due[start : start + MAX_AUDIO_FRAMES]
            payload = AudioPayload(tuple(packet.data for packet in part)).pack()
            self._put(Packet(PacketKind.AUDIO, 0, part[0].tick, payload))
            self._audio_start_s = Fraction(part[-1].tick * TICK_SAMPLES, SAMPLE_RATE)

    def _put(self, packet: Packet) -> None:
        self._writer.write(dataclasses.replace(packet, sequence=self._writer.next_sequence))
