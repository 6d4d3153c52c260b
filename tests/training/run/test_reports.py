"""What a run leaves to look at: lines, curves, sheets."""

import json
from pathlib import Path

import av
import numpy as np
import torch
from tensorboardX.proto.event_pb2 import Event

from bcdcodec.training.objective.losses import LossReport
from bcdcodec.training.run.reports import RunReports


def report(loss: float) -> LossReport:
    value = torch.tensor(loss)
    return LossReport(value, value, value, value, torch.full((4,), 2.5), torch.tensor(7.0))


def events(folder: Path) -> list[Event]:
    """Records of TensorBoard's files: u64 length, u32 checksum, the event, u32 checksum."""
    found = []
    for path in sorted(folder.glob("events.*")):
        data = path.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            found.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


def test_lines_and_curves_say_the_same(tmp_path: Path) -> None:
    reports = RunReports(tmp_path, first=0)
    for step, loss in ((10, 3.0), (20, 2.0)):
        reports.write(step, report(loss), {"true": loss / 2, "none": 9.0})
    reports.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"], line["bits_per_code"]) for line in lines] == [(10, 3.0, 2.5), (20, 2.0, 2.5)]
    curves = [
        (event.step, value.tag, value.simple_value)
        for event in events(tmp_path / "tensorboard")
        for value in event.summary.value
    ]
    assert {(10, "loss", 3.0), (20, "loss", 2.0), (20, "probe/true", 1.0), (20, "used_codes", 7.0)} <= set(curves)


def test_a_sheet_is_a_picture_and_in_the_curves(tmp_path: Path) -> None:
    sheet = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    reports = RunReports(tmp_path, first=0)
    reports.write_sheet(1000, sheet)
    reports.close()
    with av.open(str(tmp_path / "sheets/step-0001000.png")) as media:
        assert np.array_equal(next(media.decode(video=0)).to_ndarray(format="rgb24"), sheet)
    images = [v.image for event in events(tmp_path / "tensorboard") for v in event.summary.value if v.HasField("image")]
    assert [(image.height, image.width) for image in images] == [(30, 40)]


def test_a_run_that_goes_on_leaves_out_what_it_will_say_again(tmp_path: Path) -> None:
    reports = RunReports(tmp_path, first=0)
    for step in (10, 20, 30):
        reports.write(step, report(float(step)), {})
    reports.close()
    again = RunReports(tmp_path, first=20)
    again.write(30, report(31.0), {})
    again.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == [(10, 10.0), (20, 20.0), (30, 31.0)]
    assert 21 in [event.step for event in events(tmp_path / "tensorboard") if event.HasField("session_log")]
