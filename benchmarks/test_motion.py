"""Speed of motion generation with the shipped weights, beside that of decoding; skipped where they are missing."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

pytest.importorskip("transformers", reason="motion generation needs transformers")

from bcdcodec import CodecModel, WeightsError
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.rollout import Rollout
from bcdcodec.motion.weights import find_motion, load_motion

#: The fixture of conftest.py.
Timed = Callable[[int, Callable[[], Any]], Any]
#: Frames that are known before, half of what the network can see, and frames of one call.
KNOWN, FRAMES = 32, 16


@pytest.fixture(scope="module")
def gpt() -> MotionGpt:
    try:
        codec_id = CodecModel.load(device="cpu").weights.model_id
        return load_motion(find_motion(codec_id), codec_id=codec_id, device=torch.device("cpu"))
    except WeightsError as error:
        pytest.skip(str(error))


def test_generate_frames(timed: Timed, gpt: MotionGpt) -> None:
    """As many frames as a packet holds, each from the keys and values of those before; compare with
    test_decode_packet.
    """
    config = gpt.config
    known = gpt.embed(torch.zeros(1, KNOWN, config.groups, dtype=torch.int64))

    def generate() -> torch.Tensor:
        rollout = Rollout(gpt, torch.zeros(1, *config.content))
        rollout.feed(known)
        for _ in range(FRAMES):
            rollout.feed(gpt.embed(rollout.logits.argmax(-1)[:, None]))
        return rollout.logits

    assert timed(FRAMES, generate).shape == (1, config.groups, config.entries)
