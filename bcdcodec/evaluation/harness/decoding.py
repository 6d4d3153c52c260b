"""Frames that a player shows of a `.bcd` file, for comparison with its source."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import DecodedFrame, Decoder
from bcdcodec.codec.decode.file import iter_frames
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.config import SamplingConfig


@dataclass(frozen=True, slots=True)
class Codec:
    """A model and the settings of its sampler: what workers of an experiment share."""

    model: CodecModel
    sampling: SamplingConfig

    @classmethod
    def load(cls, weights: str, device: str, preset: str) -> Self:
        """Load a model with a preset of its sampler. WeightsError where the weights cannot be read."""
        model = CodecModel.load(weights, device=device)
        return cls(model, model.config.sampling[preset])

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
