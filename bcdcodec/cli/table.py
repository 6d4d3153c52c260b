"""A summary as text, for `bcd info`. In: a Summary. Out: lines for a terminal.

Text that comes from the stream is shown as JSON strings, so that it cannot steer the terminal.
"""

import json

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.stats import StreamStats
from bcdcodec.cli.describe import packet_name, packet_time_s
from bcdcodec.cli.summary import Summary, file_label

SEEK_POINTS_SHOWN = 8
GROUPS_A_LINE = 8


def table(summary: Summary, *, packets: bool = False, bits: bool = False) -> str:
    """All that is known, the damage last. packets: list them. bits: list what packets and codebooks take."""
    size = "size unknown" if summary.file_bytes is None else f"{summary.file_bytes} bytes"
    lines = [_row("file", f"{file_label(summary.name)}, {size}")]
    if summary.header is not None and summary.stats is not None:
        lines += _header(summary, summary.header)
        lines += _content(summary, summary.stats)
        lines += ["", *_bits(summary, summary.stats)]
        if packets:
            lines += _packets(summary.stats)
        if bits:
            lines += [*_packet_bits(summary.stats, summary.header), *_group_bits(summary, summary.stats)]
    if summary.damage is not None:
        lines += ["", _row("damage", str(summary.damage))]
    return "\n".join(lines)


def _header(summary: Summary, header: StreamHeader) -> list[str]:
    video, coding, content, audio = header.video, header.coding, header.content, header.audio
    where = "not found on this machine" if summary.weights is None else f"found: {summary.weights.path}"
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
    ]
    lines.append(_row("token", f"{content.coding.name.lower()}, {len(content.data)} bytes"))
    if audio is not None:
        channels = "mono" if audio.channels == 1 else "stereo"
        lines.append(_row("sound", f"{audio.codec.name.lower()}, {channels}, {audio.bitrate / 1000:g} kbps asked for"))
    if header.plate is not None:
        lines.append(_row("plate", f"{len(header.plate)} bytes"))
    lines += [_row("metadata", f"{json.dumps(k)}: {json.dumps(v)}") for k, v in header.metadata.items()]
    return lines


def _content(summary: Summary, stats: StreamStats) -> list[str]:
    assert summary.header is not None, "statistics come with a header"
    rate = summary.header.video.frame_rate
    lines = [
        _row("video", f"{stats.motion_frames} frames at {float(rate):.4g} fps ({rate}), {summary.duration_s:.2f} s"),
        _row("packets", f"{stats.packet_count}, {stats.key_packets} key, {stats.content_packets} content refresh"),
    ]
    if summary.losses is not None:
        spans = [f"{float(start / rate):.2f} to {float(end / rate):.2f} s" for start, end in summary.losses.gaps]
        where = f": {', '.join(spans)}" if spans else ""
        lines.append(
            _row("lost", f"{summary.losses.packets} packets, {summary.losses.frames} frames to predict{where}")
        )
    points = () if summary.end is None else summary.end.seek_points
    if points:
        shown = ", ".join(f"{float(point.tick / rate):.2f}" for point in points[:SEEK_POINTS_SHOWN])
        more = f" and {len(points) - SEEK_POINTS_SHOWN} more" if len(points) > SEEK_POINTS_SHOWN else ""
        lines.append(_row("seek at s", shown + more))
    return lines


def _bits(summary: Summary, stats: StreamStats) -> list[str]:
    lines = [f"{'':10}{'bits':>10}{'share':>9}{'kbps':>9}{'bits/frame':>12}"]
    for name, bits in [*summary.bits().items(), ("total", stats.total_bits)]:
        rate, per_frame = summary.kbps(bits), summary.bits_per_frame(bits)
        numbers = "".join(
            "-".rjust(w) if v is None else f"{v:{w}.{d}f}" for v, w, d in ((rate, 9, 3), (per_frame, 12, 1))
        )
        lines.append(f"{name:10}{bits:10d}{bits / stats.total_bits:9.1%}{numbers}")
    return lines


def _packets(stats: StreamStats) -> list[str]:
    lines = ["", f"{'sequence':>8} {'kind':8}{'tick':>8}{'offset':>10}{'bits':>8}{'framing':>8}{'frames':>7}  key"]
    for p in stats.packets:
        place = f"{p.sequence:8d} {packet_name(p.kind):8}{p.timestamp:8d}{p.offset:10d}"
        lines.append(f"{place}{p.payload_bits:8d}{p.framing_bits:8d}{p.frames:7d}  {'yes' if p.key else ''}".rstrip())
    return lines


def _packet_bits(stats: StreamStats, header: StreamHeader) -> list[str]:
    lines = ["", f"{'sequence':>8} {'kind':8}{'time s':>10}{'bits':>8}{'frames':>8}{'bits/frame':>12}"]
    for p in stats.packets:
        bits = p.payload_bits + p.framing_bits
        per_frame = f"{p.frames:8d}{bits / p.frames:12.1f}" if p.frames else ""
        time_s = packet_time_s(p, header.video.frame_rate)
        lines.append(f"{p.sequence:8d} {packet_name(p.kind):8}{time_s:10.2f}{bits:8d}{per_frame}")
    return lines


def _group_bits(summary: Summary, stats: StreamStats) -> list[str]:
    groups = summary.group_bits
    if groups is None:
        return ["", "bits of each codebook: unknown, the weights that hold the tables are not found on this machine"]
    if not stats.motion_frames:
        return []
    lines = ["", f"bits/frame of each codebook, {sum(groups):.0f} bits in all"]
    for start in range(0, len(groups), GROUPS_A_LINE):
        part = groups[start : start + GROUPS_A_LINE]
        numbers = "".join(f"{bits / stats.motion_frames:8.3f}" for bits in part)
        lines.append(f"{start:4d}-{start + len(part) - 1:<4d}{numbers}")
    return lines


def _row(name: str, text: str) -> str:
    return f"{name:10}{text}"
