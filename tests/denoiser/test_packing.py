"""Parts of pairs: resumed, bounded, the same for any number of processes, refused where they are something else."""

from pathlib import Path

import pytest
import torch

from bcdcodec.denoiser import packing
from bcdcodec.denoiser.packing import pack_pairs, part_path, read_pairs, save_pairs
from bcdcodec.denoiser.pairs import Pairs
from bcdcodec.errors import ConfigError


def test_a_part_is_what_was_written(tmp_path: Path, small_pairs: Pairs) -> None:
    path = part_path(tmp_path, 3)
    save_pairs(path, small_pairs)
    assert path.name == "pairs-00003.safetensors"
    found = read_pairs(path)
    assert len(found) == 2
    assert all(torch.equal(getattr(found, name), getattr(small_pairs, name)) for name in Pairs.__slots__)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = part_path(tmp_path, 0)
    path.write_bytes(b"something else")
    with pytest.raises(ConfigError, match="no part of training pairs"):
        read_pairs(path)


@pytest.mark.slow
def test_packing_resumes_and_does_not_depend_on_processes(face_clips: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    counts: list[tuple[int, int]] = []
    pack_pairs(face_clips, folders[0], weights="face", excerpts=1, progress=lambda *done: counts.append(done))
    assert counts == [(24, 24)]
    before = part_path(folders[0], 0).stat().st_mtime_ns
    pack_pairs(face_clips, folders[0], weights="face", excerpts=25, workers=2)
    assert part_path(folders[0], 0).stat().st_mtime_ns == before
    assert len(list(folders[0].iterdir())) == 2
    pack_pairs(face_clips, folders[1], weights="face", excerpts=24, workers=2)
    assert part_path(folders[0], 0).read_bytes() == part_path(folders[1], 0).read_bytes()
    assert part_path(folders[0], 0).stat().st_size < 60e6
    assert len(read_pairs(part_path(folders[0], 1))) == packing.PART_EXCERPTS


def test_clips_without_faces_say_so(face_clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "make_pairs", lambda *_: None)
    monkeypatch.setattr(packing, "_model", None, raising=False)
    with pytest.raises(ConfigError, match="no clip with a face in every frame"):
        packing._make_part(0, clips=face_clips, folder=tmp_path, seed=0)
