"""The list of packages for an installation without torch agrees with the package's own."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_light_txt_is_the_dependencies_without_torch_and_with_onnxruntime() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [line for line in (ROOT / "light.txt").read_text().splitlines() if not line.startswith("#")]
    wanted = [name for name in project["dependencies"] if not name.startswith("torch>")]
    assert listed == wanted + project["optional-dependencies"]["light"]


def test_what_finds_faces_is_named_in_the_ranges_of_the_extra() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["encode"]
    for text in ((ROOT / "light.txt").read_text(), (ROOT / "docs" / "cli.md").read_text()):
        assert all(f"'{package}'" in text for package in extra)
