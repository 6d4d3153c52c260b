"""EXIF orientation of photos: JPEG, PNG and WebP. The decoder's own reading of it loses mirrors."""

import struct

#: What comes before the TIFF header of EXIF data: in JPEG and some WebP files, in PNG, and in WebP with a chunk's size.
_STARTS = ((b"Exif\0\0", 0), (b"eXIf", 0), (b"EXIF", 4))
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION, _SHORT, _ENTRY_BYTES = 0x0112, 3, 12
#: Value of the tag -> quarter turns counter-clockwise, and whether to mirror left-right first.
_UPRIGHT = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (1, True),
    6: (3, False),
    7: (3, True),
    8: (1, False),
}
#: Bytes of a file in which the data must begin.
HEAD_BYTES = 1 << 20


def exif_orientation(head: bytes) -> tuple[int, bool] | None:
    """What brings a photo upright, as `orientation` of color.py says it; None where no tag says so.

    head: the first HEAD_BYTES of the file.
    """
    for start, skipped in _STARTS:
        at = head.find(start)
        while at >= 0:
            found = _tag(head[at + len(start) + skipped :])
            if found in _UPRIGHT:
                return _UPRIGHT[found]
            at = head.find(start, at + 1)
    return None


def _tag(tiff: bytes) -> int | None:
    """The orientation in the first directory of TIFF data."""
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, directory + 2 + _ENTRY_BYTES * entry)
            if tag == _ORIENTATION and kind == _SHORT:
                return int(value)
    except struct.error:  # cut, or an offset that leads out of it
        return None
    return None
