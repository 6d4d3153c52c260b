"""AV1 coding of still pictures (spec section 3.8): the content picture of a shot and the background plate."""

import contextlib
import functools
import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from bcdcodec.errors import RateError, VideoError
from bcdcodec.frame import Frame
from bcdcodec.video.color import ONE_THREAD, SCALING
from bcdcodec.video.crop import scale
from bcdcodec.video.media import reason
from bcdcodec.video.obu import MAX_STILL_SIDE, still_size

#: Minimum side in pixels accepted by SVT-AV1.
MIN_STILL_SIDE = 4
#: Range of the encoder's quality setting (constant rate factor, larger is smaller) and the steps per unit that are
#: searched: a quarter changes the size by a hundredth.
_CRF_STEPS, _MIN_CRF, _MAX_CRF = 4, 1, 63
#: Sizes of stills to begin a search with: natural logarithm of bits a pixel at a quality of 0, and what a step takes
#: from it, by four faces; the grid of first steps, so that searches of a picture for about the same size share
#: encodings; and guesses until the search halves what is left instead, where sizes do not fall evenly.
_LOG_BITS, _LOG_STEP, _FIRST_GRID, _GUESSES = 0.2, -0.0135, 16, 6
#: lp: one thread, so that equal pictures give equal bytes. avif: coding tools and headers for a single key frame.
_PARAMETERS = "lp=1:avif=1"
#: Presets of the encoder: at equal size the fast one loses 0.5 dB and takes a twelfth of the time.
_BEST_PRESET, _FAST_PRESET = "2", "6"
#: Only the range is signalled: the spec fixes the matrix, and signalling it would cost 24 bits.
_MATRIX, _RANGE = Colorspace.ITU601, ColorRange.JPEG
_PIXEL_FORMAT = "yuv420p"

#: Encodings in the cache: every pass over a file needs the same pictures in the same order. Enough for the content
#: pictures of fifteen minutes, at most 40 MB.
_CACHED = 2048

#: Budget of the plate: a background is usually out of focus, and 2 kB give 320x180 pixels at 37 dB and more.
PLATE_BITS = 16_000


def encode_still(pixels: NDArray[np.uint8], *, budget_bits: int, fast: bool = False) -> bytes:
    """Encode a picture uint8 [H, W, 3] as the best AV1 still of at most `budget_bits`.

    About four encodings of 0.1 s each at 256x256. fast: quicker preset, for the thousands of pictures of a training
    set. VideoError for a side outside MIN_STILL_SIDE to MAX_STILL_SIDE, RateError where no quality fits the budget.
    """
    search = StillSearch(pixels, budget_bits=budget_bits, fast=fast)
    while not search.step():
        pass
    return search.best


class StillSearch:
    """The search of `encode_still`, one encoding at a time: the finest step of the quality that fits, guessed from the
    sizes of the steps that were tried. Raises what it raises.
    """

    def __init__(self, pixels: NDArray[np.uint8], *, budget_bits: int, fast: bool) -> None:
        height, width = pixels.shape[:2]
        if not MIN_STILL_SIDE <= min(width, height) <= max(width, height) <= MAX_STILL_SIDE:
            raise VideoError(f"still is {width}x{height}, allowed are sides of {MIN_STILL_SIDE} to {MAX_STILL_SIDE}")
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
        self._picture = _Picture(width, height, digest, _to_yuv(pixels))
        self._budget_bits, self._preset = budget_bits, _FAST_PRESET if fast else _BEST_PRESET
        self._low, self._high = _CRF_STEPS * _MIN_CRF, _CRF_STEPS * _MAX_CRF
        self._best, self._last = b"", b""
        self._tried: list[tuple[int, float]] = []  # steps and logarithms of their sizes

    def step(self) -> bool:
        """Encode once; whether the search is over."""
        step = self._next()
        self._last = _encode(self._picture, step / _CRF_STEPS, self._preset)
        self._tried.append((step, math.log(8 * len(self._last))))
        if 8 * len(self._last) <= self._budget_bits:
            self._best, self._high = self._last, step - 1
        else:
            self._low = step + 1
        return self._low > self._high

    def _next(self) -> int:
        """The step to try: where a line through the two nearest ones has the size that is asked for."""
        if len(self._tried) >= _GUESSES:
            return (self._low + self._high) // 2
        size, slope = math.log(max(self._budget_bits, 1)), _LOG_STEP
        if not self._tried:
            log_pixels = math.log(self._picture.width * self._picture.height)
            step = _FIRST_GRID * round((size - log_pixels - _LOG_BITS) / slope / _FIRST_GRID)
            return min(max(step, self._low), self._high)
        (step, found), *others = sorted(self._tried, key=lambda tried: abs(tried[1] - size))
        if others and (others[0][1] - found) * (others[0][0] - step) < 0:
            slope = (others[0][1] - found) / (others[0][0] - step)
        guess = math.ceil(step + (size - found) / slope)
        # As long as all fit, or none: further each time, so that the size is soon between two.
        reach = 1 << (len(self._tried) - 1)
        if not any(tried < self._low for tried, _ in self._tried):
            guess = min(guess, self._high + 1 - reach)
        elif not self._best:
            guess = max(guess, self._low - 1 + reach)
        return min(max(guess, self._low), self._high)

    @property
    def best(self) -> bytes:
        """The best still that was found, once the search is over; RateError where none fits."""
        if not self._best:  # _MAX_CRF was the last step left, so that this is the smallest possible still
            size = f"{self._picture.width}x{self._picture.height}"
            raise RateError(f"still of {size} needs {8 * len(self._last)} bits, the budget is {self._budget_bits}")
        return self._best


