"""Frames a second and memory of decoding by the number of segments side by side, for graphics cards."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bcdcodec.codec.decode.presets import PRESETS, preset_sampling
from bcdcodec.codec.decode.segment import Segment, WindowSettings
from bcdcodec.codec.decode.windows import decode_segments
from bcdcodec.codec.model import CodecModel
from bcdcodec.frame import CropBox
from bcdcodec.model.content import Content
from bcdcodec.model.noise import FrameNoise

#: Segments side by side, and windows of each that are decoded.
BATCHES, WINDOWS = (1, 2, 4, 8, 16, 32), 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Speed of one batch size. peak_mib: most memory of the device at a time; None for a processor."""

    preset: str
    segments: int
    frames_per_second: float
    peak_mib: float | None


def device_name(device: torch.device) -> str:
    """Name of a graphics card, or of the kind of device."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


@torch.inference_mode()
def measure_batches(model: CodecModel, batches: tuple[int, ...] = BATCHES) -> Iterator[Throughput]:
    """Decode segments of one picture and random codes: time does not depend on what they show. The first batch of each
    preset is decoded twice, so that what is done once for all is not counted.
    """
    config, side, device = model.config, model.config.pixels, model.device
    face = torch.rand(config.denoiser.landmarks, 2, device=device) if config.denoiser.landmarks else None
    content = Content(torch.zeros(model.latent_shape, device=device), torch.zeros(3, side, side, device=device), face)
    noise = FrameNoise(0, model.noise_shape, shared=config.denoiser.shared_noise, device=device)
    frames = WINDOWS * config.window_frames
    codes = torch.randint(config.quantizer.entries, (1, frames, config.quantizer.groups), device=device)
    motion = model.bcd.quantizer.lookup(codes)[0].cpu().numpy()
    box = CropBox(x=0, y=0, size=side)
    for preset in PRESETS:
        windows = WindowSettings(preset_sampling(config, preset), config.window_frames, 0)
        for run, count in enumerate((batches[0], *batches)):
            segments = [Segment(content, box, 0, motion, noise=noise) for _ in range(count)]
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            started = time.perf_counter()
            decode_segments(model.networks, segments, windows)  # its pictures are on the processor: the card is done
            seconds = time.perf_counter() - started
            if not run:
                continue
            peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
            yield Throughput(preset=preset, segments=count, frames_per_second=count * frames / seconds, peak_mib=peak)
