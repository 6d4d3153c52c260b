"""Packets to frames. In: packets of bitstream/stream.py. Out: RGB frames of the model's size, in order.

push -> codes -> code vectors -> chain.py (windows through the sampler) -> latents -> pixels

With `batch_segments` > 1 the windows of several chains share a batch, which fills a GPU at the price of delay; the
frames are the same up to rounding.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet
from bcdcodec.bitstream.parts import ContentAssembler
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.codec.decode.concealment import Concealer, LossTracker
from bcdcodec.codec.decode.windows import DecodedWindow, Segment, next_windows
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.reference import content_of_record
from bcdcodec.config import MAX_BATCH_SEGMENTS, SamplingConfig
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.model.content import Content
from bcdcodec.model.noise import stream_noise

#: Frames painted for a coded one at most.
MAX_FRAME_MULTIPLIER = 8
#: Codes of this many frames wait at most for the chains beside them.
MAX_WAITING_FRAMES = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedFrame(Frame):
    """A decoded picture of the model's size, and the square of the source picture that it shows. predicted: its packet
    was lost, and what it shows is a guess.
    """

    box: CropBox
    predicted: bool = False


class Decoder:
    """Push-style decoder with constant memory; `flush` after the last packet."""

    def __init__(
        self,
        model: CodecModel,
        header: StreamHeader,
        *,
        sampling: SamplingConfig | None = None,
        seed: int | None = None,
        content: Content | None = None,
        batch_segments: int = 1,
        frame_multiplier: int | None = None,
        concealer: Concealer | None = None,
    ) -> None:
        """sampling: default is the model's `standard` preset. seed: other noise than the stream's. content: of
        another video, which replaces the stream's own everywhere (motion transfer). pace: frames painted for a coded
        one, those between by interpolating motion; None: as many as bring the stream to the model's frame rate.
        concealer: what fills frames whose packets are missing by their sequence numbers; None leaves them out.
        """
        if not 1 <= batch_segments <= MAX_BATCH_SEGMENTS:
            raise ConfigError(f"batch_segments is {batch_segments}, allowed are 1 to {MAX_BATCH_SEGMENTS}")
        if frame_multiplier is not None and not 1 <= frame_multiplier <= MAX_FRAME_MULTIPLIER:
            raise ConfigError(
                f"frame_multiplier is {frame_multiplier}, allowed are 1 to {MAX_FRAME_MULTIPLIER} frames for a coded one"
            )
        check_stream_fits(header, model)
        #: Frames painted for a coded one: `DecodedFrame.index` counts so many to a tick of the stream.
        self.frame_multiplier = frame_multiplier or model_frame_multiplier(header, model)
        self.model, self.header = model, header
        self._coder = model.coder(header.coding.mode, header.coding.groups)
        self.sampling = sampling or model.config.sampling["standard"]
        noise = stream_noise(header.coding.seed if seed is None else seed, model.latent_shape)
        self._noise = noise.to(model.device)
        self._replacement = content
        self._parallel = batch_segments
        self._chains: list[Segment] = []
        self._gaps = None if concealer is None else LossTracker(concealer)
        self._predicted: set[int] = set()
        self._record = header.content
        self._parts = ContentAssembler()
        self._new_content = False
        self._content = self._load_content(header.content)

    def push(self, packet: Packet) -> list[DecodedFrame]:
        """Decode one packet; only MOTION packets give frames. With a concealer the frames that are missing before the
        packet come first.
        """
        record = packet.record()
        if self._gaps is not None:
            self._gaps.see(packet)
        if isinstance(record, ContentPart):
            self._parts.add(record)
            return []
        if isinstance(record, ContentRecord):
            frames = self._fill_gap(packet.timestamp, None)  # the end of the shot before
            self._record = self._parts.assemble(record)
            self._content = self._load_content(self._record)
            self._new_content = True
            if self._gaps is not None:
                self._gaps.new_shot()
            return frames
        if not isinstance(record, MotionPayload):
            return []
        codes = self._codes(record)
        frames = self._fill_gap(packet.timestamp, codes)
        return frames + self._append(codes, packet.timestamp, key=record.key)

    def conceal(self, until: int) -> list[DecodedFrame]:
        """Predict the frames up to the tick `until` now, for a caller that cannot wait for the packet that follows,
        or knows that none does. ConfigError without a concealer.
        """
        if self._gaps is None:
            raise ConfigError("frames can be predicted only by a decoder that was given a concealer")
        self._gaps.lose()
        return self._fill_gap(until, None)

    def _fill_gap(self, until: int, after: Tensor | None) -> list[DecodedFrame]:
        """Predicted frames between the last ones and the tick `until`, where packets were lost. after: codes [n, G]
        there, None where they are not known.
        """
        if self._gaps is None:
            return []
        known = None if after is None else after.cpu().numpy()
        start = self._gaps.end
        found = self._gaps.fill(until, after=known, content=self._content.map)
        frames: list[DecodedFrame] = []
        if found is not None:
            self._predicted.update(range(start, until))
            self._gaps.add(found, start)
            frames = self._append(torch.from_numpy(found).to(self.model.device), start, key=False)
        if known is not None:
            self._gaps.add(known, until)
        return frames

    def _append(self, codes: Tensor, tick: int, *, key: bool) -> list[DecodedFrame]:
        """Put codes [n, G] of the frames from `tick` on into their chain; returns the frames that are ready."""
        frames: list[DecodedFrame] = []
        motion = self.model.bcd.quantizer.lookup(codes[None])[0]
        last = self._chains[-1] if self._chains else None
        # A key packet; or, where packets were lost, one that has nothing to continue.
        if key or last is None or last.next_tick != tick or self._new_content:
            self._new_content = False
            if len(self._chains) == self._parallel:
                frames = self.flush()
            box = CropBox(x=self._record.x, y=self._record.y, size=self._record.size)
            self._chains.append(Segment(self._content, box, tick, motion, frame_multiplier=self.frame_multiplier))
        else:
            self._chains[-1].append(motion)
        # Decoded at once, or when the waiting frames could no longer be called few.
        if self._parallel == 1 or sum(len(chain.motion) for chain in self._chains) >= MAX_WAITING_FRAMES:
            frames += self._decode_waiting()
        return frames

    def flush(self) -> list[DecodedFrame]:
        """Decode what is still buffered; the next MOTION packet starts a new chain."""
        frames = self._decode_waiting()
        self._chains = []
        return frames

    @torch.inference_mode()
    def _decode_waiting(self) -> list[DecodedFrame]:
        coding = self.header.coding
        windows: list[DecodedWindow] = []
        while any(len(chain.motion) for chain in self._chains):
            windows += next_windows(
                self.model.networks,
                self._chains,
                self._noise,
                self.sampling,
                window_frames=coding.window_frames - coding.context_frames,
                context_frames=coding.context_frames,
            )
        windows.sort(key=lambda window: window.index)
        frames = [
            self._frame(window, window.index + i, pixels)
            for window in windows
            for i, pixels in enumerate(window.pixels)
        ]
        if frames:
            self._predicted = {tick for tick in self._predicted if tick >= frames[-1].index // self.frame_multiplier}
        return frames

    def _frame(self, window: DecodedWindow, index: int, pixels: NDArray[np.uint8]) -> DecodedFrame:
        around = {
            index // self.frame_multiplier,
            -(-index // self.frame_multiplier),
        }  # the coded frame, or those that it lies between
        predicted = not around.isdisjoint(self._predicted)
        return DecodedFrame(pixels=pixels, index=index, box=window.box, predicted=predicted)

    def _load_content(self, record: ContentRecord) -> Content:
        return content_of_record(self.model, record) if self._replacement is None else self._replacement

    def _codes(self, motion: MotionPayload) -> Tensor:
        codes = self._coder.decode(motion.codes, motion.frames)
        return torch.from_numpy(np.asarray(codes, dtype=np.int64)).to(self.model.device)


def model_frame_multiplier(header: StreamHeader, model: CodecModel) -> int:
    """Frames for a coded one that bring a stream to the frame rate of its model, or as near below it as whole numbers
    can.
    """
    return max(1, min(MAX_FRAME_MULTIPLIER, int(model.frame_rate / header.video.frame_rate)))


def check_stream_fits(header: StreamHeader, model: CodecModel) -> None:
    """Refuse a stream that other weights wrote, or whose declared sizes are not those of its model."""
    if header.model_id != model.weights.model_id:
        raise ConfigError(f"the stream needs weights {header.model_id.hex()}, given {model.weights.model_id.hex()}")
    header.check_model(model.config)
