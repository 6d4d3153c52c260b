"""An independent reader of `.bcd` files, written from bitstream_spec.md alone, which prints their contents as JSON.

It shares no code with bcdcodec and needs only the standard library, so that it reveals differences between the library
and the specification.
"""

import argparse
import json
import math
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

MAGIC = bytes.fromhex("8b4243440d0a1a0a")
SECTIONS = ["END_OF_HEADER", "MODEL", "VIDEO", "CODING", "CONTENT", "AUDIO", "META", "PLATE", "CALL"]
KINDS = {1: "CONTENT", 2: "MOTION", 3: "AUDIO", 4: "END", 5: "CONTENT_PART"}
MAX_BYTES, MAX_TICK = 1 << 20, 1 << 32  # sections 1.4 and 4.2
SHAPES = {256: (4, 32, 32), 64: (3, 64, 64)}  # section 7.1
FULL = (1 << 64) - 1
Rows = list[list[int]]


def need(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(text)


class Bytes:
    """Reader of a byte string at a position (section 1)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        need(self.at + size <= len(self.data), f"{size} bytes needed at {self.at}, the end is at {len(self.data)}")
        self.at += size
        return self.data[self.at - size : self.at]

    def uvarint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            need(value < 1 << 32 and shift <= 28, "number above 32 bits")
            if byte < 128:
                need(byte > 0 or shift == 0, "number not in its shortest form")
                return value
            shift += 7

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)

    def done(self, name: str) -> None:
        need(self.at == len(self.data), f"{name} has bytes after its end")

    def check(self, start: int) -> None:
        found = zlib.crc32(self.data[start : self.at])
        need(int.from_bytes(self.take(4), "big") == found, f"wrong CRC of the bytes from {start}")


def intervals(row: list[int]) -> list[int]:
    """Lower bounds of the 24-bit intervals of a row, and the upper bound of the last (section 6.2)."""
    ends, total = [], 0
    for index, count in enumerate(row):
        ends.append((total * ((1 << 24) - len(row)) >> 16) + index)
        total += count
    return [*ends, 1 << 24]


class RangeDecoder:
    """Range decoder (sections 6.3 and 6.4), which also tracks the encoder's state to know the bytes it would write."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 8
        self.point = int.from_bytes(data[:8].ljust(8, b"\0"), "big")
        self.low, self.width = 0, FULL
        self.settled = self.words = 0

    def symbol(self, ends: list[int]) -> int:
        step = self.width >> 24
        quantile = ((self.point - self.low) & FULL) // step
        need(quantile < 1 << 24, "range coder left its interval")
        symbol = sum(end <= quantile for end in ends) - 1
        self.low += step * ends[symbol]
        self.settled, self.low = self.settled + (self.low >> 64), self.low & FULL
        self.width = step * (ends[symbol + 1] - ends[symbol])
        if self.width < 1 << 32:
            self.settled, self.words = self.settled << 32 | self.low >> 32, self.words + 1
            self.low, self.width = self.low << 32 & FULL, self.width << 32
            self.point = (self.point << 32 & FULL) | int.from_bytes(
                self.data[self.at : self.at + 4].ljust(4, b"\0"), "big"
            )
            self.at += 4
        return symbol

    def finish(self) -> None:
        points = [-(-self.low >> bits) << bits for bits in range(64, -1, -8)]
        point = next(point for point in points if point < self.low + self.width)
        written = ((self.settled << 64) + point).to_bytes(4 * self.words + 8, "big").rstrip(b"\0")
        need(written == self.data, "range-coded bytes are not the ones the encoder writes")


def decode_motion(data: bytes, frames: int, table: Rows) -> Rows:
    """Codes of mode coded (section 5.2.2)."""
    coder, ends = RangeDecoder(data), [intervals(row) for row in table]
    codes = [[coder.symbol(row) for row in ends] for _ in range(frames)]
    coder.finish()
    return codes


def context_row(scores: list[int]) -> list[int]:
    """Row from scores (end of section 6.5)."""
    weights = []
    for score in scores:
        weight, step = 0, max(scores) - score >> 5
        if step <= 768:
            weight = 1 << 768 - step
            for _ in range(5):
                weight = math.isqrt(weight)
        weights.append(weight)
    row = [1 + weight * (65536 - len(scores)) // sum(weights) for weight in weights]
    row[weights.index(max(weights))] += 65536 - sum(row)
    return row


def decode_contexts(data: bytes, frames: int, count: int, tables: dict[str, Any]) -> Rows:
    """Codes of mode context (sections 5.2.3 and 6.5), of the first `count` groups."""
    now, before, same, same2, out = (tables[f"context.{name}"] for name in ("now", "before", "same", "same2", "out"))
    coder, groups, entries = RangeDecoder(data), range(count), len(now[0])
    codes = [[entries for _ in groups] for _ in range(2)]
    for t in range(2, 2 + frames):
        codes.append([])
        sums = [sum(column) for column in zip(*(before[g][codes[t - 1][g]] for g in groups), strict=True)]
        for g in groups:
            if g % 2 == 0:
                known = [sums, *(now[k][codes[t][k]] for k in range(max(0, g - 2), g))]
                sums = [sum(column) for column in zip(*known, strict=True)]
                hidden = [min(max(total >> 1, 0), 127) for total in sums]
            terms = [same[g][codes[t - 1][g]], same2[g][codes[t - 2][g]]]
            terms += [[number * weight for weight in row] for number, row in zip(hidden, out[g], strict=True) if number]
            row = context_row([sum(column) for column in zip(*terms, strict=True)])
            codes[t].append(coder.symbol(intervals(row)))
    coder.finish()
    return codes[2:]


def unpack_motion(data: bytes, frames: int, groups: int, bits: int) -> Rows:
    """Codes of mode packed (section 5.2.1)."""
    used = frames * groups * bits
    need(len(data) == (used + 7) // 8, "packed codes have the wrong length")
    text = "".join(f"{byte:08b}" for byte in data)
    need("1" not in text[used:], "padding is not zero")
    codes = [int(text[at : at + bits], 2) for at in range(0, used, bits)]
    return [codes[at : at + groups] for at in range(0, len(codes), groups)]


def decode_content(data: bytes, shape: tuple[int, int, int], table: Rows) -> list[Rows]:
    """Content levels (section 7.1), in dictionaries, so that the edge rules read as in the specification."""
    (channels, height, width), coder = shape, RangeDecoder(data)
    need(len(table) == 63 * channels, "content table is for another number of channels")
    ends, peak = [intervals(row) for row in table], len(table[0]) // 2
    level: dict[tuple[int, int, int], int] = {}
    error: dict[tuple[int, int, int], int] = {}

    def at(values: dict[tuple[int, int, int], int], c: int, y: int, x: int) -> int:
        if y < 0 or c < 0:
            return 0
        return at(values, c, y - 1, 0) if x < 0 else values[c, y, min(x, width - 1)]

    for c, y, x in ((c, y, x) for c in range(channels) for y in range(height) for x in range(width)):
        w, n, nw, ne = (at(level, c, y + dy, x + dx) for dy, dx in ((0, -1), (-1, 0), (-1, -1), (-1, 1)))
        guess = sorted((w, n, w + n - nw))[1]
        activity = abs(w - nw) + abs(n - nw) + abs(ne - n)
        activity += at(error, c, y, x - 1) + at(error, c, y - 1, x) + 2 * at(error, c - 1, y, x)
        size = min(abs(guess).bit_length(), 4)
        context = (c * 9 + 4 + (size if guess > 0 else -size)) * 7 + min(activity.bit_length(), 6)
        level[c, y, x] = (guess + coder.symbol(ends[context]) + peak) % (2 * peak + 1) - peak
        error[c, y, x] = abs(level[c, y, x] - guess)
    coder.finish()
    return [[[level[c, y, x] for x in range(width)] for y in range(height)] for c in range(channels)]


def decode_landmarks(data: bytes, tables: dict[str, Any]) -> Rows:
    """Landmarks of a face in 64ths of a pixel (section 7.3)."""
    need(len(data) >= 6, "landmarks without a pose")
    names = [f"tables.landmark_{name}" for name in ("mean", "basis", "rows")]
    need(all(name in tables for name in names), "weights without tables of landmarks")
    mean, basis, rows = (tables[name] for name in names)
    text, coder, peak = f"{int.from_bytes(data[:6], 'big'):048b}", RangeDecoder(data[6:]), len(rows[0]) // 2
    a, b, size, roll = (int(text[at:end], 2) for at, end in ((0, 13), (13, 26), (26, 38), (38, 48)))
    levels = [coder.symbol(intervals(row)) - peak for row in rows]
    coder.finish()
    sine, cosine = (round(2**14 * math.sin(2 * math.pi * k / 1024)) for k in (roll, roll + 256))
    points = []
    for index, start in enumerate(mean):
        x, y = (
            start[axis] + sum(level * part[index][axis] for level, part in zip(levels, basis, strict=True))
            for axis in (0, 1)
        )
        turned = (cosine * x - sine * y, sine * x + cosine * y)
        points.append(
            [
                8 * (center - 3072) + ((8 * (size + 1) * value + 2**33) >> 34)
                for center, value in zip((a, b), turned, strict=True)
            ]
        )
    return points


def read_config(metadata: dict[str, str]) -> dict[str, Any]:
    """What a weights file allows: numbers of groups, and model pixels (sections 3.3 and 8)."""
    if "config" not in metadata:
        return {}
    config = json.loads(metadata["config"])
    groups, nested = config["quantizer"]["groups"], config["optim"].get("nested_groups", [])
    denoiser = config["denoiser"]
    if not nested and denoiser.get("landmarks", denoiser.get("face_points", 0)):
        nested = [count for count in (groups // 4, groups // 2) if count]
    return {"groups": [*nested, groups], "pixels": config["pixels"]}


def read_tables(path: Path) -> dict[str, Any]:
    """Tables of a weights file (section 8)."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8 : 8 + size])
    tables = read_config(entries.get("__metadata__", {}))
    for name in (name for name in entries if name.startswith(("tables.", "context."))):
        shape, (start, end) = entries[name]["shape"], entries[name]["data_offsets"]
        kind = {"I32": "i", "I16": "h", "I8": "b"}[entries[name]["dtype"]]
        values = list(struct.unpack(f"<{math.prod(shape)}{kind}", data[8 + size + start : 8 + size + end]))
        for length in shape[:0:-1]:
            values = [values[at : at + length] for at in range(0, len(values), length)]
        tables[name] = values
    for name in ("tables.motion", "tables.content", "tables.landmark_rows"):
        if name == "tables.landmark_rows" and name not in tables:
            continue
        need(all(min(row) > 0 and sum(row) == 1 << 16 for row in tables[name]), f"{name} is not a table")
    return tables


def within(value: int, low: int, high: int, name: str) -> int:
    need(low <= value <= high, f"{name} is {value}, allowed are {low} to {high}")
    return value


def still_size(data: bytes) -> list[int]:
    """Width and height of a still (section 3.8)."""
    source, units = Bytes(data), []
    for first in b"\x12\x0a\x32":
        need(source.take(1)[0] == first, "units of a still are not temporal delimiter, sequence header, frame")
        units.append(source.take(source.uvarint()))
    need(not units[0], "temporal delimiter of a still is not empty")
    source.done("still")
    bits = "".join(f"{byte:08b}" for byte in units[1])
    need(bits[:5] == "00011" and len(bits) >= 18, "sequence header is not the reduced one of a still of profile 0")
    split = 18 + int(bits[10:14], 2) + 1
    end = split + int(bits[14:18], 2) + 1
    # After the sizes: superblocks, intra filter, intra edges, super-resolution, CDEF, restoration, then the colours.
    need(len(bits) >= end + 8, "sequence header of a still is cut")
    size = [int(bits[18:split], 2) + 1, int(bits[split:end], 2) + 1]
    need(max(size) <= 320, f"a still of {size} pixels, allowed are sides of at most 320")
    need(bits[end + 6 : end + 8] == "00", "still of more than 8 bits per sample, or of one plane")
    return size


def read_metadata(body: bytes) -> dict[str, str]:
    """Body of META (section 3.6)."""
    need(len(body) <= 1 << 16, f"metadata of {len(body)} bytes, limit 65536")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len(dict(pairs)) == len(pairs), "metadata has the same key twice")
        return dict(pairs)

    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=unique)
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (RecursionError, UnicodeError, json.JSONDecodeError) as error:
        raise ValueError(f"metadata is not JSON in UTF-8: {error}") from error
    need(
        isinstance(found, dict) and all(isinstance(value, str) for value in found.values()),
        "metadata is no object of strings",
    )
    return dict(found)


def content_fields(body: bytes) -> dict[str, Any]:
    """Fields of a content record (section 3.4), `data` without the parts sent before."""
    source = Bytes(body)
    need(len(body) >= 7, f"content record of {len(body)} bytes, needs 7")
    x, y, size, coding = struct.unpack(">hhHB", source.take(7))
    number = drops = parts = 0
    if coding & 64:
        number = within(source.number(1), 1, 255, "number of a reference")
        drops = within(source.number(1), 0, number - 1, "reference that is dropped")
    if coding & 128:
        parts = within(source.uvarint(), 1, 255, "content parts")
    within(coding & 63, 0, 2, "content coding")
    return {
        **{"x": x, "y": y, "size": size, "coding": coding & 63, "number": number, "drops": drops, "parts": parts},
        "data": source.rest(),
    }


def content_data(record: dict[str, Any], pixels: int, tables: dict[str, Any]) -> dict[str, Any]:
    """A content record with its whole data decoded (sections 5.5 and 7)."""
    data = record["data"]
    found = record | {"data": data.hex()}
    need(len(data) <= MAX_BYTES, f"content of {len(data)} bytes, limit {MAX_BYTES}")
    if record["coding"] == 2:
        source = Bytes(data)
        landmarks = source.take(within(source.uvarint(), 1, 1024, "bytes of landmarks"))
        data = source.rest()
        if tables:
            found["landmarks"] = decode_landmarks(landmarks, tables)
    if record["coding"] > 0:
        found |= {"picture_bytes": len(data), "picture_size": (size := still_size(data))}
        need(size == [pixels, pixels], f"content picture of {size} pixels, {pixels} a side needed")
    elif tables:
        found["levels"] = decode_content(data, SHAPES[pixels], tables["tables.content"])
    return found


def parse_video(body: bytes) -> dict[str, Any]:
    """The VIDEO section (section 3.2)."""
    source = Bytes(body)
    sizes = [source.number(2) for _ in range(3)]
    for name, size in zip(("width", "height"), sizes, strict=False):
        within(size, 1, 0xFFFF, f"source {name}")
    need(sizes[2] in SHAPES, f"model pixels are {sizes[2]}, allowed are 64 and 256")
    numerator, denominator = (within(source.uvarint(), 1, 1_000_000, "frame rate term") for _ in range(2))
    need(denominator <= 10 * numerator and numerator <= 240 * denominator, "frame rate is not within 1/10 and 240")
    flags = within(source.number(1), 0, 1, "VIDEO flags")
    source.done("VIDEO")
    return {"sizes": sizes, "rate": [numerator, denominator], "cropped": flags}


def parse_coding(body: bytes, tables: dict[str, Any]) -> dict[str, int]:
    """The CODING section (section 3.3)."""
    source = Bytes(body)
    widths = {"mode": 1, "groups": 1, "bits": 1, "seed": 4, "window": 1, "context": 1}
    coding = {name: source.number(width) for name, width in widths.items()}
    source.done("CODING")
    within(coding["mode"], 0, 2, "coding mode")
    within(coding["groups"], 1, 255, "groups")
    within(coding["bits"], 1, 8, "bits per code")
    within(coding["window"], 1, 64, "window frames")
    within(coding["context"], 0, coding["window"] - 1, "context frames")
    counts = tables.get("groups", [coding["groups"]])
    need(coding["groups"] in counts, f"groups are {coding['groups']}, the model has {counts}")
    if tables:
        entries = len(tables["tables.motion"][0])
        need(entries == 1 << coding["bits"], f"bits per code are {coding['bits']}, the model has {entries} entries")
    need(not tables or coding["mode"] < 2 or "context.now" in tables, "mode context needs weights with a context model")
    return coding


def parse_audio(body: bytes) -> list[int]:
    """The AUDIO section (section 3.5)."""
    source = Bytes(body)
    fields = [source.number(width) for width in (1, 1, 4, 2, 4, 1)]
    source.done("AUDIO")
    within(fields[0], 1, 1, "audio codec")
    within(fields[1], 1, 2, "audio channels")
    need(fields[2] in (8000, 12000, 16000, 24000, 48000), f"audio sample rate is {fields[2]}")
    within(fields[4], 1, 1_000_000, "audio bitrate")
    within(fields[5], 1, 6, "audio frame ticks")
    return fields


def parse_header(source: Bytes, tables: dict[str, Any]) -> dict[str, Any]:
    """Magic, version and header sections (sections 2 and 3)."""
    need(source.take(8) == MAGIC, "not a .bcd file: another magic")
    need((version := source.number(1)) == 1, f"version is {version}, allowed is 1")
    found: dict[int, bytes] = {}
    listed: list[dict[str, Any]] = []
    while 0 not in found:
        start, kind = source.at, source.number(1)
        name = SECTIONS[kind] if kind < len(SECTIONS) else f"UNKNOWN_{kind}"
        need(kind not in found or kind >= len(SECTIONS), f"section {name} is there twice")
        need(kind == 0 or len(listed) < 64, "more than 64 sections")
        found[kind] = source.take(within(source.uvarint(), 0, MAX_BYTES, f"length of section {name}"))
        source.check(start)
        listed.append({"type": kind, "name": name, "offset": start, "body": found[kind].hex()})
    for kind, size in ((0, 0), (8, 0), (1, 16)):
        need(len(found.get(kind, bytes(size))) == size, f"{SECTIONS[kind]} has {len(found.get(kind, b''))} bytes")
    for kind in (1, 2, 3, 4):
        need(kind in found, f"no section {SECTIONS[kind]}")
    header = {"sections": listed, "model": found[1].hex()} | parse_video(found[2])
    pixels = tables.get("pixels", header["sizes"][2])
    need(pixels == header["sizes"][2], f"model pixels are {header['sizes'][2]}, the model has {pixels}")
    content = content_fields(found[4])
    need(not content["number"] and not content["parts"], "content of the header is an addition or has parts")
    need(content["size"] > 0 or not header["cropped"], "crop size is 0")
    header |= {"coding": parse_coding(found[3], tables), "content": content_data(content, pixels, tables)}
    if 5 in found:
        header["audio"] = parse_audio(found[5])
    if 7 in found:
        header["plate_size"] = still_size(found[7])
    return header | {"metadata": read_metadata(found.get(6, b"{}"))}


class Packets:
    """Packets of one stream in order, with what the rules of section 4.2 depend on."""

    def __init__(self, header: dict[str, Any], tables: dict[str, Any]) -> None:
        self.header, self.tables = header, tables
        self.ticks = {"MOTION": 0, "AUDIO": 0, "CONTENT": 0}  # the first that each kind may have next
        self.frames = 0
        self.square = [header["content"][name] for name in ("x", "y", "size")]
        self.shot = [0]  # numbers of the references that the shot has; the last one is the latest
        self.reference = 0  # of the last MOTION packet
        self.new_shot = True
        self.sent: list[bytes] = []  # parts since the last 0
        self.part_start: int | None = None
        self.start: int | None = None  # offset of the references (section 5.4)
        self.seek_points: dict[int, tuple[int, int]] = {}  # key packets: offset to tick and distance

    def advance(self, name: str, timestamp: int, duration: int) -> None:
        """Check a timestamp, and move on to the end of its packet."""
        need(timestamp >= self.ticks[name], f"{name} has timestamp {timestamp}, needs at least {self.ticks[name]}")
        need(timestamp + duration < MAX_TICK, f"{name} ends at tick {timestamp + duration}")
        self.ticks[name] = timestamp + duration

    def payload(self, kind: int, timestamp: int, payload: bytes, offset: int) -> dict[str, Any]:
        """Payload of a packet (section 5)."""
        match kind:
            case 1:
                return self.content(timestamp, payload, offset)
            case 2:
                return self.motion(timestamp, payload, offset)
            case 3:
                return self.audio(timestamp, payload)
            case 4:
                return self.end(timestamp, payload, offset)
            case 5:
                return self.part(timestamp, payload, offset)
            case _:
                return {"raw": payload.hex()}

    def content(self, timestamp: int, payload: bytes, offset: int) -> dict[str, Any]:
        record = content_fields(payload)
        self.advance("CONTENT", timestamp, 0)
        need(record["size"] > 0 or not self.header["cropped"], "crop size is 0")
        parts, number = record["parts"], record["number"]
        need(not parts or parts == len(self.sent), f"content in {parts} parts, {len(self.sent)} were sent")
        record["data"] = b"".join(self.sent[:parts]) + record["data"]
        square = [record[name] for name in ("x", "y", "size")]
        if not number:
            self.shot, self.square, self.new_shot = [0], square, True
        else:
            need(square == self.square, f"an addition has the square {square}, its shot {self.square}")
            need(number > self.shot[-1], f"number of a reference is {number} after {self.shot[-1]}")
            need(record["drops"] in self.shot, f"reference {record['drops']} is dropped, the shot has {self.shot}")
            self.shot = [one for one in self.shot if one == 0 or one != record["drops"]] + [number]
            need(len(self.shot) <= 8, f"more than 8 references: {self.shot}")
        if not number or self.start is None:
            self.start = self.part_start if parts else offset
        self.sent, self.part_start = [], None
        return content_data(record, self.header["sizes"][2], self.tables)

    def part(self, timestamp: int, payload: bytes, offset: int) -> dict[str, Any]:
        body = Bytes(payload)
        index = within(body.uvarint(), 0, 254, "index of a content part")
        self.advance("CONTENT", timestamp, 0)
        need(index in (0, len(self.sent)), f"content part {index} after {len(self.sent)}")
        if index == 0:
            self.sent, self.part_start = [], offset
        self.sent.append(body.rest())
        need(sum(map(len, self.sent)) <= MAX_BYTES, f"content parts of more than {MAX_BYTES} bytes")
        return {"index": index, "data": self.sent[-1].hex()}

    def motion(self, timestamp: int, payload: bytes, offset: int) -> dict[str, Any]:
        body, coding, tables = Bytes(payload), self.header["coding"], self.tables
        frames = within(body.uvarint(), 1, 255, "frames of a MOTION packet")
        flags = within(body.number(1), 0, 3, "flags of a MOTION packet")
        named = within(body.number(1), 1, 255, "reference that is named") if flags & 2 else 0
        need(named in self.shot, f"reference {named} is named, the shot has {self.shot}")
        is_gap = timestamp > self.ticks["MOTION"]
        need(bool(flags & 1) or not (self.new_shot or is_gap or named != self.reference), "key flag is missing")
        self.advance("MOTION", timestamp, frames)
        self.new_shot, self.reference, self.frames = False, named, self.frames + frames
        if flags & 1:
            start = self.part_start if self.start is None else self.start
            self.seek_points[offset] = (timestamp, 0 if start is None else offset - start)
        record: dict[str, Any] = {"frames": frames, "key": flags & 1, "reference": named}
        codes = body.rest()
        if coding["mode"] == 0:
            record["codes"] = unpack_motion(codes, frames, coding["groups"], coding["bits"])
        elif tables and coding["mode"] == 1:
            need(len(tables["tables.motion"]) >= coding["groups"], "motion table is for fewer groups")
            record["codes"] = decode_motion(codes, frames, tables["tables.motion"][: coding["groups"]])
        elif tables:
            need(len(tables["context.now"]) >= coding["groups"], "context model is for fewer groups")
            record["codes"] = decode_contexts(codes, frames, coding["groups"], tables)
        return record

    def audio(self, timestamp: int, payload: bytes) -> dict[str, Any]:
        need("audio" in self.header, "AUDIO packet without an AUDIO section")
        body = Bytes(payload)
        count = within(body.uvarint(), 1, 255, "frames of an AUDIO packet")
        opus = [body.take(within(body.uvarint(), 1, 4000, "bytes of an Opus packet")) for _ in range(count)]
        body.done("AUDIO packet")
        self.advance("AUDIO", timestamp, count * self.header["audio"][5])
        return {"opus": [data.hex() for data in opus]}

    def end(self, timestamp: int, payload: bytes, offset: int) -> dict[str, Any]:
        """Payload of the END packet (section 5.4)."""
        body = Bytes(payload)
        frames, count = body.uvarint(), within(body.uvarint(), 0, 1 << 16, "seek points")
        tick, at, points = 0, 0, []
        for _ in range(count):
            tick, step = tick + body.uvarint(), body.uvarint()
            at, back = at + step, body.uvarint()
            need(step > 0 and self.seek_points.get(at) == (tick, back), f"seek point {tick}, {at}, {back} is none")
            points.append({"tick": tick, "offset": at, "content_offset": at - back if back else None})
        end_offset = body.number(8)
        body.done("END packet")
        need(frames == self.frames, f"END counts {frames} frames, the stream has {self.frames}")
        need(end_offset == offset, f"END says it starts at {end_offset}, it starts at {offset}")
        self.advance("MOTION", timestamp, 0)
        need(timestamp == 0 or self.frames > 0, f"END has timestamp {timestamp} without a frame")
        return {"motion_frames": frames, "seek_points": points, "end_offset": end_offset}


def parse(data: bytes, tables: dict[str, Any]) -> dict[str, object]:
    """A whole file: header, packets up to END, nothing after it (section 2)."""
    source = Bytes(data)
    packets: list[dict[str, object]] = []
    header = parse_header(source, tables)
    reader = Packets(header, tables)
    while not packets or packets[-1]["kind"] != 4:
        start, kind = source.at, source.number(1)
        sequence, timestamp = source.uvarint(), source.uvarint()
        payload = source.take(within(source.uvarint(), 0, MAX_BYTES, "length of a payload"))
        source.check(start)
        need(sequence == len(packets), f"packet {len(packets)} has sequence {sequence}")
        packet = {"kind": kind, "name": KINDS.get(kind, "UNKNOWN"), "offset": start, "timestamp": timestamp}
        packet |= {"bytes": source.at - start, "payload_bytes": len(payload)}
        packets.append(packet | reader.payload(kind, timestamp, payload, start))
    source.done("file")
    return {"bytes": len(data), "header": header, "packets": packets}


def main() -> int:
    parser = argparse.ArgumentParser(description="Print what a .bcd file contains, as JSON.")
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--weights", type=Path, help="safetensors file with the tables, to decode coded motion and content"
    )
    options = parser.parse_args()
    try:
        tables = read_tables(options.weights) if options.weights else {}
        print(json.dumps(parse(options.file.read_bytes(), tables)))
    except (ValueError, KeyError, struct.error) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
