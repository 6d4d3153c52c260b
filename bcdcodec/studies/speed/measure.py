"""Time of a clip's stages: encoding, and decoding by each preset, on one core and on two."""

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bcdcodec.codec.decode.file import decode_file
from bcdcodec.codec.decode.presets import PRESETS, preset_sampling
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.model import CodecModel
from bcdcodec.studies.speed.stage_clock import StageClock
from bcdcodec.studies.speed.stages import DECODING, ENCODING
from bcdcodec.video.still import forget_encodings

#: Products of square matrices of this side, that times are compared with across machines.
YARDSTICK_PRODUCTS, YARDSTICK_SIDE = 50, 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Milliseconds a frame of every stage of a job. cores: on one they are of the processor, on more of the clock."""

    job: str
    cores: int
    frames: int
    frame_rate: float
    stages: dict[str, float]

    @property
    def whole(self) -> float:
        """Milliseconds a frame of the whole job."""
        return sum(self.stages.values())


def profile_clip(model: CodecModel, clip: Path, folder: Path) -> Iterator[Profile]:
    """Profile all jobs of a clip, whose stream and decoded video are put into a folder. Raises what they raise."""
    stream, video = folder / "talk.bcd", folder / "talk.mp4"
    for cores in (1, 2):
        forget_encodings()
        with limited_cores(cores):
            with StageClock(ENCODING, time.process_time if cores == 1 else time.perf_counter) as clock:
                coded = encode_file(clip, stream, model=model, background=True)
            frames = sum(shot.frames for shot in coded.shots)
            yield _profile("encode", cores, clock, frames, frames / coded.duration_s)
            for preset in PRESETS:
                settings = DecodeSettings(sampling=preset_sampling(model.config, preset))
                with StageClock(DECODING, time.process_time if cores == 1 else time.perf_counter) as clock:
                    shown = decode_file(stream, video, model=model, settings=settings, paste_back=True)
                yield _profile(f"decode, {preset}", cores, clock, shown.frames, float(shown.frame_rate))


def _profile(job: str, cores: int, clock: StageClock, frames: int, frame_rate: float) -> Profile:
    stages = {name: round(1000 * seconds / frames, 3) for name, seconds in clock.seconds.items()}
    return Profile(job=job, cores=cores, frames=frames, frame_rate=frame_rate, stages=stages)


@contextlib.contextmanager
def limited_cores(count: int) -> Iterator[None]:
    """Use so many cores within the block: threads of torch, and where the system allows it of all else."""
    threads = torch.get_num_threads()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
    torch.set_num_threads(count)
    if len(allowed) > count:
        os.sched_setaffinity(0, sorted(allowed)[:count])
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if len(allowed) > count:
            os.sched_setaffinity(0, allowed)


def yardstick_ms() -> float:
    """Milliseconds of one core for a fixed task."""
    matrix = np.random.default_rng(0).normal(size=(YARDSTICK_SIDE, YARDSTICK_SIDE)).astype(np.float32)
    tensor = torch.from_numpy(matrix)
    with limited_cores(1):
        started = time.process_time()
        for _ in range(YARDSTICK_PRODUCTS):
            tensor = torch.tanh(tensor @ tensor)
        return 1000 * (time.process_time() - started)
