"""Generated streams are ordinary ones."""

import io
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.motion.generation import generate_stream
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.sampling import Picking
from bcdcodec.motion.streams import read_shots


def test_a_decoder_plays_what_was_generated(model: CodecModel, gpt: MotionGpt, stream_file: Path) -> None:
    file = io.BytesIO()
    made = generate_stream(stream_file, file, model=model, gpt=gpt, seconds=1.0)
    assert (made.prompt_frames, made.frames, made.total_bits) == (0, 12, 8 * len(file.getvalue()))
    file.seek(0)
    reader = StreamReader(file)
    decoder = Decoder(model, reader.header)
    frames = [frame for packet in reader for frame in decoder.push(packet)] + decoder.flush()
    assert [frame.index for frame in frames] == list(range(12))
    assert reader.header.metadata["generator"] and not any(frame.concealed for frame in frames)


def test_the_prompt_comes_first(model: CodecModel, gpt: MotionGpt, stream_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "longer.bcd"
    made = generate_stream(stream_file, out, model=model, gpt=gpt, seconds=0.5, prompt=stream_file)
    (before,), (after,) = read_shots(model, stream_file), read_shots(model, out)
    assert made.prompt_frames == len(before.codes) and len(after.codes) == len(before.codes) + made.frames
    assert np.array_equal(after.codes[: len(before.codes)], before.codes)
    assert np.array_equal(after.content, before.content)


def test_a_video_gives_the_content_and_the_seed_the_motion(
    model: CodecModel, gpt: MotionGpt, talking_clip: Path
) -> None:
    def made(seed: int) -> bytes:
        file = io.BytesIO()
        picking = Picking(temperature=1.0, top_p=0.9)
        generate_stream(talking_clip, file, model=model, gpt=gpt, seconds=0.4, picking=picking, seed=seed, crop=False)
        return file.getvalue()

    assert made(1) == made(1) != made(2)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e9])
def test_impossible_lengths_leave_no_file(
    model: CodecModel, gpt: MotionGpt, stream_file: Path, tmp_path: Path, seconds: float
) -> None:
    with pytest.raises(ConfigError, match="allowed are"):
        generate_stream(stream_file, tmp_path / "x.bcd", model=model, gpt=gpt, seconds=seconds)
    assert not list(tmp_path.glob("*x.bcd*"))
