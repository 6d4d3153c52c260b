"""A record comes back as it was written, or not at all."""

from pathlib import Path

import pytest

from bcdcodec.preparation.record import ClipRecord, SourceRecord

CLIP = ClipRecord(clip="a.mp4", shot=0, start=25, frames=100, x=-3, y=4, size=200)
RECORD = SourceRecord(source="ab", shots=3, shots_without_face=1, clips=(CLIP,), faces=((0.6, 0.8), None))


def test_a_record_comes_back(tmp_path: Path) -> None:
    place = tmp_path / "sources/ab.json"
    assert SourceRecord.read(place) is None
    RECORD.write(place)
    assert SourceRecord.read(place) == RECORD
    assert [path.name for path in place.parent.iterdir()] == ["ab.json"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"clips": [{"clip": 1}], "faces": []}', '{"clips": [], "faces": []}']
)
def test_another_file_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "ab.json").write_text(text)
    assert SourceRecord.read(tmp_path / "ab.json") is None
