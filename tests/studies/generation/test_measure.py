"""Bits by every predictor, and generated motion beside real, on a tiny codec."""

from collections.abc import Callable

import pytest

from bcdcodec.codec.model import CodecModel
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.sampling import GREEDY, Picking
from bcdcodec.studies.generation.measure import measure_entropy, measure_generated
from bcdcodec.training.data.code_streams import CodeStream

Make = Callable[..., list[CodeStream]]


def test_entropy_by_all_that_predicts(model: CodecModel, gpt: MotionGpt, make_streams: Make) -> None:
    bits = measure_entropy(gpt, model, make_streams(40), make_streams(4, seed=1))
    assert list(bits) == ["order 0", "frame before", "GPT-2", "GPT-2, every packet by itself"]
    assert bits["frame before"] < bits["order 0"] == pytest.approx(96, rel=0.1)


def test_generated_motion_stands_beside_real_motion(model: CodecModel, gpt: MotionGpt, make_streams: Make) -> None:
    steps: list[tuple[int, int]] = []
    found = measure_generated(
        gpt,
        model,
        make_streams(6, frames=30),
        [*make_streams(4, frames=30, seed=1), *make_streams(1, frames=10)],
        {"greedy": GREEDY, "drawn": Picking(temperature=1.0)},
        frames=26,
        progress=lambda done, total: steps.append((done, total)),
    )
    sets = found["sets"]
    assert (found["sequences"], found["frames"], steps[-1]) == (6, 26, (24, 24))
    assert list(sets) == ["real", "real, people of training", "standing still", "greedy", "drawn"]
    assert sets["real"]["distance"] == pytest.approx(0, abs=1e-6) and sets["standing still"]["speed"] == 0
    assert sets["greedy"]["diversity_of_one_content"] == 0 < sets["drawn"]["diversity_of_one_content"]
    few = measure_generated(gpt, model, make_streams(6), make_streams(1, frames=30), {}, frames=26)
    assert few["sets"] == {} and few["reason"] == "0 and 1 streams have 26 frames, two of each are needed"
