"""Contents, packets and indices that bitstream_spec.md forbids (sections 3.4, 4 and 5), and symbols (6 and 7)."""

import dataclasses

import forbidden_kit as kit
from breaking_kit import (
    CODING,
    CONTENT,
    LARGE,
    SOUND,
    VIDEO,
    Case,
    additions,
    appended,
    end,
    fields,
    packet,
    section,
    seek_points,
    set_point,
)
from forbidden_kit import motion, opus, record, uvarint

from bcdcodec.bitstream.face import join_face

CONTENTS = [
    Case(
        "crop size 0",
        lambda recipe, sources: recipe.with_section(CONTENT, record(sources.still, coding=1, size=0)),
        "crop size",
    ),
    Case("crop size 0 in a packet", packet(7, lambda body: body[:4] + b"\0\0" + body[6:]), "crop size"),
    Case("coding 3", section(CONTENT, lambda body: body[:6] + b"\3" + body[7:]), "content coding"),
    Case("coding 32", packet(7, lambda body: body[:6] + b"\x20" + body[7:]), "content coding"),
    Case("short record", section(CONTENT, lambda body: body[:6]), "content"),
    Case("short record in a packet", packet(7, lambda body: body[:6]), "content|needed"),
    Case(
        "parts in the header",
        lambda recipe, sources: recipe.with_section(CONTENT, record(sources.still, coding=1, parts=1)),
        "parts",
    ),
    Case(
        "addition in the header",
        lambda recipe, sources: recipe.with_section(CONTENT, record(sources.still, coding=1, number=1)),
        "header",
    ),
    Case("number 0", packet(4, lambda body: body[:7] + b"\0" + body[8:]), "number of a reference"),
    Case("drops itself", additions(1, drops=1), "reference .*drop"),
    Case("drops one that is not there", additions(5, drops=6, number=9), "reference 6"),
    Case("a number again", additions(2, number=1), "reference"),
    Case("nine references", additions(8), "8"),
    Case("another square", additions(1, x=6), "square"),
    Case("parts 0", packet(4, lambda body: body[:9] + b"\0" + body[10:]), "content parts"),
    Case("256 parts", packet(4, lambda body: body[:9] + uvarint(256) + body[10:]), "content parts"),
    Case("more parts than sent", packet(4, lambda body: body[:9] + b"\3" + body[10:]), "parts"),
    Case("fewer parts than sent", packet(4, lambda body: body[:9] + b"\1" + body[10:]), "parts"),
    Case("parts out of order", packet(3, lambda body: b"\2" + body[1:]), "part"),
    Case("a part without those before", appended(kit.Part(kit.PART, 6, b"\1a")), "part"),
    Case("part 255", appended(kit.Part(kit.PART, 6, uvarint(255))), "index of a"),
    Case(
        "large data in parts",
        appended(kit.Part(kit.PART, 6, b"\0" + bytes(LARGE - 1)), kit.Part(kit.PART, 6, b"\1ab")),
        "bytes",
    ),
    Case(
        "large data with its end",
        lambda recipe, sources: recipe.and_packets(
            kit.Part(kit.PART, 6, b"\0" + bytes(LARGE - 1)),
            kit.Part(kit.CONTENT, 6, record(sources.still, coding=1, parts=1)),
        ),
        "bytes",
    ),
    Case(
        "no landmarks",
        lambda recipe, sources: recipe.with_section(CONTENT, record(b"\0" + sources.still, coding=2)),
        "bytes of landmarks",
    ),
    Case(
        "1025 bytes of landmarks",
        lambda recipe, sources: recipe.with_section(
            CONTENT, record(uvarint(1025) + bytes(1025) + sources.still, coding=2)
        ),
        "bytes of landmarks",
    ),
    Case(
        "landmarks without a still",
        lambda recipe, sources: recipe.with_section(
            CONTENT, record(uvarint(len(sources.landmarks)) + sources.landmarks, coding=2)
        ),
        "still|needed",
    ),
    Case(
        "cut landmarks",
        lambda recipe, sources: recipe.with_section(CONTENT, record(uvarint(80) + bytes(9), coding=2)),
        "landmarks|needed",
    ),
    Case(
        "another size of the picture",
        lambda recipe, sources: recipe.with_section(CONTENT, record(sources.wide, coding=1)),
        "content picture",
    ),
    Case(
        "another size in a packet",
        lambda recipe, sources: recipe.with_packet(7, payload=record(sources.wide, coding=1, x=5)),
        "content picture",
    ),
    Case("bytes after the still of a packet", packet(7, lambda body: body + b"\0"), "still"),
]
SOUNDS = [
    *(
        Case(f"sound {name}", section(SOUND, kit.audio(**change)), f"audio {word}")
        for name, change, word in (
            ("codec 0", {"codec": 0}, "codec"),
            ("codec 2", {"codec": 2}, "codec"),
            ("of no channel", {"channels": 0}, "channels"),
            ("of three channels", {"channels": 3}, "channels"),
            ("at 44.1 kHz", {"rate": 44_100}, "sample rate"),
            ("of bitrate 0", {"bitrate": 0}, "bitrate"),
            ("of bitrate 1 000 001", {"bitrate": 1_000_001}, "bitrate"),
            ("of frame ticks 0", {"frame_ticks": 0}, "frame ticks"),
            ("of frame ticks 7", {"frame_ticks": 7}, "frame ticks"),
        )
    ),
    Case("sound without a section", lambda recipe, _: recipe.without_section(SOUND), "AUDIO"),
    Case("no Opus packet", packet(1, lambda body: b"\0"), "frames .*AUDIO"),
    Case("256 Opus packets", packet(1, lambda body: uvarint(256) + b"\1a" * 256), "frames .*AUDIO"),
    Case("empty Opus packet", packet(1, lambda body: opus(b"a", b"")), "bytes of an Opus"),
    Case("large Opus packet", packet(1, lambda body: opus(bytes(4001))), "bytes of an Opus"),
    Case("bytes after the sound", packet(1, lambda body: body + b"\0"), "after its end"),
    Case("cut sound", packet(1, lambda body: body[:-1]), "needs|needed"),
    Case("overlapping sound", appended(kit.Part(kit.AUDIO, 5, opus(b"a"))), "timestamp"),
    Case("sound beyond the last tick", appended(kit.Part(kit.AUDIO, (1 << 32) - 3, opus(b"a"))), "ends at tick"),
]
PACKETS = [
    Case("large payload", appended(kit.Part(99, 0, bytes(LARGE + 1))), "payload"),
    Case("first sequence", packet(0, sequence=1), "sequence"),
    Case("sequence again", packet(6, sequence=5), "sequence"),
    Case("sequence left out", packet(10, sequence=11), "sequence"),
    Case("length of a payload in a longer form", packet(1, size=uvarint(7, padded=True)), "fewer|shortest"),
    Case("overlapping frames", appended(motion(5, b"\0\0", key=True)), "timestamp"),
    Case("frames beyond the last tick", appended(motion((1 << 32) - 1, b"\0\0", key=True)), "ends at tick"),
    Case("earlier content", packet(7, timestamp=1), "timestamp"),
    Case("earlier part", packet(3, timestamp=1), "timestamp"),
    Case("content before its part", packet(4, timestamp=1), "timestamp"),
    Case(
        "first packet without a key", packet(0, lambda body: body[:1] + b"\0" + body[2:], references=None), "key flag"
    ),
    Case("new shot without a key", packet(8, lambda body: body[:1] + b"\0" + body[2:], references=None), "key flag"),
    Case(
        "another reference without a key",
        packet(5, lambda body: body[:1] + b"\2" + body[2:], references=None),
        "key flag",
    ),
    Case("gap without a key", packet(9, timestamp=6), "key flag"),
    Case(
        "back to reference 0 without a key",
        lambda recipe, _: dataclasses.replace(recipe, packets=(*recipe.packets[:6], motion(3, b"\3\4"))),
        "key flag",
    ),
    Case("reference of another shot", packet(9, lambda body: b"\1\3\1" + body[2:], references=7), "reference 1"),
    Case(
        "reference that was dropped",
        lambda recipe, sources: additions(2, drops=1)(recipe, sources).and_packets(
            motion(6, b"\0\0", key=True, named=1)
        ),
        "reference 1",
    ),
    Case("frames 0", packet(9, lambda body: b"\0\0", frames=0), "frames .*MOTION"),
    Case("256 frames", packet(9, lambda body: uvarint(256) + b"\0" + bytes(480), frames=256), "frames .*MOTION"),
    Case("flags of motion", packet(9, lambda body: body[:1] + b"\4" + body[2:]), "flags"),
    Case("named 0", packet(9, lambda body: body[:1] + b"\2\0" + body[2:]), "reference"),
    Case("packed codes too long", packet(9, lambda body: body + b"\0"), "codes"),
    Case("packed codes too short", packet(9, lambda body: body[:-1]), "codes"),
    Case("padding of packed codes", packet(9, lambda body: body[:-1] + b"\1"), "padding"),
]
ENDS = [
    Case("count of frames", fields(frames=7), "frames"),
    Case("offset of END", fields(offset=99), "seek point|starts at"),
    Case("END before the last frame", fields(timestamp=5), "timestamp"),
    Case(
        "END after no frame",
        lambda recipe, _: dataclasses.replace(recipe, packets=(), end=lambda found: setattr(found, "timestamp", 1)),
        "timestamp",
    ),
    Case("bytes in END", fields(rest=b"\0"), "after its end"),
    Case("more seek points than listed", fields(count=4), "seek|needs|needed"),
    Case("fewer seek points than listed", fields(count=2), "after its end"),
    Case("65 537 seek points", fields(count=65_537), "seek points"),
    Case("seek point twice", seek_points(lambda points: [points[0], *points]), "seek point"),
    Case("tick of a seek point", end(set_point(2, 0, 1)), "seek point|index"),
    Case("offset of a seek point", end(set_point(2, 1, -1)), "seek point|index"),
    Case("references of a seek point", end(set_point(2, 2, -1)), "seek point|index"),
    Case("references before the file", end(set_point(0, 2, 1 << 20)), "seek point|index"),
    Case("references of the header elsewhere", end(set_point(0, 2, 1)), "seek point|index"),
    Case(
        "no references in a later shot", end(lambda found: found.seek_points[2].__setitem__(2, 0)), "seek point|index"
    ),
    Case("seek point without a key", packet(6, references=2), "seek point|index"),
    Case("seek point at END", seek_points(lambda points: [*points, [6, 1 << 19, 0]]), "seek point"),
]
#: What the tables of the weights forbid.
WITH_WEIGHTS = [
    Case(
        "groups of no model",
        lambda recipe, _: dataclasses.replace(recipe.with_section(CODING, kit.coding(groups=3)), packets=()),
        "groups",
    ),
    Case(
        "bits of no model",
        lambda recipe, _: dataclasses.replace(recipe.with_section(CODING, kit.coding(bits=4)), packets=()),
        "bits|entries",
    ),
    Case(
        "pixels of no model",
        lambda recipe, _: dataclasses.replace(recipe.with_section(VIDEO, kit.video(sizes=(640, 480, 64))), packets=()),
        "pixels|picture",
    ),
    Case("mode context without a context model", section(CODING, kit.coding(mode=2)), "context model"),
    Case(
        "landmarks without a pose",
        lambda recipe, sources: recipe.with_section(CONTENT, record(b"\5" + bytes(5) + sources.still, coding=2)),
        "landmarks",
    ),
    Case(
        "landmarks in other bytes",
        lambda recipe, sources: recipe.with_section(
            CONTENT, record(join_face(sources.landmarks + b"\0", sources.still), coding=2)
        ),
        "bytes",
    ),
    Case(
        "levels in other bytes",
        lambda recipe, sources: recipe.with_section(CONTENT, record(sources.levels + b"\0", coding=0)),
        "bytes",
    ),
    Case(
        "levels that are cut",
        lambda recipe, sources: recipe.with_section(CONTENT, record(b"\xff" * 9, coding=0)),
        "bytes|interval",
    ),
]
