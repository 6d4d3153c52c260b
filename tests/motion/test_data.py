"""Streams as training data: the file, who is held out, batches."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.errors import ConfigError
from bcdcodec.motion.data import BatchSampler, hold_out, load_streams, save_streams
from bcdcodec.training.data.code_streams import CodeStream

Make = Callable[..., list[CodeStream]]


def test_the_file_gives_them_back(make_streams: Make, tmp_path: Path) -> None:
    streams = [*make_streams(3), *make_streams(1, frames=5)]
    streams[1] = replace(streams[1], downsampled=None)  # of a file, whose video is not at hand
    save_streams(tmp_path / "s.safetensors", streams)
    found = load_streams(tmp_path / "s.safetensors")
    assert [(s.person, len(s.codes)) for s in found] == [("p0", 20), ("p1", 20), ("p2", 20), ("p0", 5)]
    for a, b in zip(streams, found, strict=True):
        assert np.array_equal(a.codes, b.codes) and np.array_equal(a.content, b.content)
        assert a.downsampled is b.downsampled or np.array_equal(a.downsampled, b.downsampled)
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(ConfigError, match="does not hold code streams"):
        load_streams(tmp_path / "bad.safetensors")
    with pytest.raises(ConfigError, match="0 of 1 code streams have content"):
        save_streams(tmp_path / "s.safetensors", [CodeStream("a", streams[0].codes)])


def test_people_are_held_out_whole_and_always_the_same(make_streams: Make) -> None:
    learned, held = hold_out(make_streams(60, people=30))
    assert len({s.person for s in held}) == 2 and len(held) == 4 and len(learned) == 56
    assert not {s.person for s in held} & {s.person for s in learned}
    assert {s.person for s in hold_out(make_streams(90, people=30))[1]} == {s.person for s in held}
    with pytest.raises(ConfigError, match="of 1 people"):
        hold_out(make_streams(4, people=1))


def test_batches_are_runs_some_at_twice_the_speed(make_streams: Make) -> None:
    """Codes of the down-sampled video, never codes with some left out; half of the runs, where there is a video."""
    streams = make_streams()
    sampler = BatchSampler(streams, batch=16, frames=8, downsampling=0.5, seed=1)
    batch, again = sampler.draw(7), sampler.draw(7)
    assert batch.codes.shape[1] <= 8 and np.array_equal(batch.codes, again.codes)
    assert not np.array_equal(batch.codes, sampler.draw(8).codes)
    steps = (batch.codes[:, 1] - batch.codes[:, 0])[:, 0] % 8
    assert {int(step) for step in steps} == {1, 2}
    many = BatchSampler(streams, batch=400, frames=8, downsampling=0.5).draw(0).codes
    fast = (many[:, 1] - many[:, 0])[:, 0] % 8 == 2
    assert float(fast.float().mean()) == pytest.approx(0.5, abs=0.08)
    files = [replace(stream, downsampled=None) for stream in streams]
    slow = BatchSampler(files, batch=16, frames=8, downsampling=1.0).draw(0).codes
    assert ((slow[:, 1:] - slow[:, :-1]) % 8 == 1).all()
    plain = BatchSampler(streams, batch=16, frames=8, downsampling=0.0).draw(0).codes
    assert ((plain[:, 1:] - plain[:, :-1]) % 8 == 1).all()


def test_short_clips_are_filled_up(make_streams: Make) -> None:
    streams = [*make_streams(8, frames=3), *make_streams(8, frames=8)]
    batch = BatchSampler(streams, batch=32, frames=8, downsampling=0.0).draw(0)
    assert batch.codes.shape[1] == 8 and {*batch.valid.sum(1).tolist()} == {3, 8}
    assert (batch.codes[~batch.valid] == 0).all()


def test_clips_are_drawn_alike_where_configured(make_streams: Make) -> None:
    """Of 10 clips, 9 are one person's."""
    streams = [*make_streams(9, people=1), *(replace(stream, person="other") for stream in make_streams(1, seed=1))]
    share = {}
    for balanced in (True, False):
        sampler = BatchSampler(streams, batch=600, frames=2, downsampling=0.0, balanced=balanced)
        share[balanced] = float(
            (sampler.draw(0).content == torch.from_numpy(np.float32(streams[-1].content))).all((1, 2, 3)).float().mean()
        )
    assert share[False] == pytest.approx(0.1, abs=0.05) and share[True] == pytest.approx(0.25, abs=0.06)
