"""Commands and options in README and docs exist and parse."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages_kit import CHANGELOG, PAGES, README, inline_code, name, text

from bcdcodec.cli.main import build_parser, parse

#: `bcd` as a line of its own, started by torchrun or not.
LINE = re.compile(r"^ *(?:torchrun .*--no-python )?bcd (.+)$", re.MULTILINE)
COMMANDS = [(name(page), line) for page in PAGES for line in LINE.findall(text(page))]
#: Options of other programs: pip, torchrun, FFmpeg's encoders, our scripts.
FOREIGN_OPTIONS = {"--no-python", "--nproc-per-node", "--benchmark-enable", "--logdir"}


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of all its commands."""
    yield parser
    for child in children(parser).values():
        yield from parsers(child)


def children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def options(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


PARSER = build_parser()
ALL_OPTIONS = {option for parser in parsers(PARSER) for option in options(parser)}


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_every_command_line_parses(page: str, line: str) -> None:
    assert parse(shlex.split(line.split(" < ")[0], comments=True)).run


def test_every_page_of_use_shows_commands() -> None:
    shown = {page for page, _ in COMMANDS}
    assert {name(README), "docs/cli.md", "docs/training.md", "docs/motion.md", "docs/sprites.md"} <= shown


def test_every_command_is_shown() -> None:
    shown = {line for page, line in COMMANDS if page == "docs/cli.md"}
    for command, parser in children(PARSER).items():
        for words in [f"{command} {child}" for child in children(parser)] or [command]:
            assert any(line.startswith(f"{words} ") for line in shown), f"docs/cli.md does not show bcd {words}"


@pytest.mark.parametrize("page", [*PAGES, CHANGELOG], ids=name)
def test_inline_commands_and_options_exist(page: Path) -> None:
    for code in inline_code(page):
        words = [word.replace("[no-]", "") for word in code.split() if word != "[options]"]
        if words[0] == "bcd":
            known, words = PARSER, words[1:]
            while words and words[0] in children(known):
                known, words = children(known)[words[0]], words[1:]
            placeholders = not words or words[0].startswith("-") or not children(known) or words[0].isupper()
            assert placeholders, f"no command {code!r}"
            # Options of `bcd train` stand for those of any of its commands.
            allowed = {option for child in parsers(known) for option in options(child)}
        elif words[0].startswith("--"):
            allowed = ALL_OPTIONS | FOREIGN_OPTIONS
        else:
            continue
        unknown = {word.split("=")[0] for word in words if word.startswith("--")} - allowed
        assert not unknown, f"{code!r}: no option {', '.join(unknown)}"
