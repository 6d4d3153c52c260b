"""Which pictures a file gets, and which of them each packet is made from."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bcdcodec.bitstream.packet import MotionPayload
from bcdcodec.bitstream.records import MAX_REFERENCES
from bcdcodec.codec.encode import references
from bcdcodec.codec.encode.cropped_frame import FrameCropper
from bcdcodec.codec.encode.encoder import Encoder
from bcdcodec.codec.encode.expected_loss import coding_loss
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.references import (
    ReferenceSurvey,
    assign,
    choose_pictures,
    near_candidates,
    superfluous,
)
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.frame import Frame
from bcdcodec.ratecontrol.tuning import RateTuning

MakeFrames = Callable[[int], list[Frame]]
#: Two frames that each serve one half of a segment of eight packets, and one that serves both badly.
HALVES = np.array([[0.05] * 4 + [0.5] * 4, [0.5] * 4 + [0.05] * 4, [0.2] * 8])


def test_bits_decide_between_one_picture_and_several() -> None:
    assert [row for row, _ in choose_pictures(HALVES, kept=0, bits=60_000, most=4)] == [0, 1]
    assert [row for row, _ in choose_pictures(HALVES, kept=0, bits=6000, most=4)] == [2]
    assert [row for row, _ in choose_pictures(HALVES, kept=0, bits=60_000, most=1)] == [2]
    losses = [coding_loss(bits) for bits in (9000, 17_000, 27_000)]
    assert losses == pytest.approx([0.0584, 0.0242, 0.0120], rel=0.06)


def test_candidates_of_rough_losses_are_those_taken_and_their_next_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "NEAR_EACH", 2)
    kept = np.full((1, 8), 0.6)
    losses = np.concatenate([kept, HALVES, [[0.06] * 4 + [0.5] * 4], [[0.5] * 4 + [0.07] * 4], [[0.55] * 8]])
    assert near_candidates(losses, kept=1, bits=60_000, most=4) == [1, 2, 4, 5]
    assert near_candidates(losses[:4], kept=1, bits=6000, most=1) == [1, 3]
    assert near_candidates(losses, kept=1, bits=6000, most=0) == []


def test_pictures_come_evenly_and_serve_only_what_follows() -> None:
    picks = choose_pictures(HALVES[:2], kept=0, bits=60_000, most=4)
    assert picks == [(0, 0), (1, 4)]
    assert assign(HALVES[:2], kept=0, picks=picks) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_kept_reference_comes_back_where_it_is_best() -> None:
    errors = np.array([[0.5, 0.5, 0.05, 0.5], [0.1, 0.1, 0.1, 0.1]])
    assert assign(errors, kept=1, picks=[(1, 0)]) == [1, 1, 0, 1]


def test_a_reference_stays_in_force_where_another_is_hardly_better() -> None:
    assert assign(np.array([[0.1, 0.1, 0.1], [0.2, 0.098, 0.05]]), kept=2, picks=[]) == [0, 0, 1]


def test_every_segment_sends_a_picture() -> None:
    """Though those that are there would do as well, or better; where they are much better only one packet uses it."""
    assert assign(np.array([[0.1, 0.1], [0.101, 0.1]]), kept=1, picks=[(1, 0)]) == [1, 1]
    assert assign(np.array([[0.1, 0.1, 0.1], [0.3, 0.15, 0.3]]), kept=1, picks=[(1, 0)]) == [0, 1, 0]


def test_a_full_shot_makes_room_where_it_is_missed_least() -> None:
    losses = np.array([[0.5, 0.5, 0.5], [0.1, 0.5, 0.5], [0.5, 0.1, 0.5], [0.11, 0.5, 0.05], [0.05, 0.5, 0.5]])
    assert superfluous(losses, 2) == [1, 4]
    assert superfluous(losses, 0) == [] == superfluous(losses, -3)


def test_segments_too_short_for_a_picture_use_those_before() -> None:
    assert choose_pictures(HALVES, kept=1, bits=100.0, most=0) == []


@pytest.fixture
def survey(model: CodecModel) -> Callable[..., ReferenceSurvey]:
    def make(**tuning: int) -> ReferenceSurvey:
        settings = RateTuning(segment_windows=2, **tuning)
        return ReferenceSurvey(model, frame_bits=4000.0, tuning=settings)

    return make


def push(found: ReferenceSurvey, model: CodecModel, frames: list[Frame]) -> None:
    cropper = FrameCropper(model)
    for index, frame in enumerate(frames):
        found.push_cropped(cropper.crop(dataclasses.replace(frame, index=index), None))
    found.flush()


def test_every_packet_names_a_picture_that_was_sent(
    model: CodecModel, survey: Callable[..., ReferenceSurvey], make_frames: MakeFrames
) -> None:
    found, window = survey(), model.config.window_frames
    push(found, model, make_frames(30))
    plan = found.plan
    assert sorted(plan.segments) == [*range(0, 30, 2 * window)] and sorted(plan.used) == [*range(0, 30, window)]
    sent: dict[int, int] = {}
    for packet in sorted(plan.used):
        if packet in plan.pictures:
            picture = plan.pictures[packet]
            assert picture.number == max(sent, default=-1) + 1
            assert not picture.drops or sent.pop(picture.drops) is not None
            sent[picture.number] = picture.frame
        assert plan.used[packet] in sent and len(sent) <= MAX_REFERENCES
    assert plan.pictures[0].number == 0


def test_a_full_shot_drops_what_was_not_used_for_longest(
    model: CodecModel,
    survey: Callable[..., ReferenceSurvey],
    make_frames: MakeFrames,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where every segment needs a picture of its own."""
    monkeypatch.setattr(references, "assign", lambda losses, kept, picks: [picks[0][0]] * losses.shape[1])
    monkeypatch.setattr(references, "CANDIDATES", 1)
    found = survey(max_segment_references=1)
    segment = 2 * model.config.window_frames
    push(found, model, make_frames(11 * segment))
    drops = [found.plan.pictures[start].drops for start in range(0, 11 * segment, segment)]
    assert drops == [0] * MAX_REFERENCES + [1, 2, 3]


