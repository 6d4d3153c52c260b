"""Means and wins of made-up scores, as records and as a page."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from bcdcodec.evaluation.codes import CodeUse
from bcdcodec.evaluation.metrics.landmarks import Following
from bcdcodec.evaluation.scores import PARTS, ClipScore, Quality, QualitySums
from bcdcodec.evaluation.validation_report import markdown, summarize, summary_json

CODES = CodeUse(frames=150, carried=(150, 150, 100), entries=8, entropy_bits=(2.5, 0.0, 1.5), used=(8, 1, 3))


def quality(psnr_db: float, distance: float | None, misses: int = 0) -> Quality:
    landmarks = {} if distance is None else dict.fromkeys(PARTS, distance)
    follows = {} if distance is None else {"mouth": Following(correlation=1 - distance / 10, amplitude=0.5)}
    return Quality(psnr_db=psnr_db, landmarks=landmarks, following=follows, misses=misses)


def score(name: str, codec: Quality, frozen: Quality, borrowed: Quality | None, **changes: Any) -> ClipScore:
    facts: dict[str, Any] = {
        "clip": name,
        "person": name[0],
        "license_class": "unknown",
        "lender": None if borrowed is None else "x1",
        "seconds": 4.0,
        "frames": 49,
        "file_bytes": 2000,
        "kbps": 4.0,
        "header_content_bits": 9000,
        "motion_bits_per_frame": 150.0,
        "packed_kbps": 4.0,
        "source_misses": 0,
    }
    return ClipScore(codec=codec, frozen=frozen, borrowed=borrowed, **{**facts, **changes})


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
    assert (summary.source_misses, summary.misses) == (2, {"codec": 49, "frozen": 0, "borrowed": 0})
    psnr, landmarks = summary.comparisons[:2]
    assert (psnr.metric, psnr.codec, psnr.beats_frozen, psnr.clips_frozen) == ("psnr_db", pytest.approx(67 / 3), 2, 3)
    assert (psnr.beats_borrowed, psnr.clips_borrowed) == (2, 2)
    assert (landmarks.metric, landmarks.codec, landmarks.frozen) == ("all", 7.0, 5.0)
    assert (landmarks.beats_frozen, landmarks.clips_frozen) == (1, 3), "a face that is not found has lost"
    assert [part.metric for part in summary.comparisons] == ["psnr_db", *PARTS]
    (mouth,) = summary.openings
    assert (mouth.part, mouth.clips, mouth.correlation, mouth.amplitude) == ("mouth", 2, pytest.approx(0.3), 0.5)


def test_the_page(scores: list[ClipScore]) -> None:
    page = markdown(scores, about=["Weights `face`."], codes=CODES, sheet=["![sheet](sheet.png)", ""])
    assert "| PSNR, dB | 22.33 | 22.00 | 15.50 | 2 of 3 | 2 of 2 |" in page
    assert "| landmarks, mouth, % | 7.0 | 5.0 | 35.0 | 1 of 3 | 2 of 2 |" in page
    assert "| frames without a face | 49 | 0 | 0 |" in page
    assert "entropy of 1.33 bit a codebook, 0.00 to 2.50, and 4 bits a frame together" in page
    assert "4.0 of 8 entries are used, 1 to 8; 1 of 3 codebooks say nothing." in page
    assert "| mouth | 0.30 | 0.50 | 2 |" in page
    assert "(2 without a face in the source)" in page and "![sheet](sheet.png)" in page
    (line,) = [line for line in page.splitlines() if line.startswith("| `b1` |")]
    assert "21.00 / 20.00 / -" in line and line.endswith("49 / 0 / - |")


def test_without_landmarks_only_the_pictures_are_compared() -> None:
    plain = [score("a1", quality(24, None), quality(20, None), quality(15, None))]
    assert [part.metric for part in summarize(plain).comparisons] == ["psnr_db"]
    page = markdown(plain, about=[], codes=CODES, sheet=[])
    assert "frames without a face" not in page and "Openings" not in page


def test_scores_survive_json(scores: list[ClipScore]) -> None:
    kept = summary_json(scores, CODES)
    assert [ClipScore.from_json(part) for part in kept["clips"]] == scores  # type: ignore[attr-defined]
    assert kept["codes"] == dataclasses.asdict(CODES)
    with pytest.raises(KeyError):
        ClipScore.from_json({"clip": "of another release"})


def test_sums() -> None:
    sums = QualitySums()
    for value in (20.0, 30.0, 40.0):
        sums.add_picture(value)
    mesh = np.random.default_rng(0).uniform(50, 200, (478, 3)).astype(np.float32)
    mesh[33], mesh[263] = (100, 100, 0), (150, 100, 0)
    sums.add_face(mesh + np.float32([1, 0, 0]), mesh)
    sums.add_face(None, mesh)
    sums.add_face(mesh + np.float32([3, 0, 0]), mesh)
    found = sums.quality()
    assert (found.psnr_db, found.misses, found.following) == (30.0, 1, {})
    assert found.landmarks == pytest.approx({"all": 4, "mouth": 4, "eyes": 4, "outline": 4, "expression": 0}, abs=1e-4)
