"""Summary of a stream as text, for `bcd info`.

Text that comes from the stream is shown as JSON strings, so that it cannot control the terminal.
"""

import json

from bcdcodec.cli.report.describe import packet_name, packet_time_s
from bcdcodec.cli.report.summary import StreamFacts, Summary, file_label

SEEK_POINTS_SHOWN = 8
GROUPS_A_LINE = 8
REFERENCES_SHOWN = 16


def table(summary: Summary, *, packets: bool = False, bits: bool = False) -> str:
    """All facts of a summary, the damage last. packets: list them. bits: list the bits of packets and codebooks."""
    size = "size unknown" if summary.file_bytes is None else f"{summary.file_bytes} bytes"
    lines = [_row("file", f"{file_label(summary.name)}, {size}")]
    if (stream := summary.stream) is not None:
        lines += [*_header(stream), *_content(stream), "", *_bits(stream), "", *_references(stream)]
        if packets:
            lines += _packets(stream)
        if bits:
            lines += [*_packet_bits(stream), *_group_bits(stream)]
    if summary.damage is not None:
        lines += ["", _row("damage", str(summary.damage))]
    return "\n".join(lines)


def _header(stream: StreamFacts) -> list[str]:
    header = stream.header
    video, coding, content, audio = header.video, header.coding, header.content, header.audio
    where = "not found on this machine" if stream.weights is None else f"found: {stream.weights.path}"
    landmarks = "" if stream.landmark_bits is None else f", {stream.landmark_bits} bits of landmarks among them"
    box = f"square of {content.size} at ({content.x}, {content.y})"
    source = f"{video.width}x{video.height}, {'face' if video.cropped else 'centred'} {box}"
    lines = [
        _row("model", f"{header.model_id.hex()} ({where})"),
        _row("source", f"{source} -> {video.model_pixels}x{video.model_pixels}"),
        _row(
            "coding",
            f"{coding.mode.name.lower()}, {coding.groups} groups of {coding.bits_per_code} bits, "
            f"windows of {coding.window_frames} frames with {coding.context_frames} of context, seed {coding.seed}",
        ),
        _row("token", f"{content.coding.name.lower()}, {len(content.data)} bytes{landmarks}"),
    ]
    if audio is not None:
        channels = "mono" if audio.channels == 1 else "stereo"
        lines.append(_row("audio", f"{audio.codec.name.lower()}, {channels}, {audio.bitrate / 1000:g} kbps asked for"))
    if header.plate is not None:
        lines.append(_row("plate", f"{len(header.plate)} bytes"))
    return lines + [_row("metadata", f"{json.dumps(k)}: {json.dumps(v)}") for k, v in header.metadata.items()]


def _content(stream: StreamFacts) -> list[str]:
    stats, rate, losses = stream.stats, stream.frame_rate, stream.losses
    lines = [
        _row("video", f"{stats.motion_frames} frames at {float(rate):.4g} fps ({rate}), {stream.duration_s:.2f} s"),
        _row("packets", f"{stats.packet_count}, {stats.key_packets} key, {stats.content_packets} content"),
    ]
    if losses is not None:
        spans = ", ".join(f"{float(start / rate):.2f} to {float(end / rate):.2f} s" for start, end in losses.gaps)
        counts = f"{losses.packets} packets, {losses.frames} frames to predict"
        lines.append(_row("lost", f"{counts}: {spans}" if spans else counts))
    points = () if stream.end is None else stream.end.seek_points
    if points:
        shown = ", ".join(f"{float(point.tick / rate):.2f}" for point in points[:SEEK_POINTS_SHOWN])
        more = f" and {len(points) - SEEK_POINTS_SHOWN} more" if len(points) > SEEK_POINTS_SHOWN else ""
        lines.append(_row("seek at s", shown + more))
    return lines


def _bits(stream: StreamFacts) -> list[str]:
    lines = [f"{'':10}{'bits':>10}{'share':>9}{'kbps':>9}{'bits/frame':>12}"]
    for name, bits in stream.bits.items():
        kbps, per_frame = stream.kbps(bits), stream.bits_per_frame(bits)
        rates = f"{'-':>9}" if kbps is None else f"{kbps:9.3f}"
        rates += f"{'-':>12}" if per_frame is None else f"{per_frame:12.1f}"
        lines.append(f"{name:10}{bits:10d}{bits / stream.stats.total_bits:9.1%}{rates}")
    return lines


def _references(stream: StreamFacts) -> list[str]:
    shown = stream.references[:REFERENCES_SHOWN]
    lines = [f"{'reference':10}{'shot':>6}{'number':>8}{'time s':>10}{'bits':>8}{'frames':>8}  drops"]
    for one in shown:
        head = f"{'':10}{one.shot:6d}{one.number:8d}{float(one.tick / stream.frame_rate):10.2f}"
        lines.append(f"{head}{one.bits:8d}{one.frames:8d}  {one.drops or ''}".rstrip())
    more = len(stream.references) - len(shown)
    return [*lines, f"{'':10}and {more} more (--json lists all)"] if more else lines


def _packets(stream: StreamFacts) -> list[str]:
    lines = ["", f"{'sequence':>8} {'kind':8}{'tick':>8}{'offset':>10}{'bits':>8}{'framing':>8}{'frames':>7}  key"]
    for p in stream.stats.packets:
        head = f"{p.sequence:8d} {packet_name(p.kind):8}{p.timestamp:8d}{p.offset:10d}"
        lines.append(f"{head}{p.payload_bits:8d}{p.framing_bits:8d}{p.frames:7d}  {'yes' if p.key else ''}".rstrip())
    return lines


def _packet_bits(stream: StreamFacts) -> list[str]:
    lines = ["", f"{'sequence':>8} {'kind':8}{'time s':>10}{'bits':>8}{'frames':>8}{'bits/frame':>12}"]
    for p in stream.stats.packets:
        bits = p.payload_bits + p.framing_bits
        per_frame = f"{p.frames:8d}{bits / p.frames:12.1f}" if p.frames else ""
        time_s = packet_time_s(p, stream.frame_rate)
        lines.append(f"{p.sequence:8d} {packet_name(p.kind):8}{time_s:10.2f}{bits:8d}{per_frame}")
    return lines


def _group_bits(stream: StreamFacts) -> list[str]:
    groups, frames = stream.group_bits, stream.stats.motion_frames
    if groups is None:
        return ["", "bits of each codebook: unknown, the weights that hold the tables are not found on this machine"]
    if not frames:
        return []
    lines = ["", f"bits/frame of each codebook, {sum(groups):.0f} bits in all"]
    for start in range(0, len(groups), GROUPS_A_LINE):
        part = groups[start : start + GROUPS_A_LINE]
        numbers = "".join(f"{bits / frames:8.3f}" for bits in part)
        lines.append(f"{start:4d}-{start + len(part) - 1:<4d}{numbers}")
    return lines


def _row(name: str, text: str) -> str:
    return f"{name:10}{text}"
