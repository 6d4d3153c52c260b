"""A summary as plain values, for `bcd info --json`. In: a Summary. Out: dicts that json can write.

Keys are append-only: programs read them.
"""

import dataclasses
from fractions import Fraction
from typing import Any

from bcdcodec.bitstream.header import SectionType, StreamHeader
from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.stats import PacketStats, StreamStats
from bcdcodec.cli.summary import Summary

#: Timestamps of AUDIO packets count these.
AUDIO_TICK_S = 0.02


def describe(summary: Summary, *, packets: bool = False, bits: bool = False) -> dict[str, Any]:
    """Everything that is known; a damaged header leaves only the first three keys.

    packets: list them. bits: list what packets and codebooks take.
    """
    found: dict[str, Any] = {
        "file": summary.name,
        "bytes": summary.file_bytes,
        "damage": None if summary.damage is None else str(summary.damage),
    }
    if summary.header is not None and summary.stats is not None:
        found |= _header(summary, summary.header) | _rates(summary, summary.stats)
        found |= _structure(summary, summary.stats, summary.header.video.frame_rate, packets=packets)
        if summary.losses is not None:
            found["lost"] = dataclasses.asdict(summary.losses) | {"frames": summary.losses.frames}
        if bits:
            found |= _spent(summary, summary.stats, summary.header.video.frame_rate)
    return found


def _header(summary: Summary, header: StreamHeader) -> dict[str, Any]:
    video, coding, audio, weights = header.video, header.coding, header.audio, summary.weights
    return {
        "model": {
            "id": header.model_id.hex(),
            "found": weights is not None,
            "path": None if weights is None else str(weights.path),
            "name": None if weights is None else weights.config.name,
        },
        "video": {
            "width": video.width,
            "height": video.height,
            "model_pixels": video.model_pixels,
            "fps": float(video.frame_rate),
            "rate": [video.rate_num, video.rate_den],
            "cropped": video.cropped,
        },
        "content": {"coding": header.content.coding.name.lower(), "bytes": len(header.content.data)},
        "crop": {"x": header.content.x, "y": header.content.y, "size": header.content.size},
        "coding": dataclasses.asdict(coding) | {"mode": coding.mode.name.lower()},
        "audio": None if audio is None else dataclasses.asdict(audio) | {"codec": audio.codec.name.lower()},
        "metadata": header.metadata,
        "plate_bytes": None if header.plate is None else len(header.plate),
    }


def _rates(summary: Summary, stats: StreamStats) -> dict[str, Any]:
    bits = summary.bits() | {"total": stats.total_bits}
    return {
        "frames": stats.motion_frames,
        "duration_s": summary.duration_s,
        "bits": bits,
        "kbps": {name: summary.kbps(value) for name, value in bits.items()},
        "bits_per_frame": {
            "motion": summary.bits_per_frame(stats.motion_bits),
            "total": summary.bits_per_frame(stats.total_bits),
        },
    }


def _structure(summary: Summary, stats: StreamStats, rate: Fraction, *, packets: bool) -> dict[str, Any]:
    points = () if summary.end is None else summary.end.seek_points
    return {
        "packets": {
            "count": stats.packet_count,
            "content": stats.content_packets,
            "key": stats.key_packets,
            "audio_frames": stats.audio_frames,
        },
        "sections": [{"type": s.type, "name": section_name(s.type), "bits": s.bits} for s in stats.sections],
        "seek_points": [
            {
                "tick": point.tick,
                "time_s": float(point.tick / rate),
                "offset": point.offset,
                "content_offset": point.content_offset,
            }
            for point in points
        ],
        "packet_list": [
            dataclasses.asdict(p) | {"kind": int(p.kind), "name": packet_name(p.kind)}
            for p in (stats.packets if packets else ())
        ],
    }


def _spent(summary: Summary, stats: StreamStats, rate: Fraction) -> dict[str, Any]:
    groups, frames = summary.group_bits, stats.motion_frames
    return {
        "packet_bits": [_packet_bits(packet, rate) for packet in stats.packets],
        "group_bits": groups,
        "group_bits_per_frame": None if groups is None or not frames else [bits / frames for bits in groups],
    }


def _packet_bits(packet: PacketStats, rate: Fraction) -> dict[str, Any]:
    bits = packet.payload_bits + packet.framing_bits
    return {
        "sequence": packet.sequence,
        "name": packet_name(packet.kind),
        "time_s": packet_time_s(packet, rate),
        "bits": bits,
        "frames": packet.frames,
        "bits_per_frame": bits / packet.frames if packet.frames else None,
    }


def packet_time_s(packet: PacketStats, rate: Fraction) -> float:
    """When it begins, by its timestamp; those of unknown kinds are taken for ticks of video."""
    return packet.timestamp * AUDIO_TICK_S if packet.kind == PacketKind.AUDIO else float(packet.timestamp / rate)


def section_name(kind: int) -> str:
    """The name of a section type, `unknown` for one of a later version."""
    return SectionType(kind).name.lower() if kind in tuple(SectionType) else "unknown"


def packet_name(kind: int) -> str:
    """The name of a packet kind, `unknown` for one of a later version."""
    return PacketKind(kind).name.lower() if kind in tuple(PacketKind) else "unknown"
