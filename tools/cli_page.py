"""Generator of the synopses and tables of options in docs/cli.md, from the parser of `bcd`.

    python tools/cli_page.py            # writes the tables
    python tools/cli_page.py --check    # exit code 1 where they are not those of the parser

The prose of the page is written by hand; each command has a pair of markers: `<!-- table:encode -->`, `<!-- end -->`.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bcdcodec.cli.help import invocation, text_and_default
from bcdcodec.cli.main import build_parser
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.report.tables import replace_tables, table

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
HEAD = ("argument", "", "default")
MARKER = re.compile(r"^<!-- table:(.+) -->$", re.MULTILINE)


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of all commands below it, in the order of their help."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from commands(command)


def tables(parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """Lines of synopsis and options of every command, by its words behind `bcd`; `bcd` for the program itself.

    Commands that have nothing but commands of their own are left out.
    """
    found = dict[str, list[str]]()
    for command in commands(parser):
        if rows := [*_rows(command)]:
            found[command.prog.removeprefix("bcd ")] = [_synopsis(command), "", *table(HEAD, rows)]
    return found


def updated(page: str, parser: argparse.ArgumentParser) -> str:
    """The page with the tables of the parser. ConfigError for a command without markers, and for others."""
    generated = tables(parser)
    if unknown := set(MARKER.findall(page)) - set(generated):
        raise ConfigError(f"no command has the options of {', '.join(sorted(unknown))}")
    return replace_tables(page, generated)


def _synopsis(command: argparse.ArgumentParser) -> str:
    usages = command.format_usage().removeprefix("usage: ").splitlines()
    return " or ".join(f"`{usage.strip()}`" for usage in usages)


def _rows(command: argparse.ArgumentParser) -> Iterator[tuple[str, str, str]]:
    """Files first, then options."""
    shown = [a for a in command._actions if not isinstance(a, argparse._SubParsersAction | argparse._HelpAction)]
    for action in sorted(shown, key=lambda action: bool(action.option_strings)):
        text, default = text_and_default(action)
        name = f"`{invocation(action)}`" if action.option_strings else f"*{invocation(action)}*"
        needed = bool(action.option_strings) and action.required
        yield _escaped(name), _escaped(text), "**needed**" if needed else _escaped(default)


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description="Write the tables of options in docs/cli.md.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where the page is stale")
    parser.add_argument("--page", type=Path, default=PAGE, metavar="PAGE.md", help="another page than docs/cli.md")
    options = parser.parse_args(argv)
    before = options.page.read_text(encoding="utf-8")
    try:
        after = updated(before, build_parser())
    except ConfigError as error:
        print(f"{options.page}: {error}", file=sys.stderr)
        return 1
    if not options.check:
        options.page.write_text(after, encoding="utf-8")
        return 0
    if after != before:
        print(f"{options.page} is not what the parser says; run python tools/cli_page.py", file=sys.stderr)
    return int(after != before)


if __name__ == "__main__":
    sys.exit(main())
