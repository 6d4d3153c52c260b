"""Means and wins of made-up scores, as records and as tables."""

import json
from typing import Any

import numpy as np
import pytest

from bcdcodec.evaluation.harness.records import from_json, to_json
from bcdcodec.evaluation.metrics.judges import JUDGES
from bcdcodec.evaluation.metrics.landmarks import TrackingFit
from bcdcodec.studies.validation.chain import LINKS
from bcdcodec.studies.validation.codes import CodebookUsage
from bcdcodec.studies.validation.scores import ClipScore, FaceQuality, FrameScores, LinkScore, Quality
from bcdcodec.studies.validation.summary import metric_value, summarize
from bcdcodec.studies.validation.tables import page_tables

CODES = CodebookUsage(frames=150, carried=(150, 150, 100), entries=8, entropy_bits=(2.5, 0.0, 1.5), used=(8, 1, 3))
PARTS = {name: judge.layout.names for name, judge in JUDGES.items()}


def quality(psnr_db: float, distance: float | None, misses: int = 0) -> Quality:
    """By the mesh `distance` everywhere, by dlib one more, and twice the misses."""
    fits = {} if distance is None else {"mouth": TrackingFit(correlation=1 - distance / 10, gain=0.5)}
    faces = {
        name: FaceQuality(
            landmarks={} if distance is None else dict.fromkeys(PARTS[name], distance + more),
            apertures=fits,
            misses=misses * (1 + more),
        )
        for more, name in enumerate(("mesh", "dlib"))
    }
    return Quality(psnr_db=psnr_db, faces=faces)


def chain(*distances: float) -> dict[str, dict[str, LinkScore]]:
    """Errors of the links by the mesh, and of the pictures by dlib."""

    def link(judge: str, distance: float) -> LinkScore:
        fits = {"mouth": TrackingFit(correlation=1 - distance / 10, gain=0.5)}
        return LinkScore(landmarks=dict.fromkeys(PARTS[judge], distance), apertures=fits)

    mesh = {name: link("mesh", distance) for name, distance in zip(LINKS, distances, strict=True)}
    return {"mesh": mesh, "dlib": {name: link("dlib", distances[-1]) for name in ("warped", "decoded")}}


def score(
    name: str,
    codec: Quality,
    warp_only: Quality | None,
    freeze_frame: Quality,
    mismatched: Quality | None,
    **changes: Any,
) -> ClipScore:
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
        "source_misses": {"mesh": 0, "dlib": 0},
        "chain": {},
    }
    columns = {"warp_only": warp_only, "freeze_frame": freeze_frame, "mismatched_content": mismatched}
    changes = {"references_held": freeze_frame} | changes
    return ClipScore(codec=codec, **columns, **{**facts, **changes})  # type: ignore[arg-type]


@pytest.fixture
def scores() -> list[ClipScore]:
    """A win, a loss, and a clip in which no decoded face was found."""
    links = {"chain": chain(1, 2, 3, 4, 5, 6)}
    return [
        score("a1", quality(24, 5.0), quality(23, 6.0), quality(20, 8.0), quality(15, 30.0), **links),
        score("a2", quality(22, 9.0), quality(21, 7.0), quality(26, 3.0), quality(16, 40.0), kbps=8.0),
        score("b1", quality(21, None, misses=47), None, quality(20, 4.0), None, source_misses={"mesh": 2, "dlib": 0}),
    ]


def test_means_and_wins(scores: list[ClipScore]) -> None:
    summary = summarize(scores)
    assert (summary.clips, summary.people, summary.kbps) == (3, 2, pytest.approx(16 / 3))
    psnr, landmarks = summary.metrics[:2]
    assert (psnr.judge, psnr.metric, psnr.means["codec"], psnr.means["warp_only"]) == (
        None,
        "psnr_db",
        pytest.approx(67 / 3),
        22,
    )
    assert psnr.beats == psnr.clips | {"freeze_frame": 2, "references_held": 2}
    assert psnr.clips == {"warp_only": 2, "references_held": 3, "freeze_frame": 3, "mismatched_content": 2}
    assert (landmarks.judge, landmarks.metric) == ("mesh", "all")
    assert landmarks.means == {"codec": 7.0, "warp_only": 6.5, "references_held": 5.0} | {
        "freeze_frame": 5.0,
        "mismatched_content": 35.0,
    }
    assert (landmarks.beats["freeze_frame"], landmarks.clips["freeze_frame"]) == (1, 3), "a lost face has lost"
    measured = [(None, "psnr_db"), *((judge, part) for judge, parts in PARTS.items() for part in parts)]
    assert [(item.judge, item.metric) for item in summary.metrics] == measured
    (by_dlib,) = [item for item in summary.metrics if (item.judge, item.metric) == ("dlib", "mouth")]
    assert by_dlib.means["codec"] == 8.0
    codec, warp = summary.apertures[:2]
    assert (codec.judge, codec.column, codec.part, codec.clips) == ("mesh", "codec", "mouth", 2)
    assert (codec.correlation, codec.gain) == (pytest.approx(0.3), 0.5)
    assert (warp.column, warp.correlation) == ("warp_only", pytest.approx(0.35))


