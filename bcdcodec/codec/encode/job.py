"""Encode job: a media file, the settings that every pass over it shares, and the pass itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, TypeVar

from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.cropped_frame import CroppedFrame, FrameCropper
from bcdcodec.codec.encode.frame_store import FrameStore
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.progress import FileProgress
from bcdcodec.video.shots import Shot, frames_of_shots
from bcdcodec.video.source import MediaSource

Output = TypeVar("Output", covariant=True)


class FrameSink(Protocol[Output]):
    """Consumer of a file's frames, shot by shot: the analysis of the first pass, the encoder of the last."""

    def push_cropped(self, frame: CroppedFrame) -> Iterable[Output]: ...

    def new_shot(self) -> Iterable[Output]: ...

    def flush(self) -> Iterable[Output]: ...


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """A file to encode. crop: follow the shots' squares, else take the largest centred ones. progress: frames done and
    in all, over all passes; frames: that the passes share, for the caller to close.
    """

    source: MediaSource
    model: EncodingModel
    settings: EncodeSettings
    crop: bool
    progress: FileProgress
    frames: FrameStore = field(default_factory=FrameStore)

    def push_shots(
        self, shots: list[Shot], sink: FrameSink[Output], frame_rate: Fraction
    ) -> Iterator[tuple[int, list[Output]]]:
        """Run one pass: push all frames, shot by shot; yields the number of frames done with each output.

        VideoError where there are fewer frames than in the shots.
        """
        total = sum(shot.frames for shot in shots)
        self.frames.begin(frame_rate, total)
        frames = self._stored(shots) if self.frames.has_pixels else self._decoded(shots, frame_rate)
        for frame, last in frames:
            output = list(sink.push_cropped(frame))
            done = frame.index + 1
            if last:
                output += sink.flush() if done == total else sink.new_shot()
            yield done, output

    def _decoded(self, shots: list[Shot], frame_rate: Fraction) -> Iterator[tuple[CroppedFrame, bool]]:
        """All frames from the source, and whether each is its shot's last."""
        cropper = FrameCropper(self.model)
        with self.source.open_frames(frame_rate) as reader:
            for frame, shot, last in frames_of_shots(reader, shots):
                known = self.frames.landmarks(frame.index)
                cropped = cropper.crop(frame, shot.box if self.crop else None, landmarks=known)
                if self.settings.bitrate is not None:  # else this is the only pass
                    self.frames.add(cropped)
                yield cropped, last
                if last:
                    cropper.new_shot()

    def _stored(self, shots: list[Shot]) -> Iterator[tuple[CroppedFrame, bool]]:
        """The same frames from the store."""
        for shot in shots:
            for index in range(shot.start, shot.start + shot.frames):
                landmarks = self.frames.landmarks(index)
                assert landmarks is not None, "pixels and landmarks are stored together"
                cropped = CroppedFrame(
                    pixels=self.frames.pixels(index),
                    landmarks=landmarks,
                    index=index,
                    width=self.source.width,
                    height=self.source.height,
                    box=shot.box if self.crop else None,
                )
                yield cropped, index + 1 == shot.start + shot.frames
