"""The pages of the documentation, for the tests of what they show."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
CHANGELOG = ROOT / "CHANGELOG.md"


def name(path: Path) -> str:
    """The page's path inside the repository, as the id of a test."""
    return str(path.relative_to(ROOT))


def text(path: Path) -> str:
    """A page with its long shell commands on one line each."""
    return path.read_text().replace("\\\n", " ")


def python_blocks(path: Path) -> list[str]:
    """The page's Python examples in order."""
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)


def inline_code(path: Path) -> list[str]:
    """Everything between single backticks, outside of code blocks."""
    prose = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
