"""Clips for the benchmarks of calls: one that is looped, with the sound of a made-up voice."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from bcdcodec.video.audio import SAMPLE_RATE
from bcdcodec.video.reader import read_clip

RATE, SIDE = Fraction(25), 256
#: Seconds of a clip that are looped at most.
MOST_S = 20
#: Centres of formants in Hz, their widths and heights.
FORMANTS = (((300, 800), 80, 1.0), ((900, 2200), 120, 0.6), ((2300, 3000), 200, 0.3))
NOISE = 1e-4


def looped_clip(source: Path, target: Path, seconds: int) -> Path:
    """Write a clip forwards and backwards for some seconds, with a made-up voice; returns the target."""
    pictures = list(itertools.islice(read_clip(source, rate=RATE, pixels=SIDE), MOST_S * int(RATE)))
    order = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    sound, samples = voice(seconds), int(SAMPLE_RATE / RATE)
    with av.open(str(target), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "16", "preset": "veryfast"})
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        assert isinstance(video, VideoStream)
        assert isinstance(audio, AudioStream)
        video.width, video.height, video.pix_fmt = SIDE, SIDE, "yuv420p"
        for index in range(seconds * int(RATE)):
            picture = av.VideoFrame.from_ndarray(pictures[order[index % len(order)]], format="rgb24")
            picture.pts, picture.time_base = index, 1 / RATE
            container.mux(video.encode(picture))
            chunk = np.ascontiguousarray(sound[None, index * samples : (index + 1) * samples])
            frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, index * samples, Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return target


def voice(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Samples of syllables, pulses through formants and bursts of noise, in phrases with pauses; a fifth is pause."""
    rng = np.random.default_rng(seed)
    out, at = rng.normal(size=int(seconds * SAMPLE_RATE)) * NOISE, 0
    while at < len(out):
        for _ in range(int(rng.integers(4, 10))):
            if rng.random() < 0.4:  # a fricative
                at = _put(out, at, np.diff(rng.normal(size=int(0.06 * SAMPLE_RATE))) * 0.08)
            at = _put(out, at, 0.5 * _syllable(rng))
        at += int(rng.uniform(0.3, 0.9) * SAMPLE_RATE)
    return out.astype(np.float32)


def _syllable(rng: np.random.Generator) -> NDArray[np.float64]:
    count = int(rng.uniform(0.12, 0.28) * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    pitch = rng.uniform(95, 140) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(2, 5) * time))
    pulses = np.diff(np.floor(np.cumsum(pitch) / SAMPLE_RATE), prepend=0) + 0.02 * rng.normal(size=count)
    hertz = np.fft.rfftfreq(2 * count, 1 / SAMPLE_RATE)
    gain = sum(high / (1 + ((hertz - rng.uniform(*center)) / width) ** 2) for center, width, high in FORMANTS)
    spoken = np.fft.irfft(np.fft.rfft(pulses, 2 * count) * gain)[:count]
    spoken *= np.sin(np.pi * np.arange(count) / count) ** 0.5
    return np.asarray(spoken / max(1e-9, float(np.abs(spoken).max())))


def _put(out: NDArray[np.float64], at: int, samples: NDArray[np.float64]) -> int:
    """Add samples at a place; returns the place behind them."""
    end = min(len(out), at + len(samples))
    out[at:end] += samples[: max(0, end - at)]
    return at + len(samples)
