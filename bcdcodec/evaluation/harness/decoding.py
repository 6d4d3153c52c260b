"""Frames that a player shows of a `.bcd` file, for comparison with its source."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from bcdcodec.bitstream.references import read_motion
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder, model_frame_multiplier
from bcdcodec.codec.decode.file import iter_frames
from bcdcodec.codec.decode.presets import preset_sampling
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.stills import picture_of_record
from bcdcodec.config import SamplingConfig
from bcdcodec.frame import CropBox


@dataclass(frozen=True, slots=True)
class Codec:
    """A model and the settings of its sampler: what workers of an experiment share."""

    model: CodecModel
    sampling: SamplingConfig

    @classmethod
    def load(cls, weights: str, device: str, preset: str) -> Self:
        """Load a model with a preset of its sampler. WeightsError where the weights cannot be read."""
        model = CodecModel.load(weights, device=device)
        return cls(model, preset_sampling(model.config, preset))

    @property
    def model_id(self) -> str:
        return self.model.weights.model_id.hex()


def decoded_frames(
    model: CodecModel, stream: Path, sampling: SamplingConfig, *, content: Any = None, relative: bool = False
) -> Iterator[DecodedFrame]:
    """Decode a stream at the model's frame rate; a skipped frame repeats the one before.

    content: that replaces the stream's own; relative: as of DecodeSettings.
    """
    with stream.open("rb") as file:
        reader = StreamReader(file)
        decoder = Decoder(model, reader.header, DecodeSettings(sampling=sampling, content=content, relative=relative))
        shown: DecodedFrame | None = None
        for frame in iter_frames(reader, decoder):
            if shown is not None:
                for index in range(shown.index + 1, frame.index):
                    yield replace(shown, index=index)
            shown = frame
            yield frame
        if shown is not None:
            for index in range(shown.index + 1, reader.stats.end_tick * decoder.frame_multiplier):
                yield replace(shown, index=index)


def held_references(model: CodecModel, stream: Path) -> Iterator[DecodedFrame]:
    """The reference that each frame of a stream is made from, without any motion, at the model's frame rate.

    A baseline that takes no networks: what is moved has to look better than what stands still. Raises BitstreamError
    for content without a picture.
    """
    with stream.open("rb") as file:
        reader = StreamReader(file)
        named = [(tick, record) for tick, _, record in read_motion(reader, reader.header.content)]
    multiplier = model_frame_multiplier(reader.header, model)
    ends = [*(tick for tick, _ in named[1:]), reader.stats.end_tick]
    for (start, record), end in zip(named, ends, strict=True):
        pixels, box = picture_of_record(record), CropBox(x=record.x, y=record.y, size=record.size)
        for index in range(start * multiplier, end * multiplier):
            yield DecodedFrame(pixels=pixels, index=index, box=box)
