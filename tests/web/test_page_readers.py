"""The page's readers of streams, run by Node.js, against the second reader: codes, landmarks, and what they refuse."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
GOLDEN, PAGE = ROOT / "tests" / "data" / "golden", ROOT / "bcdcodec" / "web" / "page"
PARSER = ROOT / "tools" / "reference_parser.py"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="the page's scripts are run by Node.js")
STREAMS = ("packed", "coded", "context", "picture", "face", "gallery")


def weights_of(stream: str) -> Path:
    return GOLDEN / ("context.safetensors" if stream == "context" else "tiny.safetensors")


def read(weights: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What the page reads of each file."""
    assert NODE is not None
    line = [NODE, str(Path(__file__).with_name("print_stream.mjs")), str(PAGE), str(weights), *map(str, files)]
    result = subprocess.run(line, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return [json.loads(text) for text in result.stdout.splitlines()]


def parse(weights: Path, file: Path) -> dict[str, Any]:
    line = [sys.executable, str(PARSER), str(file), "--weights", str(weights)]
    found: dict[str, Any] = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    return found


@pytest.mark.parametrize("stream", STREAMS)
def test_the_page_reads_what_the_second_reader_reads(stream: str) -> None:
    file, weights = GOLDEN / f"{stream}.bcd", weights_of(stream)
    (found,), true = read(weights, [file]), parse(weights, file)
    motion = [packet for packet in true["packets"] if packet["name"] == "MOTION"]
    assert found["codes"] == [frame for packet in motion for frame in packet["codes"]] != []
    assert found["references"] == [packet["reference"] for packet in motion for _ in packet["codes"]]
    records = [true["header"]["content"], *(packet for packet in true["packets"] if packet["name"] == "CONTENT")]
    faces = [record for record in records if record["coding"] == 2]
    assert [face["still"] for face in found["faces"]] == [face["picture_bytes"] for face in faces]
    side = true["header"]["sizes"][2]
    for face, record in zip(found["faces"], faces, strict=True):
        np.testing.assert_allclose(np.array(face["points"]) * side * 64, np.ravel(record["landmarks"]), atol=0.01)


def test_damage_is_refused(tmp_path: Path) -> None:
    """Each flipped byte, and each cut, of a stream of six frames or more."""
    whole = (GOLDEN / "packed.bcd").read_bytes()
    steps = range(0, len(whole), max(1, len(whole) // 60))
    files = []
    for at in steps:
        for name, data in (("flip", whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]), ("cut", whole[:at])):
            files.append(tmp_path / f"{name}-{at}.bcd")
            files[-1].write_bytes(data)
    found = read(weights_of("packed"), files)
    assert len(found) == len(files) >= 100
    assert {one.get("kind") for one in found} == {"StreamError"}


def test_codes_of_another_model_are_refused() -> None:
    """Mode context without a context model."""
    (found,) = read(weights_of("packed"), [GOLDEN / "context.bcd"])
    assert "context model" in found["error"]
