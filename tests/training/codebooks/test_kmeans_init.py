"""A codebook over clusters: separate heaps get an entry each, codes of a model spread over all entries."""

from dataclasses import replace
from pathlib import Path

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.codebooks.kmeans_init import cluster_centers, fit_clusters
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler


def test_every_heap_gets_a_center() -> None:
    generator = torch.Generator().manual_seed(0)
    heaps = torch.randn(20, 6, generator=generator) * 4
    vectors = (heaps[:, None] + 0.1 * torch.randn(20, 30, 6, generator=generator)).flatten(0, 1)
    centers = cluster_centers(vectors, 20)
    distance = torch.cdist(heaps, centers)
    assert float(distance.min(1).values.max()) < 0.15  # each heap has one
    assert len(distance.argmin(1).unique()) == 20  # and not the same
    assert torch.equal(centers, cluster_centers(vectors, 20))


def test_fewer_points_than_centers_are_no_trouble() -> None:
    vectors = torch.tensor([[0.0], [1.0]]).repeat(10, 1)
    assert sorted(cluster_centers(vectors, 4).flatten().unique().tolist()) == [0.0, 1.0]


def test_codes_use_every_entry_afterwards(clip_cache: Path, tiny_config: ModelConfig) -> None:
    paper = replace(tiny_config, denoiser=replace(tiny_config.denoiser, warp_blocks=0, landmarks=0))
    sampler = CrossDrivenSampler(ClipCache(clip_cache, paper), batch=4, content_frames=4, motion_frames=6, seed=0)
    torch.manual_seed(0)
    bcd = Bcd(paper).train()
    fit_clusters(bcd, sampler, batches=6)
    assert bcd.training
    batches = [sampler.draw(step) for step in range(6)]
    bcd.eval()
    codes = torch.cat([bcd.analyze(b.motion, bcd.encoder.content(b.content))[0].flatten(0, 1) for b in batches])
    used = [len(group.unique()) for group in codes.T]
    assert min(used) == paper.quantizer.entries
