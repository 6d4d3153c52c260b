"""Frames to packets. In: RGB frames of any size, shot by shot. Out: packets for bitstream/stream.py.

push -> crop -> window of frames -> latents -> (first windows of a shot: content token) -> codes -> rate control ->
packet
"""

import itertools
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import AudioInfo, CodingInfo, CodingMode, ContentRecord, VideoInfo
from bcdcodec.codec.appearance import decode_content, encode_content
from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.coded import code_bits
from bcdcodec.entropy.motion import MotionCoder, smallest_coder
from bcdcodec.errors import ConfigError, RateError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.ratecontrol.budget import SEEK_POINT_BITS, Budget
from bcdcodec.ratecontrol.codes import choose_codes
from bcdcodec.video.crop import crop, largest_square

#: A content picture may take this much, and a share of what is left beyond that and the cheapest codes; whether a
#: stream is possible at all is for the budget to say.
LEAST_PICTURE_BITS, CONTENT_SHARE = 3000, 0.5
#: Framing of a motion packet and what its range coder rounds up.
PACKET_BITS = 8 * 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeSettings:
    """How to encode. mode: None for whichever of coded and context makes the start of the stream smaller. bitrate:
    bit/s of everything but audio (packed: of motion alone), None for no limit. seed: of the decoder's noise.

    packet_windows: encoder windows a packet; content_windows: windows buffered at the start of a shot before its
    content token is made (latency); key_interval_s: longest chain of frames that depend on each other.
    """

    mode: CodingMode | None = None
    bitrate: float | None = 4000.0
    frame_rate: Fraction | None = None
    seed: int = 0
    packet_windows: int = 2
    content_windows: int = 6
    key_interval_s: float = 10.0
    duration_s: float | None = None
    audio: AudioInfo | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    plate: bytes | None = None


