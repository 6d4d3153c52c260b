"""What a coded video costs without its container. In: a media file. Out: the units that a decoder needs for pictures.

    H.264, H.265, H.266: NAL units of Annex B    AV1: OBUs    VP9: packets as they are

Left out is what no picture needs: text about the encoder and other messages (SEI, metadata), delimiters of pictures,
filler. A set of parameters counts once, however often a file repeats it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext

from bcdcodec.errors import VideoError
from bcdcodec.video.media import reason

#: Begins each unit of a stream by Annex B: of a picture's first unit and of parameters this is the shortest form.
START = b"\0\0\0\1"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nal:
    """One NAL unit syntax. filter: FFmpeg's from mp4 to Annex B. at, shift, mask: where the type is. dropped: types
    that no picture needs; once: types of parameters.
    """

    filter: str
    at: int
    shift: int
    mask: int
    dropped: frozenset[int]
    once: frozenset[int]


# H.264 table 7-1: 6 SEI, 9 delimiter, 12 filler; 7 SPS, 8 PPS. H.265 table 7-1: 35 delimiter, 38 filler, 39, 40 SEI;
# 32 VPS, 33 SPS, 34 PPS. H.266 table 5: 20 delimiter, 23, 24 SEI, 25 filler; 12 OPI, 13 DCI, 14 VPS, 15 SPS, 16 PPS.
# Adaptation parameters of H.266 (17, 18) are sent anew with other contents under one number: each of them counts.
_NAL = {
    "h264": _Nal(
        filter="h264_mp4toannexb", at=0, shift=0, mask=31, dropped=frozenset({6, 9, 12}), once=frozenset({7, 8})
    ),
    "hevc": _Nal(
        filter="hevc_mp4toannexb",
        at=0,
        shift=1,
        mask=63,
        dropped=frozenset({35, 38, 39, 40}),
        once=frozenset({32, 33, 34}),
    ),
    "vvc": _Nal(
        filter="vvc_mp4toannexb",
        at=1,
        shift=3,
        mask=31,
        dropped=frozenset({20, 23, 24, 25}),
        once=frozenset({12, 13, 14, 15, 16}),
    ),
}
#: AV1, section 6.2.2: sequence header; temporal delimiter, metadata, padding.
_SEQUENCE, _UNNEEDED = 1, frozenset({2, 5, 15})
#: A size of an OBU has at most this many bytes (AV1, leb128).
_MAX_SIZE_BYTES = 8


def payload_bytes(path: Path) -> int:
    """Bytes of the units of `payload_units`, with start codes where the syntax has them."""
    return sum(map(len, payload_units(path)))


def payload_units(path: Path) -> list[bytes]:
    """The units in the order of the file. VideoError if it cannot be read or is of another codec."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            codec = stream.codec_context.codec.canonical_name
            packets = (packet for packet in container.demux(stream) if packet.size)
            if codec in _NAL:
                chosen = BitStreamFilterContext(_NAL[codec].filter, stream)
                filtered = (part for packet in (*packets, None) for part in chosen.filter(packet))
                return _needed(_nal_units(map(bytes, filtered)), _NAL[codec])
            if codec == "av1":
                return _needed_obus(unit for packet in packets for unit in obus(bytes(packet)))
            if codec == "vp9":
                return [bytes(packet) for packet in packets]
    except (av.error.FFmpegError, IndexError) as error:
        raise VideoError(f"{path} cannot be read: {reason(error)}") from error
    raise VideoError(f"{path} holds {codec}, payloads are known of {', '.join([*_NAL, 'av1', 'vp9'])}")


def obus(data: bytes) -> Iterator[bytes]:
    """The OBUs of one packet, each with its header and size; VideoError where one ends too late."""
    at = 0
    while at < len(data):
        body = at + 1 + (data[at] >> 2 & 1)  # an extension has one byte
        end = len(data)  # the last may come without a size
        if data[at] >> 1 & 1:
            size, body = _size(data, body)
            end = body + size
        if end > len(data) or body > len(data):
            raise VideoError(f"an OBU ends {end - len(data)} bytes after its packet of {len(data)}")
        yield data[at:end]
        at = end


def _nal_units(packets: Iterable[bytes]) -> Iterator[bytes]:
    """Without start codes and the zeros around them, which no unit begins or ends with."""
    for packet in packets:
        for unit in packet.split(START[1:]):
            if found := unit.rstrip(b"\0"):
                yield found


def _needed(units: Iterable[bytes], syntax: _Nal) -> list[bytes]:
    found, seen = [], set()
    for unit in units:
        kind = unit[syntax.at] >> syntax.shift & syntax.mask
        if kind in syntax.dropped or unit in seen:
            continue
        if kind in syntax.once:
            seen.add(unit)
        found.append(START + unit)
    return found


def _needed_obus(units: Iterable[bytes]) -> list[bytes]:
    found, seen = [], set()
    for unit in units:
        kind = unit[0] >> 3 & 15
        if kind in _UNNEEDED or unit in seen:
            continue
        if kind == _SEQUENCE:
            seen.add(unit)
        found.append(unit)
    return found


def _size(data: bytes, at: int) -> tuple[int, int]:
    """leb128 and where it ends."""
    size = 0
    for index, byte in enumerate(data[at : at + _MAX_SIZE_BYTES]):
        size |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return size, at + index + 1
    raise VideoError(f"an OBU has no size at byte {at} of its packet of {len(data)}")
