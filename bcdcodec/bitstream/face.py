"""Data of a content record of coding FACE (spec section 7.3): landmarks of the face, then an AV1 still."""

from bcdcodec.bitstream.bits import ByteReader, checked_bytes, pack_uvarint
from bcdcodec.bitstream.records import check_range

#: Limit of the coded landmarks: more than any tables of entropy/landmarks.py need.
MAX_LANDMARK_BYTES = 1024


def join_face(landmarks: bytes, still: bytes) -> bytes:
    """The data of a record from the coded landmarks, 1 to MAX_LANDMARK_BYTES bytes, and the still; BitstreamError."""
    check_range(len(landmarks), 1, MAX_LANDMARK_BYTES, name="bytes of landmarks")
    return pack_uvarint(len(landmarks)) + landmarks + still


def split_face(data: bytes) -> tuple[bytes, bytes]:
    """Inverse of `join_face`: landmarks and still, neither of them decoded. BitstreamError for data without both."""
    reader = ByteReader.over(data)
    with checked_bytes(name="content of a face"):
        size = reader.uvarint(name="bytes of landmarks", limit=MAX_LANDMARK_BYTES)
        check_range(size, 1, MAX_LANDMARK_BYTES, name="bytes of landmarks")
        landmarks = reader.take(size, name="landmarks")
    return landmarks, reader.rest()
