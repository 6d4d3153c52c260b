"""A decoded video is as long as its source: where the last frames were held, and where the sound goes on."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from bcdcodec.bitstream.stream import StreamReader, StreamWriter, read_stats
from bcdcodec.codec.decode.file import decode_file
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.packetizer import Packetizer
from bcdcodec.codec.encode.units import MotionUnit
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.transcode.transcode import transcode

RATE, TICK_S = Fraction(25, 2), 0.08


def lengths(path: Path) -> tuple[float, float]:
    """Seconds to the end of the last picture and of the last sound."""
    with av.open(str(path)) as container:
        ends = [0.0, 0.0]
        for frame in container.decode(video=0, audio=0) if container.streams.audio else container.decode(video=0):
            assert frame.time is not None
            length = frame.samples / frame.sample_rate if isinstance(frame, av.AudioFrame) else TICK_S
            ends[isinstance(frame, av.AudioFrame)] = frame.time + length
    return ends[0], ends[1]


@pytest.fixture
def long_sound(tmp_path: Path) -> Path:
    """One second of pictures and two and a half of sound."""
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        assert isinstance(video, VideoStream) and isinstance(audio, AudioStream)
        video.width, video.height, video.pix_fmt = 96, 96, "yuv420p"
        for index in range(25):
            picture = av.VideoFrame.from_ndarray(np.full((96, 96, 3), 5 * index, np.uint8), format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(video.encode(picture))
        tone = np.sin(np.arange(120_000, dtype=np.float32) / 20)[None] / 4
        for start in range(0, 120_000, 1024):
            sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone[:, start : start + 1024]), "fltp", "mono")
            sound.sample_rate, sound.pts, sound.time_base = 48_000, start, Fraction(1, 48_000)
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def test_the_last_picture_stays_while_the_sound_goes_on(long_sound: Path, tiny_weights: Path, tmp_path: Path) -> None:
    model = CodecModel.load(tiny_weights, device="cpu")
    stream, video = tmp_path / "a.bcd", tmp_path / "a.mp4"
    encode_file(long_sound, stream, model=model, crop=False)
    decoded = decode_file(stream, video, model=model)
    picture_s, sound_s = lengths(video)
    assert picture_s == pytest.approx(2.5, abs=TICK_S) and sound_s == pytest.approx(2.5, abs=TICK_S)
    assert decoded.duration_s == pytest.approx(picture_s, abs=1e-3)
    assert decoded.frames == 14  # thirteen of the source, and the last one again


def test_frames_held_at_the_end_count(
    talking_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packetizer finds no room for anything after the first window."""
    model = CodecModel.load(tiny_weights, device="cpu")
    choose = Packetizer._choose_codes

    def short(self: Packetizer, motion: MotionUnit) -> object:
        return choose(self, motion) if motion.start < 8 else None

    monkeypatch.setattr(Packetizer, "_choose_codes", short)
    stream, video = tmp_path / "a.bcd", tmp_path / "a.mp4"
    result = encode_file(talking_clip, stream, model=model, crop=False, audio_bitrate=None)
    assert result.skipped_frames == 17 and result.stats.end_tick == 25
    decoded = decode_file(stream, video, model=model)
    assert (decoded.frames, decoded.duration_s) == (9, 2.0)
    assert lengths(video)[0] == pytest.approx(2.0, abs=1e-3)


@pytest.mark.usefixtures("weights_folder")
def test_transcoding_keeps_the_end(tmp_path: Path, make_held: Callable[[int], Path]) -> None:
    held = make_held(40)
    with held.open("rb") as file:
        assert read_stats(file).end_tick == 40
    transcode(held, tmp_path / "same.bcd")
    with (tmp_path / "same.bcd").open("rb") as file:
        assert read_stats(file).end_tick == 40


@pytest.fixture
def make_held(stream_bytes: bytes, tmp_path: Path) -> Callable[[int], Path]:
    """The stream of the talking clip with a later end."""

    def make(end_tick: int) -> Path:
        import io

        path = tmp_path / "held.bcd"
        reader = StreamReader(io.BytesIO(stream_bytes))
        with path.open("wb") as file:
            writer = StreamWriter(file)
            writer.write_header(reader.header)
            for packet in reader:
                writer.write(packet)
            writer.finish(end_tick)
        return path

    return make


def test_a_hostile_end_is_one_more_frame(make_held: Callable[[int], Path], tiny_weights: Path, tmp_path: Path) -> None:
    held, video = make_held(2**31), tmp_path / "a.mkv"
    decoded = decode_file(held, video, model=CodecModel.load(tiny_weights, device="cpu"))
    assert decoded.frames == 26 and video.stat().st_size < 1_000_000
