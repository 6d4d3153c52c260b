"""What the README shows works: its commands parse, its Python runs."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch

from bcdcodec import CodecModel
from bcdcodec.cli.main import build_parser
from bcdcodec.config import PRESET_NAMES, preset
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.vae import Vae

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^ *bcd (.+)$", README, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_parses(line: str) -> None:
    assert build_parser().parse_args(shlex.split(line, comments=True)).run


def test_the_python_runs(
    talking_clip: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The examples load the shipped model and find a face; here the tiny one codes a clip without any.
    model = CodecModel.load(tiny_weights, device="cpu")
    monkeypatch.setattr(CodecModel, "load", lambda: model)
    shutil.copy(talking_clip, tmp_path / "talk.mp4")
    monkeypatch.chdir(tmp_path)
    blocks = [block.replace("model=model", "model=model, crop=False", 1) for block in python_blocks()]
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "again.mp4").stat().st_size > 0


def test_every_file_of_the_life_of_a_frame_exists() -> None:
    lines = re.findall(r"^\| \d+ \| (`[^|]+) \|", README, re.MULTILINE)
    rows = [name for line in lines for name in re.findall(r"`([^`]+)`", line)]
    assert len(rows) > 20
    assert [row for row in rows if not (ROOT / "bcdcodec" / row).is_file()] == []


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_parameter_counts_are_the_models(name: str) -> None:
    config = preset(name)
    with torch.device("meta"):
        parts = dict(Bcd(config).named_children())
        autoencoder = [Vae(config.vae)] if config.vae else []
    decoding = [part for key, part in parts.items() if key not in ("encoder", "quantizer")]
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
    counts = [[parts["encoder"]], decoding, [*parts.values()], autoencoder]
    assert [f" {millions(count)} M" in row for count in counts if count] == [True] * sum(map(bool, counts))


def millions(modules: list[torch.nn.Module]) -> str:
    return f"{sum(p.numel() for module in modules for p in module.parameters()) / 1e6:.2f}"


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)
