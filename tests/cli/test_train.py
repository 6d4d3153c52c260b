"""The training commands hand their options on; what they do is tested with training/."""

import inspect
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bcdcodec.cli.main import build_parser
from bcdcodec.training import commands
from bcdcodec.training.commands import ContextStatistics, ExportSummary
from bcdcodec.training.export import CodeStatistics
from bcdcodec.training.options import CodecTrainOptions

Bcd = Callable[..., Any]
Calls = dict[str, tuple[tuple[Any, ...], dict[str, Any]]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tiny_weights: Path) -> Calls:
    """Stands in for the work of training/commands, with its own signatures, and collects the arguments."""
    found: Calls = {}

    def replace(name: str, work: Callable[..., Any]) -> None:
        signature = inspect.signature(getattr(commands, name))

        def record(*places: Any, **names: Any) -> Any:
            bound = signature.bind(*places, **names)
            progress = bound.arguments.pop("progress", None)
            found[name] = (bound.args, bound.kwargs)
            return work(places, progress)

        monkeypatch.setattr(commands, name, record)

    def export(places: tuple[Any, ...], progress: None) -> ExportSummary:
        places[1].write_bytes(tiny_weights.read_bytes())
        return ExportSummary(CodeStatistics(np.array([[3, 0, 0], [1, 2, 0]]), 123.4, []), "best.safetensors", 77)

    def train_context(places: tuple[Any, ...], progress: Callable[[str, int, int], None]) -> ContextStatistics:
        progress("codes", 1, 2)
        places[2].write_bytes(tiny_weights.read_bytes())
        return ContextStatistics(table_bits=150.0, context_bits=67.8)

    replace("run_training", lambda places, progress: [progress("latents", 1, 2), progress("updates", 3, 9)])
    replace("run_vae_training", lambda places, progress: progress(3, 0.5))
    replace("run_export", export)
    replace("run_context_training", train_context)
    return found


def test_train(bcd: Bcd, calls: Calls, tmp_path: Path) -> None:
    line = ("--data", tmp_path, "--vae", "vae.safetensors", "--run", tmp_path / "run", "--updates", "9", "--seed", "4")
    assert bcd("train", "codec", "--model", "sprites", *line).code == 0
    asked = CodecTrainOptions(
        model="sprites",
        data=tmp_path,
        vae=Path("vae.safetensors"),
        init=None,
        run=tmp_path / "run",
        updates=9,
        seed=4,
        precision="fp32",
        compiled=False,
        device="auto",
        train="all",
        reinit_codebooks=False,
        excerpts=0,
        workers=1,
    )
    assert calls == {"run_training": ((asked,), {})}


def test_train_a_part_of_given_weights(bcd: Bcd, calls: Calls, tmp_path: Path) -> None:
    line = ("train", "codec", "--data", tmp_path, "--run", tmp_path / "run", "--updates", "9", "--excerpts", "5")
    assert (
        bcd(*line, "--train", "encoder", "--init", "w.safetensors", "--workers", "2", "--precision", "bf16").code == 0
    )
    ((asked,), _) = calls.pop("run_training")
    assert (asked.train, asked.init, asked.excerpts, asked.workers) == ("encoder", Path("w.safetensors"), 5, 2)
    assert (asked.precision, asked.reinit_codebooks) == ("bf16", False)
    assert bcd(*line, "--reinit-codebooks", "--init", "w.safetensors", "--compile").code == 0
    ((asked,), _) = calls.pop("run_training")
    assert (asked.train, asked.reinit_codebooks, asked.compiled) == ("all", True, True)
    assert bcd(*line, "--batch", "64", "--accumulate", "4", "--save-every", "1000", "--held-out", "none").code == 0
    ((asked,), _) = calls.pop("run_training")
    assert (asked.batch, asked.accumulate, asked.save_every, asked.held_out) == (64, 4, 1000, "none")
    assert bcd(*line, "--held-out", tmp_path / "missing").code == 2
    for option in (("--train", "denoiser"), ("--reinit-codebooks",)):
        done = bcd(*line, *option)
        assert done.code == 2 and f"{' '.join(option)} needs --init" in done.err
    assert calls == {}


def test_autoencoder_and_start_are_found_by_name(
    bcd: Bcd, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(tmp_path))
    (tmp_path / "mine-v2.safetensors").touch()
    (tmp_path / "lens.safetensors").touch()
    line = ("train", "codec", "--data", tmp_path, "--run", tmp_path / "run", "--updates", "9")
    assert bcd(*line, "--init", "mine", "--vae", "lens").code == 0
    ((asked,), _) = calls.pop("run_training")
    assert (asked.init, asked.vae) == (tmp_path / "mine-v2.safetensors", tmp_path / "lens.safetensors")
    done = bcd("train", "export", "--run", tmp_path, "--vae", "lens", tmp_path / "out.safetensors")
    assert (done.code, calls.pop("run_export")[1]["vae"]) == (0, tmp_path / "lens.safetensors")
    done = bcd(*line, "--init", "nobody")
    assert (done.code, calls) == (2, {}) and "argument --init: no weights named 'nobody' in" in done.err


