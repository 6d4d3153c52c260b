"""A clip cache of random clips."""

import csv
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.training.data.cache import MADE_WITH
from bcdcodec.training.data.clips import THUMBNAIL, still_frames
from bcdcodec.training.data.shards import shard_path
from bcdcodec.video.landmarks import POINTS

CLIPS, FRAMES = 8, 16


@pytest.fixture
def clip_cache(tmp_path: Path) -> Path:
    """Eight clips of four people: a fixed picture per clip that a smooth pattern moves over, a face that sinks."""
    whole = tmp_path / "latents"
    folder = shard_path(whole, 0)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    clips = []
    for _ in range(CLIPS):
        still = rng.standard_normal((1, 4, 32, 32))
        phase = np.linspace(0, 3, FRAMES)[:, None, None, None]
        clips.append(still + np.sin(phase + np.linspace(0, 6, 32)))
    latents = np.concatenate(clips).astype(np.float16)
    latents.tofile(folder / "latents.f16")
    pictures = (latents[:, :3].clip(-2, 2) * 60 + 127).astype(np.uint8)  # [N, 3, 32, 32]

    def enlarged(values: np.ndarray, side: int) -> np.ndarray:
        return np.kron(values, np.ones((1, 1, side // 32, side // 32), np.uint8))

    enlarged(pictures, THUMBNAIL).tofile(folder / "thumbnails.u8")
    face = rng.uniform(0.3, 0.6, (1, POINTS, 2)).astype(np.float32).repeat(CLIPS * FRAMES, 0)
    face[..., 1] += np.tile(np.linspace(0, 0.1, FRAMES), CLIPS)[:, None]
    face.tofile(folder / "landmarks.f32")
    kept = (np.arange(CLIPS)[:, None] * FRAMES + still_frames(FRAMES)).reshape(-1)
    enlarged(pictures[kept], 256).tofile(folder / "stills.u8")
    latents[kept].tofile(folder / "still_latents.f16")
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "person", "frames", "stills"])
        writer.writerows([f"c{i}", f"p{i % 4}", FRAMES, len(still_frames(FRAMES))] for i in range(CLIPS))
    (whole / MADE_WITH).write_text(f"nothing\n{CLIPS} random clips\n")
    return whole
