"""Coding of the landmarks of a face (spec section 7.3): pose in fields of fixed length, shape in principal components.

    encoder: points -> quantised pose -> points in the pose's frame, less the mean shape -> levels of the components
    decoder: (mean + sum of level * component), turned by the roll, times the size, plus the centre

The shape is projected in the frame of the quantised pose, so that it takes up most of the pose's error. Decoding is
integer arithmetic: encoder and decoder agree on every position on every machine.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.entropy.rangecoder import RangeReader, RangeWriter, row_probabilities
from bcdcodec.entropy.tables import LANDMARKS, MAX_COMPONENTS, MAX_SHAPE, Ints, LandmarkTables, Rows, fit_rows
from bcdcodec.errors import BitstreamError, WeightsError

#: Positions are in 64ths of a pixel; centre and size of the pose in steps of 1/8 pixel.
SUBPIXELS, POSE_STEPS = 64, 8
#: Bits of centre x, centre y, size and roll: 6 bytes.
POSE_BITS = (13, 13, 12, 10)
POSE_BYTES = sum(POSE_BITS) // 8
#: Centre of field 0, in steps: -384 pixels. Fields reach as far beyond a picture of 256 pixels on either side.
FIRST_CENTER = -384 * POSE_STEPS
ROLL_STEPS = 1 << POSE_BITS[3]
#: Fractional bits of shapes, of the share of the pose (LandmarkTables), and of sines.
SHAPE_BITS, SHARE_BITS, SINE_BITS = 20, 16, 14
SINES = np.array([round(2**SINE_BITS * math.sin(2 * math.pi * step / ROLL_STEPS)) for step in range(ROLL_STEPS)])
#: Outer corners of the right and left eye, whose line gives the roll.
RIGHT_EYE, LEFT_EYE = 33, 263
#: Defaults of the fit. Fitted to 134 people with an emphasis of 2 for the mouth and 2.5 for lids and irises, they took
#: 222 bits for faces of 26 others, with a mean error of 0.31% of the distance between the eyes; steps of 0.05 and 0.08
#: took 240 and 194 bits for 0.28% and 0.38%, 64 components 215 bits for 0.32%. The largest level was 154.
COMPONENTS, STEP, MAX_LEVEL = 80, 0.06, 255
#: Share of each row that is a heavy-tailed distribution around level 0, and its width in mean magnitudes of the levels:
#: people who are not in the training data have levels that none of it has.
_TAIL_SHARE, _TAIL_WIDTH = 0.4, 2.0

Points = NDArray[np.float64]


def encode_landmarks(points: NDArray[Any], tables: LandmarkTables) -> bytes:
    """Encode positions float [LANDMARKS, 2], x and y in pixels of the model's picture, at most 1 KiB.

    Levels are clipped to the alphabet: shapes far from those of `tables` are approximated. BitstreamError for points
    that are not finite and for faces whose pose the fields do not hold.
    """
    fields = _quantize_pose(_check_points(points))
    shape = _shape_in_frame(np.asarray(points, np.float64), fields)
    levels = _project(shape[None], tables.mean, tables.basis, max_level=tables.max_level)[0]
    return _pack_pose(fields) + _encode_shape(levels, tables)


def decode_landmarks(data: bytes, tables: LandmarkTables) -> Ints:
    """Decode positions int32 [LANDMARKS, 2] in 64ths of a pixel; they may lie outside the picture, within +-2**24.

    BitstreamError for bytes that `encode_landmarks` would not have written.
    """
    if len(data) < POSE_BYTES:
        raise BitstreamError(f"landmarks are {len(data)} bytes, need at least {POSE_BYTES}")
    pose, code = data[:POSE_BYTES], data[POSE_BYTES:]
    levels = RangeReader(code).take(row_probabilities(tables.rows)) - np.int32(tables.max_level)
    # The range coder accepts several byte strings for the same levels; only the encoder's own is valid (spec 6.4).
    if _encode_shape(levels, tables) != code:
        raise BitstreamError(f"landmarks of {len(data)} bytes are not what the encoder writes for their levels")
    shape = tables.mean + np.tensordot(levels.astype(np.int64), tables.basis.astype(np.int64), axes=1)
    return _place(shape, _unpack_pose(pose))


def fit_landmark_tables(
    meshes: NDArray[Any],
    *,
    people: NDArray[Any] | None = None,
    emphasis: NDArray[Any] | None = None,
    components: int = COMPONENTS,
    step: float = STEP,
    max_level: int = MAX_LEVEL,
) -> LandmarkTables:
    """Fit the shape model to faces float [N, LANDMARKS, 2] in pixels, about as many of each person.

    people: who each face is, [N]; without it the tables have no share of the pose. emphasis: positive weight of each
    landmark in the principal components, [LANDMARKS]; equal without it. step: of all levels, in sizes of the face,
    for a component that is one coordinate of a landmark of emphasis 1. WeightsError for fewer faces than components or
    components whose shapes are too large; BitstreamError as `encode_landmarks`.
    """
    if meshes.ndim != 3 or not 1 <= components <= min(MAX_COMPONENTS, len(meshes)):
        raise WeightsError(
            f"{components} components of meshes {meshes.shape}, allowed are {MAX_COMPONENTS} and one a face"
        )
    checked = [_check_points(mesh) for mesh in meshes]
    shapes = np.stack([_shape_in_frame(mesh, _quantize_pose(mesh)) for mesh in checked])
    mean = np.round(shapes.mean(axis=0)).astype(np.int32)
    weights = np.repeat(np.ones(LANDMARKS) if emphasis is None else np.asarray(emphasis, np.float64), 2)
    deviations = (shapes - mean).reshape(len(shapes), -1) * weights
    # One step for all components of the weighted shapes, as for any orthogonal transform at high rate.
    _, vectors = np.linalg.eigh(deviations.T @ deviations)
    steps = vectors[:, : -components - 1 : -1].T / weights * (step * (1 << SHAPE_BITS))
    if np.abs(steps).max() > MAX_SHAPE:
        raise WeightsError(f"step {step} makes components of {np.abs(steps).max():.0f} units, allowed are {MAX_SHAPE}")
    basis = np.round(steps).reshape(components, LANDMARKS, 2).astype(np.int32)
    levels = _project(shapes, mean, basis, max_level=max_level)
    share = None if people is None else _fit_pose_share(levels, people)
    return LandmarkTables(mean=mean, basis=basis, rows=_fit_rows(levels, max_level), pose_share=share)


def pose_difference(face: NDArray[Any], other: NDArray[Any], tables: LandmarkTables) -> Points:
    """What a face would have to move by to take the pose and expression of another one, of another person perhaps.

    face, other: float [LANDMARKS, 2], in any unit. Returns [LANDMARKS, 2] in sizes of the face, with its eyes level;
    roll, size and place are no part of it. Zero for tables without a share of the pose.
    """
    if tables.pose_share is None:
        return np.zeros((LANDMARKS, 2))
    levels = _fit_levels(np.stack([_upright(face), _upright(other)]), tables.mean, tables.basis)
    moved = tables.pose_share / (1 << SHARE_BITS) @ (levels[1] - levels[0])
    return np.tensordot(moved, tables.basis, axes=1) / (1 << SHAPE_BITS)


def _fit_pose_share(levels: Ints, people: NDArray[Any]) -> Ints:
    """The estimator of least squared error of a Gaussian model, in units of 2**-SHARE_BITS: levels differ by what the
    faces of one person differ by, by what people differ by, and by rounding.
    """
    names, rows = np.unique(people, return_inverse=True)
    own = np.stack([levels[people == name].mean(0) for name in names])[rows]
    within, between = np.cov((levels - own).T), np.cov(own.T)
    # Most clips show their person from one side, which is no part of them: what moves the faces of one person most, a
    # turn or a nod, is all pose.
    turn = np.linalg.eigh(within)[1][:, -1]
    others = np.eye(len(turn)) - np.outer(turn, turn)
    rounding = np.eye(len(turn)) / 6
    share = within @ np.linalg.inv(within + others @ between @ others + rounding)
    units: Ints = np.round(share * (1 << SHARE_BITS)).astype(np.int32)
    return units


def _fit_rows(levels: Ints, max_level: int) -> Rows:
    """Rows of each component's histogram with a heavy tail, from levels [N, K]."""
    alphabet = np.arange(-max_level, max_level + 1)
    histograms = np.stack([(levels == level).mean(axis=0) for level in alphabet], axis=1)  # [K, symbols]
    widths = _TAIL_WIDTH * (np.abs(levels).mean(axis=0) + 0.1)
    tails = 1 / (1 + (np.abs(alphabet) / widths[:, None]) ** 3)
    tails /= tails.sum(axis=1, keepdims=True)
    blended = (1 - _TAIL_SHARE) * histograms + _TAIL_SHARE * tails
    return fit_rows(np.round(blended * (1 << 30)).astype(np.int64))


