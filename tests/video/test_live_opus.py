"""Opus for calls: samples in, packets, samples again, and what replaces lost ones."""

import numpy as np
import pytest

from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.video.audio import opus_samples
from bcdcodec.video.live_opus import OpusDecoder, OpusEncoder


def speech(seconds: float = 2.0) -> np.ndarray:
    """Something with a pitch that moves, in syllables."""
    time_s = np.arange(int(48_000 * seconds)) / 48_000
    phase = 2 * np.pi * 150 * time_s + 4 * np.sin(2 * np.pi * 3 * time_s)
    voice = np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(5 * phase)
    return (0.2 * voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time_s))).astype(np.float32)[None]


@pytest.mark.parametrize("frame_ms", [20, 40, 60])
def test_packets_follow_each_other_whatever_the_pushes(frame_ms: int) -> None:
    encoder, samples, packets = OpusEncoder(frame_ms=frame_ms), speech(), []
    for start in range(0, samples.shape[1], 700):
        packets += encoder.push(samples[:, start : start + 700])
    assert [packet.tick for packet in packets] == list(range(0, 100 - frame_ms // 20 + 1, frame_ms // 20))
    assert {opus_samples(packet.data) for packet in packets} == {48 * frame_ms}
    assert sum(len(packet.data) for packet in packets) * 8 / 2 < 8000


def test_decoded_samples_are_like_the_source() -> None:
    encoder, decoder, samples = OpusEncoder(bitrate=32_000, frame_ms=20), OpusDecoder(), speech()
    decoded = np.concatenate([decoder.decode(packet.data) for packet in encoder.push(samples)], axis=1)
    skip = encoder.track.pre_skip
    assert np.corrcoef(decoded[0, skip:], samples[0, : decoded.shape[1] - skip])[0, 1] > 0.7


def test_the_next_packet_replaces_a_lost_one_better_than_what_was_before() -> None:
    packets = OpusEncoder(bitrate=24_000, frame_ms=20).push(speech(4.0))
    whole = OpusDecoder()
    expected = [whole.decode(packet.data) for packet in packets]
    errors = {"in band": 0.0, "made up": 0.0, "silence": 0.0}
    for kind in errors:
        decoder = OpusDecoder()
        for index, packet in enumerate(packets[:-1]):
            if index % 5 != 4:
                decoder.decode(packet.data)
                continue
            following = packets[index + 1].data if kind == "in band" else None
            made = decoder.conceal(960, following) if kind != "silence" else np.zeros((1, 960), np.float32)
            errors[kind] += float(np.square(made - expected[index]).sum())
    assert errors["in band"] < errors["silence"]
    assert errors["made up"] < errors["silence"]


def test_at_6_kbps_there_is_no_redundancy_in_packets() -> None:
    packets = OpusEncoder(bitrate=6000, frame_ms=60).push(speech())
    with_next, without = OpusDecoder(), OpusDecoder()
    for packet in packets[:10]:
        with_next.decode(packet.data)
        without.decode(packet.data)
    assert np.array_equal(with_next.conceal(2880, packets[11].data), without.conceal(2880))


def test_malformed_packets_are_refused() -> None:
    with pytest.raises(BitstreamError, match="Opus packet of 2 bytes is malformed"):
        OpusDecoder().decode(b"\xff\xff")
    assert not OpusDecoder().conceal(960, b"\xff\xff").any()


def test_other_values_are_refused() -> None:
    with pytest.raises(ConfigError, match="audio bitrate is 100 bit/s"):
        OpusEncoder(bitrate=100)
    with pytest.raises(ConfigError, match="audio frame is 30 ms"):
        OpusEncoder(frame_ms=30)
    with pytest.raises(ConfigError, match="samples are"):
        OpusEncoder().push(np.zeros((2, 10), np.float32))
