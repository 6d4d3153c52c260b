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


def read_tables(path: Path) -> dict[str, Any]:
    """Tables of a weights file (section 8)."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    entries, tables = json.loads(data[8 : 8 + size]), {}
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


def still_size(data: bytes) -> list[int]:
    """Width and height of a still (section 3.8)."""
    source, units = Bytes(data), []
    for first in b"\x12\x0a\x32":
        need(source.take(1)[0] == first, "units of a still are not temporal delimiter, sequence header, frame")
        units.append(source.take(source.uvarint()))
    need(not units[0] and source.at == len(data), "bytes where a still has none")
    bits = "".join(f"{byte:08b}" for byte in units[1])
    need(bits[:5] == "00011" and len(bits) >= 18, "sequence header is not the reduced one of a still of profile 0")
    split = 18 + int(bits[10:14], 2) + 1
    end = split + int(bits[14:18], 2) + 1
    need(len(bits) >= end, "sequence header is cut")
    size = [int(bits[18:split], 2) + 1, int(bits[split:end], 2) + 1]
    need(max(size) <= 320, f"a still of {size} pixels")
    return size


def content_record(body: bytes, pixels: int, tables: dict[str, Any], sent: list[bytes]) -> dict[str, object]:
    """A content record (sections 3.4, 5.5 and 7); `sent` holds the parts sent before it."""
    x, y, size, coding = struct.unpack(">hhHB", body[:7])
    rest = Bytes(body[7:])
    number, drops = (rest.take(1)[0], rest.take(1)[0]) if coding & 64 else (0, 0)
    need(number > drops if coding & 64 else True, f"reference {number} drops {drops}")
    parts = rest.uvarint() if coding & 128 else 0
    need(parts == len(sent) if coding & 128 else True, f"content in {parts} parts, {len(sent)} were sent")
    data = b"".join(sent[:parts]) + body[7 + rest.at :]
    sent.clear()
    coding &= 63
    record: dict[str, object] = {"x": x, "y": y, "size": size, "coding": coding, "parts": parts, "data": data.hex()}
    record |= {"number": number, "drops": drops}
    need(coding < 3, f"content coding {coding}")
    if coding == 2:
        source = Bytes(data)
        need(1 <= (length := source.uvarint()) <= 1024, f"{length} bytes of landmarks")
        landmarks, data = source.take(length), data[source.at :]
        if tables:
            record["landmarks"] = decode_landmarks(landmarks, tables)
    if coding > 0:
        record |= {"picture_bytes": len(data), "picture_size": (found := still_size(data))}
        need(found == [pixels, pixels], f"content picture of {found} pixels, {pixels} a side needed")
    elif tables:
        record["levels"] = decode_content(data, SHAPES[pixels], tables["tables.content"])
    return record


def parse_header(source: Bytes, tables: dict[str, Any]) -> dict[str, object]:
    """Magic, version and header sections (sections 2 and 3)."""
    need(source.take(8) == MAGIC and source.take(1) == b"\x01", "not a .bcd file of version 1")
    found: dict[int, bytes] = {}
    listed = []
    while 0 not in found:
        start, kind = source.at, source.take(1)[0]
        found[kind] = source.take(source.uvarint())
        source.check(start)
        name = SECTIONS[kind] if kind < len(SECTIONS) else f"UNKNOWN_{kind}"
        listed.append({"type": kind, "name": name, "offset": start, "body": found[kind].hex()})
    video = Bytes(found[2])
    sizes = struct.unpack(">HHH", video.take(6))
    rate = [video.uvarint(), video.uvarint()]
    names = ("mode", "groups", "bits", "seed", "window", "context")
    coding = dict(zip(names, struct.unpack(">BBBIBB", found[3]), strict=True))
    header = {"sections": listed, "model": found[1].hex(), "sizes": sizes, "rate": rate, "cropped": video.take(1)[0]}
    header |= {"coding": coding, "content": content_record(found[4], sizes[2], tables, [])}
    if 5 in found:
        header["audio"] = struct.unpack(">BBIHIB", found[5])
    need(not found.get(8), "CALL is not empty")
    if 7 in found:
        header["plate_size"] = still_size(found[7])
    return header | {"metadata": json.loads(found.get(6, b"{}"))}


def parse_payload(
    kind: int, payload: bytes, header: Any, tables: dict[str, Any], sent: list[bytes], shot: list[int]
) -> dict[str, object]:
    """Payload of a packet (section 5)."""
    body, coding = Bytes(payload), header["coding"]
    if kind == 1:
        content = content_record(payload, header["sizes"][2], tables, sent)
        join_shot(shot, content)
        return content
    if kind == 2:
        frames, flags = body.uvarint(), body.take(1)[0]
        need(flags < 4, f"flags {flags} of a MOTION packet")
        record: dict[str, object] = {"frames": frames, "key": flags & 1}
        named = body.take(1)[0] if flags & 2 else 0
        need(named in shot and (named > 0) == (flags >= 2), f"reference {named}, the shot has {shot}")
        record["reference"] = named
        codes = payload[body.at :]
        need(coding["mode"] < 3, f"coding mode {coding['mode']}")
        if coding["mode"] == 0:
            record["codes"] = unpack_motion(codes, frames, coding["groups"], coding["bits"])
        elif tables and coding["mode"] == 1:
            need(len(tables["tables.motion"]) >= coding["groups"], "motion table is for fewer groups")
            record["codes"] = decode_motion(codes, frames, tables["tables.motion"][: coding["groups"]])
        elif tables:
            need(len(tables["context.now"]) >= coding["groups"], "context model is for fewer groups")
            record["codes"] = decode_contexts(codes, frames, coding["groups"], tables)
        return record
    if kind == 3:
        return {"opus": [body.take(body.uvarint()).hex() for _ in range(body.uvarint())]}
    if kind == 4:
        return parse_end(body)
    if kind == 5:
        need((index := body.uvarint()) in (0, len(sent)), f"content part {index} after {len(sent)}")
        del sent[index:]
        sent.append(payload[body.at :])
        return {"index": index, "data": sent[-1].hex()}
    return {"raw": payload.hex()}


def join_shot(shot: list[int], content: dict[str, Any]) -> None:
    """Numbers of the references that the shot has, after a content record (section 3.4); the last one is the latest."""
    if content["number"] == 0:
        shot[:] = [0]
        return
    need(
        content["number"] > shot[-1] and content["drops"] in shot,
        f"{content['number']} for {content['drops']} in {shot}",
    )
    shot[:] = [number for number in shot if number != content["drops"] or number == 0] + [content["number"]]
    need(len(shot) <= 8, f"references {shot}")


def parse_end(body: Bytes) -> dict[str, object]:
    """Payload of the END packet (section 5.4)."""
    frames, count = body.uvarint(), body.uvarint()
    tick, offset, points = 0, 0, []
    for _ in range(count):
        tick, offset = tick + body.uvarint(), offset + body.uvarint()
        back = body.uvarint()
        points.append({"tick": tick, "offset": offset, "content_offset": offset - back if back else None})
    return {"motion_frames": frames, "seek_points": points, "end_offset": int.from_bytes(body.take(8), "big")}


def parse(data: bytes, tables: dict[str, Any]) -> dict[str, object]:
    """A whole file: header, packets up to END, nothing after it (section 2)."""
    source = Bytes(data)
    packets: list[dict[str, object]] = []
    sent: list[bytes] = []
    shot = [0]
    header = parse_header(source, tables)
    while not packets or packets[-1]["kind"] != 4:
        start, kind = source.at, source.take(1)[0]
        sequence, timestamp = source.uvarint(), source.uvarint()
        payload = source.take(source.uvarint())
        source.check(start)
        need(sequence == len(packets), f"packet {len(packets)} has sequence {sequence}")
        packet = {"kind": kind, "name": KINDS.get(kind, "UNKNOWN"), "offset": start, "timestamp": timestamp}
        packet |= {"bytes": source.at - start, "payload_bytes": len(payload)}
        packets.append(packet | parse_payload(kind, payload, header, tables, sent, shot))
    need(source.at == len(data), "bytes after the END packet")
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
