"""Costs of codes: by counts, and by the network as a hand computation has them."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bcdcodec.motion.entropy import count_bits, stream_bits
from bcdcodec.motion.model import MotionGpt
from bcdcodec.training.data.code_streams import CodeStream

Make = Callable[..., list[CodeStream]]


def test_counts(make_streams: Make) -> None:
    order0, previous = count_bits(make_streams(200), make_streams(20, seed=1), entries=8)
    # Eight codes as often as one another; the next one follows from the one before, but not for the first frame.
    assert order0 == pytest.approx(32 * 3, rel=0.02)
    assert order0 / 20 < previous < order0 / 4


def test_the_network_is_measured_from_the_content_on(gpt: MotionGpt, make_streams: Make) -> None:
    streams = [*make_streams(2, frames=20), *make_streams(1, frames=5)]
    most, nats = gpt.config.frames, 0.0
    for stream in streams:
        content = torch.from_numpy(np.asarray(stream.content, np.float32))[None]
        for start in range(0, len(stream.codes), most):
            codes = torch.from_numpy(stream.codes[start : start + most].astype(np.int64))[None]
            found = gpt(content, codes[:, :-1]).log_softmax(-1)
            nats -= float(found.gather(-1, codes[..., None]).sum())
    assert stream_bits(gpt, streams) == pytest.approx(nats / math.log(2) / 45, rel=1e-4)
