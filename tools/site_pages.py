"""Hooks of mkdocs: pages from outside of docs/, the notebook as a page, and what GitHub writes another way.

No file is copied: the pages are read where they are, and links between them are turned into those of the site.
"""

import json
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
#: Pages from outside of docs/, and their names in the site.
OUTSIDE = {
    "README.md": "index.md",
    "bitstream_spec.md": "bitstream_spec.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
NOTEBOOK = ".ipynb"
LINK = re.compile(r"(?<=\]\()([^)#\s]+)")
COMMENT = re.compile(r"^<!--.*-->$", re.MULTILINE)
TABLE_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
CODE = re.compile(r"`[^`]+`")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from outside of docs/, and one for each notebook."""
    pages = {target: (ROOT / source).read_text(encoding="utf-8") for source, target in OUTSIDE.items()}
    for file in [file for file in files if file.src_uri.endswith(NOTEBOOK)]:
        pages[site_name(DOCS + file.src_uri)] = notebook_page(file.content_string, file.name + NOTEBOOK)
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn a page of the repository into one of the site."""
    sources = {target: source for source, target in OUTSIDE.items()}
    name = page.file.src_uri
    return site_markdown(markdown, sources.get(name, DOCS + name))


def site_markdown(markdown: str, source: str) -> str:
    """A page as the site needs it. source: its path in the repository.

    Links lead to pages of the site. Markers become blank lines, without which a table is none, and bars in the code of
    a table lose the backslash that GitHub needs.
    """
    linked = LINK.sub(lambda found: _site_link(found[1], source), markdown)
    return TABLE_ROW.sub(_bare_bars, COMMENT.sub("", linked))


def site_name(path: str) -> str:
    """The name in the site of a file of the repository; files that it does not hold keep their path."""
    inside = OUTSIDE.get(path, path.removeprefix(DOCS))
    return inside.removesuffix(NOTEBOOK) + ".md" if inside.endswith(NOTEBOOK) else inside


def notebook_page(text: str, file: str) -> str:
    """The cells of a notebook as Markdown, code as blocks, with a link to the file itself."""
    page = list[str]()
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        page.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    page.append(f'The notebook: <a href="{file}">{file}</a>')  # as HTML, which is not turned into a link to this page
    return "\n\n".join(page) + "\n"


def _site_link(link: str, source: str) -> str:
    if re.match(r"\w+:", link):
        return link
    target = site_name(posixpath.normpath(posixpath.join(posixpath.dirname(source), link)))
    return posixpath.relpath(target, posixpath.dirname(site_name(source)) or ".")


def _bare_bars(row: re.Match[str]) -> str:
    return CODE.sub(lambda code: code[0].replace(r"\|", "|"), row[0])
