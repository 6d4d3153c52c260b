"""OBUs of AV1 stills (spec section 3.8): the example of the spec, and refused bytes."""

import pytest

from bcdcodec.errors import VideoError
from bcdcodec.video.obu import still_size

DELIMITER, SEQUENCE = "1200", "0a06180cffd21080"
FRAME = "32131040000000002039501400adcb05d8f86e9b30"


def test_size() -> None:
    assert still_size(bytes.fromhex(DELIMITER + SEQUENCE + FRAME)) == (16, 16)


def test_sides_are_told_apart() -> None:
    # 00011, level 0, 9 bits each: 320 by 180.
    bits = f"00011{0:05b}{8:04b}{8:04b}{319:09b}{179:09b}"
    sequence = int(bits.ljust(48, "0"), 2).to_bytes(6, "big").hex()
    assert still_size(bytes.fromhex(f"{DELIMITER}0a06{sequence}{FRAME}")) == (320, 180)


@pytest.mark.parametrize("side", [321, 65536])
def test_a_large_one_is_refused(side: int) -> None:
    sequence = int(f"00011{0:05b}{15:04b}{3:04b}{side - 1:016b}{15:04b}".ljust(48, "0"), 2).to_bytes(6, "big").hex()
    with pytest.raises(VideoError, match=f"{side}x16, allowed"):
        still_size(bytes.fromhex(f"{DELIMITER}0a06{sequence}{FRAME}"))


@pytest.mark.parametrize("color", ["10", "01"])
def test_10_bits_or_one_plane_are_refused(color: str) -> None:
    bits = f"00011{0:05b}{3:04b}{3:04b}{15:04b}{15:04b}{'0' * 6}{color}"
    sequence = int(bits.ljust(40, "0"), 2).to_bytes(5, "big").hex()
    with pytest.raises(VideoError, match="needs 8 bits per sample and three planes"):
        still_size(bytes.fromhex(f"{DELIMITER}0a05{sequence}{FRAME}"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ffd8ffe0",  # a JPEG
        SEQUENCE + FRAME,  # no delimiter
        DELIMITER + FRAME,
        DELIMITER + SEQUENCE,
        DELIMITER + SEQUENCE + FRAME + "00",
        DELIMITER + SEQUENCE + FRAME + FRAME,  # two pictures
        DELIMITER + SEQUENCE + FRAME[:-2],
        "120100" + SEQUENCE + FRAME,  # a delimiter with a body
        DELIMITER + "0a8600" + SEQUENCE[4:] + FRAME,  # a size that is not in its shortest form
        DELIMITER + "0a860001" + SEQUENCE[4:] + FRAME + "00" * (1 << 14),  # a byte of zero within a size
        DELIMITER + "0a8080808080",
        DELIMITER + "0a00" + FRAME,
        DELIMITER + "0a03180cff" + FRAME,  # sizes cut off
        DELIMITER + "0a06100cffd21080" + FRAME,  # a video's long header
        DELIMITER + "0a06380cffd21080" + FRAME,  # profile 1
        "13" + DELIMITER[2:] + SEQUENCE + FRAME,  # reserved bit
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(VideoError, match="not an AV1 still"):
        still_size(bytes.fromhex(text))
