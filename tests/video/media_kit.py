"""Synthetic pictures, audio and media files."""

import importlib.util
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from bcdcodec.frame import Frame

Picture = NDArray[np.uint8]
SAMPLE_RATE = 48_000


def needs(package: str) -> None:
    """Skip a test where a package is not installed, without importing it (face.py decides how it is loaded)."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


def gray(level: int, width: int = 64, height: int = 48) -> Picture:
    """A flat picture; its level survives any codec, so it tells which source frame it was."""
    return np.full((height, width, 3), level, np.uint8)


def level_of(frame: Frame) -> int:
    return round(float(frame.pixels.mean()))


def textured(seed: int, width: int = 64, height: int = 48) -> Picture:
    """A smooth random picture: enough structure for cuts and orientation, and it compresses well."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(coarse, format="rgb24")
    return np.ascontiguousarray(frame.reformat(width=width, height=height, interpolation="BICUBIC").to_ndarray())


def tone(start_s: float, end_s: float, length_s: float, *, rate: int = SAMPLE_RATE, channels: int = 1) -> Any:
    """float32 [channels, n]: silence with a 440 Hz tone in between."""
    time = np.arange(round(length_s * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * 440 * time) * ((time >= start_s) & (time < end_s))
    return np.repeat(wave[None].astype(np.float32), channels, axis=0)


MakeVideo = Callable[..., Path]


def write_video(
    path: Path,
    pictures: Sequence[Any],
    *,
    rate: Fraction | int = 25,
    pts: Sequence[int] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    aspect: Fraction | None = None,
    sound: Any = None,
    sound_rate: int = SAMPLE_RATE,
    sound_codec: str = "aac",
    sound_delay_s: float = 0,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Writes pictures (RGB arrays or ready `av.VideoFrame`s) and sound to a file; returns its path."""
    with av.open(str(path), "w", options=options or {}) as container:
        quality = {"crf": "10"} if "26" in codec else {}
        stream: Any = container.add_stream(codec, rate=rate, options=quality | (codec_options or {}))
        first = pictures[0]
        stream.height, stream.width = (
            (first.height, first.width) if isinstance(first, av.VideoFrame) else first.shape[:2]
        )
        stream.pix_fmt = pix_fmt
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        voice: Any = None
        if sound is not None:
            voice = container.add_stream(sound_codec, rate=sound_rate)
            voice.layout = "mono" if len(sound) == 1 else "stereo"
        for at, picture in enumerate(pictures):
            frame = picture if isinstance(picture, av.VideoFrame) else av.VideoFrame.from_ndarray(picture)
            if frame.format.name != pix_fmt:
                frame = frame.reformat(format=pix_fmt)
            frame.pts = pts[at] if pts else at
            frame.time_base = 1 / Fraction(rate)
            if isinstance(picture, av.VideoFrame):
                stream.codec_context.colorspace = picture.colorspace
                stream.codec_context.color_range = picture.color_range
                stream.codec_context.color_trc = picture.color_trc
                stream.codec_context.color_primaries = picture.color_primaries
            container.mux(stream.encode(frame))
        if voice is not None:
            _mux_sound(container, voice, sound, sound_rate, sound_delay_s)
        container.mux(stream.encode(None))
    return path


def _mux_sound(container: Any, voice: Any, sound: Any, rate: int, delay_s: float) -> None:
    resampler = av.AudioResampler(format=voice.codec_context.format, layout=voice.layout, rate=rate)
    for start in range(0, sound.shape[1], 1024):
        part = np.ascontiguousarray(sound[:, start : start + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono" if len(sound) == 1 else "stereo")
        frame.sample_rate = rate
        frame.pts = start + round(delay_s * rate)
        frame.time_base = Fraction(1, rate)
        for out in resampler.resample(frame):
            container.mux(voice.encode(out))
    container.mux(voice.encode(None))


def turn_tag(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Overwrite the a b c d of the display matrix in an mp4's track header (units of 1/65536)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version and flags, times, id, duration, layer, volume
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def make_undecodable(path: Path, *, tracks: int, codec: bytes = b"A_PCM/INT/LIT") -> None:
    """Give the first sound tracks of a Matroska file a codec that nothing knows."""
    data = path.read_bytes()
    assert data.count(codec) >= tracks
    path.write_bytes(data.replace(codec, b"A_NO/" + codec[5:], tracks))