def decode_still(data: bytes) -> NDArray[np.uint8]:
    """Decode a still to uint8 [H, W, 3], at most MAX_STILL_SIDE a side; VideoError if the bytes are no still."""
    width, height = still_size(data)
    try:
        decoder = av.CodecContext.create("libdav1d", "r")
        assert isinstance(decoder, av.VideoCodecContext), "AV1 is video"
        decoder.thread_count = 1
        decoder.options = {"max_pixels": str(MAX_STILL_SIDE**2)}
        frames = decoder.decode(av.Packet(data)) + decoder.decode(None)
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"AV1 still cannot be decoded: {reason(error)}") from error
    decoded = [(frame.width, frame.height, frame.format.name) for frame in frames]
    if decoded != [(width, height, _PIXEL_FORMAT)]:
        raise VideoError(f"AV1 still decodes to {decoded}, its header says one {_PIXEL_FORMAT} of {width}x{height}")
    return _to_rgb(frames[0])


def encode_plate(frame: Frame) -> bytes:
    """Encode the whole picture, shrunk, as the background plate of a stream: a still of at most PLATE_BITS."""
    side = MAX_STILL_SIDE
    while True:
        try:
            return encode_still(_shrink(frame, side), budget_bits=PLATE_BITS)
        except RateError:  # a picture with hard edges everywhere: use fewer pixels
            side //= 2


def decode_plate(data: bytes, width: int, height: int) -> Frame:
    """Decode a plate and scale it to the source's size; VideoError if the bytes are no still."""
    return Frame(pixels=scale(decode_still(data), width, height), index=0)


def _shrink(frame: Frame, side: int) -> NDArray[np.uint8]:
    """Shrink to at most `side` pixels on the longer side, and at least the encoder's minimum on both."""
    factor = min(1.0, side / max(frame.width, frame.height))
    width, height = (max(MIN_STILL_SIDE, round(length * factor)) for length in (frame.width, frame.height))
    return scale(frame.pixels, width, height)


@dataclass(frozen=True, slots=True)
class _Picture:
    """Cache key of an encoding: pictures with the same size and digest are equal."""

    width: int
    height: int
    digest: bytes
    frame: VideoFrame = field(compare=False)


@functools.lru_cache(maxsize=_CACHED)
def _encode(picture: _Picture, crf: float, preset: str) -> bytes:
    # The encoder logs its settings to stderr; this variable, read once per process, is its only control. 1: errors.
    os.environ.setdefault("SVT_LOG", "1")
    try:
        with preserve_scheduling():
            encoder = av.CodecContext.create("libsvtav1", "w")
            encoder.width, encoder.height = picture.width, picture.height
            encoder.pix_fmt, encoder.color_range = _PIXEL_FORMAT, _RANGE
            encoder.time_base = Fraction(1, 25)
            encoder.options = {"preset": preset, "svtav1-params": f"{_PARAMETERS}:crf={crf:g}"}
            packets = encoder.encode(picture.frame) + encoder.encode(None)
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"AV1 still cannot be encoded: {reason(error)}") from error
    return b"".join(bytes(packet) for packet in packets)


def forget_encodings() -> None:
    """Empty the cache of encodings, so that the next ones take their full time."""
    _encode.cache_clear()


@contextlib.contextmanager
def preserve_scheduling() -> Iterator[None]:
    """Restore the calling thread's scheduling policy and priority after the block; no-op on systems without them.

    SVT-AV1 gives the thread that opens it a real-time priority wherever it may (Linux, as root) and never resets it:
    while that thread runs, nothing else runs on its processor, not even a second encode.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)


def _to_yuv(pixels: NDArray[np.uint8]) -> VideoFrame:
    return VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(
        format=_PIXEL_FORMAT,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=_MATRIX,
        dst_color_range=_RANGE,
        interpolation=SCALING,
        threads=ONE_THREAD,
    )


def _to_rgb(picture: VideoFrame) -> NDArray[np.uint8]:
    converted = picture.reformat(
        format="rgb24",
        src_colorspace=_MATRIX,
        src_color_range=_RANGE,
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALING,
        threads=ONE_THREAD,
    )
    return np.ascontiguousarray(converted.to_ndarray(), dtype=np.uint8)
