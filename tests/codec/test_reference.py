"""The content token: a picture or levels, within its budget, the same at both ends."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bcdcodec.bitstream.face import join_face, split_face
from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.codec import reference, reference_choice
from bcdcodec.codec.content import decode_content
from bcdcodec.codec.decode.segment import Segment
from bcdcodec.codec.decode.windows import next_warped_windows
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.reference import defer_reference, encode_reference
from bcdcodec.codec.reference_choice import OCCLUSION_PENALTY, central_face, select_reference_frame
from bcdcodec.codec.stills import picture_of_record
from bcdcodec.codec.window import Window
from bcdcodec.errors import BitstreamError, RateError
from bcdcodec.frame import CropBox, Frame
from bcdcodec.model.content import Content
from bcdcodec.video.crop import scale
from bcdcodec.video.landmarks import OPENINGS, POINTS
from bcdcodec.video.still import encode_still

MakeFrames = Callable[[int], list[Frame]]


@pytest.fixture
def pixels(make_frames: MakeFrames) -> np.ndarray:
    return np.stack([scale(frame.pixels, 256, 256) for frame in make_frames(5)])


def with_content(model: CodecModel, **changes: object) -> CodecModel:
    """The same model with another content configuration."""
    config = replace(model.config, content=replace(model.config.content, **changes))
    return replace(model, weights=replace(model.weights, config=config))


def shot_of(model: CodecModel, pixels: np.ndarray, landmarks: np.ndarray | None = None) -> Window:
    """A shot without faces, or with these landmarks."""
    nowhere = np.full((len(pixels), model.config.denoiser.landmarks, 2), np.nan, np.float32)
    return Window.of_frames(model, pixels, nowhere if landmarks is None else landmarks)


def swaying_face(frames: int) -> np.ndarray:
    """Landmarks that go right by a hundredth of the picture a frame."""
    face = torch.rand(478, 2, generator=torch.Generator().manual_seed(0)) * 0.4 + 0.2
    return (face + 0.01 * torch.arange(frames)[:, None, None] * torch.tensor([1.0, 0.0])).numpy()


def round_trip(model: CodecModel, pixels: np.ndarray, bits: int) -> tuple[ContentCoding, bytes, Content]:
    found = encode_reference(model, shot_of(model, pixels), picture_bits=bits)
    return found.coding, found.data, decode_content(model, found.coding, found.data)


def test_a_picture_is_one_of_the_frames(model: CodecModel, pixels: np.ndarray) -> None:
    coding, data, content = round_trip(model, pixels, 60_000)
    assert coding is ContentCoding.PICTURE and 8 * len(data) <= 60_000
    assert content.picture is not None and model.vae is not None
    shown = ((content.picture + 1) * 127.5).permute(1, 2, 0).numpy()
    errors = [float(np.abs(shown - frame).mean()) for frame in pixels]
    assert min(errors) < 8 < sorted(errors)[1]
    torch.testing.assert_close(content.map, model.vae.encode(content.picture[None])[0])


def test_the_picture_is_one_that_the_others_are_told_from(model: CodecModel, pixels: np.ndarray) -> None:
    # Every place of the odd one, in shots that are shorter and longer than there are candidates.
    strange = np.ascontiguousarray(255 - pixels[0].transpose(1, 0, 2))
    for frames, odd in ((2, 0), (9, 0), (9, 4), (9, 8), (40, 0), (40, 39)):
        shot = pixels[np.arange(frames) % len(pixels)]
        shot[odd] = strange
        chosen = select_reference_frame(model, shot_of(model, shot))
        assert 0 <= chosen < frames and (chosen != odd or frames == 2)
    assert select_reference_frame(model, shot_of(model, pixels[:1])) == 0


def test_open_eyes_do_not_make_up_for_a_frame_that_tells_the_others_worse(
    model: CodecModel, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = pixels[np.arange(9) % len(pixels)]
    shot[4] = 255 - pixels[0].transpose(1, 0, 2)

    def chosen(close: float) -> int:
        opened = iter([0.0 if number == 4 else 50.0 for number in range(9)])
        monkeypatch.setattr(reference_choice, "_hidden_aperture", lambda model, codes: next(opened))
        monkeypatch.setattr(reference_choice, "COST_TOLERANCE", close)
        return select_reference_frame(model, shot_of(model, shot))

    assert chosen(reference_choice.COST_TOLERANCE) != 4
    assert chosen(1e9) == 4


def test_opening_is_told_by_lids_and_lips(model: CodecModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_points(count: int) -> CodecModel:
        config = replace(model.config, denoiser=replace(model.config.denoiser, landmarks=count))
        return replace(model, weights=replace(model.weights, config=config))

    quantizer = model.config.quantizer
    codes = np.zeros((3, quantizer.groups), np.int64)

    def opened(part: str, side: int, by: float) -> float:
        moved = torch.zeros(1, 3, POINTS, 2)
        moved[..., [pair[side] for pair in OPENINGS[part]], 1] = by
        monkeypatch.setattr(type(model.bcd), "landmark_displacements", lambda self, m_hat: moved)
        return float(reference_choice._hidden_aperture(with_points(POINTS), codes))

    assert opened("eyes", 1, 0.01) == pytest.approx(0.01 * OCCLUSION_PENALTY["eyes"])  # lower lids went down
    assert opened("eyes", 0, 0.01) == pytest.approx(-0.01 * OCCLUSION_PENALTY["eyes"])  # upper lids did
    assert opened("mouth", 1, 0.02) == pytest.approx(0.02 * OCCLUSION_PENALTY["mouth"])
    assert float(reference_choice._hidden_aperture(with_points(5), codes)) == 0  # no mesh


def test_of_two_pictures_the_one_with_open_eyes_is_taken(
    model: CodecModel, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = shot_of(model, pixels[[0, 1]])
    taken = []
    for favored in (0, 1):
        further = iter([0.0 if number == favored else 50.0 for number in (0, 1)])  # one window a candidate
        monkeypatch.setattr(reference_choice, "_hidden_aperture", lambda model, codes, further=further: next(further))
        monkeypatch.setattr(reference_choice, "COST_TOLERANCE", 1e9)  # both are close
        taken.append(select_reference_frame(model, shot))
    assert taken == [0, 1]


def test_the_central_face_is_nearest_to_the_mean(model: CodecModel, pixels: np.ndarray) -> None:
    landmarks = np.zeros((len(pixels), 478, 2)) + np.linspace(0.2, 0.6, len(pixels))[:, None, None]
    assert central_face(shot_of(model, pixels, landmarks)) == len(pixels) // 2
    landmarks[len(pixels) // 2, 0] = np.nan
    assert central_face(shot_of(model, pixels, landmarks)) in (len(pixels) // 2 - 1, len(pixels) // 2 + 1)
    assert central_face(shot_of(model, pixels, np.full_like(landmarks, np.nan))) is None


def test_the_central_frame_can_be_asked_for(
    model: CodecModel, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = shot_of(model, pixels)
    latents = shot.latents[:]
    central = int(np.square(latents - latents.mean(0)).sum((1, 2, 3)).argmin())
    monkeypatch.setattr(reference, "select_reference_frame", None)
    data = encode_reference(model, shot, picture_bits=60_000, central=True).data
    assert data == encode_still(pixels[central], budget_bits=60_000)


def test_a_small_budget_costs_detail_then_is_refused(model: CodecModel, pixels: np.ndarray) -> None:
    mosaic = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    with pytest.raises(RateError):
        encode_still(mosaic[0], budget_bits=4000)
    _, data, _ = round_trip(model, mosaic, 4000)
    assert 8 * len(data) <= 4000
    with pytest.raises(RateError, match="budget is 100"):
        round_trip(model, pixels, 100)


def test_levels_give_the_map_and_its_picture(model: CodecModel, pixels: np.ndarray) -> None:
    levels = with_content(model, picture_bits=0)
    coding, data, content = round_trip(levels, pixels, 0)
    assert coding is ContentCoding.LEVELS
    step, top = model.config.content.step, model.config.content.max_level
    steps = content.map / step
    torch.testing.assert_close(steps, steps.round())
    assert steps.abs().max() <= top and content.picture is not None and content.picture.shape == (3, 256, 256)
    # What a stream says counts, not what the model would have written.
    again = decode_content(model, coding, data)
    assert torch.equal(again.map, content.map)


def test_a_deferred_reference_is_coded_when_its_content_is_asked_for(
    model: CodecModel, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = shot_of(model, pixels, swaying_face(len(pixels)))
    coded = encode_reference(model, shot, picture_bits=60_000, frame=2)
    searches = list[object]()

    class Counted(reference.PictureSearch):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            searches.append(args)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(reference, "PictureSearch", Counted)
    deferred = defer_reference(model, shot, picture_bits=60_000, frame=2, central=False)
    assert np.array_equal(deferred.face, coded.face) and not searches
    for _ in range(2):
        assert deferred.content.picture is not None and coded.content.picture is not None
        assert torch.equal(deferred.content.picture, coded.content.picture)
        assert torch.equal(deferred.content.map, coded.content.map)
    assert len(searches) == 1


def test_a_face_brings_its_landmarks(model: CodecModel, pixels: np.ndarray) -> None:
    shot = shot_of(model, pixels, swaying_face(len(pixels)))
    found = encode_reference(model, shot, picture_bits=60_000)
    assert found.coding is ContentCoding.FACE and found.content.landmarks is not None
    assert (shot.landmarks == found.face).all((1, 2)).sum() == 1
    face = torch.from_numpy(found.face)
    assert (found.content.landmarks - face).norm(dim=-1).mean() < 0.5  # of a shape model of other faces
    assert (found.content.landmarks.mean(0) - face.mean(0)).abs().max() < 0.01
    coded, still = split_face(found.data)
    plain = decode_content(model, ContentCoding.PICTURE, still)
    assert torch.equal(found.content.map, plain.map)
    assert plain.landmarks is not None and plain.landmarks.isnan().all()
    for data in (still, b"", join_face(coded, b""), join_face(coded, still)[:-1], join_face(coded + b"!", still)):
        with pytest.raises(BitstreamError):
            decode_content(model, ContentCoding.FACE, data)


def test_a_reference_shows_a_face_where_some_frame_does(model: CodecModel, pixels: np.ndarray) -> None:
    landmarks = swaying_face(len(pixels))
    landmarks[[0, 1, 3, 4]] = np.nan
    assert select_reference_frame(model, shot_of(model, pixels, landmarks)) == 2


def test_landmarks_of_another_kind_of_model_are_refused(model: CodecModel, pixels: np.ndarray) -> None:
    data = encode_reference(model, shot_of(model, pixels, swaying_face(len(pixels))), picture_bits=60_000).data
    without = replace(model, tables=replace(model.tables, landmarks=None))
    with pytest.raises(BitstreamError, match="which model tiny does not code"):
        decode_content(without, ContentCoding.FACE, data)


def test_pictures_of_another_size_and_garbage_are_refused(model: CodecModel, pixels: np.ndarray) -> None:
    small = encode_still(scale(pixels[0], 64, 64), budget_bits=60_000)
    with pytest.raises(BitstreamError, match="64x64, its model needs 256"):
        decode_content(model, ContentCoding.PICTURE, small)
    with pytest.raises(BitstreamError, match="content picture: "):
        decode_content(model, ContentCoding.PICTURE, small[:-1])


def test_content_of_levels_has_no_face_and_stacks_with_one_that_has(model: CodecModel, pixels: np.ndarray) -> None:
    shot = shot_of(model, pixels, swaying_face(len(pixels)))
    faced = encode_reference(model, shot, picture_bits=60_000).content
    levels = encode_reference(with_content(model, picture_bits=0), shot, picture_bits=0).content
    assert levels.landmarks is not None and levels.landmarks.isnan().all()
    box = CropBox(x=0, y=0, size=256)
    motion = torch.randn(2, 3, model.config.quantizer.groups * model.config.quantizer.dims)

    def decode(*parts: tuple[Content, torch.Tensor]) -> list[np.ndarray]:
        segments = [Segment(content, box, 10 * index, codes.numpy()) for index, (content, codes) in enumerate(parts)]
        return [item.pixels for item in next_warped_windows(model.networks, segments, window_frames=4)]

    together = decode((faced, motion[0]), (levels, motion[1]))
    alone = decode((faced, motion[0])) + decode((levels, motion[1]))
    for found, expected in zip(together, alone, strict=True):
        assert np.abs(found.astype(int) - expected).max() <= 1


def test_landmarks_with_both_eyes_in_one_place_are_decoded(model: CodecModel, pixels: np.ndarray) -> None:
    found = encode_reference(model, shot_of(model, pixels, swaying_face(len(pixels))), picture_bits=60_000).content
    assert found.landmarks is not None
    broken = found.landmarks.clone()
    broken[263] = broken[33]
    motion = torch.randn(2, model.config.quantizer.groups * model.config.quantizer.dims)
    content = Content(found.map[None], None if found.picture is None else found.picture[None], broken[None])
    shown = model.bcd.warp_references(content, motion[None], None).pictures
    assert shown is not None and shown.isfinite().all()


def test_a_record_shows_its_picture_without_a_model(model: CodecModel, pixels: np.ndarray) -> None:
    still = encode_still(pixels[0], budget_bits=20_000)
    coding, data, content = round_trip(model, pixels, 60_000)
    assert content.picture is not None
    shown = ((content.picture + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert np.array_equal(picture_of_record(record_of(coding, data)), shown)
    face = join_face(b"landmarks", still)
    plain = picture_of_record(record_of(ContentCoding.PICTURE, still))
    assert np.array_equal(picture_of_record(record_of(ContentCoding.FACE, face)), plain)
    with pytest.raises(BitstreamError, match="levels"):
        picture_of_record(record_of(ContentCoding.LEVELS, b"\0"))
    with pytest.raises(BitstreamError, match="content picture"):
        picture_of_record(record_of(ContentCoding.PICTURE, b"\x12"))


def record_of(coding: ContentCoding, data: bytes) -> ContentRecord:
    return ContentRecord(x=0, y=0, size=256, coding=coding, data=data)
