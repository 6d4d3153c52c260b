"""Batches: functions of seed and update, mirrored and cropped so that pictures and landmarks stay together."""

from pathlib import Path

import torch

from bcdcodec.denoiser.batches import PairDrawer, cropped, mirrored
from bcdcodec.denoiser.packing import part_path, save_pairs
from bcdcodec.denoiser.pairs import Pairs


def test_mirror_and_crop_move_landmarks_with_the_picture(small_pairs: Pairs) -> None:
    bright = torch.zeros_like(small_pairs.frames)
    bright[..., 20, 44] = 255  # where the first landmark is
    points = small_pairs.points.float()
    points[:, :, 0] = torch.tensor([44.5, 20.5]) / 64
    marked = Pairs(
        small_pairs.stills,
        bright,
        *(getattr(small_pairs, name) for name in Pairs.__slots__[2:5]),
        points,
        small_pairs.motion,
    )
    for changed, side in ((mirrored(marked), 64), (cropped(marked, 16, 8, 32), 32)):
        x, y = (changed.points[0, 0, 0] * side - 0.5).round().long().tolist()
        assert changed.frames.shape[-2:] == (side, side)
        assert changed.frames[0, 0, 0, y, x] == 255 and int((changed.frames[0, 0, 0] > 0).sum()) == 1
        assert torch.equal(changed.motion, marked.motion)
    twice = mirrored(mirrored(small_pairs))
    assert torch.equal(twice.warps, small_pairs.warps)


def test_batches_follow_seed_and_update(tmp_path: Path, small_pairs: Pairs) -> None:
    for index in range(2):
        save_pairs(part_path(tmp_path, index), small_pairs)
    parts = sorted(tmp_path.iterdir())
    first, second = (PairDrawer(parts, seed=1) for _ in range(2))
    drawn = [first.draw(step, 1, crop=0.5) for step in range(4)]
    assert drawn[0].frames.shape == (1, 4, 3, 32, 32)
    assert torch.equal(second.draw(3, 1, crop=0.5).frames, drawn[3].frames)  # resumed at update 3
    assert any(not torch.equal(drawn[0].frames, other.frames) for other in drawn[1:])
    assert first.draw(0, 2).frames.shape[-1] == 64
