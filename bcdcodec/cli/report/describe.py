"""Summary of a stream as plain values, for `bcd info --json`. Keys are append-only: programs read them."""

import dataclasses
from fractions import Fraction
from typing import Any

from bcdcodec.bitstream.header import SectionType
from bcdcodec.bitstream.packet import PacketKind
from bcdcodec.bitstream.stats import PacketStats
from bcdcodec.cli.report.summary import StreamFacts, Summary

#: Unit of the timestamps of AUDIO packets.
AUDIO_TICK_S = 0.02


def describe(summary: Summary, *, packets: bool = False, bits: bool = False) -> dict[str, Any]:
    """All facts of a summary; a damaged header leaves only the first three keys.

    packets: list them. bits: list the bits of packets and codebooks.
    """
    values: dict[str, Any] = {
        "file": summary.name,
        "bytes": summary.file_bytes,
        "damage": None if summary.damage is None else str(summary.damage),
    }
    if (stream := summary.stream) is not None:
        values |= _header(stream) | _rates(stream) | _structure(stream, packets=packets)
        if stream.losses is not None:
            values["lost"] = dataclasses.asdict(stream.losses) | {"frames": stream.losses.frames}
        if bits:
            values |= _bits(stream)
    return values


def _header(stream: StreamFacts) -> dict[str, Any]:
    header, weights = stream.header, stream.weights
    video, coding, audio = header.video, header.coding, header.audio
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
        "content": {
            "coding": header.content.coding.name.lower(),
            "bytes": len(header.content.data),
            "landmark_bits": stream.landmark_bits,
        },
        "crop": {"x": header.content.x, "y": header.content.y, "size": header.content.size},
        "coding": dataclasses.asdict(coding) | {"mode": coding.mode.name.lower()},
        "audio": None if audio is None else dataclasses.asdict(audio) | {"codec": audio.codec.name.lower()},
        "metadata": header.metadata,
        "plate_bytes": None if header.plate is None else len(header.plate),
    }


def _rates(stream: StreamFacts) -> dict[str, Any]:
    stats = stream.stats
    return {
        "frames": stats.motion_frames,
        "duration_s": stream.duration_s,
        "bits": stream.bits,
        "kbps": {name: stream.kbps(bits) for name, bits in stream.bits.items()},
        "bits_per_frame": {name: stream.bits_per_frame(stream.bits[name]) for name in ("motion", "total")},
    }


def _structure(stream: StreamFacts, *, packets: bool) -> dict[str, Any]:
    stats = stream.stats
    points = () if stream.end is None else stream.end.seek_points
    return {
        "packets": {
            "count": stats.packet_count,
            "content": stats.content_packets,
            "key": stats.key_packets,
            "audio_frames": stats.audio_frames,
        },
        "references": [
            {"time_s": float(one.tick / stream.frame_rate)} | dataclasses.asdict(one) for one in stream.references
        ],
        "sections": [{"type": s.type, "name": section_name(s.type), "bits": s.bits} for s in stats.sections],
        "seek_points": [
            {"tick": point.tick, "time_s": float(point.tick / stream.frame_rate)} | dataclasses.asdict(point)
            for point in points
        ],
        "packet_list": [
            dataclasses.asdict(p) | {"kind": int(p.kind), "name": packet_name(p.kind)}
            for p in (stats.packets if packets else ())
        ],
    }


def _bits(stream: StreamFacts) -> dict[str, Any]:
    groups, frames = stream.group_bits, stream.stats.motion_frames
    return {
        "packet_bits": [_packet_bits(packet, stream.frame_rate) for packet in stream.stats.packets],
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
    """Time of a packet's start in seconds; timestamps of unknown kinds are taken for ticks of video."""
    return packet.timestamp * AUDIO_TICK_S if packet.kind == PacketKind.AUDIO else float(packet.timestamp / rate)


def section_name(kind: int) -> str:
    """Name of a section type, `unknown` for one of a later version."""
    return SectionType(kind).name.lower() if kind in tuple(SectionType) else "unknown"


def packet_name(kind: int) -> str:
    """Name of a packet kind, `unknown` for one of a later version."""
    return PacketKind(kind).name.lower() if kind in tuple(PacketKind) else "unknown"