def test_misses_are_shares_of_the_faces_that_the_source_shows(scores: list[ClipScore]) -> None:
    mesh, dlib = summarize(scores).misses
    assert (mesh.judge, mesh.source, dlib.judge, dlib.source) == ("mesh", 2, "dlib", 0)
    assert mesh.columns["codec"] == pytest.approx(100 * 47 / (3 * 49 - 2))
    assert dlib.columns["codec"] == pytest.approx(100 * 94 / (3 * 49))
    assert mesh.columns["freeze_frame"] == 0


def test_links_are_means_over_the_clips_that_have_them(scores: list[ClipScore]) -> None:
    links = summarize([*scores, score("c1", *[quality(20, 5.0)] * 4, chain=chain(3, 4, 5, 6, 7, 8))]).chain
    assert [(link.judge, link.link) for link in links] == [
        *(("mesh", name) for name in LINKS),
        ("dlib", "warped"),
        ("dlib", "decoded"),
    ]
    assert [link.landmarks["mouth"] for link in links] == [2, 3, 4, 5, 6, 7, 7, 7]
    assert links[0].clips == 2 and links[0].apertures["mouth"].correlation == pytest.approx(0.8)


def test_the_tables(scores: list[ClipScore]) -> None:
    found = page_tables(scores, CODES)
    assert (
        "| PSNR, dB |  | 22.33 | 22.00 | 22.00 | 22.00 | 15.50 | 2 of 2 | 2 of 3 | 2 of 3 | 2 of 2 |" in found["means"]
    )
    assert (
        "| landmarks, mouth, % | mesh | 7.0 | 6.5 | 5.0 | 5.0 | 35.0 | 1 of 2 | 1 of 3 | 1 of 3 | 2 of 2 |"
        in found["means"]
    )
    assert (
        "| landmarks, mouth, % | dlib | 8.0 | 7.5 | 6.0 | 6.0 | 36.0 | 1 of 2 | 1 of 3 | 1 of 3 | 2 of 2 |"
        in found["means"]
    )
    assert "| frames without a face, % | mesh | 32.4 | 0.0 | 0.0 | 0.0 | 0.0 |  |  |  |  |" in found["means"]
    assert found["rates"][-1] == "| 3 | 2 | 12 | 147 | 5.33 | 9000 | 150.0 | 4.00 | 2 | 0 |"
    assert found["codebooks"][2:] == [
        "| entropy of a codebook, bits | 1.33 | 0.00 | 2.50 |",
        "| entries used, of 8 | 4.0 | 1 | 8 |",
        "| entropy of a frame, bits | 4 |  |  |",
        "| dead codebooks, of 3 | 1 |  |  |",
    ]
    assert "| mouth | mesh | codec | 0.30 | 0.50 | 2 |" in found["apertures"]
    assert found["chain"][2].startswith(f"| {LINKS['placed']} | mesh | 1.00 | 1.00 |")
    assert found["chain"][-1] == f"| {LINKS['decoded']} | dlib | 6.00 | 6.00 | 6.00 | - | 6.00 | 0.40, 0.50 | - | 1 |"
    (line,) = [line for line in found["clips"] if line.startswith("| `b1` |")]
    assert "21.00 / 20.00 / -" in line and "| 47 / 0 / - |" in line and line.endswith("94 / 0 / - |")


def test_without_judges_only_the_pictures_are_compared() -> None:
    plain = [score("a1", *[Quality(psnr_db=20)] * 4, source_misses={})]
    assert [item.metric for item in summarize(plain).metrics] == ["psnr_db"]
    found = page_tables(plain, CODES)
    assert "frames without a face" not in "\n".join(found["means"])
    assert found["apertures"] == found["chain"] == []


def test_one_judge_alone(scores: list[ClipScore]) -> None:
    def alone(found: Quality) -> Quality:
        return Quality(psnr_db=found.psnr_db, faces={"dlib": found.faces["dlib"]})

    own = [score("a1", *[alone(quality(20, 5.0))] * 4, source_misses={"dlib": 1})]
    summary = summarize(own)
    assert {item.judge for item in summary.metrics} == {None, "dlib"}
    assert metric_value(own[0].codec, "all", "mesh") is None
    assert "mesh" not in "\n".join(line for lines in page_tables(own, CODES).values() for line in lines)


def test_scores_survive_json(scores: list[ClipScore]) -> None:
    assert [from_json(ClipScore, json.loads(json.dumps(to_json(score)))) for score in scores] == scores
    for other in ({"clip": "of another release"}, {"color": 1}, []):
        with pytest.raises((KeyError, TypeError)):
            from_json(ClipScore, other)


def test_frames_are_compared_where_the_source_shows_a_face() -> None:
    mesh = np.random.default_rng(0).uniform(50, 200, (478, 3)).astype(np.float32)
    mesh[33], mesh[263] = (100, 100, 0), (150, 100, 0)
    track = [mesh + np.float32([1, 0, 0]), None, mesh + np.float32([3, 0, 0]), None]
    sums = FrameScores(psnr_db=[20.0, 30.0, 40.0, 30.0], faces={"mesh": track})
    found = sums.quality({"mesh": [mesh, mesh, mesh, None]})
    faces = found.faces["mesh"]
    assert (found.psnr_db, faces.misses, faces.apertures) == (30.0, 1, {})
    expected = dict.fromkeys(PARTS["mesh"], 4) | {"expression": 0}
    assert faces.landmarks == pytest.approx(expected, abs=1e-4)
