"""The fitted matrix reads what the codes say, and leaves everything else alone."""

from pathlib import Path

import torch

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.training.data import ClipCache, HalvesSampler
from bcdcodec.training.readout import fit_point_motion


def test_points_are_read_better_after_the_fit(clip_cache: Path, tiny_config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = Bcd(tiny_config).eval()
    sampler = HalvesSampler(ClipCache(clip_cache, tiny_config), batch=4, content_frames=1, motion_frames=6, seed=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}

    def distance() -> float:
        batch = sampler.draw(99)
        assert batch.faces is not None
        m_hat = model.quantizer(model.encoder.motion(batch.motion, model.encoder.content(batch.content))).m_hat
        moved = batch.faces.motion_points - batch.faces.content_points[:, None]
        return float((model.point_motion(m_hat) - moved).norm(dim=-1).mean().detach())

    first = distance()
    fit_point_motion(model, sampler, batches=20)
    assert distance() < 0.5 * first
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"face_points.weight"}