def test_every_training_says_what_comes_next(bcd: Bcd, calls: Calls, tmp_path: Path) -> None:
    """As a command that can be parsed, on stderr, and not where it should be quiet."""
    run, clips, again = tmp_path / "my run", tmp_path, ("--updates", "9", "--run", tmp_path / "my run")
    lines: dict[tuple[object, ...], str] = {
        ("vae", "--data", clips, "--updates", "9", tmp_path / "v.safetensors"): "train codec",
        ("codec", "--data", clips, "--vae", "v.safetensors", *again): "train export",
        ("export", "--run", run, "--vae", "v.safetensors", tmp_path / "e.safetensors"): "train context",
        ("context", "--weights", "e.safetensors", "--data", clips, *again, tmp_path / "c.safetensors"): "data pairs",
    }
    for line, wanted in lines.items():
        done = bcd("train", *line)
        assert done.code == 0 and "next: " not in done.out
        (told,) = [text for text in done.err.splitlines() if text.startswith("next: ")]
        words = shlex.split(told.removeprefix("next: "))
        assert " ".join(words[:3]) == f"bcd {wanted}"
        options = build_parser().parse_args(words[1:])
        assert getattr(options, "data", None) in (None, clips) or options.data == Path("clips")
        if "folder" in vars(options) and wanted != "train codec":
            assert options.folder == run
    done = bcd("train", "codec", "--data", clips, "--init", "i.safetensors", "--excerpts", "3", *again)
    told = shlex.split(done.err.split("next: ")[1])
    assert told[told.index("--vae") + 1] == "i.safetensors" and told[told.index("--data") + 1] == str(clips)
    assert bcd("train", "codec", "--data", clips, "--vae", "v.safetensors", *again, "-q").err == ""


def test_a_dry_run_trains_nothing(bcd: Bcd, calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "read_manifest", lambda folder: [folder] * 7)
    monkeypatch.setattr(commands, "open_inputs", lambda options: None)  # tests/training/test_inputs.py
    done = bcd("train", "codec", "--data", tmp_path, "--run", tmp_path / "run", "--updates", "100", "--dry-run")
    assert (done.code, calls) == (0, {})
    assert done.out.startswith("face: ")
    assert " parameters, 7 clips, 100 updates " in done.out
    assert "memory: 0.29 GB of weights" in done.out and "TFLOP an update: 0." in done.out
    assert list(tmp_path.iterdir()) == []


def test_train_vae(bcd: Bcd, calls: Calls, tmp_path: Path) -> None:
    out = tmp_path / "vae.safetensors"
    assert bcd("train", "vae", "--data", tmp_path, "--updates", "9", out).code == 0
    assert calls == {"run_vae_training": ((tmp_path, out), {"updates": 9, "seed": 0})}


def test_export_says_the_id(bcd: Bcd, calls: Calls, tmp_path: Path, tiny_weights: Path) -> None:
    out = tmp_path / "face.safetensors"
    done = bcd("train", "export", "--run", tmp_path, "--vae", "vae.safetensors", out)
    assert done.code == 0
    assert done.out.startswith(f"{out}: {tiny_weights.stat().st_size} bytes, model ")
    assert "123.4 bits/frame" in done.out and "1.5 of 3 entries used, dead codebooks: 1 of 2" in done.out
    assert "best.safetensors, update 77" in done.out
    assert calls == {
        "run_export": (
            (tmp_path, out),
            {"vae": Path("vae.safetensors"), "data": None, "cache": None, "last": False, "eight_bits": False},
        )
    }


def test_train_context_says_the_id_and_the_bits(bcd: Bcd, calls: Calls, tmp_path: Path) -> None:
    out = tmp_path / "face.safetensors"
    line = ("--weights", "plain.safetensors", "--data", tmp_path, "--run", tmp_path / "run", "--updates", "9")
    done = bcd("train", "context", *line, out)
    assert done.code == 0
    assert "67.8 bits/frame on the training clips, 150.0 by the table" in done.out
    named = {"run": tmp_path / "run", "updates": 9, "seed": 0}
    assert calls == {"run_context_training": ((Path("plain.safetensors"), tmp_path, out), named)}


def test_outputs_are_not_replaced_and_data_must_exist(bcd: Bcd, calls: Calls, tmp_path: Path) -> None:
    out = tmp_path / "vae.safetensors"
    out.write_bytes(b"mine")
    assert bcd("train", "vae", "--data", tmp_path, "--updates", "9", out).code == 2
    assert bcd("train", "export", "--run", tmp_path, out).code == 2
    assert bcd("train", "export", "--run", tmp_path, "-").code == 2
    assert bcd("train", "codec", "--data", tmp_path / "missing", "--run", tmp_path, "--updates", "1").code == 2
    assert (calls, out.read_bytes()) == ({}, b"mine")
