"""Ways to break one rule of bitstream_spec.md in a stream that keeps all others."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import forbidden_kit as kit
from forbidden_kit import Recipe, record

MODEL, VIDEO, CODING, CONTENT = kit.MODEL_SECTION, kit.VIDEO_SECTION, kit.CODING_SECTION, kit.CONTENT_SECTION
SOUND, META, PLATE, CALL = kit.AUDIO_SECTION, kit.META_SECTION, kit.PLATE_SECTION, kit.CALL_SECTION
LARGE = 1 << 20


class Sources(NamedTuple):
    """Contents of 256 pixels that the test streams are made of."""

    still: bytes
    landmarks: bytes
    wide: bytes
    levels: bytes


class Case(NamedTuple):
    """A stream that breaks a rule. says: what both readers name."""

    name: str
    breaks: Callable[[Recipe, Sources], Recipe]
    says: str


def section(kind: int, body: bytes | Callable[[bytes], bytes]) -> Callable[[Recipe, Sources], Recipe]:
    """The stream with another body of a section."""

    def broken(recipe: Recipe, sources: Sources) -> Recipe:
        old = dict(recipe.sections)[kind]
        return recipe.with_section(kind, body if isinstance(body, bytes) else body(old))

    return broken


def packet(
    index: int, payload: Callable[[bytes], bytes] | None = None, **changes: object
) -> Callable[[Recipe, Sources], Recipe]:
    """The stream with another payload, or other fields, of a packet."""

    def broken(recipe: Recipe, sources: Sources) -> Recipe:
        new = {} if payload is None else {"payload": payload(recipe.packets[index].payload)}
        return recipe.with_packet(index, **new, **changes)

    return broken


def file(change: Callable[[bytes], bytes]) -> Callable[[Recipe, Sources], Recipe]:
    return lambda recipe, sources: dataclasses.replace(recipe, change=change)


def end(change: Callable[[kit.EndFields], None]) -> Callable[[Recipe, Sources], Recipe]:
    return lambda recipe, sources: dataclasses.replace(recipe, end=change)


def appended(*packets: kit.Part) -> Callable[[Recipe, Sources], Recipe]:
    return lambda recipe, sources: recipe.and_packets(*packets)


def additions(count: int, **changes: object) -> Callable[[Recipe, Sources], Recipe]:
    """Additions to the last shot, whose square they have; changes: of the last one."""

    def broken(recipe: Recipe, sources: Sources) -> Recipe:
        for number in range(1, count + 1):
            options = {"number": number, **(changes if number == count else {})}
            body = record(sources.still, coding=1, **{"x": 5, **options})  # type: ignore[arg-type]
            recipe = recipe.and_packets(kit.Part(kit.CONTENT, 6, body))
        return recipe

    return broken


def still(change: Callable[[bytes], bytes]) -> Callable[[Recipe, Sources], Recipe]:
    """The stream with another plate."""
    return section(kit.PLATE_SECTION, change)


def sequence_header(bits: Callable[[str], str]) -> Callable[[Recipe, Sources], Recipe]:
    """The stream with other bits in the sequence header of its plate, which has 6 bytes from byte 4 on."""

    def changed(data: bytes) -> bytes:
        text = bits("".join(f"{byte:08b}" for byte in data[4:10]))
        body = int(text, 2).to_bytes(len(text) // 8, "big")
        return data[:3] + bytes([len(body)]) + body + data[10:]

    return still(changed)


def put(text: str, at: int, bits: str) -> str:
    return text[:at] + bits + text[at + len(bits) :]


def set_point(index: int, field: int, by: int) -> Callable[[kit.EndFields], None]:
    def change(fields: kit.EndFields) -> None:
        fields.seek_points[index][field] += by

    return change


def seek_points(change: Callable[[list[list[int]]], list[list[int]]]) -> Callable[[Recipe, Sources], Recipe]:
    def changed(fields: kit.EndFields) -> None:
        fields.seek_points = change(fields.seek_points)

    return end(changed)


def fields(**changes: object) -> Callable[[Recipe, Sources], Recipe]:
    def changed(found: kit.EndFields) -> None:
        for name, value in changes.items():
            setattr(found, name, value)

    return end(changed)
