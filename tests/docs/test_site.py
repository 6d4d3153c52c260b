"""The documentation as a site: it builds without warnings, and its pages are those of the repository."""

import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import pytest
from pages_kit import PAGES, README, ROOT, name

pytest.importorskip("mkdocs", reason="the site is built by mkdocs")
pytest.importorskip("material", reason="the site has the theme of mkdocs-material")
#: The line between the head and the body of a table.
TABLE = re.compile(r"^\|(?: ?:?-+:? ?\|)+$", re.MULTILINE)


def build(folder: Path, docs: Path = ROOT / "docs") -> Path:
    """Build the site into a folder, as strictly as `make docs` does."""
    from mkdocs.commands.build import build as build_site
    from mkdocs.config import load_config

    logging.getLogger("mkdocs").setLevel(logging.WARNING)
    build_site(load_config(str(ROOT / "mkdocs.yml"), docs_dir=str(docs), site_dir=str(folder), strict=True))
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def site_pages(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/site_pages.py")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "bitstream_spec.md"], ids=name)
def test_every_page_is_in_the_site_with_its_tables(page: Path, site: Path) -> None:
    built = (site / ("index.html" if page == README else f"{page.stem}.html")).read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert built.count("<table>") == len(TABLE.findall(prose))
    assert "<!-- table:" not in built and r"\|" not in "".join(re.findall(r"<td>.*?</td>", built))


def test_the_notebook_is_a_page_and_a_file(site: Path) -> None:
    page = (site / "first_hour.html").read_text(encoding="utf-8")
    assert "encode_file" in page and 'href="validation.html"' in page and 'href="first_hour.ipynb"' in page
    assert (site / "first_hour.ipynb").read_bytes() == (ROOT / "docs" / "first_hour.ipynb").read_bytes()


def test_every_link_and_picture_is_there(site: Path) -> None:
    for page in site.glob("*.html"):
        if page.name == "404.html":  # its links start from the root of a server
            continue
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r'(?:href|src)="([^"#?]+)', text):
            assert re.match(r"https?:", link) or (page.parent / unquote(link)).exists(), f"{page.name}: {link}"


def test_nothing_is_fetched(site: Path) -> None:
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="https?:[^"]*"', text) == [], page.name


@pytest.mark.parametrize("link", ["gone.md", "api.md#gone", "/api.md"])
def test_a_link_that_leads_nowhere_stops_the_build(link: str, tmp_path: Path) -> None:
    from mkdocs.exceptions import Abort

    docs = shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("*.json"))
    with (docs / "motion.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[a link]({link})\n")
    with pytest.raises(Abort):
        build(tmp_path / "site", docs)


@pytest.mark.parametrize(
    ("source", "link", "expected"),
    [
        ("README.md", "docs/cli.md", "cli.md"),
        ("README.md", "docs/cli.md#encode", "cli.md#encode"),
        ("README.md", "docs/validation/sheet.png", "validation/sheet.png"),
        ("README.md", "docs/first_hour.ipynb", "first_hour.md"),
        ("README.md", "CONTRIBUTING.md", "CONTRIBUTING.md"),
        ("docs/api.md", "../README.md", "index.md"),
        ("docs/api.md", "../bitstream_spec.md#1-conventions", "bitstream_spec.md#1-conventions"),
        ("docs/api.md", "motion.md", "motion.md"),
        ("docs/api.md", "#errors", "#errors"),
        ("docs/api.md", "https://example.org/a.md", "https://example.org/a.md"),
    ],
)
def test_links_are_those_of_the_site(site_pages: ModuleType, source: str, link: str, expected: str) -> None:
    assert site_pages.site_markdown(f"[x]({link})", source) == f"[x]({expected})"


def test_bars_and_markers_are_as_the_site_needs_them(site_pages: ModuleType) -> None:
    page = "<!-- table:a -->\n| `x a\\|b` | c\\|d |\n<!-- end -->\n`a\\|b`\n"
    assert site_pages.site_markdown(page, "docs/a.md") == "\n| `x a|b` | c\\|d |\n\n`a\\|b`\n"