class Encoder:
    """Push-style encoder with constant memory; `flush` after the last frame. `header` exists once packets come out."""

    def __init__(self, model: CodecModel, settings: EncodeSettings | None = None) -> None:
        self.model = model
        self.settings = settings or EncodeSettings()
        self.frame_rate = self.settings.frame_rate or model.frame_rate
        self._header: StreamHeader | None = None
        self._budget = None
        if self.settings.mode is CodingMode.CONTEXT and model.predictor is None:
            raise ConfigError(f"mode context needs weights with a context model, {model.weights.path.name} has none")
        mode = self.settings.mode
        self._coder = MotionCoder(CodingMode.CODED if mode is None else mode, model.tables.motion, model.predictor)
        if self.settings.mode is CodingMode.PACKED:
            self._check_packed_rate()
        elif self.settings.bitrate is not None:
            self._budget = Budget(self.settings.bitrate, duration_s=self.settings.duration_s)
        self._price_bits = code_bits(model.tables.motion)
        self._source: tuple[int, int] | None = None
        self._box: CropBox | None = None
        self._cropped = False
        self._shot_start = 0
        self._window: list[NDArray[np.uint8]] = []
        self._latents: list[Tensor] = []  # whole windows waiting for their packet
        self._pixels: list[NDArray[np.uint8]] = []  # the same windows, until the shot has its content
        self._content: Tensor | None = None  # [1, C, H, W] of the shot, once it has been made
        self._next_index = 0
        self._last_key: int | None = None
        self._sequence = 0

    @property
    def header(self) -> StreamHeader:
        """The stream header; ConfigError before the first packets came out (the content token is part of it)."""
        if self._header is None:
            raise ConfigError("the header exists only once the first shot's content has been encoded; push more frames")
        return self._header

    def push(self, frame: Frame, *, box: CropBox | None = None) -> list[Packet]:
        """Encode one frame; indices run 0, 1, 2 ... box: the shot's crop square (default: the largest centred one)."""
        if frame.index != self._next_index + self._pending:
            raise ConfigError(f"frame index is {frame.index}, expected {self._next_index + self._pending}")
        if self._source is None:
            self._source, self._cropped = (frame.width, frame.height), box is not None
        if self._source != (frame.width, frame.height):
            raise ConfigError(f"frame is {frame.width}x{frame.height}, the stream began with {self._source}")
        box = box or largest_square(frame.width, frame.height)
        self._box = self._box or box
        if box != self._box:
            raise ConfigError("the crop square changed within a shot; call new_shot() first")
        side = self.model.config.pixels
        self._window.append(crop(frame, box, side).pixels)
        if len(self._window) == self.model.config.window_frames:
            return self._close_window(last=False)
        return []

    def new_shot(self) -> list[Packet]:
        """Finish the shot: the next frame starts another one, with a content token and a crop square of its own."""
        packets = self._close_window(last=True)
        self._shot_start = self._next_index
        self._box, self._content, self._last_key = None, None, None
        return packets

    def flush(self) -> list[Packet]:
        """Encode what is still buffered. ConfigError if no frame was ever pushed."""
        packets = self._close_window(last=True)
        if self._header is None:
            raise ConfigError("no frame was pushed, there is nothing to encode")
        return packets

    @property
    def _pending(self) -> int:
        return len(self._window) + sum(len(z) for z in self._latents)

    def _close_window(self, *, last: bool) -> list[Packet]:
        if self._window:
            pixels = np.stack(self._window)
            self._latents.append(self.model.to_latents(pixels))
            if self._content is None:
                self._pixels.append(pixels)
            self._window = []
        if not self._latents:
            return []
        packets: list[Packet] = []
        if self._content is None:
            if not last and len(self._latents) < self.settings.content_windows:
                return []
            packets += self._emit_content()
        while len(self._latents) >= self.settings.packet_windows or (last and self._latents):
            windows = self._latents[: self.settings.packet_windows]
            del self._latents[: self.settings.packet_windows]
            packets.append(self._emit_motion(windows))
        return packets

    @torch.inference_mode()
    def _emit_content(self) -> list[Packet]:
        coding, data = encode_content(
            self.model,
            np.concatenate(self._pixels),
            torch.cat(self._latents),
            picture_bits=self._picture_bits,
        )
        self._pixels = []
        self._content = decode_content(self.model, coding, data).map[None]  # as the decoder has it
        box = self._box
        assert box is not None, "a shot with latents has a crop square"
        record = ContentRecord(x=box.x, y=box.y, size=box.size, coding=coding, data=data)
        if self._header is None:
            if self.settings.mode is None and self.model.predictor is not None:
                self._coder = self._smallest_coder()
            self._header = self._make_header(record)
            self._spend(8 * len(self._header.pack()))
            return []
        return [self._packet(PacketKind.CONTENT, self._shot_start, record.pack())]

    @torch.inference_mode()
    def _emit_motion(self, windows: list[Tensor]) -> Packet:
        codes, distances = self._analyse(windows)
        start = self._next_index
        frames = len(codes)
        key = self._last_key is None or (start - self._last_key) / self.frame_rate >= self.settings.key_interval_s
        if key:
            self._last_key = start
            self._spend(SEEK_POINT_BITS)
        data = self._coder.encode(self._choose(codes, distances, start, key))
        self._next_index += frames
        return self._packet(PacketKind.MOTION, start, MotionPayload(frames, key, data).pack())

    def _analyse(self, windows: list[Tensor]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Nearest codes [n, G] of some windows, and the distances of all [n, G, E]."""
        content = self._content
        assert content is not None, "motion follows the content it is relative to"
        results = [self.model.bcd.analyse(z[None], content) for z in windows]
        codes = np.concatenate([found[0].cpu().numpy() for found, _ in results])
        return codes, np.concatenate([found[0].float().cpu().numpy() for _, found in results])

    def _smallest_coder(self) -> MotionCoder:
        """What makes the packets of the windows that wait for the first content smallest."""
        step = self.settings.packet_windows
        waiting = [self._latents[start : start + step] for start in range(0, len(self._latents), step)]
        packets = [self._analyse(windows)[0] for windows in waiting]
        return smallest_coder(packets, self.model.tables.motion, self.model.predictor)

    def _choose(
        self, codes: NDArray[np.int64], distances: NDArray[np.float32], start: int, key: bool
    ) -> NDArray[np.int64]:
        """Nearest codes, or cheaper ones where the budget asks for it."""
        if self._budget is None:
            return codes
        start_s, end_s = float(start / self.frame_rate), float((start + len(codes)) / self.frame_rate)
        allowance = self._budget.allowance(start_s, end_s)

        def size_bits(chosen: NDArray[np.int64]) -> int:
            payload = MotionPayload(len(chosen), key, self._coder.encode(chosen)).pack()
            # One byte more: sound between the packets makes the sequence number of the file longer.
            return 8 * (Packet(PacketKind.MOTION, self._sequence, start, payload).size + 1)

        prices = [self._price_bits]
        if self._coder.mode is CodingMode.CONTEXT:  # those of the table remain: the cheapest codes are cheapest by them
            prices.insert(0, self._coder.price_bits(codes))
        for limit, price_bits in itertools.product((allowance.bits, allowance.limit_bits), prices):
            try:
                return choose_codes(distances, price_bits, allowance_bits=limit, size_bits=size_bits)
            except RateError:
                continue
        cheapest = np.broadcast_to(self._price_bits.argmin(-1), codes.shape)
        raise self._budget.refuse(size_bits(cheapest), start_s, end_s)

    def _packet(self, kind: PacketKind, timestamp: int, payload: bytes) -> Packet:
        packet = Packet(kind, self._sequence, timestamp, payload)
        self._sequence += 1
        self._spend(8 * (packet.size + 1))  # the byte that `_choose` allows for
        return packet

    def _spend(self, bits: int) -> None:
        if self._budget is not None:
            self._budget.spend(bits)

    @property
    def _picture_bits(self) -> int:
        """What a content picture may take: the model's wish, less where the bitrate is low or shots are many."""
        wished = self.model.config.content.picture_bits
        if self._budget is None:
            return wished
        left, left_s = self._budget.left(float(self._shot_start / self.frame_rate))
        packet_frames = self.settings.packet_windows * self.model.config.window_frames
        frame_bits = float(self._price_bits.min(-1).sum()) + PACKET_BITS / packet_frames
        cheapest = frame_bits * left_s * float(self.frame_rate)
        spare = max(0.0, left - cheapest - LEAST_PICTURE_BITS)
        return min(wished, LEAST_PICTURE_BITS + int(CONTENT_SHARE * spare))

    @property
    def _bits_per_code(self) -> int:
        return (self.model.config.quantizer.entries - 1).bit_length()

    def _check_packed_rate(self) -> None:
        motion_bps = self.model.config.quantizer.groups * self._bits_per_code * self.frame_rate
        if self.settings.bitrate is not None and motion_bps > self.settings.bitrate:
            raise RateError(
                f"packed codes take {float(motion_bps):g} bit/s at {float(self.frame_rate):g} fps, "
                f"asked for are {self.settings.bitrate:g}; lower the frame rate or use mode coded"
            )

    def _make_header(self, content: ContentRecord) -> StreamHeader:
        config, settings = self.model.config, self.settings
        assert self._source is not None, "a header is made after the first frame"
        return StreamHeader(
            model_id=self.model.weights.model_id,
            video=VideoInfo(
                width=self._source[0],
                height=self._source[1],
                model_pixels=config.pixels,
                rate_num=self.frame_rate.numerator,
                rate_den=self.frame_rate.denominator,
                cropped=self._cropped,
            ),
            coding=CodingInfo(
                mode=self._coder.mode,
                groups=config.quantizer.groups,
                bits_per_code=self._bits_per_code,
                seed=settings.seed,
                window_frames=config.window_frames + config.context_frames,
                context_frames=config.context_frames,
            ),
            content=content,
            audio=settings.audio,
            metadata=settings.metadata,
            plate=settings.plate,
        )
