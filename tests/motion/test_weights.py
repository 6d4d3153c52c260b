"""Motion weights files: what is kept, what is refused, where they are found."""

from pathlib import Path

import pytest
import torch

from bcdcodec.errors import WeightsError
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.weights import find_motion, load_motion, open_motion, save_motion
from bcdcodec.weightfile import open_weights, weights_of_stream

CPU = torch.device("cpu")


def test_what_is_saved_is_loaded(gpt: MotionGpt, motion_file: Path, tiny_weights: Path) -> None:
    codec_id = open_weights(tiny_weights).model_id
    found = open_motion(motion_file)
    assert (found.codec_id, found.config) == (codec_id, gpt.config) and found.motion_id != codec_id
    loaded = load_motion(found, codec_id=codec_id, device=CPU)
    assert not loaded.training
    for a, b in zip(gpt.state_dict().values(), loaded.state_dict().values(), strict=True):
        assert torch.equal(a.half().float(), b)


def test_a_model_for_other_codes_is_refused(motion_file: Path) -> None:
    with pytest.raises(WeightsError, match="these are of model 0000"):
        load_motion(open_motion(motion_file), codec_id=bytes(16), device=CPU)


def test_it_is_found_by_the_codec_it_is_for(
    motion_file: Path, gpt: MotionGpt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(tmp_path))
    save_motion(tmp_path / "motion-a.safetensors", gpt, codec_id=bytes(16))
    codec_id = open_motion(motion_file).codec_id
    assert find_motion(codec_id).path == motion_file
    with pytest.raises(WeightsError, match="bcd train motion"):
        find_motion(b"\1" * 16)


def test_codec_and_motion_weights_are_not_taken_for_each_other(
    motion_file: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsError, match="is not a motion weights file"):
        open_motion(tiny_weights)
    with pytest.raises(WeightsError, match="is not a bcdcodec weights file"):
        open_weights(motion_file)
    monkeypatch.setenv("BCD_WEIGHTS", str(motion_file.parent))
    with pytest.raises(WeightsError, match="the stream needs weights"):
        weights_of_stream(open_weights(tiny_weights).model_id)


def test_damaged_files_are_refused(motion_file: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.safetensors"
    short.write_bytes(motion_file.read_bytes()[:-9])
    with pytest.raises(WeightsError):
        open_motion(short)
    with pytest.raises(WeightsError, match="cannot read"):
        open_motion(tmp_path / "none.safetensors")
