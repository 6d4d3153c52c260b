"""The outside of an AV1 still: its parts and its size. In: bytes. Out: pixels a side, without a decoder (spec 3.8)."""

from bcdcodec.errors import VideoError

#: Longest side of a still, in pixels; it bounds what a hostile stream can make a decoder allocate.
MAX_STILL_SIDE = 320
#: First byte and name of the only three units (OBUs) of a still, in their order. The type is in bits 1 to 4; 2 says
#: that a size follows. Nothing else may follow, or a few bytes could ask a decoder for any number of pictures.
_UNITS = ((0x12, "temporal delimiter"), (0x0A, "sequence header"), (0x32, "frame"))
#: Profile 0 (4:2:0), still picture, reduced header: then the frame is a shown key frame of the size given here.
_STILL_BITS = "00011"
#: Bits of the sequence header before the two sizes: _STILL_BITS, level (5), bits of width and height less 1 (4 each).
_SIZES_AT = 18
_MAX_SIZE_BYTES = 4


def still_size(data: bytes) -> tuple[int, int]:
    """Width and height; VideoError where the bytes are not exactly the units of a still of at most MAX_STILL_SIDE."""
    units, at = [], 0
    for first, name in _UNITS:
        if data[at : at + 1] != bytes([first]):
            raise VideoError(f"not an AV1 still: no {name} at byte {at}")
        size, at = _unit_size(data, at + 1)
        if len(data) - at < size:
            raise VideoError(f"not an AV1 still: the {name} needs {size} bytes, {len(data) - at} are left")
        units.append(data[at : at + size])
        at += size
    if units[0] or at != len(data):
        raise VideoError("not an AV1 still: bytes in its temporal delimiter or after its frame")
    width, height = _sizes(units[1])
    if max(width, height) > MAX_STILL_SIDE:
        raise VideoError(f"AV1 still is {width}x{height}, allowed are sides of at most {MAX_STILL_SIDE}")
    return width, height


def _unit_size(data: bytes, at: int) -> tuple[int, int]:
    """A uvarint (spec section 1.2) and where it ends."""
    size = 0
    for index, byte in enumerate(data[at : at + _MAX_SIZE_BYTES]):
        size |= (byte & 0x7F) << 7 * index
        if byte < 0x80 and (byte or not index):
            return size, at + index + 1
    raise VideoError(f"not an AV1 still: no size at byte {at}")


def _sizes(sequence: bytes) -> tuple[int, int]:
    bits = "".join(f"{byte:08b}" for byte in sequence[: (_SIZES_AT + 2 * 16 + 7) // 8])
    if len(bits) < _SIZES_AT or not bits.startswith(_STILL_BITS):
        raise VideoError("not an AV1 still: its sequence header is not the reduced one of a still of profile 0")
    split = _SIZES_AT + int(bits[10:14], 2) + 1
    end = split + int(bits[14:18], 2) + 1
    if len(bits) < end:
        raise VideoError("not an AV1 still: its sequence header is cut")
    return int(bits[_SIZES_AT:split], 2) + 1, int(bits[split:end], 2) + 1
