"""Which stream of several is taken: the one that players show and play."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from media_kit import gray, make_undecodable, tone

from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import VideoError
from bcdcodec.video.audio import OpusReader
from bcdcodec.video.media import main_audio_stream, main_video_stream, open_media
from bcdcodec.video.reader import VideoReader

DEFAULT, PLAIN = Disposition.default, Disposition(0)


def write(path: Path, videos: list[tuple[int, int, int, Disposition]], sounds: list[tuple[float, Disposition]]) -> Path:
    """A file of several streams. videos: side, frames, level and disposition; sounds: start of a tone, disposition."""
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for side, _, _, disposition in videos:
            stream: Any = container.add_stream("libx264", rate=25)
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
            stream.disposition = disposition
            streams.append(stream)
        voices: list[Any] = []
        for _, disposition in sounds:
            voice: Any = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
            voice.disposition = disposition
            voices.append(voice)
        for stream, (side, frames, level, _) in zip(streams, videos, strict=True):
            for index in range(frames):
                frame = av.VideoFrame.from_ndarray(gray(level, side, side))
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        for voice, (start_s, _) in zip(voices, sounds, strict=True):
            samples = (tone(start_s, start_s + 0.2, 1.0) * 32767).astype(np.int16)
            sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = 48_000, 0, Fraction(1, 48_000)
            container.mux(voice.encode(sound))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize(
    ("videos", "level"),
    [
        ([(128, 10, 50, DEFAULT), (128, 10, 200, PLAIN)], 50),
        ([(128, 10, 50, PLAIN), (128, 10, 200, DEFAULT)], 200),
        ([(32, 10, 50, DEFAULT), (128, 10, 200, PLAIN)], 200),  # a thumbnail track, whatever its flag says
        ([(128, 10, 50, DEFAULT), (160, 10, 200, DEFAULT)], 200),
    ],
)
def test_the_main_video_is_taken(
    tmp_path: Path, name: str, videos: list[tuple[int, int, int, Disposition]], level: int
) -> None:
    path = write(tmp_path / name, videos, [])
    with VideoReader(path, Fraction(25)) as reader:
        frames = list(reader)
    assert len(frames) == 10 and round(float(frames[3].pixels.mean())) == pytest.approx(level, abs=3)


def test_a_track_of_one_picture_is_no_video(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", [(160, 1, 50, DEFAULT), (128, 10, 200, PLAIN)], [])
    with open_media(path) as container:
        assert main_video_stream(container, "a").index == 1


@pytest.mark.parametrize(("flags", "index"), [((PLAIN, DEFAULT), 1), ((DEFAULT, PLAIN), 0), ((PLAIN, PLAIN), 0)])
def test_the_default_sound_is_taken(tmp_path: Path, flags: tuple[Disposition, ...], index: int) -> None:
    path = write(tmp_path / "a.mkv", [(64, 25, 50, DEFAULT)], [(0.1, flags[0]), (0.6, flags[1])])
    with open_media(path) as container:
        chosen = main_audio_stream(container)
        assert chosen is not None and chosen.index == 1 + index


def test_sound_that_cannot_be_decoded_is_passed_over_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.mkv", [(64, 25, 50, DEFAULT)], [(0.1, DEFAULT), (0.6, PLAIN)])
    make_undecodable(path, tracks=1)
    with OpusReader(path) as reader:
        assert len(list(reader)) > 10
    assert "1 of 2 sound tracks cannot be decoded, another is taken" in caplog.text


def test_a_file_whose_sound_cannot_be_decoded_is_encoded_without(
    tmp_path: Path, tiny_weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.mkv", [(64, 25, 50, DEFAULT)], [(0.1, DEFAULT)])
    make_undecodable(path, tracks=1)
    with pytest.raises(VideoError, match="no audio stream that can be decoded"):
        OpusReader(path)
    model = CodecModel.load(tiny_weights, device="cpu")
    result = encode_file(path, tmp_path / "a.bcd", model=model, crop=False)
    assert result.stats.audio_bits == 0
    assert "its sound cannot be decoded, the stream has none" in caplog.text
    caplog.clear()
    encode_file(path, tmp_path / "b.bcd", model=model, crop=False, audio_bitrate=None)
    assert "sound" not in caplog.text
