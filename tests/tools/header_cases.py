"""Headers that bitstream_spec.md forbids (sections 1 to 3)."""

import dataclasses

import forbidden_kit as kit
from breaking_kit import (
    CALL,
    CODING,
    CONTENT,
    LARGE,
    META,
    MODEL,
    PLATE,
    SOUND,
    VIDEO,
    Case,
    file,
    put,
    section,
    sequence_header,
    still,
)
from forbidden_kit import uvarint

FILE = [
    Case("magic", file(lambda data: b"\x0b" + data[1:]), "magic"),
    Case("line endings", file(lambda data: data[:4] + data[5:]), "magic"),
    Case("version", file(lambda data: data[:8] + b"\2" + data[9:]), "version"),
    Case("empty", file(lambda data: b""), "magic|needed"),
    Case("cut", file(lambda data: data[:-1]), "END|needed"),
    Case("no END", file(lambda data: data[: int.from_bytes(data[-12:-4], "big")]), "END|needed"),
    Case("bytes after END", file(lambda data: data + b"\0"), "after its end"),
    Case(
        "sound after END",
        file(lambda data: data + kit.sealed(bytes([3, 12, 9]) + uvarint(3) + b"\1\1a")),
        "after its end",
    ),
    Case("damaged section", file(lambda data: data[:12] + bytes([data[12] ^ 1]) + data[13:]), "CRC"),
    Case("damaged packet", file(lambda data: data[:-30] + bytes([data[-30] ^ 1]) + data[-29:]), "CRC|sequence|needed"),
]
SECTIONS = [
    *(
        Case(f"no {name}", lambda recipe, _, kind=kind: recipe.without_section(kind), f"no .*{name}")
        for kind, name in ((MODEL, "MODEL"), (VIDEO, "VIDEO"), (CODING, "CODING"), (CONTENT, "CONTENT"))
    ),
    *(
        Case(
            f"section {kind} twice",
            lambda recipe, _, kind=kind: recipe.and_section(kind, dict(recipe.sections)[kind]),
            "twice",
        )
        for kind in range(1, 9)
    ),
    Case(
        "65 sections",
        lambda recipe, _: dataclasses.replace(recipe, sections=recipe.sections + ((99, b""),) * 56),
        "64 sections",
    ),
    Case("large section", lambda recipe, _: recipe.and_section(99, bytes(LARGE + 1)), "length of section"),
    Case(
        "END_OF_HEADER with a body",
        file(lambda data: data.replace(kit.sealed(b"\0\0"), kit.sealed(b"\0\1x"), 1)),
        "END_OF_HEADER",
    ),
    Case(
        "length in a longer form",
        file(lambda data: data[:9] + kit.sealed(b"\1" + uvarint(16, padded=True) + data[11:27]) + data[31:]),
        "fewer|shortest",
    ),
    Case("length above 32 bits", file(lambda data: data[:9] + b"\1\xff\xff\xff\xff\x1f" + data[11:]), "limit|32 bits"),
    Case(
        "length of six bytes", file(lambda data: data[:9] + b"\1\x80\x80\x80\x80\x80\x01" + data[11:]), "longer|32 bits"
    ),
    *(
        Case(f"section {kind} longer", section(kind, lambda body: body + b"\0"), "after its end|bytes")
        for kind in (MODEL, VIDEO, CODING, SOUND, CALL)
    ),
    *(
        Case(f"section {kind} shorter", section(kind, lambda body: body[:-1]), "needs|needed|bytes")
        for kind in (MODEL, VIDEO, CODING, SOUND)
    ),
]
VIDEOS = [
    Case("width 0", section(VIDEO, kit.video(sizes=(0, 480, 256))), "source width"),
    Case("height 0", section(VIDEO, kit.video(sizes=(640, 0, 256))), "source height"),
    Case("model pixels", section(VIDEO, kit.video(sizes=(640, 480, 128))), "model"),
    *(
        Case(f"frame rate {rate}", section(VIDEO, kit.video(rate=rate)), "frame rate")
        for rate in ((0, 1), (1, 0), (1_000_001, 4200), (30, 1_000_001), (99, 1000), (241, 1))
    ),
    Case("VIDEO flags", section(VIDEO, kit.video(flags=3)), "VIDEO flags"),
]
CODINGS = [
    Case("mode 3", section(CODING, kit.coding(mode=3)), "coding mode"),
    Case("groups 0", section(CODING, kit.coding(groups=0)), "groups"),
    Case("bits 0", section(CODING, kit.coding(bits=0)), "bits per code"),
    Case("bits 9", section(CODING, kit.coding(bits=9)), "bits per code"),
    Case("window 0", section(CODING, kit.coding(window=0, context=0)), "window frames"),
    Case("window 65", section(CODING, kit.coding(window=65)), "window frames"),
    Case("context as long as the window", section(CODING, kit.coding(context=4)), "context frames"),
]
METADATA = [
    *(
        Case(f"metadata {name}", section(META, body), "metadata")
        for name, body in (
            ("that is empty", b""),
            ("of a list", b"[]"),
            ("of numbers", b'{"a":1}'),
            ("of null", b'{"a":null}'),
            ("in a tree", b'{"a":{"b":"c"}}'),
            ("with a key twice", b'{"a":"1","a":"2"}'),
            ("in Latin-1", b'{"a":"\xe9"}'),
            ("in UTF-16", '{"a":"b"}'.encode("utf-16")),
            ("with a mark of byte order", b"\xef\xbb\xbf{}"),
            ("that is cut", b'{"a":"b"'),
            ("with bytes after it", b"{} x"),
            ("with half a character", b'{"a":"\\ud800"}'),
            ("that is deep", b"[" * 60_000),
            ("of 65 537 bytes", b'{"a":"' + b"b" * 65_529 + b'"}'),
        )
    ),
]
STILLS = [
    Case("plate of another kind", section(PLATE, b"\xff\xd8\xff"), "still"),
    Case("empty plate", section(PLATE, b""), "plate|needed"),
    Case("still without a temporal delimiter", still(lambda data: data[2:]), "temporal delimiter"),
    Case("still with a full temporal delimiter", still(lambda data: b"\x12\1a" + data[2:]), "temporal delimiter"),
    Case("still with another unit", still(lambda data: data[:2] + b"\x2a\1a" + data[2:]), "sequence header"),
    Case("still with an extension", still(lambda data: data[:2] + b"\x0e\0" + data[3:]), "sequence header"),
    Case("still without a frame", still(lambda data: data[:10]), "frame|needed"),
    Case("still with bytes after it", still(lambda data: data + b"\0"), "after its"),
    Case("still with another frame", still(lambda data: data + data[10:]), "after its"),
    Case("still that is cut", still(lambda data: data[:-1]), "needs|needed"),
    Case("size of a unit in a longer form", still(lambda data: data[:3] + b"\x86\0" + data[4:]), "no size|shortest"),
    Case("profile 1", sequence_header(lambda bits: put(bits, 0, "001")), "profile 0"),
    Case("no still picture", sequence_header(lambda bits: put(bits, 3, "0")), "profile 0"),
    Case("no reduced header", sequence_header(lambda bits: put(bits, 4, "0")), "profile 0"),
    Case(
        "wide still",
        sequence_header(lambda bits: bits[:10] + f"{8:04b}{3:04b}{320:09b}{15:04b}" + bits[26:] + "0" * 3),
        "allowed are sides",
    ),
    Case("cut sequence header", still(lambda data: data[:3] + b"\3" + data[4:7] + data[10:]), "cut"),
    Case("10 bits per sample", sequence_header(lambda bits: put(bits, 32, "1")), "8 bits"),
    Case("one plane", sequence_header(lambda bits: put(bits, 33, "1")), "plane"),
]
