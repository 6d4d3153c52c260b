"""The fitted matrix reads what the codes say, and leaves everything else alone."""

import dataclasses
from pathlib import Path

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.landmarks import picture_displacements
from bcdcodec.training.codebooks.landmark_probe import fit_landmark_head
from bcdcodec.training.data.batch import CrossDrivenBatch
from bcdcodec.training.data.clips import ClipCache
from bcdcodec.training.data.sampler import CrossDrivenSampler


def test_points_that_follow_the_codes_are_read_after_the_fit(
    clip_cache: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = Bcd(tiny_config).eval()
    assert model.landmark_head is not None
    assert model.encoder.landmarks is not None
    torch.nn.init.zeros_(model.encoder.landmarks.transform.weight)  # else the codes would follow what follows them
    truth = torch.randn_like(model.landmark_head.weight)
    sampler = CrossDrivenSampler(ClipCache(clip_cache, tiny_config), batch=4, content_frames=1, motion_frames=6, seed=0)
    plain = sampler.draw

    def codes(batch: CrossDrivenBatch) -> torch.Tensor:
        return model.quantizer(model.encoder.motion(batch.motion, model.encoder.content(batch.content))).m_hat

    @torch.no_grad()
    def planted(step: int) -> CrossDrivenBatch:
        """The points move as a matrix of the codes says, but for one face that was not found."""
        batch = plain(step)
        assert batch.faces is not None
        normalized = (codes(batch) @ truth.T / 100).unflatten(-1, (-1, 2))
        moved = picture_displacements(normalized, batch.faces.content_points)
        points = batch.faces.content_points[:, None] + moved
        points[0, 0] = torch.nan
        return dataclasses.replace(batch, faces=dataclasses.replace(batch.faces, motion_points=points))

    monkeypatch.setattr(sampler, "draw", planted)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def distance() -> float:
        batch = planted(999)
        return float((model.landmark_displacements(codes(batch)) - batch.displacements).norm(dim=-1).nanmean())

    first = distance()
    fit_landmark_head(model, sampler, batches=60)
    assert distance() < 0.3 * first
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"landmark_head.weight"}
