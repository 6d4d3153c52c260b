"""Size of the elementary stream of other codecs, without container and non-essential units, for fair comparisons.

    H.264, H.265, H.266: NAL units in Annex B format    AV1: OBUs    VP9: whole packets

Units that no picture needs are left out: messages such as the encoder's name (SEI, metadata), access unit delimiters
and filler. A parameter set counts once, however often a file repeats it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext

from bcdcodec.errors import VideoError
from bcdcodec.video.media import reason

#: Annex B start code: the shortest form that is allowed for a picture's first unit and for parameter sets.
START_CODE = b"\0\0\0\1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnitSyntax:
    """Syntax of one codec's units (NAL units or OBUs).

    offset, shift, mask: byte and bits of the unit type; dropped: types that no picture needs; once: types of parameter
    sets; filter: FFmpeg's bitstream filter from mp4 to Annex B, for NAL units.
    """

    offset: int
    shift: int
    mask: int
    dropped: frozenset[int]
    once: frozenset[int]
    filter: str = ""


# H.264 table 7-1: 6 SEI, 9 delimiter, 12 filler; 7 SPS, 8 PPS. H.265 table 7-1: 35 delimiter, 38 filler, 39, 40 SEI;
# 32 VPS, 33 SPS, 34 PPS. H.266 table 5: 20 delimiter, 23, 24 SEI, 25 filler; 12 OPI, 13 DCI, 14 VPS, 15 SPS, 16 PPS.
# Adaptation parameter sets of H.266 (17, 18) may change under the same id: each of them counts.
_NAL = {
    "h264": _UnitSyntax(
        filter="h264_mp4toannexb", offset=0, shift=0, mask=31, dropped=frozenset({6, 9, 12}), once=frozenset({7, 8})
    ),
    "hevc": _UnitSyntax(
        filter="hevc_mp4toannexb",
        offset=0,
        shift=1,
        mask=63,
        dropped=frozenset({35, 38, 39, 40}),
        once=frozenset({32, 33, 34}),
    ),
    "vvc": _UnitSyntax(
        filter="vvc_mp4toannexb",
        offset=1,
        shift=3,
        mask=31,
        dropped=frozenset({20, 23, 24, 25}),
        once=frozenset({12, 13, 14, 15, 16}),
    ),
}
# OBU types (AV1, section 6.2.2): 2 temporal delimiter, 5 metadata, 15 padding; 1 sequence header.
_AV1 = _UnitSyntax(offset=0, shift=3, mask=15, dropped=frozenset({2, 5, 15}), once=frozenset({1}))
#: Longest size field of an OBU in bytes (AV1, leb128).
_MAX_SIZE_BYTES = 8


def payload_bytes(path: Path) -> int:
    """Total size in bytes of `payload_units`, with start codes where the syntax has them."""
    return sum(map(len, payload_units(path)))


def payload_units(path: Path) -> list[bytes]:
    """Essential units of a media file's video, in order; VideoError if it cannot be read or is of another codec."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            codec = stream.codec_context.codec.canonical_name
            packets = (packet for packet in container.demux(stream) if packet.size)
            if codec in _NAL:
                chosen = BitStreamFilterContext(_NAL[codec].filter, stream)
                filtered = (part for packet in (*packets, None) for part in chosen.filter(packet))
                units = _needed(_nal_units(map(bytes, filtered)), _NAL[codec])
                return [START_CODE + unit for unit in units]
            if codec == "av1":
                return list(_needed((unit for packet in packets for unit in obus(bytes(packet))), _AV1))
            if codec == "vp9":
                return [bytes(packet) for packet in packets]
    except (av.error.FFmpegError, IndexError) as error:
        raise VideoError(f"{path} cannot be read: {reason(error)}") from error
    raise VideoError(f"{path} holds {codec}, payloads are known of {', '.join([*_NAL, 'av1', 'vp9'])}")


def obus(data: bytes) -> Iterator[bytes]:
    """Yield the OBUs of one packet, each with header and size field; VideoError where one exceeds the packet."""
    at = 0
    while at < len(data):
        body = at + 1 + (data[at] >> 2 & 1)  # header of one byte, and one more with the extension flag
        end = len(data)  # the last OBU may have no size field
        if data[at] >> 1 & 1:
            size, body = _size(data, body)
            end = body + size
        if end > len(data) or body > len(data):
            raise VideoError(f"an OBU ends {end - len(data)} bytes after its packet of {len(data)}")
        yield data[at:end]
        at = end


def _nal_units(packets: Iterable[bytes]) -> Iterator[bytes]:
    """Split packets at start codes; zeros before a start code are padding, as no unit ends in one."""
    for packet in packets:
        for unit in packet.split(START_CODE[1:]):
            if stripped := unit.rstrip(b"\0"):
                yield stripped


def _needed(units: Iterable[bytes], syntax: _UnitSyntax) -> Iterator[bytes]:
    """Yield the units that pictures need, parameter sets at their first appearance only."""
    parameter_sets = set()
    for unit in units:
        kind = unit[syntax.offset] >> syntax.shift & syntax.mask
        if kind in syntax.dropped or unit in parameter_sets:
            continue
        if kind in syntax.once:
            parameter_sets.add(unit)
        yield unit


def _size(data: bytes, at: int) -> tuple[int, int]:
    """The leb128 number at an offset, and the offset after it."""
    size = 0
    for index, byte in enumerate(data[at : at + _MAX_SIZE_BYTES]):
        size |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return size, at + index + 1
    raise VideoError(f"an OBU has no size at byte {at} of its packet of {len(data)}")
