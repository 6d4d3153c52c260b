"""Content data of coding FACE: landmarks and a still, told apart by a length (spec section 7.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdcodec.bitstream.face import MAX_LANDMARK_BYTES, join_face, split_face
from bcdcodec.errors import BitstreamError, TruncatedError


def test_bytes() -> None:
    assert join_face(b"\xaa\xbb", b"still").hex() == "02aabb" + b"still".hex()
    assert join_face(bytes(300), b"").startswith(b"\xac\x02\0")


@given(st.binary(min_size=1, max_size=300), st.binary(max_size=300))
def test_round_trip(landmarks: bytes, still: bytes) -> None:
    assert split_face(join_face(landmarks, still)) == (landmarks, still)


@pytest.mark.parametrize("size", [0, MAX_LANDMARK_BYTES + 1])
def test_other_lengths_are_refused(size: int) -> None:
    with pytest.raises(BitstreamError, match="bytes of landmarks is"):
        join_face(bytes(size), b"still")


@pytest.mark.parametrize("text", ["", "00", "80", "8000", "8108", "ffffffff0f", "ffffffffff01", "03aabb"])
def test_other_bytes_are_refused(text: str) -> None:
    with pytest.raises(BitstreamError) as found:
        split_face(bytes.fromhex(text))
    assert not isinstance(found.value, TruncatedError), "the stream did not end early, its record is malformed"


@given(st.binary(max_size=30))
def test_random_bytes_split_or_are_refused(data: bytes) -> None:
    try:
        landmarks, still = split_face(data)
    except BitstreamError:
        return
    assert join_face(landmarks, still) == data
