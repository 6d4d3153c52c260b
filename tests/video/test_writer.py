"""Frames and Opus packets in, a playable file out, whole or not at all."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media_kit import MakeVideo, gray, textured, tone

from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.audio import OpusPacket, OpusTrack
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.source import MediaSource
from bcdcodec.video.writer import VideoWriter

RATE = Fraction(25, 2)


class Pipe(io.RawIOBase):
    """A file that can only be written forwards, like standard output."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


def frame(index: int, pixels: Any = None) -> Frame:
    return Frame(pixels=gray(90) if pixels is None else pixels, index=index)


def events(path: Path) -> tuple[float, float]:
    """When the picture turns bright and when the tone starts, in seconds of the player's clock."""
    with av.open(str(path)) as container:
        bright = next(f.time for f in container.decode(video=0) if f.to_ndarray(format="gray").mean() > 120)
    with av.open(str(path)) as container:
        for sound in container.decode(audio=0):
            loud = np.nonzero(np.abs(sound.to_ndarray()[0]) > 0.15)[0]
            if len(loud):
                return bright, sound.time + loud[0] / sound.sample_rate
    raise AssertionError("no tone")


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm", "pipe"])
def test_sound_and_picture_stay_together(make_video: MakeVideo, tmp_path: Path, name: str) -> None:
    pictures = [gray(220 if at >= 20 else 30) for at in range(40)]  # bright and loud from 0.8 s on
    source = make_video(pictures, "source.mkv", sound=tone(0.8, 1.2, 1.6), sound_codec="pcm_s16le")
    path, pipe = tmp_path / name, Pipe()
    target: Any = pipe if name == "pipe" else path
    sent = []
    with (
        MediaSource(source, RATE) as media,
        VideoWriter(
            target, media.width, media.height, rate=RATE, audio=media.open_audio(bitrate=24000, frame_ms=60)
        ) as writer,
        media.open_frames() as reader,
    ):
        sound = media.audio()
        assert sound is not None
        for item in reader:
            writer.write(item)
            due = list(sound.until(item.index / RATE))
            sent += due
            writer.write_audio(due)
        rest = list(sound.until(60.0))
        sent += rest
        writer.write_audio(rest)
    if name == "pipe":
        path = tmp_path / "pipe.mp4"
        path.write_bytes(pipe.data)
    assert events(path) == pytest.approx((0.8, 0.8), abs=0.02)
    with av.open(str(path)) as container:
        assert [bytes(packet) for packet in container.demux(audio=0) if packet.size] == [item.data for item in sent]
    assert not list(tmp_path.glob(".*"))


def test_round_trip_keeps_color_and_every_frame(tmp_path: Path) -> None:
    pictures = [textured(at // 4, 96, 64) for at in range(20)]
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 96, 64, rate=RATE) as writer:
        for index, pixels in enumerate(pictures):
            writer.write(frame(index, pixels))
    with VideoReader(path, RATE) as reader:
        found = [item.pixels.astype(int) for item in reader]
    assert len(found) == 20
    for before, after in zip(pictures, found, strict=True):
        assert np.abs(after - before).mean() < 6  # chroma is halved, nothing else is lost
        assert np.abs(after.mean(axis=(0, 1)) - before.mean(axis=(0, 1))).max() < 1.5


def test_missing_index_leaves_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 64, 48, rate=RATE) as writer:
        for index in (0, 1, 5):
            writer.write(frame(index))
    with av.open(str(path)) as container:
        assert [round(item.time * 12.5) for item in container.decode(video=0)] == [0, 1, 5]


def test_odd_size_grows_by_one(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 33, 17, rate=RATE) as writer:
        writer.write(frame(0, gray(90, 33, 17)))
    with VideoReader(path, RATE) as reader:
        assert (reader.width, reader.height) == (34, 18)
        assert abs(next(iter(reader)).pixels.astype(int) - 90).max() <= 2


def test_foreign_pre_skip_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 64, 48, rate=RATE, audio=OpusTrack(channels=2, pre_skip=1000)) as writer:
        writer.write(frame(0))
        writer.write_audio([OpusPacket(tick=0, data=b"\xfc\xff\xfe")])
    with av.open(str(path)) as container:
        extradata = container.streams.audio[0].codec_context.extradata
    assert extradata is not None
    assert extradata[9] == 2
    assert extradata[10:12] == (1000).to_bytes(2, "little")


def test_failure_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), VideoWriter(path, 64, 48, rate=RATE) as writer:
        writer.write(frame(0))
        raise RuntimeError("the decoder broke")
    with pytest.raises(VideoError, match="no frame"), VideoWriter(path, 64, 48, rate=RATE):
        pass
    assert [item.name for item in tmp_path.iterdir()] == ["out.mp4"]
    assert path.read_bytes() == b"old"


def test_wrong_use_is_explained(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"\.mp4, \.m4v, \.mkv, \.webm"):
        VideoWriter(tmp_path / "out.avi", 64, 48, rate=RATE)
    with pytest.raises(VideoError, match="cannot be written"):
        VideoWriter(tmp_path / "none" / "out.mp4", 64, 48, rate=RATE)
    with pytest.raises(ConfigError, match="crf"):
        VideoWriter(tmp_path / "out.mp4", 64, 48, rate=RATE, crf=52)
    with pytest.raises(ConfigError, match="picture"):
        VideoWriter(tmp_path / "out.mp4", 0, 48, rate=RATE)
    with VideoWriter(tmp_path / "out.mp4", 64, 48, rate=RATE) as writer:
        writer.write(frame(3))
        with pytest.raises(VideoError, match="rising"):
            writer.write(frame(3))
        with pytest.raises(VideoError, match="needs 64x48"):
            writer.write(frame(4, gray(90, 32, 32)))
        with pytest.raises(VideoError, match="without an audio track"):
            writer.write_audio([OpusPacket(tick=0, data=b"\xfc")])
