"""The study: finished measurements are kept, damage of its inputs is an error, pictures show what was generated."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.main import build_parser
from bcdcodec.cli.options import call_with
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import BcdError, ConfigError
from bcdcodec.motion.data import save_streams
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.sampling import GREEDY, Picking
from bcdcodec.studies.generation import study
from bcdcodec.studies.generation.pictures import CODES, SHEET, write_pictures
from bcdcodec.training.data.code_streams import CodeStream

Make = Callable[..., list[CodeStream]]


def parse(*line: object) -> study.Request:
    """The request of a command line."""
    options = build_parser().parse_args(["bench", "generation", *map(str, line)])
    return call_with(study.Request, options)


@pytest.fixture
def line(tmp_path: Path, tiny_weights: Path, motion_file: Path, make_streams: Make) -> list[object]:
    """A folder of two clips that nobody may publish, and streams of training."""
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "clips.csv").write_text("clip,person\na.mp4,amy\nb.mp4,bob\n")
    for name in ("a.mp4", "b.mp4"):
        (clips / name).touch()
    save_streams(tmp_path / "streams.safetensors", make_streams())
    return [
        clips,
        *("--learned", tmp_path / "streams.safetensors", "--weights", tiny_weights, "--motion-weights", motion_file),
        *("--work", tmp_path / "work", "--out", tmp_path / "docs", "--decoded", "2"),
    ]


def test_finished_measurements_are_kept_until_an_input_changes(
    line: list[object], tmp_path: Path, make_streams: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    statistics = dict.fromkeys(("speed", "spread", "blinks", "mouth_openings", "diversity", "distance"), 1.0)
    score = {"error": 1.0, "flicker": 2.0, "against_first": {"mean": 0.0, "low": 0.0, "high": 0.0}}
    results: dict[str, Any] = {
        "measure_entropy": {"order 0": 9.0},
        "measure_generated": {"sequences": 2, "frames": 50, "sets": {"real": statistics}},
        "conceal_all": {"8": {"5% random": {"gaps": 1, "results": {"hold": score}}}},
        "measure_decoded": {"landmark_distance": {"hold": 1.0}, "flicker_levels": {"hold": 2.0}},
    }
    for name, result in results.items():
        monkeypatch.setattr(study, name, lambda *_, name=name, result=result, **__: calls.append(name) or result)
    monkeypatch.setattr(study, "encode_clips", lambda *_: make_streams(2))

    numbers = study.run_study(parse(*line))
    assert sorted(calls) == [
        "conceal_all",
        "measure_decoded",
        "measure_entropy",
        "measure_entropy",
        "measure_generated",
    ]
    assert (numbers["clips"], numbers["people"]) == (2, 2) and "pictures" not in numbers
    assert json.loads((tmp_path / "docs" / study.NUMBERS).read_text()) == numbers
    assert "| order 0 | 9.0 | 9.0 |" in (tmp_path / "docs" / study.PAGE).read_text()

    calls.clear()
    assert study.run_study(parse(*line)) == numbers and calls == []
    save_streams(tmp_path / "streams.safetensors", make_streams(seed=1))
    study.run_study(parse(*line))
    assert len(calls) == 5


def test_a_folder_without_clips_is_refused(line: list[object], tmp_path: Path) -> None:
    (tmp_path / "clips" / "clips.csv").unlink()
    with pytest.raises(ConfigError, match=r"clips\.csv"):
        study.run_study(parse(*line))
    assert not (tmp_path / "docs").exists()


def test_streams_of_training_must_be_readable(line: list[object], tmp_path: Path) -> None:
    (tmp_path / "streams.safetensors").write_bytes(b"none")
    with pytest.raises(BcdError, match="does not hold code streams"):
        study.run_study(parse(*line))


def test_options_have_defaults_and_need_learned_streams(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse("clips", "--learned", "s")
    assert (options.weights, options.decoded, options.out) == ("face", 4, Path("docs"))
    for wrong in (("clips",), ("clips", "--learned", "s", "--decoded", "0")):
        with pytest.raises(SystemExit):
            parse(*wrong)
    assert "--learned" in capsys.readouterr().err


def test_pictures_show_real_and_generated_codes(
    model: CodecModel, gpt: MotionGpt, make_streams: Make, stream_file: Path, tmp_path: Path
) -> None:
    with stream_file.open("rb") as file:
        content = StreamReader(file).header.content
    rows = write_pictures(
        tmp_path / "docs",
        make_streams(1)[0],
        content,
        gpt=gpt,
        model=model,
        samplers={"greedy": GREEDY, "drawn": Picking(temperature=1.0), "more": Picking(temperature=2.0)},
        credit="a: s, CC BY 4.0",
        streams=tmp_path / "work",
    )
    assert rows == ["real", "greedy", "drawn", "more"]
    assert {path.name for path in (tmp_path / "docs").iterdir()} == {CODES, SHEET}
    assert {path.stem for path in (tmp_path / "work").iterdir()} == set(rows)
    assert b"CC BY 4.0" in (tmp_path / "docs" / SHEET).read_bytes()
