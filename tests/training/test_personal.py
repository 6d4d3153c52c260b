"""Weights of one person: the denoiser is new, everything that makes bits is as it was."""

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bcdcodec.cli.main import main
from bcdcodec.codec.files import encode_file
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import ModelConfig
from bcdcodec.errors import VideoError
from bcdcodec.training import clips as training_clips
from bcdcodec.training.personal import write_clips
from bcdcodec.video.landmarks import POINTS
from bcdcodec.video.reader import VideoReader
from bcdcodec.weightfile import open_weights


@pytest.fixture(autouse=True)
def no_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mesh is an extra, and there is no face in the clip."""
    none = lambda pixels: np.full((len(pixels), POINTS, 2), np.nan, np.float32)  # noqa: E731
    monkeypatch.setattr(training_clips, "_face_points", none)


def test_only_the_denoiser_is_new(tmp_path: Path, talking_clip: Path, tiny_weights: Path) -> None:
    own = tmp_path / "own.safetensors"
    asked = [
        "personalize",
        str(talking_clip),
        str(own),
        "--weights",
        str(tiny_weights),
        "--no-crop",
        "--steps",
        "2",
        "-q",
    ]
    assert main(asked) == 0
    before, after = load_file(tiny_weights), load_file(own)
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("bcd.dit.") for name in changed)
    assert all(torch.isfinite(value.float()).all() for value in after.values())
    assert open_weights(own).model_id != open_weights(tiny_weights).model_id
    assert open_weights(own).config == open_weights(tiny_weights).config
    # The same bits but for the id in the header and its checksum.
    streams = []
    for path in (tiny_weights, own):
        encode_file(talking_clip, tmp_path / "a.bcd", model=CodecModel.load(path, device="cpu"), crop=False)
        streams.append((tmp_path / "a.bcd").read_bytes())
    assert len(streams[0]) == len(streams[1])
    assert sum(a != b for a, b in zip(*streams, strict=True)) <= 16 + 4 + 4
    assert main(asked) == 2  # it is not replaced


def test_long_shots_become_several_clips(
    tmp_path: Path, talking_clip: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcdcodec.training.personal.CLIP_FRAMES", 10)
    write_clips(talking_clip, tmp_path / "clips", config=tiny_config, crop=False)
    with (tmp_path / "clips" / "clips.csv").open() as file:
        names = [row["clip"] for row in csv.DictReader(file)]
    assert names == ["0000.mkv", "0001.mkv"]  # of 25 frames; the last 5 do not give two halves
    with VideoReader(tmp_path / "clips" / names[1], Fraction(25, 2)) as reader:
        assert sum(1 for _ in reader) == 10 and (reader.width, reader.height) == (256, 256)


def test_a_clip_that_is_too_short_is_refused(
    tmp_path: Path, talking_clip: Path, tiny_config: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcdcodec.training.personal.MIN_HALF_FRAMES", 100)
    with pytest.raises(VideoError, match=r"has no shot of 200 frames at 12\.5 a second"):
        write_clips(talking_clip, tmp_path / "clips", config=tiny_config, crop=False)
