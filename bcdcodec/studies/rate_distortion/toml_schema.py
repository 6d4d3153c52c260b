"""Typed access to the values of a TOML table.

Every function raises ValueError with the value found and the values allowed, without the name of the file.
"""

from collections.abc import Collection
from typing import Any

Table = dict[str, Any]


def check_keys(table: Table, known: Collection[str], *, of: str) -> None:
    """Refuse unknown keys. of: name of the table in the message."""
    if unknown := sorted(table.keys() - {*known}):
        raise ValueError(f"has {', '.join(unknown)} in {of}, known are {', '.join(sorted(known))}")


def require(table: Table, name: str) -> Any:
    """The value of a key that must be there, of any type."""
    if name not in table:
        raise ValueError(f"misses {name!r}")
    return table[name]


def as_int(value: Any, name: str, low: int, high: int) -> int:
    """An integer from low to high; booleans and 20.5 are none."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"has {name} = {value!r}, needs a whole number of {low} to {high}")
    return value


def as_float(value: Any, name: str, low: float, high: float) -> float:
    """A number from low to high."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"has {name} = {value!r}, needs a number of {low:g} to {high:g}")
    return float(value)


def as_str(value: Any, name: str) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"has {name} = {value!r}, needs a text")
    return value


def as_strs(value: Any, name: str) -> tuple[str, ...]:
    """A list of at least one string."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"has {name} = {value!r}, needs a list of texts")
    return tuple(as_str(item, f"an item of {name}") for item in value)


def as_ints(value: Any, name: str, low: int, high: int) -> tuple[int, ...]:
    """A list of at least one integer from low to high."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"has {name} = {value!r}, needs a list of whole numbers")
    return tuple(as_int(item, f"an item of {name}", low, high) for item in value)


def as_table(value: Any, name: str) -> Table:
    """A table."""
    if not isinstance(value, dict):
        raise ValueError(f"has {name} = {value!r}, needs a table [{name}]")
    return value


def as_tables(value: Any, name: str) -> list[Table]:
    """A list of at least one table."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"has {name} that is no list of tables, needs [[{name}]] with two brackets")
    return value
