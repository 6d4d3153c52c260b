"""Codes of streams counted: entropy and entries of every codebook, also where streams carry the first ones alone."""

from pathlib import Path

import numpy as np
import pytest

from bcdcodec import transcode
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError
from bcdcodec.motion.streams import read_shots
from bcdcodec.studies.validation.codes import CodebookUsage, codebook_usage


@pytest.fixture
def model(tiny_weights: Path) -> CodecModel:
    return CodecModel.load(tiny_weights, device="cpu")


def entropy(column: np.ndarray) -> float:
    share = np.unique(column, return_counts=True)[1] / len(column)
    return float(-(share * np.log2(share)).sum())


def test_every_code_counts(model: CodecModel, stream_file: Path) -> None:
    found = codebook_usage(model, [stream_file])
    codes = np.concatenate([shot.codes for shot in read_shots(model, stream_file)])
    assert found.frames == len(codes) == 25 and found.entries == 8
    assert found.entropy_bits == pytest.approx([entropy(column) for column in codes.T])
    assert found.used == tuple(len(np.unique(column)) for column in codes.T)
    assert found.mean_bits == pytest.approx(np.mean(found.entropy_bits))
    assert codebook_usage(model, [stream_file] * 2).entropy_bits == pytest.approx(found.entropy_bits)


def test_codebooks_that_are_not_carried_are_dead(model: CodecModel, stream_file: Path) -> None:
    coarse = stream_file.with_name("coarse.bcd")
    transcode(stream_file, coarse, groups=8)
    whole, few = (codebook_usage(model, [path]) for path in (stream_file, coarse))
    assert few.entropy_bits[:8] == whole.entropy_bits[:8] and few.entropy_bits[8:] == (0.0,) * 24
    assert few.used[:8] == whole.used[:8] and few.used[8:] == (0,) * 24
    assert few.dead == 24 + sum(used < 2 for used in whole.used[:8])
    both = codebook_usage(model, [stream_file, coarse])
    assert both.carried == (50,) * 8 + (25,) * 24
    assert both.frame_bits == pytest.approx((whole.frame_bits + few.frame_bits) / 2)
    assert both.frames == 50 and both.entropy_bits == pytest.approx(whole.entropy_bits)


def test_dead_codebooks() -> None:
    assert CodebookUsage(frames=9, carried=(0, 9, 9), entries=4, entropy_bits=(0.0, 0.0, 1.0), used=(0, 1, 2)).dead == 2


def test_streams_of_other_weights_are_refused(stream_file: Path) -> None:
    other = CodecModel.load("sprites-tiny", device="cpu")
    with pytest.raises(ConfigError, match="the stream needs weights"):
        codebook_usage(other, [stream_file])
