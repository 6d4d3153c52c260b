"""Sound in, Opus packets on the picture's clock out."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from media_kit import MakeVideo, gray, tone

from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.video.audio import SAMPLE_RATE, OpusPacket, OpusReader, OpusTrack


def heard(packets: list[OpusPacket], track: OpusTrack) -> Any:
    """Decode packets as a player does: one after the other, `pre_skip` samples dropped."""
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = SAMPLE_RATE, track.layout
    parts = []
    for packet in packets:
        for frame in decoder.decode(av.Packet(packet.data)):
            parts.append(frame.to_ndarray().reshape(-1, track.channels).T.astype(np.float32))
    samples = np.concatenate(parts, axis=1)
    return samples[:, track.pre_skip :] / (1 if np.abs(samples).max() <= 2 else 32768)


def span(samples: Any) -> tuple[float, float]:
    """Where the tone is, in seconds."""
    loud = np.nonzero(np.abs(samples[0]) > 0.15)[0]
    return loud[0] / SAMPLE_RATE, loud[-1] / SAMPLE_RATE


def read(path: Path, **options: Any) -> tuple[list[OpusPacket], OpusTrack]:
    with OpusReader(path, **options) as reader:
        return list(reader), reader.track


@pytest.mark.parametrize(("rate", "channels", "codec"), [(48000, 1, "aac"), (44100, 2, "aac"), (11025, 1, "pcm_s16le")])
def test_tone_stays_where_it_is(make_video: MakeVideo, rate: int, channels: int, codec: str) -> None:
    sound = tone(0.5, 0.8, 1.2, rate=rate, channels=channels)
    path = make_video([gray(50)] * 30, "a.mkv", sound=sound, sound_rate=rate, sound_codec=codec)
    packets, track = read(path, bitrate=16000)
    assert [packet.tick for packet in packets] == list(range(0, 3 * len(packets), 3))
    assert 1.2 <= len(packets) * 0.06 < 1.4
    assert span(heard(packets, track)) == pytest.approx((0.5, 0.8), abs=0.025)


def test_late_sound_is_preceded_by_silence(make_video: MakeVideo) -> None:
    path = make_video([gray(50)] * 50, "late.mkv", sound=tone(0, 0.3, 0.5), sound_codec="pcm_s16le", sound_delay_s=0.7)
    packets, track = read(path)
    assert packets[0].tick == 0
    assert span(heard(packets, track)) == pytest.approx((0.7, 1.0), abs=0.025)


def test_sound_before_the_first_picture_is_cut(make_video: MakeVideo) -> None:
    path = make_video([gray(50)] * 30, "early.mkv", sound=tone(0.5, 0.8, 1.2), sound_codec="pcm_s16le")
    packets, track = read(path, start_time=Fraction(1, 4))
    assert span(heard(packets, track)) == pytest.approx((0.25, 0.55), abs=0.025)


def test_bitrate_and_frame_length(make_video: MakeVideo) -> None:
    rng = np.random.default_rng(1)
    sound = (0.2 * rng.standard_normal((1, 4 * SAMPLE_RATE))).astype(np.float32)
    path = make_video([gray(50)] * 100, "noise.mkv", sound=sound, sound_codec="pcm_s16le")
    for frame_ms, ticks in ((60, 3), (20, 1)):
        packets, _ = read(path, frame_ms=frame_ms)
        assert packets[1].tick == ticks
        seconds = len(packets) * frame_ms / 1000
        assert sum(len(packet.data) for packet in packets) * 8 / seconds <= 6600


def test_stereo_is_kept_on_request(make_video: MakeVideo) -> None:
    sound = tone(0.1, 0.4, 0.5, channels=2)
    sound[1] = 0
    path = make_video([gray(50)] * 12, "s.mkv", sound=sound, sound_codec="pcm_s16le")
    packets, track = read(path, channels=2, bitrate=64000)
    left, right = heard(packets, track)
    assert track == OpusTrack(channels=2, pre_skip=312, bitrate=64000)
    assert np.abs(left).max() > 5 * np.abs(right).max()


def test_silent_file_and_bad_options(make_video: MakeVideo) -> None:
    path = make_video([gray(50)] * 3)
    with pytest.raises(VideoError, match="no audio"):
        OpusReader(path)
    for options in ({"bitrate": 100}, {"frame_ms": 30}, {"channels": 6}):
        with pytest.raises(ConfigError, match="allowed"):
            OpusReader(path, **options)


@pytest.mark.parametrize(
    ("layout", "levels", "level"),
    [
        ("mono", (0.95,), 0.95),
        ("stereo", (0.95, 0.95), 0.95),
        ("stereo", (0.9, 0.0), 0.45),
        ("5.1", (0.5,) * 6, 0.5),
        ("5.1", (0.95,) * 6, 0.95),
    ],
)
def test_channels_are_mixed_within_their_range(
    tmp_path: Path, layout: str, levels: tuple[float, ...], level: float
) -> None:
    rate, path = 44100, tmp_path / "a.mkv"
    wave = np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    packed = np.stack([round(32767 * one) * wave for one in levels], 1).astype(np.int16).reshape(1, -1)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    with OpusReader(path) as reader:
        samples = np.concatenate([part for part, _ in reader._resampled()], 1)
    assert samples.shape[0] == 1 and abs(samples.shape[1] - SAMPLE_RATE) <= 64
    assert np.abs(samples).max() == pytest.approx(level, abs=2e-3)
    spectrum = np.abs(np.fft.rfft(samples[0, 4800:43200]))
    assert spectrum[3 * 352] < 1e-3 * spectrum[352]  # no third harmonic: nothing clips
