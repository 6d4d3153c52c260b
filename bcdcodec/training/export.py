"""Export of a finished run: fit landmark head and integer tables to the codes, and write the weights file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.entropy.content import fit_content_table
from bcdcodec.entropy.landmarks import fit_landmark_tables
from bcdcodec.entropy.tables import LandmarkTables, fit_rows
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.content import dequantize_content, quantize_content
from bcdcodec.model.sd_vae import StableDiffusionVae
from bcdcodec.model.vae import Vae
from bcdcodec.model.weights import Networks, round_networks, save_networks
from bcdcodec.training.codebooks.landmark_probe import fit_landmark_head
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler
from bcdcodec.video.landmarks import EYES, MOUTH, POINTS

#: Batches of training clips that the integer tables are counted on.
TABLE_BATCHES = 150
#: Faces of each person, at most, that the tables of landmarks are fitted to, and weights of landmarks in that fit.
FACES_PER_PERSON, MOUTH_EMPHASIS, EYES_EMPHASIS = 60, 2.0, 2.5


@dataclass(frozen=True, slots=True)
class CodeStatistics:
    """Codes and content levels of training clips.

    counts: of hard codes, [groups, entries]. entropy_bits: their order-0 entropy, in bits a frame. content_levels:
    integer levels of each content map.
    """

    counts: np.ndarray
    entropy_bits: float
    content_levels: list[np.ndarray]

    @property
    def used(self) -> np.ndarray:
        """Number of entries of each codebook that occur, [groups]; a codebook with 1 is dead."""
        return (self.counts > 0).sum(1)


@torch.inference_mode()
def count_codes(bcd: Bcd, sampler: CrossDrivenSampler, batches: int) -> CodeStatistics:
    """Count codes and content levels on batches as the encoder sees them: windows, and frames for content."""
    quantizer = bcd.config.quantizer
    counts = np.zeros((quantizer.groups, quantizer.entries), np.int64)
    levels: list[np.ndarray] = []
    for step in range(batches):
        batch = sampler.draw(step)
        content = bcd.encoder.content(batch.content)
        rounded = quantize_content(content, bcd.config.content)
        levels += list(rounded.numpy())
        if not bcd.config.content.picture_bits:  # else the cache holds stills as they were decoded
            content = dequantize_content(rounded, bcd.config.content)
        codes, _ = bcd.analyze(batch.motion, content, batch.displacements)
        for group in range(quantizer.groups):
            counts[group] += np.bincount(codes[..., group].flatten().numpy(), minlength=quantizer.entries)
    p = counts / counts.sum(1, keepdims=True)
    entropy = float(-(p * np.log2(np.maximum(p, 1e-12))).sum())
    return CodeStatistics(counts, entropy, levels)


def export(
    path: Path,
    *,
    bcd: Bcd,
    vae: Vae | StableDiffusionVae | None,
    config: ModelConfig,
    cache: Path,
    eight_bits: bool = False,
) -> CodeStatistics:
    """Fit landmark head and integer tables to the codes of the training cache, and write the weights file.

    eight_bits: as of `save_networks`.
    """
    sampler = CrossDrivenSampler.of(
        ClipCache(cache, config), config, seed=1, batch=16, content_frames=8, motion_frames=config.window_frames
    )
    fit_landmark_head(bcd.eval(), sampler)
    # Networks as they will be loaded: the tables must describe the codes of the rounded weights.
    rounded = Networks(bcd, vae.eval() if isinstance(vae, Vae) else vae)
    round_networks(rounded, eight_bits=eight_bits)
    statistics = count_codes(rounded.bcd, sampler, TABLE_BATCHES)
    tables = {
        "motion": torch.from_numpy(fit_rows(statistics.counts).astype(np.int32)),
        "content": torch.from_numpy(
            fit_content_table(statistics.content_levels, max_level=config.content.max_level).astype(np.int32)
        ),
    }
    if config.denoiser.landmarks:
        shapes = fit_face_tables(ClipCache(cache, config), pixels=config.pixels)
        tables |= {name: torch.from_numpy(value.astype(np.int32)) for name, value in shapes.tensors().items()}
    save_networks(path, rounded, config=config, tables=tables, eight_bits=eight_bits)
    return statistics


def fit_face_tables(cache: ClipCache, *, pixels: int) -> LandmarkTables:
    """Fit the tables of reference landmarks (entropy/landmarks.py) to the faces of a clip cache."""
    rows: dict[str, list[np.ndarray]] = {}
    for entry in cache.entries:
        rows.setdefault(entry.person, []).append(np.arange(entry.start, entry.start + entry.frames))
    meshes, people = [], list[str]()
    for person, parts in rows.items():
        faces = cache.landmarks[np.concatenate(parts)]
        faces = faces[np.isfinite(faces).all((1, 2))]
        meshes.append(faces[:: max(1, -(-len(faces) // FACES_PER_PERSON))])
        people += [person] * len(meshes[-1])
    emphasis = np.ones(POINTS)
    emphasis[list(MOUTH)], emphasis[list(EYES)] = MOUTH_EMPHASIS, EYES_EMPHASIS
    return fit_landmark_tables(np.concatenate(meshes) * pixels, people=np.array(people), emphasis=emphasis)
