"""A latent cache of random clips."""

import csv
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def latent_cache(tmp_path: Path) -> Path:
    """Eight clips of four people: a fixed picture per clip that a smooth pattern moves over."""
    folder = tmp_path / "latents"
    folder.mkdir()
    rng = np.random.default_rng(0)
    clips = []
    for _ in range(8):
        still = rng.standard_normal((1, 4, 32, 32))
        phase = np.linspace(0, 3, 16)[:, None, None, None]
        clips.append(still + np.sin(phase + np.linspace(0, 6, 32)))
    latents = np.concatenate(clips).astype(np.float16)
    latents.tofile(folder / "latents.f16")
    small = np.kron(latents[:, :3].clip(-2, 2) * 60 + 127, np.ones((1, 1, 2, 2)))
    small.astype(np.uint8).tofile(folder / "thumbnails.u8")
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "person", "start", "frames"])
        writer.writerows([f"c{i}", f"p{i % 4}", 16 * i, 16] for i in range(8))
    return folder
