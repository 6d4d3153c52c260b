"""Results as JSON: dataclasses to plain values and back, and whole files of numbers."""

import dataclasses
import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from bcdcodec.atomic import write_text

Record = TypeVar("Record")


def to_json(value: Any) -> Any:
    """A dataclass as a dict, nested ones too; anything else as it is."""
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def from_json(kind: type[Record], found: Any) -> Record:
    """Inverse of `to_json`. KeyError or TypeError where the values are those of another dataclass."""
    record: Record = _parse(kind, found)
    return record


def write_numbers(path: Path, numbers: Any) -> None:
    """Write a result, indented, as it lies beside its page."""
    write_text(path, json.dumps(to_json(numbers), indent=1) + "\n")


def _parse(kind: Any, found: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        if not isinstance(found, dict):
            raise TypeError(f"a record is {type(found).__name__}, needs a dict")
        hints = get_type_hints(kind)
        return kind(**{name: _parse(hints[name], value) for name, value in found.items()})  # type: ignore[operator]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (kind,) = [one for one in inner if one is not NoneType]
        return None if found is None else _parse(kind, found)
    if origin is dict:
        return {name: _parse(inner[1], value) for name, value in found.items()}
    if origin in (list, tuple):
        return origin(_parse(inner[0], value) for value in found)
    return found
