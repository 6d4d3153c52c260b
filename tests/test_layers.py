"""Imports point down only. In: every file of the package as syntax. Out: a failure that names the bad import."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "bcdcodec"
#: From the bottom up; a layer may import itself and those before it.
ORDER = [
    *(
        "errors",
        "config",
        "frame",
        "weightfile",
        "atomic",
        "pool",
        "cluster",
        "bitstream",
        "video",
        "entropy",
        "ratecontrol",
    ),
    *(
        "model",
        "codec",
        "__init__",
        "cli",
        "__main__",
        "training",
        "evaluation",
        "sprites",
        "motion",
        "call",
        "preparation",
    ),
    *("denoiser", "web", "studies"),
]
#: Pairs that stay apart although their order would allow it.
APART = {
    ("video", "bitstream"),
    ("entropy", "video"),
    ("ratecontrol", "video"),
    ("ratecontrol", "entropy"),
    ("model", "bitstream"),
    ("model", "video"),
    ("model", "ratecontrol"),
    ("__init__", "model"),
    ("cli", "model"),
    ("training", "codec"),
    ("training", "cli"),
    ("evaluation", "model"),
    ("evaluation", "cli"),
    ("evaluation", "training"),
    ("training", "sprites"),
    ("sprites", "cli"),
    ("motion", "cli"),
    ("motion", "sprites"),
    ("preparation", "cli"),
    ("preparation", "model"),
    ("preparation", "training"),
    ("preparation", "sprites"),
    ("preparation", "motion"),
    ("studies", "cli"),
    ("motion", "evaluation"),
    ("call", "cli"),
    ("call", "training"),
    ("call", "evaluation"),
    ("call", "sprites"),
    ("preparation", "call"),
    ("studies", "preparation"),
}
#: What may be imported upwards, but only inside a function.
LAZY = {
    ("cli", beside)
    for beside in ("training", "denoiser", "evaluation", "sprites", "motion", "call", "preparation", "studies", "web")
}
#: Layers that never import a package, not even inside a function.
WITHOUT = {
    "torch": {"errors", "config", "frame", "weightfile", "bitstream", "video", "entropy", "ratecontrol", "cli"},
    "numpy": {"errors", "config", "weightfile", "bitstream", "cli"},
    "av": {*ORDER} - {"video"},
}


def imports(node: ast.AST, package: tuple[str, ...]) -> set[str]:
    """Full names that one statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else ()
        stem = ".".join([*base, node.module or ""]).strip(".")
        return {f"{stem}.{alias.name}" for alias in node.names}
    return set()


def problems(path: Path, source: str) -> list[str]:
    """Bad imports of a file; path is relative to the folder that holds the package."""
    parts = path.with_suffix("").parts
    layer, package, tree = parts[1], parts[:-1], ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    found = []
    for node in ast.walk(tree):
        for name in imports(node, package):
            top = name.split(".")[0]
            if layer in WITHOUT.get(top, ()):
                found.append(f"{layer} must not import {top}")
            if top != ROOT.name or len(name.split(".")) < 2 or (target := name.split(".")[1]) not in ORDER:
                continue
            lazy = (layer, target) in LAZY and id(node) in inside
            if ORDER.index(target) > ORDER.index(layer) and not lazy:
                found.append(f"{layer} imports upwards: {name}")
            if (layer, target) in APART:
                found.append(f"{layer} must not know {target}")
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_point_down(path: Path) -> None:
    assert path.relative_to(ROOT).with_suffix("").parts[0] in ORDER, "a new layer needs its place in ORDER"
    assert problems(path.relative_to(ROOT.parent), path.read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("bitstream/header.py", "import bcdcodec.video.reader"),
        ("bitstream/header.py", "from bcdcodec.codec import files"),
        ("bitstream/header.py", "from bcdcodec import model"),
        ("bitstream/header.py", "from ..codec.files import encode_file"),
        ("bitstream/header.py", "import numpy as np"),
        ("video/reader.py", "from bcdcodec.bitstream.header import MAGIC"),
        ("entropy/tables.py", "def load():\n    import torch"),
        ("ratecontrol/budget.py", "from bcdcodec.entropy.tables import Tables"),
        ("model/dit.py", "from bcdcodec.video.reader import VideoReader"),
        ("codec/encode/file.py", "import av"),
        ("codec/encode/file.py", "def load():\n    from bcdcodec.cli.main import main"),
        ("codec/encode/file.py", "def load():\n    from bcdcodec.training import commands"),
        ("cli/train_codec.py", "from bcdcodec.training import commands"),
        ("cli/generate.py", "from bcdcodec.motion import model"),
        ("cli/call.py", "from bcdcodec.call import commands"),
        ("call/sender.py", "import av"),
        ("codec/decode/decoder.py", "def load():\n    from bcdcodec.call.painter import Painter"),
        ("codec/decode/decoder.py", "def load():\n    from bcdcodec.motion.conceal import ModelConcealer"),
        ("cli/train_codec.py", "if True:\n    from bcdcodec.training import commands"),
        ("cli/encode.py", "from bcdcodec.model.bcd import Bcd"),
        ("training/run/loop.py", "from bcdcodec.codec.encode.file import encode_file"),
        ("config.py", "from bcdcodec.frame import Frame"),
    ],
)
def test_a_planted_bad_import_is_found(path: str, source: str) -> None:
    assert problems(Path(ROOT.name, path), source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("cli/train_codec.py", "def run():\n    from bcdcodec.training import commands"),
        ("cli/encode.py", "from bcdcodec import __version__"),
        ("codec/encode/file.py", "from bcdcodec.model.bcd import Bcd\nimport torch"),
        ("bitstream/stream.py", "from .header import MAGIC\nfrom ..errors import BcdError"),
        ("training/run/loop.py", "from bcdcodec.model.bcd import Bcd"),
        ("evaluation/rate.py", "from bcdcodec.codec.encode.file import encode_file"),
    ],
)
def test_good_imports_pass(path: str, source: str) -> None:
    assert problems(Path(ROOT.name, path), source) == []
