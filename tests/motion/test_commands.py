"""`bcd train motion` from end to end on a tiny codec: clips and streams in, weights out."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bcdcodec.bitstream.packet import ContentPart, MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.motion import commands
from bcdcodec.motion.config import MotionConfig
from bcdcodec.motion.data import load_streams
from bcdcodec.motion.streams import read_bcd_folder, read_shots
from bcdcodec.motion.training import MotionTrainOptions
from bcdcodec.motion.weights import open_motion
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.weightfile import open_weights


@pytest.fixture
def preset(motion_config: MotionConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every preset is the tiny one."""
    monkeypatch.setattr(commands, "motion_preset", lambda name: motion_config)


@pytest.fixture
def bcd_folder(stream_bytes: bytes, tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.bcd").write_bytes(stream_bytes)
    return folder


def test_streams_of_files(model: CodecModel, bcd_folder: Path) -> None:
    streams = read_bcd_folder(model, bcd_folder)
    assert [stream.person for stream in streams] == ["a", "b"]
    assert streams[0].codes.shape == (25, 32) and streams[0].content is not None
    assert streams[0].content.shape == model.latent_shape
    with pytest.raises(ConfigError, match=r"no \.bcd files"):
        read_bcd_folder(model, bcd_folder.parent)


def test_a_content_that_was_sent_ahead_in_parts(model: CodecModel, stream_bytes: bytes, tmp_path: Path) -> None:
    """The same content again before the second half, two parts of it ahead."""
    reader = StreamReader(io.BytesIO(stream_bytes))
    content = reader.header.content
    packets = [packet for packet in reader if packet.kind == PacketKind.MOTION]
    half = len(packets) // 2
    path = tmp_path / "parts.bcd"
    with path.open("wb") as file:
        writer = StreamWriter(file)
        writer.write_header(reader.header)
        for number, packet in enumerate(packets):
            if number == half:
                pieces = (content.data[:9], content.data[9:30])
                sent = [(PacketKind.CONTENT_PART, ContentPart(i, piece).pack()) for i, piece in enumerate(pieces)]
                sent.append((PacketKind.CONTENT, replace(content, data=content.data[30:], parts=2).pack()))
                for kind, payload in sent:
                    writer.write(Packet(kind, writer.next_sequence, packet.timestamp, payload))
            payload = replace(MotionPayload.unpack(packet.payload), key=number in (0, half)).pack()
            writer.write(replace(packet, sequence=writer.next_sequence, payload=payload))
        writer.finish()
    shots = read_shots(model, path)
    assert [len(shot.codes) for shot in shots] == [8 * half, 25 - 8 * half]
    assert np.array_equal(shots[0].content, shots[1].content)


@pytest.mark.usefixtures("preset")
def test_from_streams_to_weights(bcd_folder: Path, tiny_weights: Path, tmp_path: Path) -> None:
    out, seen = tmp_path / "motion.safetensors", []
    found = commands.run_motion_training(
        MotionTrainOptions(streams=bcd_folder, run=tmp_path / "run", updates=2),
        open_weights(tiny_weights),
        out,
        progress=lambda *report: seen.append(report),
    )
    assert open_motion(out).codec_id == open_weights(tiny_weights).model_id
    assert {stage for stage, _, _ in seen} == {"streams", "updates"} and seen[-1] == ("updates", 2, 2)
    assert found is not None and found.order0_bits > 0 and found.previous_bits > 0 and found.model_bits > 0


@pytest.mark.usefixtures("preset")
def test_from_clips(
    make_streams: Callable[..., list[CodeStream]], tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The cache of clips and what is read from it are tested with training/.
    monkeypatch.setattr(commands, "cache_clips", lambda *places, **names: None)
    monkeypatch.setattr(commands, "ClipCache", lambda *places: None)
    monkeypatch.setattr(commands, "read_streams", lambda *places, **names: make_streams(6))
    run = tmp_path / "run"
    commands.run_motion_training(
        MotionTrainOptions(data=tmp_path, run=run, updates=1), open_weights(tiny_weights), tmp_path / "m.safetensors"
    )
    assert len(load_streams(run / commands.STREAMS)) == 6


@pytest.mark.usefixtures("preset")
def test_nothing_to_learn_from_and_other_codecs_are_refused(
    tiny_weights: Path, tmp_path: Path, motion_config: MotionConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, weights = tmp_path / "m.safetensors", open_weights(tiny_weights)
    with pytest.raises(ConfigError, match="--data"):
        commands.run_motion_training(MotionTrainOptions(run=tmp_path / "run", updates=1), weights, out)
    monkeypatch.setattr(commands, "motion_preset", lambda name: replace(motion_config, groups=5))
    with pytest.raises(ConfigError, match="those of tiny are"):
        commands.run_motion_training(MotionTrainOptions(run=tmp_path / "run", updates=1), weights, out)
    assert not out.exists()
