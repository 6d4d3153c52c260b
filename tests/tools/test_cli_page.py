"""tools/cli_page.py: docs/cli.md holds what the parser says, and the check notices where it does not."""

import argparse
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bcdcodec.cli.main import build_parser
from bcdcodec.errors import ConfigError

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


@pytest.fixture(scope="module")
def cli_page(load_script: Callable[[str], ModuleType]) -> ModuleType:
    return load_script("tools/cli_page.py")


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    """A program of one command."""
    program = argparse.ArgumentParser(prog="bcd")
    copy = program.add_subparsers(metavar="COMMAND").add_parser("copy", usage="bcd copy IN")
    copy.add_argument("--mode", choices=("a", "b"), default="a", help="how (a)")
    copy.add_argument("--level", required=True, metavar="N", help="how much")
    copy.add_argument("source", metavar="IN", help="what")
    return program


def test_the_page_is_what_the_parser_says(cli_page: ModuleType) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert cli_page.updated(page, build_parser()) == page, "run python tools/cli_page.py"


def test_every_command_with_arguments_has_a_table(cli_page: ModuleType) -> None:
    names = set(cli_page.tables(build_parser()))
    assert {"bcd", "encode", "verify", "data prepare", "train codec", "bench validation"} <= names
    assert not {"data", "train", "bench"} & names


def test_a_table_names_files_first_then_options_with_defaults(
    cli_page: ModuleType, parser: argparse.ArgumentParser
) -> None:
    assert cli_page.tables(parser) == {
        "copy": [
            "`bcd copy IN`",
            "",
            "| argument |  | default |",
            "|---|---|---|",
            "| *IN* | what |  |",
            r"| `--mode a\|b` | how | a |",
            "| `--level N` | how much | **needed** |",
        ]
    }


def test_prose_stays(cli_page: ModuleType, parser: argparse.ArgumentParser) -> None:
    page = "before\n<!-- table:copy -->\nold\n<!-- end -->\nafter\n"
    lines = cli_page.updated(page, parser).splitlines()
    assert (lines[0], lines[2], lines[-1]) == ("before", "`bcd copy IN`", "after") and "old" not in lines


@pytest.mark.parametrize(
    "page", ["nothing\n", "<!-- table:copy -->\n<!-- end -->\n<!-- table:gone -->\n<!-- end -->\n"]
)
def test_markers_are_those_of_the_commands(cli_page: ModuleType, parser: argparse.ArgumentParser, page: str) -> None:
    with pytest.raises(ConfigError, match=r"copy|gone"):
        cli_page.updated(page, parser)


def test_the_check_fails_where_the_page_is_stale(
    cli_page: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, text = tmp_path / "cli.md", PAGE.read_text(encoding="utf-8")
    page.write_text(text.replace("| print errors only |", "| print nothing |", 1), encoding="utf-8")
    stale = page.read_text(encoding="utf-8")
    assert stale != text
    assert cli_page.main(["--check", "--page", str(page)]) == 1
    assert "cli.md" in capsys.readouterr().err and page.read_text(encoding="utf-8") == stale
    assert cli_page.main(["--page", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == text
    assert cli_page.main(["--check", "--page", str(page)]) == 0
    page.write_text(text.replace("<!-- table:encode -->", ""), encoding="utf-8")
    assert cli_page.main(["--check", "--page", str(page)]) == 1
