"""The network: its wiring, its loss against a computation by hand, its cache, the published size."""

import pytest
import torch
from torch.nn import functional as F

from bcdcodec.config import preset
from bcdcodec.motion.config import MotionConfig, motion_preset
from bcdcodec.motion.model import MotionGpt, motion_loss


@pytest.fixture
def batch(motion_config: MotionConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """content [3, 4, 32, 32], codes [3, 9, G]."""
    generator = torch.Generator().manual_seed(0)
    content = torch.randn(3, *motion_config.content, generator=generator)
    return content, torch.randint(0, motion_config.entries, (3, 9, motion_config.groups), generator=generator)


def test_the_loss_is_that_of_gpt2(gpt: MotionGpt, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    """transformers' own language model with our vectors in and one head at a time gives the same numbers."""
    from transformers import GPT2LMHeadModel

    content, codes = batch
    config = gpt.config
    pooled = content.unflatten(2, (4, 8)).unflatten(4, (4, 8)).mean((3, 5)).flatten(1)  # [B, 4 * 4 * 4]
    vectors = torch.stack([gpt.codebook[g][codes[..., g]] for g in range(config.groups)], 2).flatten(2)
    sequence = torch.cat([gpt.content_in(pooled)[:, None], gpt.motion_in(vectors[:, :-1])], 1)
    reference = GPT2LMHeadModel(gpt.gpt.config).eval()
    reference.transformer.load_state_dict(gpt.gpt.state_dict())
    losses = []
    for group, rows in enumerate(gpt.head.weight.unflatten(0, (config.groups, config.entries))):
        reference.lm_head = torch.nn.Linear(config.width, config.entries, bias=False)
        reference.lm_head.weight = torch.nn.Parameter(rows)
        with torch.no_grad():
            logits = reference(inputs_embeds=sequence).logits
        losses.append(F.cross_entropy(logits.flatten(0, 1), codes[..., group].flatten()))
    valid = torch.ones(codes.shape[:2], dtype=torch.bool)
    found = motion_loss(gpt(content, codes[:, :-1]), codes, valid)
    assert float(found) == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)


def test_frames_past_the_end_do_not_count(gpt: MotionGpt, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    content, codes = batch
    valid = torch.ones(3, 9, dtype=torch.bool)
    valid[1, 5:] = False
    changed = codes.clone()
    changed[1, 5:] = 0
    losses = [motion_loss(gpt(content, c[:, :-1]), c, valid) for c in (codes, changed)]
    assert float(losses[0]) == pytest.approx(float(losses[1]), rel=1e-6)


def test_a_frame_is_told_by_content_and_earlier_frames_alone(
    gpt: MotionGpt, batch: tuple[torch.Tensor, torch.Tensor]
) -> None:
    content, codes = batch
    plain, changed = gpt(content, codes), codes.clone()
    assert plain.shape == (3, 10, gpt.config.groups, gpt.config.entries)
    changed[:, 4] = (changed[:, 4] + 1) % gpt.config.entries
    other = gpt(content, changed)
    assert torch.allclose(plain[:, :5], other[:, :5], atol=1e-5) and not torch.allclose(plain[:, 5], other[:, 5])
    assert not torch.allclose(plain[:, 0], gpt(content + 1, codes)[:, 0])


def test_the_cache_changes_nothing(gpt: MotionGpt, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    content, codes = batch
    whole, cache = gpt(content, codes), gpt.new_cache()
    found = [gpt.predict(gpt.content_token(content), cache)]
    found.append(gpt.predict(gpt.frame_tokens(gpt.embed(codes[:, :4])), cache))
    found += [gpt.predict(gpt.frame_tokens(gpt.embed(codes[:, t : t + 1])), cache) for t in range(4, 9)]
    assert torch.allclose(torch.cat(found, 1), whole, atol=1e-5)


def test_the_small_preset_ships_in_ten_megabytes() -> None:
    with torch.device("meta"):
        numbers = sum(p.numel() for p in MotionGpt(motion_preset("face-motion")).state_dict().values())
    assert 2 * numbers < 10e6


@pytest.mark.slow
def test_the_exact_preset_trains_a_step() -> None:
    """161 million parameters, one clip of four frames instead of a batch of 256."""
    config = motion_preset("motion")
    torch.manual_seed(0)
    gpt = MotionGpt(config).train()
    gpt.codebook.normal_()
    assert isinstance(gpt.motion_in, torch.nn.Identity)
    assert sum(p.numel() for p in gpt.parameters()) > 150e6
    optimizer = torch.optim.AdamW(
        gpt.parameters(), config.optim.learning_rate, betas=config.optim.betas, weight_decay=config.optim.weight_decay
    )
    content, codes = torch.randn(1, *config.content), torch.randint(0, preset("face").quantizer.entries, (1, 4, 64))
    losses = []
    for _ in range(2):
        loss = motion_loss(gpt(content, codes[:, :-1]), codes, torch.ones(1, 4, dtype=torch.bool))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[1] < losses[0]
