"""Any file in, upright frames at the codec's rate out."""

import io
import logging
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media_kit import MakeVideo, gray, level_of, textured, tone, turn_tag

from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.video import reader as reader_module
from bcdcodec.video.lossless import write_lossless
from bcdcodec.video.reader import VideoReader, read_clip

HALF = Fraction(25, 2)


def levels(source: Any, rate: Fraction) -> list[int]:
    with VideoReader(source, rate) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert all(frame.pixels.flags.c_contiguous for frame in frames)
    return [round((level_of(frame) - 40) / 8) for frame in frames]


def ramp(count: int) -> list[Any]:
    return [gray(40 + 8 * at) for at in range(count)]


def test_same_rate_gives_every_frame(make_video: MakeVideo) -> None:
    assert levels(make_video(ramp(10)), Fraction(25)) == list(range(10))


def test_half_rate_takes_exact_frames(make_video: MakeVideo) -> None:
    assert levels(make_video(ramp(11)), HALF) == [0, 2, 4, 6, 8, 10]


def test_double_rate_repeats(make_video: MakeVideo) -> None:
    assert levels(make_video(ramp(3), rate=HALF), Fraction(25)) == [0, 0, 1, 1, 2, 2]


def test_nearest_frame_is_taken(make_video: MakeVideo) -> None:
    # Ticks at 0, 80, 160, 240 ms; frames every 33.3 ms: 80 is nearest to 66.7, 160 to 166.7, 240 to 233.3.
    assert levels(make_video(ramp(9), rate=30), HALF) == [0, 2, 5, 7]


def test_variable_rate_holds_until_half_a_tick_before_the_next(make_video: MakeVideo) -> None:
    path = make_video(ramp(4), "vfr.mkv", pts=[0, 1, 11, 12])  # 0, 40, 440, 480 ms
    assert levels(path, HALF) == [0, 1, 1, 1, 1, 2, 3]


def test_first_picture_is_time_zero(make_video: MakeVideo) -> None:
    path = make_video(ramp(6), "late.mkv", pts=list(range(50, 56)))
    with VideoReader(path, Fraction(25)) as reader:
        assert reader.start_time == 2
    assert levels(path, Fraction(25)) == list(range(6))


def test_no_drift_over_many_frames(make_video: MakeVideo) -> None:
    path = make_video([gray(90, 16, 16)] * 3000, rate=Fraction(30000, 1001))  # 100.1 s
    with VideoReader(path, HALF) as reader:
        assert sum(1 for _ in reader) == 1252  # ticks below 100.1 s


def test_raw_stream_without_timestamps(make_video: MakeVideo) -> None:
    assert levels(make_video(ramp(9), "raw.h264"), HALF) == [0, 2, 4, 6, 8]


def test_clock_that_jumps_is_closed_up(make_video: MakeVideo, caplog: pytest.LogCaptureFixture) -> None:
    path = make_video(ramp(4), "jump.mkv", pts=[0, 1, 50_000, 50_001])  # 33 minutes
    with caplog.at_level(logging.WARNING):
        assert levels(path, Fraction(25)) == [0, 1, 2, 3]
    assert "jump" in caplog.text


@pytest.mark.parametrize(
    ("matrix", "turns", "mirrored"),
    [
        ((1, 0, 0, 1), 0, False),
        ((0, 1, -1, 0), 3, False),  # a phone held upright: turn clockwise
        ((-1, 0, 0, -1), 2, False),
        ((0, -1, 1, 0), 1, False),
        ((-1, 0, 0, 1), 0, True),  # a front camera's mirror
    ],
)
def test_rotation_tag_is_applied(
    make_video: MakeVideo, matrix: tuple[int, int, int, int], turns: int, mirrored: bool
) -> None:
    picture = textured(3)
    path = make_video([picture] * 2)
    turn_tag(path, matrix)
    expected = np.rot90(picture[:, ::-1] if mirrored else picture, turns)
    with VideoReader(path, Fraction(25)) as reader:
        assert (reader.height, reader.width) == expected.shape[:2]
        found = next(iter(reader)).pixels
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 6


def test_wide_pixels_are_made_square(make_video: MakeVideo) -> None:
    path = make_video(ramp(2), "wide.mp4", aspect=Fraction(16, 11))
    with VideoReader(path, Fraction(25)) as reader:
        assert (reader.width, reader.height) == (93, 48)
        assert next(iter(reader)).pixels.shape == (48, 93, 3)


