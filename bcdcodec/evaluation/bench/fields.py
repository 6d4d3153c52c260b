"""Values of a TOML table, each of the type it has to be. In: a table and a name. Out: the value, or what is wrong.

Every function raises ValueError with what was found and what is allowed, without the name of the file.
"""

from collections.abc import Collection
from typing import Any

Table = dict[str, Any]


def only(table: Table, known: Collection[str], *, of: str) -> None:
    """Refuse names that mean nothing. of: what the table is, for the message."""
    if unknown := sorted(table.keys() - {*known}):
        raise ValueError(f"has {', '.join(unknown)} in {of}, known are {', '.join(sorted(known))}")


def present(table: Table, name: str) -> Any:
    """The value, whatever it is."""
    if name not in table:
        raise ValueError(f"misses {name!r}")
    return table[name]


def whole(value: Any, name: str, low: int, high: int) -> int:
    """A whole number; true and 20.5 are none."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"has {name} = {value!r}, needs a whole number of {low} to {high}")
    return value


def number(value: Any, name: str, low: float, high: float) -> float:
    """A number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"has {name} = {value!r}, needs a number of {low:g} to {high:g}")
    return float(value)


def text(value: Any, name: str) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"has {name} = {value!r}, needs a text")
    return value


def texts(value: Any, name: str) -> tuple[str, ...]:
    """A list of texts, at least one."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"has {name} = {value!r}, needs a list of texts")
    return tuple(text(item, f"an item of {name}") for item in value)


def wholes(value: Any, name: str, low: int, high: int) -> tuple[int, ...]:
    """A list of whole numbers, at least one."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"has {name} = {value!r}, needs a list of whole numbers")
    return tuple(whole(item, f"an item of {name}", low, high) for item in value)


def table(value: Any, name: str) -> Table:
    """A table."""
    if not isinstance(value, dict):
        raise ValueError(f"has {name} = {value!r}, needs a table [{name}]")
    return value


def tables(value: Any, name: str) -> list[Table]:
    """A list of tables, at least one."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"has {name} that is no list of tables, needs [[{name}]] with two brackets")
    return value
