"""Help of commands in few lines: one line an option where it fits, and a usage that leaves the options to their list.

A help text of an option ends in its default, in parentheses, where there is one.
"""

import argparse
import re
from collections.abc import Iterable

#: Where texts begin at the latest; an option that is longer has its text right behind it, if the line holds both.
TEXT_COLUMN = 28
GAP = 2
#: The default at the end of a help text.
DEFAULT = re.compile(r" \(([^()]*)\)$")


class CommandHelp(argparse.RawDescriptionHelpFormatter):
    """Help of one command."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=TEXT_COLUMN)

    def add_argument(self, action: argparse.Action) -> None:
        """List an option, but `--help`, which whoever reads this has found."""
        if isinstance(action, argparse._HelpAction):
            return
        longest = self._action_max_length
        super().add_argument(action)
        if self._action_max_length + GAP > self._max_help_position:
            self._action_max_length = longest  # it stands out of the column, which others do not need as wide

    def start_section(self, heading: str | None) -> None:
        """Begin a list; that of files stands under the description, without a heading."""
        super().start_section(None if heading == "positional arguments" else heading)

    def _format_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[argparse._MutuallyExclusiveGroup],
        prefix: str | None,
    ) -> str:
        return super()._format_usage(usage or synopsis(actions), actions, groups, prefix)

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):
            return "".join(map(self._format_action, action._get_subactions()))
        start = " " * self._current_indent + self._format_action_invocation(action) + " " * GAP
        text = self._expand_help(action) if action.help else ""
        column = min(self._action_max_length + GAP, self._max_help_position)
        if len(start) > column and len(start + text) <= self._width:
            return f"{start}{text}\n"
        return super()._format_action(action)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        return invocation(action)


def invocation(action: argparse.Action) -> str:
    """An argument as it is typed: `-o, --out DIR`, `--[no-]crop`, `IN.bcd`."""
    if isinstance(action, argparse.BooleanOptionalAction):
        return ", ".join(f"--[no-]{name[2:]}" for name in action.option_strings if not name.startswith("--no-"))
    value = "" if action.nargs == 0 else _value(action)
    return f"{', '.join(action.option_strings)} {value}".strip()


def text_and_default(action: argparse.Action) -> tuple[str, str]:
    """The help text of an argument without its default, and the default, "" where it names none."""
    text = (action.help or "").replace("%%", "%")
    found = DEFAULT.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def synopsis(actions: Iterable[argparse.Action]) -> str:
    """`%(prog)s [options] --needed VALUE FILE`: how a command is called, without the list of its options."""
    actions = [action for action in actions if not isinstance(action, argparse._HelpAction)]
    options = [action for action in actions if action.option_strings]
    needed = [invocation(action) for action in options if action.required]
    words = ["%(prog)s", *["[options]"] * (len(needed) < len(options)), *needed]
    return " ".join([*words, *(_positional(action) for action in actions if not action.option_strings)])


def _value(action: argparse.Action) -> str:
    """What stands for an argument's value."""
    choices = None if action.choices is None else "|".join(map(str, action.choices))
    return str(action.metavar or choices or action.dest.upper())


def _positional(action: argparse.Action) -> str:
    value = _value(action)
    shown = {"+": f"{value}...", "*": f"[{value}...]", "?": f"[{value}]", argparse.PARSER: f"{value} ..."}
    return shown.get(str(action.nargs), value)
