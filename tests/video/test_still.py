"""AV1 stills (spec section 3.8): budgets, colours, the plate, and bytes that are no still."""

import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_kit import Picture, gray, textured
from numpy.typing import NDArray

from bcdcodec.errors import RateError, VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.obu import MAX_STILL_SIDE, still_size
from bcdcodec.video.reference_codecs import encode_classical
from bcdcodec.video.still import (
    MIN_STILL_SIDE,
    PLATE_BITS,
    StillSearch,
    decode_plate,
    decode_still,
    encode_plate,
    encode_still,
    preserve_scheduling,
)

AMPLE = 1_000_000
SMALL = encode_still(textured(1, 64, 64), budget_bits=4000)
COLORS = [
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 0),
    (0, 255, 255),
    (255, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
]


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def blocks(seed: int, side: int, block: int) -> Picture:
    """Black and white squares: the hardest picture there is."""
    pattern = np.random.default_rng(seed).integers(0, 2, (side // block, side // block, 3)) * 255
    return np.kron(pattern, np.ones((block, block, 1))).astype(np.uint8)


def test_budget_is_kept_and_used() -> None:
    picture = textured(2, 128, 128)
    qualities = []
    for budget in (2000, 4000, 8000):
        data = encode_still(picture, budget_bits=budget)
        assert 0.8 * budget < 8 * len(data) <= budget
        qualities.append(psnr(decode_still(data), picture))
    assert qualities == sorted(qualities)


def test_the_best_that_fits_is_taken() -> None:
    picture = textured(2, 64, 64)
    data = encode_still(picture, budget_bits=3000)
    assert encode_still(picture, budget_bits=8 * len(data)) == data
    assert len(encode_still(picture, budget_bits=8 * len(data) - 1)) < len(data)


@pytest.mark.parametrize("budget", [1200, 3000, 9000, 30_000, AMPLE])
def test_the_search_takes_few_encodings_and_ends_between_two_steps(budget: int) -> None:
    """Where the next finer one does not fit."""
    search, steps = StillSearch(textured(4, 128, 128), budget_bits=budget, fast=True), 1
    while not search.step():
        steps += 1
    assert steps <= 8
    sizes = {step: math.exp(size) for step, size in search._tried}
    best = min(step for step, size in sizes.items() if size <= budget + 0.5)
    assert 8 * len(search.best) == round(sizes[best])
    assert best == 4 or sizes[best - 1] > budget


def test_same_bytes_twice() -> None:
    assert encode_still(textured(1, 64, 64), budget_bits=4000) == SMALL


def test_a_budget_that_cannot_be_met_names_the_smallest_size() -> None:
    picture = textured(1, 64, 64)
    with pytest.raises(RateError, match=r"still of 64x64 needs \d+ bits, the budget is 80") as caught:
        encode_still(picture, budget_bits=80)
    smallest = int(str(caught.value).split()[4])
    assert 8 * len(encode_still(picture, budget_bits=smallest)) == smallest


@pytest.mark.parametrize(
    ("width", "height"), [(MIN_STILL_SIDE, MIN_STILL_SIDE), (64, 64), (65, 37), (5, 320), (320, 6), (320, 320)]
)
def test_sides(width: int, height: int) -> None:
    picture = textured(3, 320, 320)[:height, :width]  # smooth, so that 4:2:0 loses little
    data = encode_still(picture, budget_bits=AMPLE)
    assert still_size(data) == (width, height)
    again = decode_still(data)
    assert again.shape == picture.shape and again.dtype == np.uint8 and again.flags.c_contiguous
    assert psnr(again, picture) > 40


@pytest.mark.parametrize(("width", "height"), [(3, 64), (64, 3), (321, 64), (64, 321)])
def test_other_sides_are_refused(width: int, height: int) -> None:
    with pytest.raises(VideoError, match="allowed are sides of 4 to 320"):
        encode_still(np.zeros((height, width, 3), np.uint8), budget_bits=AMPLE)


def test_saturated_colors_come_back() -> None:
    picture = np.repeat(np.repeat(np.array(COLORS, np.uint8).reshape(2, 4, 3), 128, axis=0), 64, axis=1)
    error = decode_still(encode_still(picture, budget_bits=AMPLE)).astype(int) - picture
    assert (np.abs(error).mean((0, 1)) < 1.5).all()


@pytest.mark.parametrize("color", [*COLORS, (200, 30, 90), (13, 140, 77)])
def test_conversion_is_the_one_of_the_spec(color: tuple[int, int, int]) -> None:
    data = encode_still(np.full((16, 16, 3), color, np.uint8), budget_bits=AMPLE)
    decoder = av.CodecContext.create("libdav1d", "r")
    frame = (decoder.decode(av.Packet(data)) + decoder.decode(None))[0]
    planes = frame.to_ndarray()
    y, u, v = float(planes[8, 8]), float(planes[17, 8]) - 128, float(planes[21, 8]) - 128
    rgb = np.clip([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], 0, 255)
    found = decode_still(data)[8, 8]
    assert np.abs(found - rgb).max() <= 1
    assert np.abs(found.astype(int) - color).max() <= 2


def test_every_truncation_is_refused() -> None:
    for cut in range(len(SMALL)):
        with pytest.raises(VideoError):
            decode_still(SMALL[:cut])


def test_flipped_bits_give_a_picture_or_an_error() -> None:
    rng = np.random.default_rng(0)
    headers = range(8 * 20)
    places = [*headers, *rng.integers(0, 8 * len(SMALL), 300)]
    refused = 0
    for place in places:
        data = bytearray(SMALL)
        data[place // 8] ^= 1 << place % 8
        try:
            picture = decode_still(bytes(data))
        except VideoError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            assert max(picture.shape[:2]) <= MAX_STILL_SIDE
    assert refused > 50


@pytest.mark.parametrize("size", [0, 1, 30, 3000])
def test_random_bytes_are_refused(size: int) -> None:
    rng = np.random.default_rng(size)
    for _ in range(20):
        with pytest.raises(VideoError):
            decode_still(rng.bytes(size))
        with pytest.raises(VideoError):  # a good outside, nothing inside
            decode_still(SMALL[:13] + b"\x32" + bytes([size % 128]) + rng.bytes(size % 128))


def test_two_pictures_are_refused() -> None:
    with pytest.raises(VideoError):
        decode_still(SMALL + SMALL)


def test_the_encoder_is_silent() -> None:
    code = "import numpy as np; from bcdcodec.video.still import encode_still"
    code += "; encode_still(np.zeros((64, 64, 3), np.uint8), budget_bits=9999)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize(("width", "height"), [(640, 360), (1081, 1921), (100, 80), (2000, 3)])
def test_plate(width: int, height: int) -> None:
    frame = Frame(pixels=textured(4, width, max(height, 80))[:height], index=0)
    data = encode_plate(frame)
    assert 8 * len(data) <= PLATE_BITS
    plate = decode_plate(data, width, height)
    assert plate.pixels.shape == frame.pixels.shape
    assert psnr(plate.pixels, frame.pixels) > 30


def test_plate_of_a_hard_picture_is_smaller() -> None:
    data = encode_plate(Frame(pixels=blocks(0, 320, 4), index=0))
    assert 8 * len(data) <= PLATE_BITS and max(still_size(data)) < MAX_STILL_SIDE


def test_a_plate_of_other_bytes_is_refused() -> None:
    with pytest.raises(VideoError, match="not an AV1 still"):
        decode_plate(b"\xff\xd8\xff", 64, 48)


def test_a_plate_is_no_smaller_picture_when_the_source_is_small() -> None:
    assert still_size(encode_plate(Frame(pixels=gray(90, 64, 48), index=0))) == (64, 48)


def test_the_same_picture_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes over a file ask for the same stills again."""
    made = []
    create = av.CodecContext.create

    def counted(name: str, mode: str) -> object:
        made.append(name)
        return create(name, mode)

    monkeypatch.setattr(av.CodecContext, "create", counted)
    picture = textured(77, 64, 64)
    first = encode_still(picture, budget_bits=3000)
    count = len(made)
    assert count > 0
    assert encode_still(picture.copy(), budget_bits=3000) == first
    assert len(made) == count
    assert encode_still(textured(78, 64, 64), budget_bits=3000) != first
    assert len(made) > count


needs_policies = pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="the system has no policies")


@needs_policies
def test_what_a_block_does_to_the_thread_is_undone() -> None:
    before = os.sched_getscheduler(0)
    with preserve_scheduling():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    assert os.sched_getscheduler(0) == before


@needs_policies
def test_svt_av1_leaves_the_thread_as_it_was(tmp_path: Path) -> None:
    """As root it would be a real-time one."""
    before = os.sched_getscheduler(0)
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    encode_still(picture, budget_bits=100_000, fast=True)
    assert os.sched_getscheduler(0) == before
    encode_classical(tmp_path / "a.mp4", [picture] * 3, rate=Fraction(25), encoder="libsvtav1", options={})
    assert os.sched_getscheduler(0) == before
