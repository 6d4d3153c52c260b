"""Coding of a face's landmarks (spec section 7.3): exact decoding, bounded error, and refusal of anything else."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landmark_kit import COMPONENTS, MAX_LEVEL, synthetic_face, synthetic_tables
from numpy.typing import NDArray

from bcdcodec.bitstream.face import MAX_LANDMARK_BYTES
from bcdcodec.entropy.landmarks import (
    POSE_BYTES,
    SINES,
    decode_landmarks,
    encode_landmarks,
    fit_landmark_tables,
    pose_difference,
)
from bcdcodec.entropy.rangecoder import RangeWriter, row_probabilities
from bcdcodec.entropy.tables import LANDMARKS, MAX_COMPONENTS, LandmarkTables, fit_rows
from bcdcodec.errors import BitstreamError, WeightsError

TABLES = synthetic_tables()
FACE = synthetic_face(TABLES)
FROZEN = bytes.fromhex("7e041b077c00ed06d2cd")
SINES_SHA256 = "a776046b72ec50a186312712e4065b05eaba980074502b920f3cee8a071f311a"
POINTS_SHA256 = "57c864f5b084996c09e2c33e3164b3bfa86306f321353c792e446ed007bd31ae"


def error(points: NDArray[np.float64], tables: LandmarkTables = TABLES) -> float:
    """Largest error of a coded face, in pixels."""
    return float(np.abs(decode_landmarks(encode_landmarks(points, tables), tables) / 64 - points).max())


def test_bytes_and_positions_are_frozen() -> None:
    assert encode_landmarks(FACE, TABLES) == FROZEN
    points = decode_landmarks(FROZEN, TABLES)
    assert points.dtype == np.int32 and points.shape == (LANDMARKS, 2)
    assert hashlib.sha256(points.astype("<i4").tobytes()).hexdigest() == POINTS_SHA256
    assert points[[0, 33, 263, 477]].tolist() == [[12350, 13726], [3948, 10922], [11412, 10922], [12022, 4853]]


def test_sines_are_frozen() -> None:
    # Far from halves, so that the library of no machine rounds one of them otherwise.
    exact = 2**14 * np.sin(2 * np.pi * np.arange(1024) / 1024)
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-4
    assert SINES[[0, 1, 128, 255, 256, 768]].tolist() == [0, 101, 11585, 16384, 16384, -16384]
    assert hashlib.sha256(SINES.astype("<i2").tobytes()).hexdigest() == SINES_SHA256


@pytest.mark.parametrize("float_type", [np.float32, np.float64])
def test_a_face_comes_back(float_type: type[np.floating]) -> None:
    assert error(FACE.astype(float_type)) < 0.02


@pytest.mark.parametrize(
    ("center", "size"),
    [((128.0, 128.0), 4.0), ((-30.5, 40.0), 50.0), ((-380.0, -380.0), 100.0), ((639.0, 639.0), 100.0)],
)
@pytest.mark.parametrize("roll", [0.0, 0.3, -0.3, np.pi / 2, np.pi, -2.0])
def test_rolled_faces_and_faces_outside_the_picture(center: tuple[float, float], size: float, roll: float) -> None:
    # Half a step of the roll, 3 milliradians, at landmarks as far out as 1.5 sizes, and half a step of the size.
    assert error(synthetic_face(TABLES, center=center, size=size, roll=roll)) < 0.005 * size + 0.12


@settings(max_examples=50)
@given(
    st.lists(st.integers(-5, 5), min_size=COMPONENTS, max_size=COMPONENTS),
    st.floats(0, 255),
    st.floats(20, 90),
    st.floats(-np.pi, np.pi),
)
def test_decoding_is_what_the_encoder_meant(levels: list[int], center: float, size: float, roll: float) -> None:
    points = synthetic_face(TABLES, levels=tuple(levels), center=(center, 128), size=size, roll=roll)
    assert error(points) < 0.012 * size + 0.2


def test_a_strange_face_is_clipped_to_the_alphabet() -> None:
    wide = synthetic_face(TABLES, levels=(3 * MAX_LEVEL, 0, 0, 0, 0, 0))
    assert 1 < error(wide) < 60
    # A mesh that was mirrored without exchanging left and right has a roll of half a turn, and no shape of the model.
    mirrored = FACE * [-1, 1] + [256, 0]
    assert 1 < error(mirrored) < 500


@pytest.mark.parametrize(
    "change", [lambda p: p[:-1], lambda p: p[:, :1], lambda p: p.astype(int), lambda p: p * np.nan]
)
def test_other_points_are_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(BitstreamError, match="need finite floats"):
        encode_landmarks(change(FACE), TABLES)


@pytest.mark.parametrize(
    "face",
    [
        synthetic_face(TABLES, center=(-385, 0)),
        synthetic_face(TABLES, center=(0, 640)),
        synthetic_face(TABLES, size=513),
        synthetic_face(TABLES, size=0),
        FACE * 1e30,
    ],
)
def test_poses_beyond_the_fields_are_refused(face: NDArray[np.float64]) -> None:
    with pytest.raises(BitstreamError, match=r"allowed are sizes of 0.125 to 512 and centres at -384 to 639.875"):
        encode_landmarks(face, TABLES)


@pytest.mark.parametrize("size", range(len(FROZEN)))
def test_truncated_bytes_are_refused_or_other_levels(size: int) -> None:
    try:
        assert (decode_landmarks(FROZEN[:size], TABLES) != decode_landmarks(FROZEN, TABLES)).any()
    except BitstreamError:
        pass
    else:
        assert size >= POSE_BYTES


@pytest.mark.parametrize("tail", [b"\0", b"\x01", b"\0\0\0\0", bytes(1 << 16)])
def test_trailing_bytes_are_refused(tail: bytes) -> None:
    with pytest.raises(BitstreamError, match="are not what the encoder writes"):
        decode_landmarks(FROZEN + tail, TABLES)


@given(st.binary(max_size=40))
def test_random_bytes_give_positions_or_an_error(data: bytes) -> None:
    try:
        points = decode_landmarks(data, TABLES)
    except BitstreamError:
        return
    assert points.shape == (LANDMARKS, 2) and np.abs(points).max() < 1 << 24


def test_the_extremes_stay_in_their_bounds() -> None:
    """The most and the widest components that tables may have, all at their largest level."""
    basis = np.full((MAX_COMPONENTS, LANDMARKS, 2), (1 << 28) // MAX_COMPONENTS - 1, np.int32)
    rows = fit_rows(np.array([[1 << 30, 1 << 30, 0]] * MAX_COMPONENTS))
    tables = LandmarkTables(mean=np.zeros((LANDMARKS, 2), np.int32), basis=basis, rows=rows)
    writer = RangeWriter()
    writer.put(np.full(MAX_COMPONENTS, 2, np.int32), row_probabilities(rows))  # level 1, of the least probability
    code = writer.finish()
    assert 500 < POSE_BYTES + len(code) <= MAX_LANDMARK_BYTES
    for pose in (b"\xff" * 6, b"\xff" * 5 + b"\x80", bytes(6)):
        points = decode_landmarks(pose + code, tables).astype(np.int64)
        assert np.abs(points).max() < 1 << 24
    # At a roll of 1/8 turn (128) and a size of 512 pixels: 512 * 64 * 2 * 11585 / 2**14 * 256 sizes downwards.
    pose = ((((3072 << 13) + 3072 << 12) + 4095 << 10) + 128).to_bytes(6, "big")
    x, y = decode_landmarks(pose + code, tables)[0]
    assert x == 0 and abs(y - 512 * 64 * 256 * 2**0.5) < 4000


def faces(count: int, seed: int) -> NDArray[np.float64]:
    """Faces of random levels and poses, whose components are those of the synthetic tables."""
    source = np.random.default_rng(seed)
    return np.stack(
        [
            synthetic_face(
                TABLES,
                levels=tuple(np.round(source.normal(size=COMPONENTS) * 4).astype(int)),
                center=tuple(source.uniform(60, 200, 2)),
                size=source.uniform(30, 60),
                roll=source.uniform(-0.3, 0.3),
            )
            for _ in range(count)
        ]
    )


def test_a_fit_codes_faces_that_it_has_not_seen() -> None:
    tables = fit_landmark_tables(faces(120, 0), components=10, step=0.1, max_level=31)
    assert tables.basis.shape == (10, LANDMARKS, 2) and tables.max_level == 31
    fresh = faces(20, 1)
    coded = [encode_landmarks(face, tables) for face in fresh]
    errors = [
        np.abs(decode_landmarks(data, tables) / 64 - face).mean() for data, face in zip(coded, fresh, strict=True)
    ]
    assert np.mean(errors) < 0.2
    assert np.mean([8 * len(data) for data in coded]) < 120
    finer = fit_landmark_tables(faces(120, 0), components=10, step=0.05, max_level=63)
    assert np.mean([error(face, finer) for face in fresh]) < np.mean([error(face, tables) for face in fresh])


def test_emphasis_lowers_the_error_of_its_landmarks() -> None:
    emphasis = np.ones(LANDMARKS)
    emphasis[100:120] = 4
    training, fresh = faces(120, 0), faces(20, 1)

    def mean_error(tables: LandmarkTables) -> float:
        decoded = np.stack([decode_landmarks(encode_landmarks(face, tables), tables) for face in fresh])
        return float(np.abs(decoded / 64 - fresh)[:, 100:120].mean())

    plain = fit_landmark_tables(training, components=10, step=0.2, max_level=31)
    assert mean_error(fit_landmark_tables(training, emphasis=emphasis, components=10, step=0.2)) < 0.8 * mean_error(
        plain
    )


def test_the_share_of_the_pose_is_what_one_person_varies_in() -> None:
    """People differ in one component, and every one of them moves in another."""
    rng = np.random.default_rng(5)
    people = np.repeat(np.arange(30), 12)
    levels = np.zeros((len(people), COMPONENTS), int)
    levels[:, 0], levels[:, 1] = np.round(8 * rng.normal(size=30))[people], np.round(8 * rng.normal(size=len(people)))
    meshes = np.stack([synthetic_face(TABLES, levels=tuple(row)) for row in levels])
    tables = fit_landmark_tables(meshes, people=people, components=2, step=0.02, max_level=63)
    plain, moved, other = (
        synthetic_face(TABLES, levels=(level, pose, 0, 0, 0, 0), center=(90, 120), size=size, roll=0.2)
        for level, pose, size in ((0, 0, 40), (0, 9, 50), (9, 0, 45))
    )
    of_pose, of_person = pose_difference(plain, moved, tables), pose_difference(plain, other, tables)
    assert np.abs(of_person).max() < 0.2 * np.abs(of_pose).max()
    wanted = 9 * TABLES.basis[1] / (1 << 20)
    assert np.abs(of_pose - wanted).max() < 0.2 * np.abs(wanted).max()
    assert not pose_difference(plain, moved, TABLES).any(), "tables that were fitted without people"


def test_rows_leave_room_for_levels_that_were_not_seen() -> None:
    tables = fit_landmark_tables(faces(40, 0), components=4, step=0.1, max_level=63)
    # A level beyond all of the training's costs less than a symbol of the least probability, 16 bits.
    assert tables.rows[0, [0, -1]].min() > 1


@pytest.mark.parametrize(
    "options",
    [{"components": 0}, {"components": 5}, {"components": 257}, {"step": 1e9}, {"components": 2, "max_level": 0}],
)
def test_other_fits_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(WeightsError):
        fit_landmark_tables(faces(4, 0), **{"components": 4, "max_level": 9, **options})  # type: ignore[arg-type]
