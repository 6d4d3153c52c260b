"""Whole files against their bitrate: two passes, half the frames, shots."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video import VideoStream

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.file import decode_file
from bcdcodec.codec.encode import planner
from bcdcodec.codec.encode.file import EncodeResult, encode_file
from bcdcodec.codec.encode.job import EncodeJob
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.references import PlannedPicture, ReferencePlan
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError, RateError
from bcdcodec.frame import CropBox
from bcdcodec.ratecontrol.bucket import LeakyBucket
from bcdcodec.ratecontrol.plan import RatePlan
from bcdcodec.ratecontrol.stats import FirstPassStats, PacketCost
from bcdcodec.ratecontrol.timeline import Timeline
from bcdcodec.ratecontrol.tuning import RateTuning
from bcdcodec.video import audio as audio_module
from bcdcodec.video import reader as reader_module
from bcdcodec.video.shots import Shot, halve_frame_rate
from bcdcodec.video.source import MediaSource

Encode = Callable[..., tuple[EncodeResult, Path]]


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of two patterns that move, with a cut after five, 96x96 at 12.5 fps."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    rng = np.random.default_rng(1)
    patterns = [
        np.kron(rng.integers(0, 256, (12, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8) // (1 + shot) for shot in (0, 1)
    ]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25, 2), options={"crf": "15"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        for index in range(150):
            step = round(6 * np.sin(index / 6))
            pixels = np.ascontiguousarray(np.roll(patterns[index >= 63], step, axis=1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def encode(model: CodecModel, long_clip: Path, tmp_path: Path) -> Encode:
    def run(**settings: object) -> tuple[EncodeResult, Path]:
        target = tmp_path / "long.bcd"
        given = EncodeSettings(**settings)  # type: ignore[arg-type]
        result = encode_file(long_clip, target, model=model, settings=given, crop=False, audio_bitrate=None)
        return result, target

    return run


@pytest.mark.parametrize("bitrate", [2500, 4000])
@pytest.mark.parametrize("bucket_s", [1.0, None])
def test_a_file_keeps_to_its_bitrate_at_every_moment(encode: Encode, bitrate: int, bucket_s: float | None) -> None:
    result, target = encode(bitrate=bitrate, bucket_s=bucket_s)
    assert len(result.shots) == 2
    assert 8 * target.stat().st_size == result.stats.total_bits <= bitrate * result.duration_s
    with target.open("rb") as file:
        reader = StreamReader(file, keep_packets=True)
        assert len(list(reader)) > 4
    if bucket_s is not None:
        fills = Timeline.of_packets(reader.stats.packets, reader.header.video.frame_rate).fill(
            LeakyBucket(bitrate, bucket_s)
        )[1]
        assert max(fills) <= bitrate * bucket_s


@pytest.mark.parametrize("bitrate", [1500, 4000])
def test_packed_codes_keep_to_the_bitrate_of_the_whole_file(encode: Encode, bitrate: int) -> None:
    result, target = encode(bitrate=bitrate, mode=CodingMode.PACKED)
    assert 0.95 * bitrate * result.duration_s < result.stats.total_bits <= bitrate * result.duration_s
    assert result.skipped_frames == 0
    with target.open("rb") as file:
        coding = StreamReader(file).header.coding
    assert coding.mode is CodingMode.PACKED
    assert result.stats.motion_bits >= 150 * coding.groups * coding.bits_per_code


def test_packed_codes_that_do_not_fit_are_refused_with_the_least_that_can_be(encode: Encode) -> None:
    with pytest.raises(RateError, match="is the least") as caught:
        encode(bitrate=700, mode=CodingMode.PACKED, frame_rate=Fraction(25, 2))
    least = int(str(caught.value).split("about ")[1].split()[0])
    result, _ = encode(bitrate=least + 60, mode=CodingMode.PACKED, frame_rate=Fraction(25, 2), bucket_s=None)
    assert result.stats.total_bits <= (least + 60) * result.duration_s


def test_packed_codes_without_room_come_at_half_of_the_frames(model: CodecModel) -> None:
    rate, codes = model.frame_rate, model.config.group_counts[-1]
    needed = float(codes * model.config.quantizer.bits_per_code * rate)
    tight = EncodeSettings(mode=CodingMode.PACKED, groups=codes, bitrate=needed)
    assert tight.for_file(model) == replace(tight, frame_rate=rate / 2)
    roomy = replace(tight, bitrate=1.3 * needed)
    assert roomy.for_file(model) is roomy
    for refused in (replace(tight, frame_rate=rate), replace(tight, bitrate=needed / 2)):
        with pytest.raises(RateError, match="beside all pictures"):
            refused.for_file(model)
    with pytest.raises(ConfigError, match="packet_windows is 0"):
        replace(tight, packet_windows=0).for_file(model)


def test_a_file_that_came_out_too_small_is_coded_again_with_larger_pictures(
    encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan that keeps far too much for motion leaves bits unused."""
    bitrate = 4000
    tuning = RateTuning(planned_motion_ratio=2.0, reference_share=0.0)
    again, _ = encode(bitrate=bitrate, tuning=tuning)
    monkeypatch.setattr(RatePlan, "enlarged", lambda self, bits: None)
    once, _ = encode(bitrate=bitrate, tuning=tuning)
    assert once.stats.total_bits < 0.99 * bitrate * once.duration_s
    assert once.stats.total_bits < again.stats.total_bits <= bitrate * again.duration_s
    assert once.stats.content_bits < again.stats.content_bits


