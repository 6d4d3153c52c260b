"""Parser of the OBUs of an AV1 still (spec section 3.8): validation and the picture's size, without a decoder."""

from bcdcodec.errors import VideoError

#: Longest side of a still, in pixels; bounds what a hostile stream can make a decoder allocate.
MAX_STILL_SIDE = 320
#: First byte and name of the three OBUs of a still, in order: the type is in bits 1 to 4, bit 6 says that a size
#: follows. No other OBU is allowed: a few bytes could demand any number of pictures of a decoder.
_OBUS = ((0x12, "temporal delimiter"), (0x0A, "sequence header"), (0x32, "frame"))
#: Profile 0 (4:2:0), still picture, reduced header: the frame is then a shown key frame of the size in the header.
_STILL_BITS = "00011"
#: Bits of the sequence header before the two sizes: _STILL_BITS, level (5), lengths of width and height less 1 (4
#: each).
_SIZES_OFFSET = 18
#: Bits from the end of the sizes to the two of the colours: high bit depth, one plane. The six between them are of
#: superblocks, filters and super-resolution.
_COLOR_OFFSET = 6
_MAX_SIZE_BYTES = 4


def still_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels; VideoError unless the bytes are exactly one still of at most MAX_STILL_SIDE."""
    obus, at = [], 0
    for first, name in _OBUS:
        if data[at : at + 1] != bytes([first]):
            raise VideoError(f"not an AV1 still: no {name} at byte {at}")
        size, at = _unit_size(data, at + 1)
        if len(data) - at < size:
            raise VideoError(f"not an AV1 still: the {name} needs {size} bytes, {len(data) - at} are left")
        obus.append(data[at : at + size])
        at += size
    if obus[0] or at != len(data):
        raise VideoError("not an AV1 still: bytes in its temporal delimiter or after its frame")
    width, height = _sizes(obus[1])
    if max(width, height) > MAX_STILL_SIDE:
        raise VideoError(f"AV1 still is {width}x{height}, allowed are sides of at most {MAX_STILL_SIDE}")
    return width, height


def _unit_size(data: bytes, at: int) -> tuple[int, int]:
    """The OBU size (leb128, in its shortest form) at an offset, and the offset after it."""
    size = 0
    for index, byte in enumerate(data[at : at + _MAX_SIZE_BYTES]):
        size |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if index and not byte:
                break  # fewer bytes are enough
            return size, at + index + 1
    raise VideoError(f"not an AV1 still: no size at byte {at}")


def _sizes(sequence: bytes) -> tuple[int, int]:
    bits = "".join(f"{byte:08b}" for byte in sequence[: (_SIZES_OFFSET + 2 * 16 + _COLOR_OFFSET + 2 + 7) // 8])
    if len(bits) < _SIZES_OFFSET or not bits.startswith(_STILL_BITS):
        raise VideoError("not an AV1 still: its sequence header is not the reduced one of a still of profile 0")
    split = _SIZES_OFFSET + int(bits[10:14], 2) + 1
    end = split + int(bits[14:18], 2) + 1
    if len(bits) < end + _COLOR_OFFSET + 2:
        raise VideoError("not an AV1 still: its sequence header is cut")
    if bits[end + _COLOR_OFFSET : end + _COLOR_OFFSET + 2] != "00":
        raise VideoError("not an AV1 still: needs 8 bits per sample and three planes")
    return int(bits[_SIZES_OFFSET:split], 2) + 1, int(bits[split:end], 2) + 1
