"""Errors under other conditions: a network that uses them gets worse, one that does not stays as it is."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.denoiser.packing import part_path, save_pairs
from bcdcodec.denoiser.pairs import RUN, Pairs
from bcdcodec.denoiser.score import condition_errors
from bcdcodec.model.guides import Guides
from bcdcodec.model.unet import PictureDenoiser


class Frames(PictureDenoiser):
    """Gives the warp, moved by the sum of the motion."""

    def forward(self, x: Tensor, sigma: Tensor, guides: Guides) -> Tensor:
        return guides.warps + guides.motion.sum(-1)[:, None, None, None]


def test_content_and_motion_are_changed_apart(tmp_path: Path, small_pairs: Pairs) -> None:
    perfect = Pairs(
        small_pairs.stills,
        small_pairs.frames,
        small_pairs.frames.clone(),
        *(getattr(small_pairs, name) for name in Pairs.__slots__[3:6]),
        torch.zeros_like(small_pairs.motion),
    )
    perfect.motion[1] = 0.5
    save_pairs(part_path(tmp_path, 0), perfect)
    net = Frames(PictureDenoiserConfig(widths=(8, 8)), 128)
    errors = condition_errors(net, tmp_path, excerpts=2)
    assert [*errors] == [
        *("true", "content of another", "no content", "vectors of another", "no vectors"),
        *("motion of another moment", "no motion"),
    ]
    assert errors["true"] == 32 and errors["vectors of another"] == 32  # one excerpt of two is moved by 64
    assert errors["no vectors"] == 0 and errors["no content"] > 32
    # The warps of another moment are wrong as well, and without motion there is the still.
    moved = float((perfect.frames.float() - perfect.frames.roll(RUN, 1).float()).abs().mean()) / 127.5
    assert errors["motion of another moment"] == pytest.approx(32, abs=moved) and moved > 0
    assert errors["motion of another moment"] != 32
    held = float((perfect.frames.float() - perfect.stills[:, None].float()).abs().mean()) / 127.5
    assert errors["no motion"] == pytest.approx(held, rel=1e-3)
    still = Frames(PictureDenoiserConfig(widths=(8, 8)), 128)
    still.forward = lambda x, sigma, guides: torch.zeros_like(x)  # type: ignore[method-assign]
    assert len({*condition_errors(still, tmp_path, excerpts=2).values()}) == 1
