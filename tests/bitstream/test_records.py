"""Records inside header sections (spec section 3): frozen bytes and refused values."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.bitstream.records import (
    AudioCodec,
    AudioInfo,
    CodingInfo,
    CodingMode,
    ContentCoding,
    ContentRecord,
    VideoInfo,
)
from bcdcodec.errors import BitstreamError, TruncatedError

VIDEO = VideoInfo(width=640, height=480, model_pixels=256, rate_num=25, rate_den=2, cropped=True)
CODING = CodingInfo(mode=CodingMode.PACKED, groups=4, bits_per_code=5, seed=7, window_frames=16, context_frames=4)
CONTENT = ContentRecord(x=-8, y=24, size=300, coding=ContentCoding.PICTURE, data=b"\x0a\x0b\x0c")
AUDIO = AudioInfo(codec=AudioCodec.OPUS, channels=1, sample_rate=48000, pre_skip=312, bitrate=8000, frame_ticks=1)
GOLDEN = [
    (VIDEO, "028001e00100190201"),
    (CODING, "000405000000071004"),
    (CONTENT, "fff80018012c010a0b0c"),
    (dataclasses.replace(CONTENT, number=7, drops=3), "fff80018012c4107030a0b0c"),
    (AUDIO, "01010000bb80013800001f4001"),
]


@pytest.mark.parametrize(("record", "expected"), GOLDEN)
def test_bytes(record: Any, expected: str) -> None:
    assert record.pack().hex() == expected
    assert type(record).unpack(bytes.fromhex(expected)) == record


@pytest.mark.parametrize(("record", "expected"), GOLDEN)
def test_every_cut_is_reported(record: Any, expected: str) -> None:
    packed = bytes.fromhex(expected)
    fixed = len(packed) - (len(record.data) if isinstance(record, ContentRecord) else 0)
    for cut in range(fixed):
        with pytest.raises(TruncatedError):
            type(record).unpack(packed[:cut])


@pytest.mark.parametrize("record", [VIDEO, CODING, AUDIO])
def test_bytes_after_the_end_are_refused(record: Any) -> None:
    with pytest.raises(BitstreamError, match="after its end"):
        type(record).unpack(record.pack() + b"\0")


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (VIDEO, {"width": 0}),
        (VIDEO, {"height": 65536}),
        (VIDEO, {"model_pixels": 128}),
        (VIDEO, {"rate_num": 0}),
        (VIDEO, {"rate_den": 1_000_001}),
        (VIDEO, {"rate_num": 241, "rate_den": 1}),
        (VIDEO, {"rate_num": 1, "rate_den": 11}),
        (CODING, {"mode": 3}),
        (CODING, {"groups": 0}),
        (CODING, {"groups": 256}),
        (CODING, {"bits_per_code": 0}),
        (CODING, {"bits_per_code": 9}),
        (CODING, {"seed": 1 << 32}),
        (CODING, {"window_frames": 65}),
        (CODING, {"context_frames": 16}),
        (CONTENT, {"x": -32769}),
        (CONTENT, {"y": 32768}),
        (CONTENT, {"size": -1}),
        (CONTENT, {"coding": 3}),
        (CONTENT, {"coding": -1}),
        (AUDIO, {"codec": 2}),
        (AUDIO, {"channels": 3}),
        (AUDIO, {"sample_rate": 44100}),
        (AUDIO, {"pre_skip": 65536}),
        (AUDIO, {"bitrate": 0}),
        (AUDIO, {"frame_ticks": 0}),
        (AUDIO, {"frame_ticks": 7}),
    ],
)
def test_values_outside_their_range_are_refused(record: Any, changes: dict[str, int]) -> None:
    with pytest.raises(BitstreamError):
        dataclasses.replace(record, **changes)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (VideoInfo, "028001e00100190202"),  # a flag of a later version
        (VideoInfo, "028001e001009900" + "0201"),  # over-long numerator
        (CodingInfo, "030405000000071004"),
        (ContentRecord, "fff80018012c030a0b0c"),  # a coding of a later version
        (AudioInfo, "02010000bb80013800001f40"),
    ],
)
def test_foreign_bytes_are_refused(kind: Any, text: str) -> None:
    with pytest.raises(BitstreamError):
        kind.unpack(bytes.fromhex(text))


@given(
    st.integers(-32768, 32767),
    st.integers(-32768, 32767),
    st.integers(0, 65535),
    st.sampled_from(ContentCoding),
    st.binary(max_size=40),
)
def test_content_round_trip(x: int, y: int, size: int, coding: ContentCoding, data: bytes) -> None:
    record = ContentRecord(x=x, y=y, size=size, coding=coding, data=data)
    assert ContentRecord.unpack(record.pack()) == record


@given(st.integers(1, 65535), st.sampled_from([64, 256]), st.integers(1, 240), st.integers(1, 10), st.booleans())
def test_video_round_trip(width: int, pixels: int, num: int, den: int, cropped: bool) -> None:
    record = VideoInfo(
        width=width, height=65536 - width, model_pixels=pixels, rate_num=num, rate_den=den, cropped=cropped
    )
    assert VideoInfo.unpack(record.pack()) == record


def test_an_addition_says_its_number_and_what_it_drops() -> None:
    plain, added = CONTENT, dataclasses.replace(CONTENT, number=3, drops=2, parts=1)
    assert len(added.pack()) == len(plain.pack()) + 3
    assert ContentRecord.unpack(added.pack()) == added and ContentRecord.unpack(plain.pack()) == plain
    for number, drops in ((256, 0), (-1, 0), (3, 3), (3, 4), (0, 1)):
        with pytest.raises(BitstreamError, match="reference"):
            dataclasses.replace(plain, number=number, drops=drops)
    with pytest.raises(BitstreamError, match="number of a reference that is added is 0"):
        ContentRecord.unpack(added.pack()[:7] + b"\0" + added.pack()[8:])
