"""Going on frame by frame: the same as the whole sequence at once, also past the longest one."""

import torch

from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.rollout import Rollout, generate_codes
from bcdcodec.motion.sampling import GREEDY, Picking


def content(gpt: MotionGpt) -> torch.Tensor:
    return torch.randn(gpt.config.content, generator=torch.Generator().manual_seed(1))


def test_every_generated_code_is_what_the_whole_sequence_says(gpt: MotionGpt) -> None:
    shown = content(gpt)
    codes = generate_codes(gpt, shown, 10, picking=GREEDY)
    assert torch.equal(gpt(shown[None], codes[None, :-1])[0].argmax(-1), codes)


def test_a_prompt_is_gone_on_from(gpt: MotionGpt) -> None:
    shown = content(gpt)
    prompt = torch.randint(0, gpt.config.entries, (5, gpt.config.groups), generator=torch.Generator().manual_seed(2))
    codes = generate_codes(gpt, shown, 4, prompt=prompt, picking=GREEDY)
    sequence = torch.cat([prompt, codes[:-1]])
    assert torch.equal(gpt(shown[None], sequence[None])[0, 5:].argmax(-1), codes)


def test_past_the_longest_sequence_the_newer_half_is_known(gpt: MotionGpt) -> None:
    shown, most = content(gpt), gpt.config.frames
    codes = torch.randint(0, gpt.config.entries, (1, most + 3, gpt.config.groups))
    rollout = Rollout(gpt, shown[None])
    for at in range(most + 3):
        logits = rollout.feed(gpt.embed(codes[:, at : at + 1]))
    # The frame after the last one that fits made it start anew with half of them; two more have followed.
    known = codes[:, most + 1 - most // 2 :]
    assert torch.allclose(logits, gpt(shown[None], known)[:, -1], atol=1e-5)


def test_any_length_and_any_prompt(gpt: MotionGpt) -> None:
    prompt = torch.zeros(40, gpt.config.groups, dtype=torch.int64)
    found = generate_codes(gpt, content(gpt), 30, prompt=prompt, picking=Picking(temperature=1.0), seed=5)
    again = generate_codes(gpt, content(gpt), 30, prompt=prompt, picking=Picking(temperature=1.0), seed=5)
    assert found.shape == (30, gpt.config.groups) and torch.equal(found, again)
