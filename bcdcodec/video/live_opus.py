"""Opus for calls: an encoder of samples as they come, and a decoder that makes up for lost packets.

PyAV encodes. It has no way to ask the library for what replaces a lost packet, so decoding calls libopus itself, the
one that PyAV brings or the system's.
"""

import ctypes
import ctypes.util
from functools import cache
from pathlib import Path

import av
import numpy as np

from bcdcodec.errors import BitstreamError, ConfigError, VideoError
from bcdcodec.video.audio import SAMPLE_RATE, TICK_SAMPLES, OpusPacket, Samples, audio_frame, opus_encoder

#: Loss that the encoder prepares for by redundancy in its packets, in percent. Below about 16 kbit/s it has none.
EXPECTED_LOSS = 10
#: An Opus packet holds at most 120 ms.
MAX_SAMPLES = 5760


class OpusEncoder:
    """Encodes mono samples as they come. ConfigError for a bitrate or a duration that is not offered."""

    def __init__(self, *, bitrate: int = 6000, frame_ms: int = 60) -> None:
        self._encoder, self.track = opus_encoder(bitrate, 1, frame_ms, fec="1", packet_loss=str(EXPECTED_LOSS))
        self._frame_samples = SAMPLE_RATE * frame_ms // 1000
        self._waiting: Samples = np.zeros((1, 0), np.float32)
        self._tick = 0

    def push(self, samples: Samples) -> list[OpusPacket]:
        """Encode samples [1, n] at 48 kHz; returns the packets that are full."""
        if samples.ndim != 2 or samples.shape[0] != 1:
            raise ConfigError(f"samples are {samples.shape}, needed are [1, n]")
        self._waiting = np.concatenate([self._waiting, samples.astype(np.float32, copy=False)], axis=1)
        packets: list[OpusPacket] = []
        while self._waiting.shape[1] >= self._frame_samples:
            chunk, self._waiting = self._waiting[:, : self._frame_samples], self._waiting[:, self._frame_samples :]
            for packet in self._encoder.encode(audio_frame(chunk, self.track.layout)):
                packets.append(OpusPacket(tick=self._tick, data=bytes(packet)))
                self._tick += self._frame_samples // TICK_SAMPLES
        return packets


class OpusDecoder:
    """Decodes mono packets to samples [1, n] at 48 kHz, one after the other. VideoError where libopus is not found."""

    def __init__(self) -> None:
        self._library = _libopus()
        failure = ctypes.c_int(0)
        self._state = self._library.opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(failure))
        if failure.value or not self._state:
            raise VideoError(f"libopus gives no decoder, error {failure.value}")

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.opus_decoder_destroy(self._state)

    def decode(self, data: bytes) -> Samples:
        """The samples of a packet; BitstreamError for one that is malformed."""
        return self._decode(data, MAX_SAMPLES, in_band=False)

    def conceal(self, samples: int, following: bytes | None = None) -> Samples:
        """What replaces a lost packet of some samples: the copy in the packet that follows, where it has one, or what
        the sound before suggests.
        """
        try:
            return self._decode(following, samples, in_band=following is not None)
        except BitstreamError:
            return np.zeros((1, samples), np.float32)

    def _decode(self, data: bytes | None, most: int, *, in_band: bool) -> Samples:
        out = np.zeros((1, most), np.float32)
        pointer = out.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        size = 0 if data is None else len(data)
        count = self._library.opus_decode_float(self._state, data, size, pointer, most, int(in_band))
        if count < 0:
            raise BitstreamError(f"Opus packet of {size} bytes is malformed, error {count}")
        return out[:, :count]


@cache
def _libopus() -> ctypes.CDLL:
    folder = Path(av.__file__).parent
    beside = [*folder.parent.glob("av.libs/libopus*"), *folder.glob(".dylibs/libopus*")]
    name = str(beside[0]) if beside else ctypes.util.find_library("opus")
    if name is None:
        raise VideoError("libopus is neither beside PyAV nor in the system, sound cannot be decoded")
    library = ctypes.CDLL(name)
    library.opus_decoder_create.restype = ctypes.c_void_p
    library.opus_decoder_create.argtypes = [ctypes.c_int32, ctypes.c_int, ctypes.POINTER(ctypes.c_int)]
    library.opus_decoder_destroy.argtypes = [ctypes.c_void_p]
    library.opus_decode_float.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_int32,
        ctypes.POINTER(ctypes.c_float),
        ctypes.c_int,
        ctypes.c_int,
    ]
    return library
