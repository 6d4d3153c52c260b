"""Transfer between clips: pairs, the truth, and pictures that are those of a stream."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.bitstream.records import CodingMode
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.records import from_json, to_json
from bcdcodec.sprites.clips import ClipSet
from bcdcodec.sprites.judge import Judge
from bcdcodec.sprites.sheets import POSES
from bcdcodec.studies.sprites.measure import confusion, measure
from bcdcodec.studies.sprites.pictures import codes_raster, transfer_sheet
from bcdcodec.studies.sprites.tables import page_tables
from bcdcodec.studies.sprites.transfer import pairs, transfer


@pytest.fixture(scope="module")
def model() -> CodecModel:
    torch.set_num_threads(1)
    return CodecModel.load("sprites-tiny", device="cpu")


@pytest.fixture(scope="module")
def clips(sprites_folder: Path) -> ClipSet:
    return ClipSet(sprites_folder / "test")


def test_pairs_use_every_clip_once_as_each() -> None:
    content, motion = pairs(27)
    assert sorted(content) == sorted(motion) == list(range(27))
    assert (content != motion).any()
    few = pairs(27, limit=5)
    assert [len(part) for part in few] == [5, 5] and np.array_equal(few[0], content[:5])


def test_transfer_is_what_a_stream_carries(model: CodecModel, clips: ClipSet, sprites_folder: Path) -> None:
    same = np.array([4])
    found = transfer(model, clips, same, same, sampling=model.config.sampling["realtime"])
    assert np.array_equal(found.truth, clips.clips(same))
    stream = io.BytesIO()
    encode_file(
        sprites_folder / "test" / clips.names[4],
        stream,
        model=model,
        settings=EncodeSettings(mode=CodingMode.PACKED),
    )
    stream.seek(0)
    reader = StreamReader(stream)
    decoder = Decoder(model, reader.header, DecodeSettings(sampling=model.config.sampling["realtime"]))
    frames = [frame for packet in reader for frame in decoder.push(packet)] + decoder.flush()
    shown = np.stack([frame.pixels for frame in frames])
    assert shown.shape == (8, 64, 64, 3)
    assert np.abs(shown.astype(int) - found.decoded[0]).max() <= 1
    assert reader.header.video.width == 64 and not reader.header.video.cropped


def test_the_truth_is_the_character_doing_the_action(model: CodecModel, clips: ClipSet) -> None:
    content, motion = np.array([3, 20]), np.array([13, 5])
    found = transfer(model, clips, content, motion, sampling=model.config.sampling["realtime"])
    for i in range(2):
        (row,) = np.flatnonzero(
            (clips.labels[:, 0] == clips.labels[motion[i], 0])
            & (clips.labels[:, 1:] == clips.labels[content[i], 1:]).all(1)
        )
        assert np.array_equal(found.truth[i], clips.clips(np.array([row]))[0])
    alone = transfer(model, clips, content[1:], motion[1:], sampling=model.config.sampling["realtime"])
    assert np.array_equal(alone.codes[0], found.codes[1])
    assert np.abs(alone.decoded[0].astype(int) - found.decoded[1]).max() <= 1


def test_a_model_of_faces_is_refused(clips: ClipSet, tiny_weights: Path) -> None:
    with pytest.raises(ConfigError, match="sprites are up to 4 groups of 64"):
        transfer(
            CodecModel.load(tiny_weights),
            clips,
            np.array([0]),
            np.array([0]),
            sampling=model_sampling(tiny_weights),
        )


def model_sampling(weights: Path):  # type: ignore[no-untyped-def]
    return CodecModel.load(weights).config.sampling["realtime"]


def test_scores_tables_and_pictures(model: CodecModel, clips: ClipSet) -> None:
    torch.manual_seed(0)
    judge = Judge().eval()
    scores, found = measure(model, judge, clips, sampling=model.config.sampling["realtime"], limit=3)
    assert scores.clips == 3 and scores.packed_bits == 6
    assert scores == from_json(type(scores), to_json(scores))
    assert 0 < scores.content_bits < 200_000
    tables = page_tables(scores)
    assert tables["accuracies"][0].endswith("| Action | Skin | Pants | Top | Hair |")
    assert tables["codes"][-2].endswith(f"| {scores.nmi:.3f} | 1 |")
    sheet = transfer_sheet(clips, found, count=3)
    assert sheet.dtype == np.uint8 and sheet.shape[2] == 3 and sheet.shape[0] > 2 * 4 * 128
    # The first block, first frame: whose looks, whose motion, decoded, truth.
    parts = (clips.clips(found.content[:1]), clips.clips(found.motion[:1]), found.decoded, found.truth)
    for row, part in enumerate(parts):
        shown = sheet[130 * row : 130 * row + 128 : 2, :128:2]
        assert np.array_equal(shown, part[0, 0])
    assert codes_raster(found, clips.poses[found.motion], 64).shape == (63 * 8, 64 * 8, 3)


def test_confusion_of_a_perfect_code_is_a_diagonal() -> None:
    poses = np.arange(len(POSES))[None]
    codes = (poses * 17) % 64
    share = confusion(codes, poses, 64)
    assert np.array_equal(share[:, :63], np.eye(63))
    assert not share[:, 63].any()
