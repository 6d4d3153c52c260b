"""References held still: the baseline of every comparison."""

from pathlib import Path

import numpy as np
import pytest

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.content import content_of_record
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.decoding import decoded_frames, held_references
from bcdcodec.model.vae import to_uint8


@pytest.fixture
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


def test_references_stand_still_from_the_first_frame_to_the_last(
    model: CodecModel, talking_clip: Path, tmp_path: Path
) -> None:
    stream = tmp_path / "a.bcd"
    encode_file(talking_clip, stream, model=model, settings=EncodeSettings(bitrate=16000), crop=False)
    held = list(held_references(model, stream))
    decoded = list(decoded_frames(model, stream, model.config.sampling["realtime"]))
    assert [frame.index for frame in held] == [frame.index for frame in decoded]
    assert [frame.box for frame in held] == [frame.box for frame in decoded]
    with stream.open("rb") as file:
        picture = content_of_record(model, StreamReader(file).header.content).picture
    assert picture is not None
    assert np.array_equal(held[0].pixels, to_uint8(picture).permute(1, 2, 0).numpy())
    assert len({frame.pixels.tobytes() for frame in held}) <= stream_pictures(stream)


def stream_pictures(stream: Path) -> int:
    with stream.open("rb") as file:
        reader = StreamReader(file)
        for _ in reader:
            pass
    return 1 + reader.stats.content_packets
