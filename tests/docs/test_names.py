"""Paths, links and names in README and docs exist."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from pages_kit import CHANGELOG, PAGES, README, ROOT, inline_code, name

ARCHITECTURE = ROOT / "docs" / "architecture.md"
#: The most that a newcomer is asked to read first.
README_BYTES = 7000
#: Files that commands write or users have.
EXAMPLES = {"clips.csv"}
SUFFIXES = ("py", "md", "json", "toml", "csv", "safetensors", "npz", "png", "txt")
PATH = re.compile(rf"^[\w.*-]+(/[\w.*-]+)+/?$|^[\w*-]+\.({'|'.join(SUFFIXES)})$")
#: Identifiers: dotted, with an underscore, or CamelCase.
IDENTIFIER = re.compile(r"^(?=.*[a-z])(?:\w+\.\w[\w.]*|\w+_\w+|[A-Z][a-z]+[A-Z]\w*)(?:\(.*\))?$")


@cache
def source_words() -> frozenset[str]:
    """All words of the package, its scripts, presets and settings."""
    files = [path for folder in ("bcdcodec", "tools", "benchmarks") for path in (ROOT / folder).rglob("*")]
    kept = [path for path in files if path.suffix in (".py", ".json", ".toml")]
    extra = [ROOT / "pyproject.toml", ROOT / "tests" / "conftest.py"]
    return frozenset(word for path in [*kept, *extra] for word in re.findall(r"\w+", path.read_text()))


def exists(path: str) -> bool:
    """Whether a path is one of the repository, of the package, or of the folder of pages."""
    return any(next(folder.glob(path), None) is not None for folder in (ROOT, ROOT / "bcdcodec", ROOT / "docs"))


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG], ids=name)
def test_every_path_exists(page: Path) -> None:
    paths = [code for code in inline_code(page) if PATH.match(code) and code not in EXAMPLES]
    assert [path for path in paths if not exists(path.rstrip("/"))] == []


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG], ids=name)
def test_every_link_resolves(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    for link in links:
        if re.match(r"https?:", link):
            continue
        target, _, anchor = link.partition("#")
        path = page.parent / target if target else page
        assert path.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(path), f"{link}: no such heading"


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG], ids=name)
def test_every_identifier_exists(page: Path) -> None:
    names = [code for code in inline_code(page) if IDENTIFIER.match(code) and not PATH.match(code)]
    unknown = {code for code in names if not {*re.findall(r"\w+", code.split("(")[0])} <= source_words()}
    assert unknown == set()


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= README_BYTES


def test_the_readme_links_every_page() -> None:
    links = set(re.findall(r"\]\(docs/([\w.]+)\)", README.read_text()))
    assert {page.name for page in PAGES if page != README} <= links


def test_every_file_of_the_life_of_a_frame_exists() -> None:
    lines = re.findall(r"^\| \d+ \| (`[^|]+) \|", ARCHITECTURE.read_text(), re.MULTILINE)
    rows = [file for line in lines for file in re.findall(r"`([^`]+)`", line)]
    assert len(rows) > 20
    assert [row for row in rows if not (ROOT / "bcdcodec" / row).is_file()] == []


def test_the_layers_are_those_of_the_layer_test(load_script: Callable[[str], ModuleType]) -> None:
    section = ARCHITECTURE.read_text().split("\n## ")[1]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == load_script("tests/test_layers.py").ORDER


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
