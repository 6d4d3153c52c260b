"""Encode job: a media file, the settings that every pass over it shares, and the pass itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol, TypeVar

from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.progress import FileProgress
from bcdcodec.frame import CropBox, Frame
from bcdcodec.video.face_memory import FaceMemory
from bcdcodec.video.shots import Shot, frames_of_shots
from bcdcodec.video.source import MediaSource

Output = TypeVar("Output", covariant=True)


class FrameSink(Protocol[Output]):
    """Consumer of a file's frames, shot by shot: the analysis of the first pass, the encoder of the last."""

    def push(self, frame: Frame, *, box: CropBox | None = None) -> Iterable[Output]: ...

    def new_shot(self) -> Iterable[Output]: ...

    def flush(self) -> Iterable[Output]: ...


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """A file to encode. crop: follow the shots' squares, else take the largest centred ones. progress: frames done and
    in all, over all passes; faces: that the passes share.
    """

    source: MediaSource
    model: CodecModel
    settings: EncodeSettings
    crop: bool
    progress: FileProgress
    faces: FaceMemory = field(default_factory=FaceMemory)

    def push_shots(
        self, shots: list[Shot], sink: FrameSink[Output], frame_rate: Fraction
    ) -> Iterator[tuple[int, list[Output]]]:
        """Run one pass: push all frames, shot by shot; yields the number of frames done with each output.

        VideoError where there are fewer frames than in the shots.
        """
        total = sum(shot.frames for shot in shots)
        with self.source.open_frames(frame_rate) as reader:
            for frame, shot, last in frames_of_shots(reader, shots):
                output = list(sink.push(frame, box=shot.box if self.crop else None))
                done = frame.index + 1
                if last:
                    output += sink.flush() if done == total else sink.new_shot()
                yield done, output