@pytest.mark.parametrize(
    ("width", "height", "pix_fmt"), [(33, 17, "yuv420p"), (35, 20, "yuv444p"), (7, 5, "gray"), (31, 22, "bgr0")]
)
def test_odd_sizes_give_dense_rows(make_video: MakeVideo, width: int, height: int, pix_fmt: str) -> None:
    path = make_video([gray(120, width, height)] * 2, "odd.mkv", codec="ffv1", pix_fmt=pix_fmt)
    with VideoReader(path, Fraction(25)) as reader:
        pixels = next(iter(reader)).pixels
    assert pixels.shape == (height, width, 3)
    assert pixels.flags.c_contiguous
    assert abs(float(pixels.mean()) - 120) <= 2


def test_ten_bits(make_video: MakeVideo) -> None:
    path = make_video([textured(5)] * 2, "deep.mkv", codec="ffv1", pix_fmt="yuv422p10le")
    with VideoReader(path, Fraction(25)) as reader:
        pixels = next(iter(reader)).pixels
    assert np.abs(pixels.astype(int) - textured(5)).mean() < 4


MATRICES = {1: (0.2126, 0.0722), 5: (0.299, 0.114)}  # H.273 code point -> weights of red and blue


@pytest.mark.parametrize("matrix", sorted(MATRICES))
@pytest.mark.parametrize("full_range", [False, True])
def test_matrix_and_range_of_the_stream_are_used(make_video: MakeVideo, matrix: int, full_range: bool) -> None:
    color = np.array([200.0, 60.0, 90.0])
    red, blue = MATRICES[matrix]
    luma = red * color[0] + (1 - red - blue) * color[1] + blue * color[2]
    chroma = (color[2] - luma) / (2 - 2 * blue), (color[0] - luma) / (2 - 2 * red)
    scale, base, chroma_scale = (1.0, 0, 1.0) if full_range else (219 / 255, 16, 224 / 255)
    planes = [luma * scale + base, *(value * chroma_scale + 128 for value in chroma)]
    array = np.stack([np.full((32, 32), round(value), np.uint8) for value in planes])
    frame = av.VideoFrame.from_ndarray(array, format="yuv444p")
    frame.colorspace = matrix
    frame.color_range = 2 if full_range else 1
    path = make_video([frame], "tagged.mkv", codec="ffv1", pix_fmt="yuv444p")
    with VideoReader(path, Fraction(25)) as reader:
        found = next(iter(reader)).pixels.reshape(-1, 3).mean(axis=0)
    assert np.abs(found - color).max() <= 3


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), [("a.png", "png", "rgb24"), ("a.jpg", "mjpeg", "yuvj420p")])
@pytest.mark.parametrize("rate", [HALF, Fraction(240)])
def test_still_image_is_one_frame(make_video: MakeVideo, name: str, codec: str, pix_fmt: str, rate: Fraction) -> None:
    path = make_video([textured(1)], name, codec=codec, pix_fmt=pix_fmt, options={"update": "1"})
    with VideoReader(path, rate) as reader:
        assert reader.is_still
        assert reader.duration_s is None
        frames = list(reader)
    assert [frame.index for frame in frames] == [0]
    assert np.abs(frames[0].pixels.astype(int) - textured(1)).mean() < 8


def test_file_object_and_properties(make_video: MakeVideo) -> None:
    path = make_video(ramp(10), sound=tone(0, 0.1, 0.4))
    with VideoReader(io.BytesIO(path.read_bytes()), HALF) as reader:
        assert reader.has_audio
        assert reader.source_rate == 25
        assert reader.duration_s == pytest.approx(0.4, abs=0.05)
        assert len(list(reader)) == 5
        with pytest.raises(VideoError, match="one pass"):
            next(iter(reader))


