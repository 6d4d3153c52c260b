"""What a call asks of an encoder, and an encoder of windows that does it."""

from fractions import Fraction
from typing import Protocol

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import Packet
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.frame import Frame


class CallEncoder(Protocol):
    """Frames in, packets out, as they come."""

    @property
    def frame_rate(self) -> Fraction:
        """Ticks a second."""
        ...

    @property
    def header(self) -> StreamHeader:
        """The header; there once packets came out."""
        ...

    def push(self, frame: Frame) -> list[Packet]:
        """Encode a frame; returns what is ready."""
        ...

    def flush(self) -> list[Packet]:
        """Encode what waits."""
        ...

    def request_reference(self) -> None:
        """Send another picture soon."""
        ...

    def set_bitrate(self, bitrate: float) -> None:
        """Go on at another bitrate, in bit/s."""
        ...


class WindowEncoder:
    """A `CallEncoder` of windows: the delay is that of one window, and the bitrate stays as it is."""

    def __init__(self, model: CodecModel, *, bitrate: float) -> None:
        settings = EncodeSettings(bitrate=bitrate, packet_windows=1, reference_windows=1, live_references=1)
        self._encoder = Encoder(model, settings)
        self._is_asked = False

    @property
    def frame_rate(self) -> Fraction:
        return self._encoder.frame_rate

    @property
    def header(self) -> StreamHeader:
        return self._encoder.header

    def push(self, frame: Frame) -> list[Packet]:
        before = self._encoder.new_shot() if self._is_asked else []
        self._is_asked = False
        return before + self._encoder.push(frame)

    def flush(self) -> list[Packet]:
        return self._encoder.flush()

    def request_reference(self) -> None:
        self._is_asked = True

    def set_bitrate(self, bitrate: float) -> None:
        """Nothing: the bitrate of windows is chosen once."""
