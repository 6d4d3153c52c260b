"""Encode a media file to a `.bcd` stream.

shots -> first pass, again where its outcome changes what is coded -> plan -> encoder -> muxer -> stream
"""

import contextlib
import logging
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from bcdcodec.atomic import open_output
from bcdcodec.bitstream.records import AudioCodec, AudioInfo
from bcdcodec.bitstream.stats import StreamStats
from bcdcodec.bitstream.stream import StreamWriter
from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.frame_store import FrameStore
from bcdcodec.codec.encode.job import EncodeJob
from bcdcodec.codec.encode.muxer import Muxer
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.planner import plan_encode
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.progress import FileProgress
from bcdcodec.errors import ConfigError, RateError
from bcdcodec.ratecontrol.budget import GRACE_S
from bcdcodec.ratecontrol.plan import RatePlan
from bcdcodec.video.shots import Shot, plan_shots
from bcdcodec.video.source import MediaSource
from bcdcodec.video.still import encode_plate

logger = logging.getLogger(__name__)

#: The longest Opus frames: least overhead, and 60 ms are no delay for a file.
AUDIO_FRAME_MS = 60


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """Result of an encode: bits by category, seconds of video and its shots.

    skipped_frames: frames without a packet, because the limits had no room for them (the picture before them stays).
    unused_bits: bits that the bitrate would have allowed beyond.
    """

    stats: StreamStats
    duration_s: float
    shots: list[Shot]
    skipped_frames: int
    unused_bits: int


def encode_file(
    source: str | Path,
    target: str | Path | BinaryIO,
    *,
    model: EncodingModel,
    settings: EncodeSettings | None = None,
    crop: bool | None = None,
    audio_bitrate: int | None = 6000,
    background: bool = False,
    progress: FileProgress = lambda done, total: None,
) -> EncodeResult:
    """Encode a media file, with constant memory but for its audio (45 kB a minute at 6 kbps).

    crop: follow the face, or code the largest centred square without looking for one; None leaves that to the model
    (`CodecModel.follows_faces`). audio_bitrate: bit/s of Opus, None leaves the audio out. background: keep a small
    still of the whole first picture for `decode_file(paste_back=True)`. progress: frames of the first pass and on.

    Passes over the frames: shots, first pass (none without a limit to keep to; several where its outcome changes what
    is coded), encoding (again where a long file came out too small). From the third pass on they come from temporary
    files of 200 kB a frame, at most 2 GiB (frame_store.py). Without a frame rate in the settings it is the model's, or
    half of it where the bitrate is too low for that; before that, frames carry fewer codes, where the settings do not
    say how many. Raises VideoError, FaceError, RateError, ConfigError (also for the settings of a call).
    """
    settings = (settings or EncodeSettings()).for_file(model)
    if settings.packet_frames is not None:
        raise ConfigError("a file is encoded in windows, EncodeSettings.live(...) is for frames that Encoder is given")
    crop = model.follows_faces if crop is None else crop
    with MediaSource(source, settings.frame_rate or model.frame_rate) as media:
        still = encode_plate(media.first_picture) if background else None
        shots = plan_shots(media, crop=crop)
        audio = None if audio_bitrate is None else _open_audio(media, audio_bitrate)
        with FrameStore() as frames:
            job = EncodeJob(media, model, settings, crop, progress, frames)
            plan = replace(EncodePlan.of_settings(model, settings), audio=audio, background=still)
            plan, shots = plan_encode(job, shots, plan)
            with open_output(target) as output:
                passes = _EncodePasses(job, shots)
                return passes.write(output, plan) if plan.rate is None else passes.write_full(output, plan, plan.rate)


def _open_audio(media: MediaSource, bitrate: int) -> AudioInfo | None:
    """Open the audio track as Opus; None where there is none. Raises VideoError, ConfigError."""
    if not media.has_audio:
        if media.audio_tracks:
            logger.warning("%s: its sound cannot be decoded, the stream has none", media.name)
        return None
    track = media.open_audio(bitrate=bitrate, frame_ms=AUDIO_FRAME_MS)
    return AudioInfo(
        codec=AudioCodec.OPUS,
        channels=track.channels,
        sample_rate=48_000,
        pre_skip=track.pre_skip,
        bitrate=track.bitrate,
        frame_ticks=AUDIO_FRAME_MS // 20,
    )


@dataclass(frozen=True, slots=True)
class _EncodePasses:
    """Encoding passes over a file whose shots are known."""

    job: EncodeJob
    shots: list[Shot]

    def write(self, target: BinaryIO, plan: EncodePlan, *, passes_done: int = 0) -> EncodeResult:
        """Encode once. passes_done: passes that count in the progress."""
        frames = sum(shot.frames for shot in self.shots)
        encoder, writer = Encoder(self.job.model, self.job.settings, plan), StreamWriter(target)
        muxer = Muxer(writer, self.job.source.audio(), plan.frame_rate)
        for done, packets in self.job.push_shots(self.shots, encoder, plan.frame_rate):
            if packets and not writer.offset:
                muxer.write_header(encoder.header)
            muxer.write(packets)
            self.job.progress(passes_done * frames + done, (passes_done + 1) * frames)
        duration_s = float(frames / plan.frame_rate)
        muxer.finish(frames)
        return EncodeResult(writer.stats, duration_s, self.shots, encoder.skipped_frames, encoder.unused_bits)

    def write_full(self, target: BinaryIO, plan: EncodePlan, rate: RatePlan) -> EncodeResult:
        """Encode, and again with larger references while much of the bitrate is unused."""
        with contextlib.ExitStack() as files:
            draft: BinaryIO = files.enter_context(tempfile.TemporaryFile())
            result = self.write(draft, plan, passes_done=1)
            share = 1.0
            for recoding in range(self.job.settings.tuning.max_recodings):
                larger = self._larger(rate, result, share)
                if larger is None:
                    break
                fuller: BinaryIO = files.enter_context(tempfile.TemporaryFile())
                try:
                    result = self.write(fuller, replace(plan, rate=larger), passes_done=2 + recoding)
                except RateError:  # packed codes take nothing less where a reference came out larger than planned
                    share /= 2
                    continue
                draft, rate = fuller, larger
            draft.seek(0)
            shutil.copyfileobj(draft, target)
        return result

    def _larger(self, rate: RatePlan, result: EncodeResult, share: float) -> RatePlan | None:
        """References that take this share of what a long file left unused, all motion at min distortion; None where
        that is little.
        """
        bitrate, tuning = self.job.settings.bitrate, self.job.settings.tuning
        assert bitrate is not None, "only a bitrate is planned for"
        max_unused_bits = tuning.max_unused_share * bitrate * result.duration_s
        if result.duration_s < GRACE_S or result.unused_bits <= max_unused_bits:
            return None
        return rate.enlarged(int(share * result.unused_bits))