@pytest.mark.parametrize("left", [0.6, 0.8, 0.97])
@pytest.mark.parametrize("count", [40, 200])
def test_a_cut_file_is_told_however_little_is_gone(
    left: float, count: int, make_video: MakeVideo, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_video([textured(at) for at in range(count)], options={"movflags": "faststart"})
    whole = path.read_bytes()
    with caplog.at_level(logging.WARNING), VideoReader(path, HALF) as reader:
        assert sum(1 for _ in reader) == count / 2
    assert not caplog.text
    path.write_bytes(whole[: round(len(whole) * left)])
    with caplog.at_level(logging.WARNING), VideoReader(path, HALF) as reader:
        assert sum(1 for _ in reader) < count / 2
    assert "announces" in caplog.text


@pytest.mark.parametrize("name", ["late.mkv", "late.mp4", "late.ts"])
def test_a_clock_that_starts_late_is_no_damage(
    name: str, make_video: MakeVideo, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_video([textured(at) for at in range(50)], name, pts=[*range(1000, 1050)])
    with caplog.at_level(logging.WARNING), VideoReader(path, Fraction(25)) as reader:
        assert abs(sum(1 for _ in reader) - 50) <= 1
    assert not caplog.text


def test_cut_file_gives_what_is_left_and_a_warning(make_video: MakeVideo, caplog: pytest.LogCaptureFixture) -> None:
    noisy = [textured(at) for at in range(100)]
    path = make_video(noisy, "cut.mp4", options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING), VideoReader(path, Fraction(25)) as reader:
        count = sum(1 for _ in reader)
    assert 20 <= count < 80
    assert "announces" in caplog.text


def test_damage_in_the_middle_is_survived(make_video: MakeVideo) -> None:
    path = make_video([textured(at) for at in range(60)], "holes.mp4")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + len(data) // 3
    data[start : start + 2000] = bytes(2000)
    path.write_bytes(data)
    with VideoReader(path, Fraction(25)) as reader:
        assert sum(1 for _ in reader) >= 55


def test_a_file_that_breaks_gives_every_frame_before(make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "MAX_DAMAGED_PACKETS", 3)
    path = make_video([textured(at) for at in range(20)], "broken.mov", codec="png", pix_fmt="rgb24")
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data)) if data[at : at + 8] == b"\x89PNG\r\n\x1a\n"]
    for start in starts[12:]:
        data[start : start + 64] = bytes(64)
    path.write_bytes(data)
    count = 0
    with pytest.raises(VideoError, match="3 damaged packets in a row"), VideoReader(path, Fraction(25)) as reader:
        for _ in reader:
            count += 1
    assert count == 12


def test_index_of_the_file_cut_off(make_video: MakeVideo) -> None:
    path = make_video(ramp(10))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(VideoError, match=r"source\.mp4"):
        VideoReader(path, HALF)


@pytest.mark.parametrize("content", [b"", b"just text, no media\n" * 50, bytes(range(256)) * 40])
def test_not_media(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(VideoError) as caught:
        VideoReader(path, HALF)
    assert "\n" not in str(caught.value)


def test_missing_file_folder_and_rate(tmp_path: Path, make_video: MakeVideo) -> None:
    with pytest.raises(VideoError, match="no such file"):
        VideoReader(tmp_path / "none.mp4", HALF)
    with pytest.raises(VideoError, match="folder"):
        VideoReader(tmp_path, HALF)
    with pytest.raises(ConfigError, match="above 0"):
        VideoReader(make_video(ramp(1)), Fraction(0))


def test_sound_alone_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(VideoError, match="no video stream"):
        VideoReader(path, HALF)


def test_a_recording_that_starts_inside_a_group_of_pictures_is_read_from_its_key_frame(
    make_video: MakeVideo, tmp_path: Path
) -> None:
    """Three hundred pictures that nothing can be made of, and then a hundred."""
    pictures = [gray(40 + index % 7) for index in range(301)] + [gray(200)] * 100
    whole, cut = make_video(pictures, "whole.mkv", codec="mpeg2video"), tmp_path / "cut.ts"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        keys = 0
        for packet in source.demux(video=0):
            if packet.dts is None:
                continue
            keys += packet.is_keyframe
            if not packet.is_keyframe or packet.pts > 301 * 40:
                packet.stream = stream
                target.mux(packet)
    with VideoReader(cut, Fraction(25)) as reader:
        frames = list(reader)
    assert 80 <= len(frames) <= 101 and level_of(frames[-1]) == pytest.approx(200, abs=3)


def test_playlist_does_not_reach_the_network(tmp_path: Path) -> None:
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError):
        VideoReader(path, HALF)


def test_photo_with_an_orientation_tag_is_upright(make_video: MakeVideo) -> None:
    """EXIF orientation 6: the camera was turned, show it turned clockwise."""
    path = make_video([textured(3)], "photo.jpg", codec="mjpeg", pix_fmt="yuvj420p", options={"update": "1"})
    entry = struct.pack(">HHHIHHI", 1, 0x112, 3, 1, 6, 0, 0)  # one entry: tag, type short, count, value
    segment = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08" + entry
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:])
    with VideoReader(path, HALF) as reader:
        assert (reader.width, reader.height) == (48, 64)
        found = next(iter(reader)).pixels
    assert np.abs(found.astype(int) - np.rot90(textured(3), 3)).mean() < 8


def test_frames_are_centerd_squares_in_order(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 64, 96, 3), np.uint8)
    write_lossless(tmp_path / "wide.mkv", frames, rate=Fraction(25, 2))
    found = np.stack(list(read_clip(tmp_path / "wide.mkv", rate=Fraction(25, 2), pixels=64)))
    assert np.array_equal(found, frames[:, :, 16:80])
