"""Python examples in README and docs run, with the tiny model on a clip without a face."""

from pathlib import Path

import pytest
from pages_kit import PAGES, README, ROOT, name, python_blocks

from bcdcodec import CodecModel

WITH_PYTHON = [page for page in PAGES if python_blocks(page)]
#: What a page's examples start from, beside the model and the clips.
INPUTS = {"motion.md": "motion_weights", "face3d.md": "meshes"}
#: Files that the examples of a page leave behind.
EXPECTED = {
    "README.md": {"talk.bcd", "again.mp4"},
    "api.md": {"talk.bcd", "again.mp4", "live.bcd", "large.bcd", "small.bcd", "out.mp4"},
    "calls.md": {"shown.mp4"},
    "motion.md": {"alice.bcd", "longer.bcd", "longer.mp4"},
    "face3d.md": set(),
}


@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_the_python_runs(
    page: Path,
    clips: None,
    tiny_weights: Path,
    weights_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if page.name in INPUTS:
        request.getfixturevalue(INPUTS[page.name])
    # The examples load the shipped model and find a face; the tiny one codes a clip without any.
    model = CodecModel.load(tiny_weights, device="cpu")
    monkeypatch.setattr(CodecModel, "load", lambda: model)
    monkeypatch.setattr(CodecModel, "follows_faces", False)
    monkeypatch.chdir(tmp_path)
    for block in python_blocks(page):
        exec(compile(block, page.name, "exec"), {})
    written = {path.name for path in tmp_path.iterdir() if path.stat().st_size > 0}
    assert written >= EXPECTED[page.name]


def test_the_pages_with_python_are_known() -> None:
    assert {page.name for page in WITH_PYTHON} == set(EXPECTED)
    assert len(python_blocks(ROOT / "docs" / "api.md")) == 6
    assert len(python_blocks(README)) == 2