def counted(monkeypatch: pytest.MonkeyPatch, method: str) -> list[Any]:
    """What a method of the comparison is called for from now on."""
    shown, compare = list[Any](), getattr(references.WarpComparison, method)

    def count(comparison: references.WarpComparison, first: Any, *others: Any) -> references.Losses:
        shown.append(first)
        losses: references.Losses = compare(comparison, first, *others)
        return losses

    monkeypatch.setattr(references.WarpComparison, method, count)
    return shown


def test_few_pictures_are_compared_by_the_flow_network(
    model: CodecModel,
    survey: Callable[..., ReferenceSurvey],
    make_frames: MakeFrames,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of an end too short for a picture only those that are there."""
    rough, fine = (counted(monkeypatch, method) for method in ("rough_losses", "losses"))
    found, segment = survey(max_segment_references=1), 2 * model.config.window_frames
    push(found, model, make_frames(segment + 1))
    assert len(found.plan.pictures) == 1
    assert len(rough) == min(segment, references.CANDIDATES) + 1
    assert len(fine) == references.NEAR_EACH + 1


def test_a_new_shot_begins_to_number_again(
    model: CodecModel, survey: Callable[..., ReferenceSurvey], make_frames: MakeFrames
) -> None:
    found, cropper = survey(), FrameCropper(model)
    frames = make_frames(20)
    for frame in frames[:12]:
        found.push_cropped(cropper.crop(frame, None))
    found.new_shot()
    for frame in frames[12:]:
        found.push_cropped(cropper.crop(frame, None))
    found.flush()
    assert found.plan.pictures[12].number == 0 and 12 in found.plan.segments


def test_the_stream_has_the_planned_pictures(
    model: CodecModel, survey: Callable[..., ReferenceSurvey], make_frames: MakeFrames
) -> None:
    found = survey()
    frames = make_frames(20)
    push(found, model, frames)
    settings = EncodeSettings(bitrate=None, packet_windows=1)
    plan = dataclasses.replace(EncodePlan.of_settings(model, settings), references=found.plan)
    encoder = Encoder(model, settings, plan)
    packets = [packet for frame in frames for packet in encoder.push(frame)] + encoder.flush()
    records = [packet.record() for packet in packets]
    named = [record.reference for record in records if isinstance(record, MotionPayload)]
    assert named == [found.plan.used[start] for start in range(0, 20, model.config.window_frames)]
