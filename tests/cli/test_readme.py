"""What the README shows works: its commands parse, its Python runs."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from bcdcodec import CodecModel
from bcdcodec.cli.main import build_parser

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
    rows = re.findall(r"^\| \d+ \| `([^`]+)`", README, re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if not (ROOT / "bcdcodec" / row).is_file()] == []


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README, re.DOTALL)
