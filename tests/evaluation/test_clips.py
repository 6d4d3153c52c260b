"""The list of clips: order, lenders, choice and refusals."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.clips import choose, lender, read_clips

WriteList = Callable[..., Path]


def test_clips_come_by_person_and_name(clips_folder: Path) -> None:
    clips = read_clips(clips_folder)
    assert [(clip.name, clip.person) for clip in clips] == [("a1", "amy"), ("b1", "bob"), ("b2", "bob")]
    assert [clip.may_be_shown for clip in clips] == [True, False, False]
    assert (clips[0].seconds, clips[0].source, clips[2].license) == (2.0, "else/where", "GPL, or so")


def test_content_is_borrowed_from_the_next_other_person(clips_folder: Path) -> None:
    a1, b1, b2 = clips = read_clips(clips_folder)
    assert [lender(clip, clips) for clip in clips] == [b1, a1, a1]
    assert lender(b1, [b1, b2]) is None


def test_clips_are_chosen_by_name(clips_folder: Path) -> None:
    clips = read_clips(clips_folder)
    assert [clip.name for clip in choose(clips, ["b2.mp4", "a1"])] == ["a1", "b2"]
    with pytest.raises(ConfigError, match="no clips named c9 in the list of 3"):
        choose(clips, ["a1", "c9"])


def test_missing_columns_have_defaults(write_list: WriteList) -> None:
    (clip,) = read_clips(write_list("x.mp4,eve", head="clip,person"))
    assert (clip.seconds, clip.source, clip.license_class, clip.may_be_shown) == (1.0, "unknown", "unknown", False)


@pytest.mark.parametrize(
    ("head", "row", "message"),
    [
        ("name,person", "x.mp4,eve", "needs clip and person"),
        ("clip,person", "x.mp4,", "needs clip and person"),
        ("clip,person,seconds", "x.mp4,eve,long", "needs seconds"),
    ],
)
def test_bad_lists_are_refused(write_list: WriteList, head: str, row: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_clips(write_list(row, head=head))


def test_missing_files_are_refused(write_list: WriteList, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*clips\.csv"):
        read_clips(tmp_path)
    folder = write_list("x.mp4,eve", head="clip,person")
    (folder / "x.mp4").unlink()
    with pytest.raises(ConfigError, match="not in the folder"):
        read_clips(folder)
    with pytest.raises(ConfigError, match="names no clip"):
        read_clips(write_list())
