"""Decoder: packets of one stream to RGB frames of the model's size, in order.

push -> codes -> code vectors -> windows.py (windows through the sampler) -> latents -> pixels

With `batch_segments` > 1 the windows of several segments share a batch, and by `decode_together` (together.py) those of
several streams; the frames are the same up to rounding.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.codec.decode.backend import DecodingModel
from bcdcodec.codec.decode.concealment import Codes, LossTracker
from bcdcodec.codec.decode.references import DecoderReferences, LoadedReference
from bcdcodec.codec.decode.segment import DecodedWindow, Segment, WindowSettings
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.config import MAX_FRAME_MULTIPLIER
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.frame import CropBox, Frame

#: Codes of this many frames wait at most for the segments beside them.
MAX_WAITING_FRAMES = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedFrame(Frame):
    """A decoded picture of the model's size. box: the square of the source picture that it shows; concealed: its packet
    was lost, and the concealer made its codes.
    """

    box: CropBox
    concealed: bool = False


class Decoder:
    """Push-style decoder with constant memory; `flush` after the last packet. One thread at a time may use it; any
    number of decoders may share a model.

    Raises ConfigError for a stream of other weights, BitstreamError for one that its model cannot read.
    """

    def __init__(self, model: DecodingModel, header: StreamHeader, settings: DecodeSettings | None = None) -> None:
        settings = settings or DecodeSettings()
        check_stream_fits(header, model)
        self.sampling = settings.sampling or model.config.sampling["standard"]
        if not self.sampling.steps and not model.config.denoiser.warp_blocks:
            raise ConfigError(f"model {model.config.name} has no warper, so its frames are nothing without denoising")
        if model.config.picture_denoiser is not None and self.sampling.guidance != 1:
            raise ConfigError(
                f"model {model.config.name} is denoised without guidance (1), asked for is guidance "
                f"{self.sampling.guidance:g}"
            )
        #: Frames decoded for a coded one: `DecodedFrame.index` counts this many to a tick of the stream.
        self.frame_multiplier = settings.frame_multiplier or model_frame_multiplier(header, model)
        self.model, self.header = model, header
        self._coder = model.coder(header.coding.mode, header.coding.groups)
        #: The networks, and what is theirs of this stream.
        self.backend = model.backend(header, settings)
        #: How its windows are decoded.
        self.windows = WindowSettings(
            self.sampling,
            header.coding.window_frames - header.coding.context_frames,
            header.coding.context_frames,
        )
        self._batch_segments = settings.batch_segments
        self._segments: list[Segment] = []
        self._losses = None if settings.concealer is None else LossTracker(settings.concealer)
        self._concealed: set[int] = set()
        self._current = self.backend.load(header.content)
        self._segment_reference: LoadedReference | None = None  # of the last segment
        tolerates = settings.concealer is not None
        self._references = DecoderReferences(self._current, tolerate_loss=tolerates, is_call=header.call)

    @property
    def delay_frames(self) -> int:
        """Frames that `push` holds back at most: none but with several segments a batch."""
        return 0 if self._batch_segments == 1 else MAX_WAITING_FRAMES - 1

    @property
    def needs_reference(self) -> bool:
        """Whether the last motion is relative to a picture that never came: a call then asks for another one."""
        return self._references.is_missing

    def push(self, packet: Packet) -> list[DecodedFrame]:
        """Decode one packet; only MOTION packets give frames.

        With a concealer, missing frames before the packet come first, frames whose reference is lost are concealed, and
        a packet that came before or comes too late gives nothing.
        """
        self.add(packet)
        return self._ready()

    def add(self, packet: Packet) -> None:
        """Take one packet as `push` does, but keep its frames as codes, for `decode_waiting` or `decode_together`."""
        if self._losses is not None and not self._losses.observe(packet):
            return
        record = packet.record()
        if isinstance(record, ContentPart):
            self._references.add_part(record, lost=self._lost_packets)
        elif isinstance(record, ContentRecord):
            self._add_content(record, packet.timestamp)
        elif isinstance(record, MotionPayload):
            self._add_motion(record, packet)

    @property
    def waiting_frames(self) -> int:
        """Frames that are kept as codes."""
        return sum(len(segment.motion) for segment in self._segments)

    @property
    def next_index(self) -> int | None:
        """Index of the first frame that is kept as codes; None where there is none."""
        return next((segment.index for segment in self._segments if len(segment.motion)), None)

    def skip(self, until: int) -> None:
        """Drop the frames before the index `until` that are kept as codes, for a caller who is too late to show them.

        Nothing is dropped where windows have context, which is made of the frames before.
        """
        if self.windows.context_frames:
            return
        for segment in self._segments:
            segment.skip(until)

    @property
    def _lost_packets(self) -> int:
        return 0 if self._losses is None else self._losses.lost_packets

    def _add_content(self, record: ContentRecord, tick: int) -> None:
        """Begin a shot, with the frames that the one before it lacks, or add a reference to the shot."""
        # In a call frames are relative to what they name alone: the last picture stays until then.
        is_cut = not record.number and not self.header.call
        if is_cut:
            self._fill_gap(tick, None)
        whole = self._references.whole(record, lost=self._lost_packets)
        if whole is None:
            return
        loaded = self.backend.load(whole)
        self._references.add(whole, loaded, lost=self._lost_packets)
        if is_cut:
            self._use(loaded)

    def _add_motion(self, motion: MotionPayload, packet: Packet) -> None:
        """Frames of a MOTION packet, and before them the lost ones."""
        tick = packet.timestamp
        reference = self._references.find(motion, tick, lost=self._lost_packets)
        if reference is None:
            if self._losses is None:
                raise BitstreamError(f"packet {packet.sequence} names reference {motion.reference}, which never came")
            self._losses.lose(tick)  # frames of a lost reference are lost
            self._fill_gap(tick + motion.frames, None)
            return
        codes = self._codes(motion)
        if self._losses is not None:
            shown = max(0, self._losses.end - tick)  # frames that were concealed already
            codes, tick = codes[shown:], tick + shown
            if not len(codes):
                return
        self._fill_gap(tick, codes if reference is self._current else None)
        if reference is not self._current:
            self._use(reference)
        if self._losses is not None:
            self._losses.add(codes, tick)
        self._append(codes, tick, key=motion.key)

    def _use(self, reference: LoadedReference) -> None:
        """Make what follows from another reference, relative to which codes mean something else."""
        self._current = reference
        if self._losses is not None:
            self._losses.new_shot()

    def conceal(self, until: int) -> list[DecodedFrame]:
        """Conceal the frames up to the tick `until` now, for a caller that cannot wait for the packet that follows, or
        knows that none does. ConfigError without a concealer.
        """
        self.add_concealed(until)
        return self._ready()

    def add_concealed(self, until: int) -> None:
        """Make up codes up to the tick `until` as `conceal` does, but keep them, for `decode_waiting`."""
        if self._losses is None:
            raise ConfigError("frames can be concealed only by a decoder that was given a concealer")
        self._losses.mark_lost()
        self._fill_gap(until, None)

    def _fill_gap(self, until: int, after: Codes | None) -> None:
        """Add concealed frames from the last ones to the tick `until`, where packets were lost. after: codes [n, G]
        there, None where they are not known.
        """
        if self._losses is None:
            return
        start = self._losses.end
        codes = self._losses.fill(until, after=after, content=self._current.content.map)
        if codes is None:
            return
        self._concealed.update(range(start, until))
        self._losses.add(codes, start)
        self._append(codes, start, key=False)

    def _append(self, codes: Codes, tick: int, *, key: bool) -> None:
        """Put codes [n, G] of the frames from `tick` on into their segment."""
        motion = self.backend.vectors(codes)
        reference = self._current
        motion = motion if reference.offset is None else motion + reference.offset
        last = self._segments[-1] if self._segments else None
        # A key packet; or, where packets were lost, one that has nothing to continue.
        if key or last is None or last.next_tick != tick or reference is not self._segment_reference:
            self._segment_reference = reference
            self._segments.append(
                Segment(
                    reference.content,
                    reference.box,
                    tick,
                    motion,
                    noise=self.backend.noise,
                    frame_multiplier=self.frame_multiplier,
                    others=self._references.others(reference),
                )
            )
        else:
            last.append(motion)

    def _ready(self) -> list[DecodedFrame]:
        """Frames of whole batches, or of all where they wait for no others, or could no longer be called few."""
        if self._batch_segments == 1 or self.waiting_frames >= MAX_WAITING_FRAMES:
            return self.decode_waiting()
        if len(self._segments) <= self._batch_segments:
            return []
        whole, self._segments = self._segments[:-1], self._segments[-1:]
        return self.frames(self.backend.decode(whole, self.windows, one_window=False))

    def flush(self) -> list[DecodedFrame]:
        """Decode what is still buffered; the next MOTION packet starts a new segment."""
        frames = self.decode_waiting()
        self._segments = []
        return frames

    def decode_waiting(self) -> list[DecodedFrame]:
        """Decode what is still buffered; the next MOTION packet goes on with its segment."""
        return self.frames(self.backend.decode(self.take_segments(), self.windows, one_window=False))

    def take_segments(self) -> list[Segment]:
        """Segments that are to be decoded now, and then given to `frames` as windows; the last one goes on."""
        segments, self._segments = self._segments, self._segments[-1:]
        return segments

    def take_next(self) -> list[Segment]:
        """The segment whose frames come next, of which one window is to be decoded; none where nothing waits."""
        while len(self._segments) > 1 and not len(self._segments[0].motion):
            del self._segments[0]
        return [segment for segment in self._segments[:1] if len(segment.motion)]

    def frames(self, windows: list[DecodedWindow]) -> list[DecodedFrame]:
        """Frames of decoded windows of its segments, in order."""
        frames = [
            self._frame(window, window.index + i, pixels)
            for window in sorted(windows, key=lambda window: window.index)
            for i, pixels in enumerate(window.pixels)
        ]
        if frames:
            self._concealed = {tick for tick in self._concealed if tick >= frames[-1].index // self.frame_multiplier}
        return frames

    def _frame(self, window: DecodedWindow, index: int, pixels: NDArray[np.uint8]) -> DecodedFrame:
        around = {
            index // self.frame_multiplier,
            -(-index // self.frame_multiplier),
        }  # the coded frame, or those that it lies between
        concealed = not around.isdisjoint(self._concealed)
        return DecodedFrame(pixels=pixels, index=index, box=window.segment.box, concealed=concealed)

    def _codes(self, motion: MotionPayload) -> Codes:
        return np.asarray(self._coder.decode(motion.codes, motion.frames), dtype=np.int64)


def model_frame_multiplier(header: StreamHeader, model: DecodingModel) -> int:
    """Frames for a coded one that bring a stream to the frame rate of its model, or as near below it as whole numbers
    can.
    """
    return max(1, min(MAX_FRAME_MULTIPLIER, int(model.frame_rate / header.video.frame_rate)))


def check_stream_fits(header: StreamHeader, model: DecodingModel) -> None:
    """Refuse a stream that other weights wrote, or whose declared sizes are not those of its model."""
    if header.model_id != model.model_id:
        raise ConfigError(f"the stream needs weights {header.model_id.hex()}, given {model.model_id.hex()}")
    header.check_model(model.config)
