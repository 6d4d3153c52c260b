"""Means and wins of made-up scores, as records and as tables."""

import json
from typing import Any

import numpy as np
import pytest

from bcdcodec.evaluation.harness.records import from_json, to_json
from bcdcodec.evaluation.metrics.landmarks import TrackingFit
from bcdcodec.studies.validation.codes import CodebookUsage
from bcdcodec.studies.validation.scores import PARTS, ClipScore, FrameScores, Quality
from bcdcodec.studies.validation.summary import summarize
from bcdcodec.studies.validation.tables import page_tables

CODES = CodebookUsage(frames=150, carried=(150, 150, 100), entries=8, entropy_bits=(2.5, 0.0, 1.5), used=(8, 1, 3))


def quality(psnr_db: float, distance: float | None, misses: int = 0) -> Quality:
    landmarks = {} if distance is None else dict.fromkeys(PARTS, distance)
    fits = {} if distance is None else {"mouth": TrackingFit(correlation=1 - distance / 10, gain=0.5)}
    return Quality(psnr_db=psnr_db, landmarks=landmarks, apertures=fits, misses=misses)


def score(name: str, codec: Quality, freeze_frame: Quality, mismatched: Quality | None, **changes: Any) -> ClipScore:
    facts: dict[str, Any] = {
        "clip": name,
        "person": name[0],
        "license_class": "unknown",
        "donor": None if mismatched is None else "x1",
        "seconds": 4.0,
        "frames": 49,
        "file_bytes": 2000,
        "kbps": 4.0,
        "header_content_bits": 9000,
        "motion_bits_per_frame": 150.0,
        "packed_kbps": 4.0,
        "source_misses": 0,
    }
    return ClipScore(codec=codec, freeze_frame=freeze_frame, mismatched_content=mismatched, **{**facts, **changes})


@pytest.fixture
def scores() -> list[ClipScore]:
    """A win, a loss, and a clip in which no decoded face was found."""
    return [
        score("a1", quality(24, 5.0), quality(20, 8.0), quality(15, 30.0)),
        score("a2", quality(22, 9.0), quality(26, 3.0), quality(16, 40.0), kbps=8.0),
        score("b1", quality(21, None, misses=49), quality(20, 4.0), None, source_misses=2),
    ]


def test_means_and_wins(scores: list[ClipScore]) -> None:
    summary = summarize(scores)
    assert (summary.clips, summary.people, summary.kbps) == (3, 2, pytest.approx(16 / 3))
    assert (summary.source_misses, summary.misses) == (2, {"codec": 49, "freeze_frame": 0, "mismatched_content": 0})
    psnr, landmarks = summary.metrics[:2]
    assert (psnr.metric, psnr.codec, psnr.beats_freeze_frame, psnr.clips_freeze_frame) == (
        "psnr_db",
        pytest.approx(67 / 3),
        2,
        3,
    )
    assert (psnr.beats_mismatched_content, psnr.clips_mismatched_content) == (2, 2)
    assert (landmarks.metric, landmarks.codec, landmarks.freeze_frame) == ("all", 7.0, 5.0)
    assert (landmarks.beats_freeze_frame, landmarks.clips_freeze_frame) == (1, 3), "a face that is not found has lost"
    assert [part.metric for part in summary.metrics] == ["psnr_db", *PARTS]
    (mouth,) = summary.apertures
    assert (mouth.part, mouth.clips, mouth.correlation, mouth.gain) == ("mouth", 2, pytest.approx(0.3), 0.5)


def test_the_tables(scores: list[ClipScore]) -> None:
    found = page_tables(scores, CODES)
    assert "| PSNR, dB | 22.33 | 22.00 | 15.50 | 2 of 3 | 2 of 2 |" in found["means"]
    assert "| landmarks, mouth, % | 7.0 | 5.0 | 35.0 | 1 of 3 | 2 of 2 |" in found["means"]
    assert "| frames without a face | 49 | 0 | 0 |  |  |" in found["means"]
    assert found["rates"][-1] == "| 3 | 2 | 12 | 147 | 2 | 5.33 | 9000 | 150.0 | 4.00 |"
    assert found["codebooks"][2:] == [
        "| entropy of a codebook, bits | 1.33 | 0.00 | 2.50 |",
        "| entries used, of 8 | 4.0 | 1 | 8 |",
        "| entropy of a frame, bits | 4 |  |  |",
        "| dead codebooks, of 3 | 1 |  |  |",
    ]
    assert "| mouth | 0.30 | 0.50 | 2 |" in found["apertures"]
    (line,) = [line for line in found["clips"] if line.startswith("| `b1` |")]
    assert "21.00 / 20.00 / -" in line and line.endswith("49 / 0 / - |")


def test_without_landmarks_only_the_pictures_are_compared() -> None:
    plain = [score("a1", quality(24, None), quality(20, None), quality(15, None))]
    assert [item.metric for item in summarize(plain).metrics] == ["psnr_db"]
    found = page_tables(plain, CODES)
    assert "frames without a face" not in "\n".join(found["means"]) and found["apertures"] == []


def test_scores_survive_json(scores: list[ClipScore]) -> None:
    assert [from_json(ClipScore, json.loads(json.dumps(to_json(score)))) for score in scores] == scores
    for other in ({"clip": "of another release"}, {"color": 1}, []):
        with pytest.raises((KeyError, TypeError)):
            from_json(ClipScore, other)


def test_sums() -> None:
    sums = FrameScores(psnr_db=[20.0, 30.0, 40.0])
    mesh = np.random.default_rng(0).uniform(50, 200, (478, 3)).astype(np.float32)
    mesh[33], mesh[263] = (100, 100, 0), (150, 100, 0)
    sums.add_face(mesh + np.float32([1, 0, 0]), mesh)
    sums.add_face(None, mesh)
    sums.add_face(mesh + np.float32([3, 0, 0]), mesh)
    found = sums.quality()
    assert (found.psnr_db, found.misses, found.apertures) == (30.0, 1, {})
    assert found.landmarks == pytest.approx({"all": 4, "mouth": 4, "eyes": 4, "contour": 4, "expression": 0}, abs=1e-4)
