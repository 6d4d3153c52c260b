"""Transfers between people by weights: pairs, what is measured of them, and how many frames show the content."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bcdcodec.config import preset
from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import PUBLISHABLE, read_clips
from bcdcodec.evaluation.metrics.pair import Video
from bcdcodec.studies.ablations import faces
from bcdcodec.studies.ablations.faces import FaceJudge
from bcdcodec.studies.transfer.protocol import CANDIDATES
from bcdcodec.weightfile import find_file


class MeanColours:
    def __call__(self, video: Video) -> np.ndarray:
        return np.asarray(video).mean((1, 2)).astype(np.float64)


@pytest.fixture
def judge(sprites_folder: Path, monkeypatch: pytest.MonkeyPatch) -> FaceJudge:
    """Of sprites, which are small and have people too."""
    torch.set_num_threads(1)
    monkeypatch.setattr(faces, "FRAMES", 4)
    monkeypatch.setattr(faces, "Features", MeanColours)
    return FaceJudge(sprites_folder / "test", preset("sprites-tiny"), count=3, device="cpu")


def test_each_person_moves_as_the_next_one_does(judge: FaceJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    bounds: list[tuple[np.ndarray, np.ndarray]] = []

    def measure(content: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bounds.append((content, motion))
        return content, motion

    def score(pair: tuple[np.ndarray, np.ndarray], result: np.ndarray) -> dict[str, dict[str, float | None]]:
        seen.append((*pair, result))
        transfer = {"csim": 0.5 + len(seen) / 10, "shape": None, "motion": float(len(seen)), "cross": 3.0}
        if len(seen) == 3:
            transfer["motion"] = None  # no face found in it: neither nearer nor a mean's part
        return {"transfer": transfer, "motion clip": {"csim": 0.65}, "freeze frame": {"motion": 1.5}}

    monkeypatch.setattr(faces, "pair_bounds", measure)
    monkeypatch.setattr(faces, "score_pair", score)
    numbers = judge(find_file("sprites-tiny"), None)
    assert judge.count == len(seen) == 3
    assert numbers["csim"] == pytest.approx(0.7) and numbers["motion"] == pytest.approx(1.5)
    assert numbers["identity"] == pytest.approx(2 / 3)  # 0.7 and 0.8 of the content's person, 0.6 of the other
    assert numbers["follows"] == pytest.approx(1 / 3)
    assert "shape" not in numbers  # no picture showed a face
    assert numbers["frechet"] > 0
    assert all(content.shape == motion.shape == result.shape == (4, 64, 64, 3) for content, motion, result in seen)
    # The motion of one is decoded with the content of the other, and shows neither clip.
    assert all((result != content).any() and (result != motion).any() for content, motion, result in seen)


def test_the_distance_is_fid_where_its_weights_are_given(
    sprites_folder: Path, judge: FaceJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Path] = []
    monkeypatch.setattr(faces, "Inception", lambda path: given.append(path) or MeanColours())
    monkeypatch.setattr(faces, "pair_bounds", lambda content, motion: None)
    monkeypatch.setattr(
        faces, "score_pair", lambda pair, result: dict.fromkeys(CANDIDATES, dict.fromkeys(faces.MEASURES))
    )
    folder, config, weights = sprites_folder / "test", preset("sprites-tiny"), tmp_path / "inception.pth"
    fid = FaceJudge(folder, config, count=3, device="cpu", inception=weights)(find_file("sprites-tiny"), None)
    packaged = judge(find_file("sprites-tiny"), None)
    assert given == [weights] and "frechet" not in fid and "fid" not in packaged
    assert fid["fid"] == packaged["frechet"]  # of the same colours here


def test_fewer_frames_of_content_change_what_is_decoded(judge: FaceJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    results: list[np.ndarray] = []

    bounds: list[np.ndarray] = []

    def measure(content: np.ndarray, motion: np.ndarray) -> np.ndarray:
        bounds.append(content)
        return content

    def score(pair: np.ndarray, result: np.ndarray) -> dict[str, dict[str, float | None]]:
        results.append(result)
        return dict.fromkeys(CANDIDATES, dict.fromkeys(faces.MEASURES, 1.0))

    monkeypatch.setattr(faces, "pair_bounds", measure)
    monkeypatch.setattr(faces, "score_pair", score)
    for frames in (1, None):
        judge(find_file("sprites-tiny"), frames)
    assert len(bounds) == 3  # once for both
    assert any(not np.array_equal(one, every) for one, every in zip(results[:3], results[3:], strict=True))


@pytest.mark.parametrize("people", [0, 1, 3])
def test_a_sheet_is_of_clips_that_may_be_published(
    sprites_folder: Path, judge: FaceJudge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: int
) -> None:
    """Without two people in any there is none, not even that of an earlier study."""
    clips = read_clips(sprites_folder / "test")
    first = sorted({clip.person for clip in clips})[:people]
    marked = [replace(clip, license_class=PUBLISHABLE if clip.person in first else "noncommercial") for clip in clips]
    monkeypatch.setattr(faces, "read_clips", lambda folder: marked)
    judge = FaceJudge(sprites_folder / "test", preset("sprites-tiny"), count=1, device="cpu")
    sheet = tmp_path / "sheet.png"
    sheet.write_bytes(b"")
    judge.sheet(sheet, {"base": find_file("sprites-tiny")})
    assert sheet.stat().st_size > 1000 if people > 1 else not sheet.exists()


def test_clips_that_are_too_short_are_left_out(sprites_folder: Path) -> None:
    with pytest.raises(ConfigError, match="a transfer needs two people"):
        FaceJudge(sprites_folder / "test", preset("sprites-tiny"), count=3, device="cpu")
