"""Help of all commands: short, one line an option, defaults that are true."""

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from bcdcodec.cli.help import CommandHelp, invocation, synopsis, text_and_default
from bcdcodec.cli.main import build_parser, parse

#: What a usual terminal gives, and the most lines that the help of all top-level commands together may take there.
COLUMNS, MOST_LINES = 100, 360
#: The most lines of the text of one argument.
MOST_OF_ONE = 2


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser by name."""
    lists = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: command for action in lists for name, command in action.choices.items()}


def below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and all commands below it."""
    yield parser
    for command in commands(parser).values():
        yield from below(command)


PARSER = build_parser()
ALL = [*below(PARSER)]
ARGUMENTS = [
    pytest.param(action, id=f"{parser.prog} {invocation(action)}")
    for parser in ALL
    for action in parser._actions
    if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction | argparse._VersionAction)
]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))


def test_the_help_of_all_commands_is_short() -> None:
    lines = [parser.format_help().splitlines() for parser in (PARSER, *commands(PARSER).values())]
    assert sum(map(len, lines)) < MOST_LINES


@pytest.mark.parametrize("parser", ALL, ids=lambda parser: parser.prog)
def test_help_names_every_argument_once(parser: argparse.ArgumentParser) -> None:
    shown = [line.strip() for line in parser.format_help().split("examples:")[0].splitlines()]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction):
            continue
        starts = [line for line in shown if line == invocation(action) or line.startswith(f"{invocation(action)}  ")]
        assert len(starts) == 1, invocation(action)


@pytest.mark.parametrize("action", ARGUMENTS)
def test_an_argument_takes_few_lines(action: argparse.Action) -> None:
    formatter = CommandHelp("bcd")
    formatter.start_section("options")
    formatter.add_argument(action)
    formatter.end_section()
    assert len(formatter.format_help().splitlines()) - 1 <= MOST_OF_ONE


@pytest.mark.parametrize("parser", ALL, ids=lambda parser: parser.prog)
def test_two_examples_and_more_that_parse(parser: argparse.ArgumentParser) -> None:
    lines = re.findall(r"^  bcd (.+)$", (parser.epilog or "").partition("examples:")[2], re.MULTILINE)
    assert len(lines) >= 2 or commands(parser)
    for line in lines:
        told = re.split(r"  +[a-z]| [<>|&]", line)[0]  # what the shell does, and what stands beside in the overview
        assert parse(shlex.split(told, comments=True)).run


@pytest.mark.parametrize("action", ARGUMENTS)
def test_a_help_text_ends_in_the_default(action: argparse.Action) -> None:
    default, (_, shown) = action.default, text_and_default(action)
    if default is None or default is False or default == argparse.SUPPRESS or default in ([], ()):
        assert not isinstance(action, argparse.BooleanOptionalAction) or shown, "which of the two is the default?"
        return
    assert shown, f"the help lacks {default}"
    parse = action.type if callable(action.type) else str
    assert parse(shown) == default


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("still", "usage: bcd still [options] IN.bcd [OUT.png]\n"),
        ("transfer", "usage: bcd transfer [options] --content A --motion B OUT.mp4\n"),
        ("personalize", "usage: bcd personalize [options] CLIP... OUT.safetensors\n"),
        ("compare", "usage: bcd compare [options] VIDEO [IN.bcd...]\n"),
        ("verify", "usage: bcd verify FILE\n"),
        ("data", "usage: bcd data COMMAND ...\n"),
    ],
)
def test_usage_names_what_must_be_given(command: str, line: str) -> None:
    assert commands(PARSER)[command].format_usage() == line


def test_a_text_follows_a_long_option_on_its_line_where_both_fit() -> None:
    parser = argparse.ArgumentParser(prog="x", formatter_class=CommandHelp)
    parser.add_argument("--short", metavar="N", help="some text")
    parser.add_argument("--quite-a-long-option", choices=("first", "second"), help="some text")
    parser.add_argument("--another-long-option", choices=("first", "second"), help="some text " * 8)
    lines = parser.format_help().splitlines()
    assert "  --short N  some text" in lines
    assert "  --quite-a-long-option first|second  some text" in lines
    assert lines[lines.index("  --another-long-option first|second") + 1].startswith("             some text")


def test_invocations_are_as_typed() -> None:
    parser = argparse.ArgumentParser()
    two = parser.add_argument("-o", "--out", metavar="DIR", required=True)
    yes_or_no = parser.add_argument("--crop", action=argparse.BooleanOptionalAction)
    flag = parser.add_argument("-q", "--quiet", action="store_true")
    files = parser.add_argument("paths", nargs="*")
    assert [*map(invocation, (two, yes_or_no, flag, files))] == ["-o, --out DIR", "--[no-]crop", "-q, --quiet", "PATHS"]
    assert synopsis(parser._actions) == "%(prog)s [options] -o, --out DIR [PATHS...]"