def test_a_low_bitrate_halves_the_frames_and_the_decoder_paints_them_all(
    encode: Encode, model: CodecModel, tmp_path: Path
) -> None:
    with pytest.raises(RateError) as caught:
        encode(bitrate=500)
    least = int(str(caught.value).split("about ")[1].split()[0])  # at half the frames
    result, target = encode(bitrate=least + 60, bucket_s=None)
    with target.open("rb") as file:
        assert StreamReader(file).header.video.frame_rate == model.frame_rate / 2
    assert result.stats.motion_frames == 75
    decoded = decode_file(target, tmp_path / "long.mp4", model=model)
    assert decoded.frame_rate == model.frame_rate
    assert 75 * 2 - 4 <= decoded.frames <= 75 * 2


def test_a_low_bitrate_takes_fewer_codes_a_frame(encode: Encode) -> None:
    """All where they get most of what they need, the fewest where nothing else does; what was asked for stays."""

    def groups(**settings: object) -> int:
        _, target = encode(bucket_s=None, **settings)
        with target.open("rb") as file:
            return StreamReader(file).header.coding.groups

    assert groups(bitrate=16_000) == 32
    assert groups(bitrate=1700) == 16
    assert groups(bitrate=1300) == 8
    assert groups(bitrate=1700, groups=32) == 32 and groups(bitrate=16_000, groups=16) == 16
    assert groups(bitrate=1700, tuning=RateTuning(min_codes_ratio=0.0)) == 32
    assert groups(bitrate=16_000, tuning=RateTuning(min_codes_ratio=99.0)) == 8


def test_codes_that_were_chosen_stay_when_there_are_more_references(
    model: CodecModel, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second first pass, with more references, says nothing new of how many codes a frame there is room for."""
    rate, frames, asked = model.frame_rate, 1500, list[tuple[tuple[int, ...], int]]()
    chosen = ReferencePlan({0}, {0: PlannedPicture(9, 0, 0), 800: PlannedPicture(805, 1, 0)}, {})

    def pretend(  # type: ignore[no-untyped-def]
        job: object,
        shots: object,
        plan: EncodePlan,
        *,
        group_counts: tuple[int, ...],
        **_: object,
    ):
        pictures = (0,) if plan.references is None else tuple(plan.references.pictures)
        asked.append((group_counts, len(pictures)))
        bits_a_frame = {32: 160, 16: 40}
        counts = group_counts if len(group_counts) == 1 else [*bits_a_frame]
        return [
            (
                model.coder(CodingMode.CODED, groups),
                FirstPassStats(
                    frame_rate=rate,
                    shots=(0,),
                    references=pictures,
                    frames=frames,
                    packets=tuple(
                        PacketCost(start, min(16, frames - start), 16 * bits_a_frame[groups], 200)
                        for start in range(0, frames, 16)
                    ),
                    header_bits=600,
                    target_bits=20_000,
                    reference_bits=None,
                ),
            )
            for groups in counts
        ]

    monkeypatch.setattr(planner, "run_first_pass", pretend)
    monkeypatch.setattr(planner._Planner, "_choose_references", lambda *_: chosen)
    shots = [Shot(start=0, frames=frames, box=CropBox(x=0, y=0, size=8), faces=1, has_face=True)]
    with MediaSource(long_clip, rate) as source:
        job = EncodeJob(source, model, EncodeSettings(bitrate=1500), False, lambda *_: None)
        found, _ = planner.plan_encode(job, shots, EncodePlan.of_settings(model, job.settings))
    assert found.groups == 16 and found.rate is not None and found.references is chosen
    assert [reference.start for reference in found.rate.references] == [0, 800]
    assert asked == [(model.config.group_counts, 1), ((16,), 2)]


def test_a_frame_rate_that_was_asked_for_stays(encode: Encode, model: CodecModel) -> None:
    with pytest.raises(RateError, match="is the least") as caught:
        encode(bitrate=500, frame_rate=model.frame_rate)
    least = int(str(caught.value).split("about ")[1].split()[0])
    _, target = encode(bitrate=least + 40, frame_rate=model.frame_rate, bucket_s=None)
    with target.open("rb") as file:
        assert StreamReader(file).header.video.frame_rate == model.frame_rate


def test_half_of_every_shot() -> None:
    box = CropBox(x=0, y=0, size=8)

    def shot(start: int, frames: int) -> Shot:
        return Shot(start=start, frames=frames, box=box, faces=1, has_face=True)

    found = halve_frame_rate([shot(0, 5), shot(5, 1), shot(6, 4)])
    assert [(part.start, part.frames) for part in found] == [(0, 3), (3, 2)]


@pytest.mark.parametrize("bitrate", [1700, 4000, 8000])
def test_the_source_is_decoded_twice_and_opened_once_more_for_audio(
    encode: Encode, monkeypatch: pytest.MonkeyPatch, bitrate: int
) -> None:
    opened, passes = list[object](), list[object]()
    real_open, real_frames = reader_module.open_media, MediaSource.open_frames
    for module in (reader_module, audio_module):
        monkeypatch.setattr(module, "open_media", lambda source: opened.append(source) or real_open(source))
    monkeypatch.setattr(
        MediaSource, "open_frames", lambda self, rate=None: passes.append(rate) or real_frames(self, rate)
    )
    encode(bitrate=bitrate)
    # For shots, and by the first pass, whose frames the later ones find in the store.
    assert len(passes) == 2
    assert len(opened) <= len(passes) + 1


def test_settings_of_a_call_are_refused(model: CodecModel, long_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in windows"):
        encode_file(long_clip, tmp_path / "a.bcd", model=model, settings=EncodeSettings.live(), crop=False)
    assert not (tmp_path / "a.bcd").exists()