def _encode_shape(levels: Ints, tables: LandmarkTables) -> bytes:
    writer = RangeWriter()
    writer.put(levels + np.int32(tables.max_level), row_probabilities(tables.rows))
    return writer.finish()


def _place(shape: NDArray[np.int64], fields: tuple[int, ...]) -> Ints:
    """Positions int32 [L, 2] in 64ths of a pixel from a shape [L, 2]: turned, scaled and moved with one rounding."""
    scale = SUBPIXELS // POSE_STEPS
    center = (np.array(fields[:2], np.int64) + FIRST_CENTER) * scale
    size, sine, cosine = (fields[2] + 1) * scale, SINES[fields[3]], SINES[(fields[3] + ROLL_STEPS // 4) % ROLL_STEPS]
    x, y = shape[:, 0], shape[:, 1]
    turned = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1)
    shift = SHAPE_BITS + SINE_BITS
    positions: Ints = (center + (size * turned + (1 << shift - 1) >> shift)).astype(np.int32)
    return positions


def _quantize_pose(points: Points) -> tuple[int, ...]:
    """Fields of the pose of points."""
    center, size, roll = _pose(points)
    x, y = (round(float(value) * POSE_STEPS) - FIRST_CENTER for value in center)
    fields = (x, y, round(size * POSE_STEPS) - 1, round(roll / math.tau * ROLL_STEPS) % ROLL_STEPS)
    if not all(0 <= field < 1 << bits for field, bits in zip(fields, POSE_BITS, strict=True)):
        first, last = FIRST_CENTER / POSE_STEPS, (FIRST_CENTER + (1 << POSE_BITS[0]) - 1) / POSE_STEPS
        raise BitstreamError(
            f"face of size {size:.2f} at ({center[0]:.1f}, {center[1]:.1f}), allowed are sizes of {1 / POSE_STEPS} to "
            f"{2 ** POSE_BITS[2] / POSE_STEPS:g} and centres at {first:g} to {last:g} pixels"
        )
    return fields


def _pack_pose(fields: tuple[int, ...]) -> bytes:
    value = 0
    for field, bits in zip(fields, POSE_BITS, strict=True):
        value = value << bits | field
    return value.to_bytes(POSE_BYTES, "big")


def _unpack_pose(data: bytes) -> tuple[int, ...]:
    value, fields = int.from_bytes(data, "big"), list[int]()
    for bits in reversed(POSE_BITS):
        fields.insert(0, value & (1 << bits) - 1)
        value >>= bits
    return tuple(fields)


def _shape_in_frame(points: Points, fields: tuple[int, ...]) -> Points:
    """Inverse of `_place` in floating point: the shape [L, 2], in units of the tables, of points in pixels."""
    center = (np.array(fields[:2]) + FIRST_CENTER) / POSE_STEPS
    return _posed(points, center, (fields[2] + 1) / POSE_STEPS, math.tau * fields[3] / ROLL_STEPS)


def _pose(points: Points) -> tuple[Points, float, float]:
    """Centre (mean of the points), size (RMS distance from it) and roll (of the line of eyes)."""
    center = points.mean(axis=0)
    across, down = points[LEFT_EYE] - points[RIGHT_EYE]
    return center, math.sqrt(((points - center) ** 2).sum(axis=1).mean()), math.atan2(down, across)


def _posed(points: Points, center: Points, size: float, roll: float) -> Points:
    """The shape [L, 2], in units of the tables, of points in a pose."""
    turn = np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])
    return np.asarray((points - center) @ turn * ((1 << SHAPE_BITS) / size))


def _project(shapes: Points, mean: Ints, basis: Ints, *, max_level: int) -> Ints:
    """Levels [N, K] of shapes [N, L, 2]: least squares, rounded and clipped."""
    return np.clip(np.round(_fit_levels(shapes, mean, basis)), -max_level, max_level).astype(np.int32)


def _fit_levels(shapes: Points, mean: Ints, basis: Ints) -> Points:
    """Levels of shapes before rounding."""
    deviations = (shapes - mean).reshape(len(shapes), -1)
    levels = np.linalg.lstsq(basis.reshape(len(basis), -1).T.astype(np.float64), deviations.T, rcond=None)[0].T
    return np.asarray(levels)


def _upright(points: NDArray[Any]) -> Points:
    """The shape of a face [L, 2], in units of the tables, from its exact pose."""
    checked = _check_points(points)
    return _posed(checked, *_pose(checked))


def _check_points(points: NDArray[Any]) -> Points:
    if points.shape != (LANDMARKS, 2) or points.dtype.kind != "f" or not np.isfinite(points).all():
        raise BitstreamError(f"landmarks are {points.dtype} {points.shape}, need finite floats {(LANDMARKS, 2)}")
    return points.astype(np.float64)
