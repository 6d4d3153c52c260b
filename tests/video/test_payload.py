"""Elementary-stream sizes of real encodes: parameter sets once, no messages of the encoder."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_kit import needs
from numpy.typing import NDArray

from bcdcodec.errors import VideoError
from bcdcodec.studies.rate_distortion.baselines import BASELINES, PROFILES, encode_by_binary
from bcdcodec.video.lossless import write_lossless
from bcdcodec.video.payload import START_CODE, obus, payload_bytes, payload_units
from bcdcodec.video.reference_codecs import decode_classical, encode_classical

RATE = Fraction(25, 2)
COUNT = 6


@pytest.fixture
def frames() -> NDArray[np.uint8]:
    """A ramp that moves: [COUNT, 64, 64, 3]."""
    y, x = np.mgrid[:64, :64]
    pictures = [np.stack([3 * x + 40, 255 - 3 * y, (x + y + 8 * t) % 128 + 60], axis=-1) for t in range(COUNT)]
    return np.stack(pictures).astype(np.uint8)


def coded(name: str, profile: str, frames: NDArray[np.uint8], folder: Path) -> Path:
    baseline, path = BASELINES[name], folder / "a.mp4"
    options = baseline.options(profile, 40)
    if baseline.by_binary:
        needs("imageio_ffmpeg")
        write_lossless(folder / "a.mkv", frames, rate=RATE)
        encode_by_binary(folder / "a.mkv", path, side=64, rate=RATE, encoder=baseline.encoder, options=options)
    else:
        encode_classical(path, frames, rate=RATE, encoder=baseline.encoder, options=options)
    return path


def nal_type(name: str, unit: bytes) -> int:
    """Written down anew from the standards: the five or six bits of H.264, H.265 and H.266."""
    first, second = unit[4], unit[5]
    return {"x264": first % 32, "x265": first // 2 % 64, "vvenc": second // 8}[name]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("name", BASELINES)
def test_what_is_counted(name: str, profile: str, frames: NDArray[np.uint8], tmp_path: Path) -> None:
    path = coded(name, profile, frames, tmp_path)
    units = payload_units(path)
    whole = b"".join(units)
    assert payload_bytes(path) == len(whole) < path.stat().st_size
    for text in (b"x264 - core", b"x265 (build", b"options:"):
        assert text not in whole
    if name in ("x264", "x265", "vvenc"):
        assert all(unit.startswith(START_CODE) for unit in units)
        kinds = [nal_type(name, unit) for unit in units]
        delimiters, messages, parameters, pictures = {
            "x264": ({9}, {6}, [7, 8], range(1, 6)),
            "x265": ({35}, {39, 40}, [32, 33, 34], range(32)),
            "vvenc": ({20}, {23, 24}, [15, 16], range(12)),
        }[name]
        assert not {*kinds} & (delimiters | messages)
        for kind in parameters:
            assert kinds.count(kind) == 1, kind
        assert sum(kind in pictures for kind in kinds) == COUNT
    elif name == "vp9":
        with av.open(str(path)) as container:
            assert len(whole) == sum(packet.size for packet in container.demux(video=0))
    else:
        kinds = [unit[0] // 8 % 16 for unit in units]
        assert kinds.count(1) == 1
        assert not {*kinds} & {2, 5, 15}


def test_only_the_text_of_x265_goes(frames: NDArray[np.uint8], tmp_path: Path) -> None:
    """Pictures are the same with the encoder's text and without, and so is what is counted."""
    sizes, shown = [], []
    options = BASELINES["x265"].options(PROFILES[0], 30)
    for text in ("info=0", "info=1"):
        path = tmp_path / f"{text}.mp4"
        given = {**options, "x265-params": options["x265-params"].replace("info=0", text)}
        encode_classical(path, frames, rate=RATE, encoder="libx265", options=given)
        sizes.append((payload_bytes(path), path.stat().st_size))
        shown.append(decode_classical(path, rate=RATE, count=COUNT))
    assert np.array_equal(*shown)
    assert sizes[0][0] == sizes[1][0]
    assert sizes[1][1] > sizes[0][1] + 1500


@pytest.mark.parametrize("name", BASELINES)
def test_low_delay_has_no_picture_wait(name: str, frames: NDArray[np.uint8], tmp_path: Path) -> None:
    with av.open(str(coded(name, "low-delay", frames, tmp_path))) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert len(packets) == COUNT
    assert all(packet.pts == packet.dts for packet in packets)
    assert [packet.pts for packet in packets] == sorted(packet.pts for packet in packets)


def test_units_of_av1() -> None:
    sized, last = bytes([0b0_0001_0_1_0, 3, 1, 2, 3]), bytes([0b0_0110_1_0_0, 0, 9, 9])
    assert list(obus(sized + last)) == [sized, last]
    long = bytes([0b0_0110_0_1_0, 0x80 | 2, 1]) + bytes(130)
    assert list(obus(long + sized)) == [long, sized]
    with pytest.raises(VideoError, match="ends 1 bytes after its packet of 4"):
        list(obus(sized[:4]))
    with pytest.raises(VideoError, match="no size at byte 1"):
        list(obus(bytes([0b0_0001_0_1_0]) + b"\xff" * 9))


def test_other_files_are_refused(tmp_path: Path, frames: NDArray[np.uint8]) -> None:
    (tmp_path / "c.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError, match="cannot be read"):
        payload_bytes(tmp_path / "c.mp4")
    write_lossless(tmp_path / "d.mkv", frames, rate=RATE)
    with pytest.raises(VideoError, match="holds ffv1"):
        payload_bytes(tmp_path / "d.mkv")
