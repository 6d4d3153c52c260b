"""Muxer: video packets and the audio that belongs between them into one stream."""

import dataclasses
from fractions import Fraction

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import AudioPayload, Packet, PacketKind
from bcdcodec.bitstream.stream import StreamWriter
from bcdcodec.video.source import AudioReplay

#: Opus packets in an AUDIO packet at most.
MAX_AUDIO_FRAMES = 100


class Muxer:
    """Write one stream. audio: None for none; rate: ticks a second of the video packets."""

    def __init__(self, writer: StreamWriter, audio: AudioReplay | None, rate: Fraction) -> None:
        self._writer, self._audio, self._rate = writer, audio, rate

    def write_header(self, header: StreamHeader) -> None:
        """Write the header, before the first packet."""
        self._writer.write_header(header)

    def write(self, packets: list[Packet]) -> None:
        """Write packets in order, each preceded by the audio up to its time."""
        for packet in packets:
            self._write_audio(float(packet.timestamp / self._rate))
            self._put(packet)

    def finish(self, end_s: float) -> None:
        """Write the rest of the audio, and the END packet."""
        self._write_audio(end_s)
        self._writer.finish()

    def _write_audio(self, until_s: float) -> None:
        if self._audio is None:
            return
        due = list(self._audio.until(until_s))
        # One AUDIO packet for all that is due: framing is paid once.
        for start in range(0, len(due), MAX_AUDIO_FRAMES):
            part = due[start : start + MAX_AUDIO_FRAMES]
            payload = AudioPayload(tuple(packet.data for packet in part)).pack()
            self._put(Packet(PacketKind.AUDIO, 0, part[0].tick, payload))

    def _put(self, packet: Packet) -> None:
        self._writer.write(dataclasses.replace(packet, sequence=self._writer.next_sequence))
