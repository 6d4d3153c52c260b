"""Landmarks that a model holds of each frame of a stream: after its encoder, nearest codes, and codes as sent.

source frames -> windows, as the encoder made them -> motion vectors -> nearest codes
stream        -> codes as sent
all of these  -> `_landmarks` (the model's own reading of them) -> [T, L, 2], interpolated as the decoder does
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.references import read_motion
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.content import content_of_record
from bcdcodec.codec.decode.decoder import check_stream_fits, model_frame_multiplier
from bcdcodec.codec.decode.segment import Segment
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.window import Window, WindowBuilder
from bcdcodec.frame import CropBox, Frame
from bcdcodec.model.content import Content
from bcdcodec.model.landmarks import normalize_displacements, picture_displacements
from bcdcodec.model.vae import to_uint8
from bcdcodec.video.crop import crop
from bcdcodec.video.landmarks import POINTS, landmarks

#: [T, POINTS, 2] in pixels of the model's pictures.
Places = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLandmarks:
    """Landmarks behind every shown frame; a frame that the stream skips has those of the one before.

    placed: of the content in force, where the model places them. reference: those that the mesh's network finds in the
    content's picture, NaN where it finds none. encoder, nearest, sent: their displacements in the frame, after each
    link.
    """

    placed: Places
    reference: Places
    encoder: Places
    nearest: Places
    sent: Places

    def part(self, start: int, stop: int) -> "ModelLandmarks":
        """The frames from `start` to before `stop`."""
        return ModelLandmarks(**{name: getattr(self, name)[start:stop] for name in _NAMES})


_NAMES = tuple(field.name for field in fields(ModelLandmarks))


@dataclass(slots=True)
class _Shot:
    """A reference, the first tick that is made from it, and its runs of codes [n, g] without a key packet inside."""

    start: int
    record: ContentRecord
    runs: list[tuple[int, list[NDArray[np.int32]]]]


@torch.inference_mode()
def model_landmarks(model: CodecModel, stream: Path, source: Iterable[Frame]) -> ModelLandmarks | None:
    """Follow the landmarks of a stream made from `source`, whole frames at the model's rate; None for a model whose
    landmarks are not those of the mesh. ConfigError, BitstreamError for a stream of other weights.
    """
    if model.config.denoiser.landmarks != POINTS or model.bcd.warper is None:
        return None
    shots, multiplier, ticks, groups = _read(model, stream)
    frames, length = iter(source), ticks * multiplier
    places = {name: np.full((length, POINTS, 2), np.nan, np.float32) for name in _NAMES}
    for shot, end in zip(shots, [*(shot.start for shot in shots[1:]), ticks], strict=True):
        coded = _coded_windows(model, frames, shot, (end - shot.start) * multiplier, multiplier)
        if not shot.runs:
            continue
        content = content_of_record(model, shot.record)
        here = slice(shot.start * multiplier, end * multiplier)
        places["reference"][here] = _reference(content)
        motion, nearest = _analyze(model, content, coded, groups)
        for tick, parts in shot.runs:
            codes = torch.from_numpy(np.concatenate(parts).astype(np.int64)).to(model.device)
            run = slice(tick - shot.start, tick - shot.start + len(codes))
            sent = model.bcd.quantizer.lookup(codes[None])[0]
            for name, vectors in (("encoder", motion[run]), ("nearest", nearest[run]), ("sent", sent)):
                placed, moved = _landmarks(model, content, _shown(content, tick, vectors, multiplier))
                places["placed"][here] = placed
                places[name][tick * multiplier :][: len(moved)] = moved
    for name in ("encoder", "nearest", "sent"):
        places[name] = _held(places[name])
    return ModelLandmarks(**places)


def _landmarks(model: CodecModel, content: Content, motion: Tensor) -> tuple[Places, Places]:
    """Landmarks of a content without a batch dimension, [POINTS, 2], and their displacements by motion vectors
    [T, G*D], [T, POINTS, 2].

    The only function here that knows how a model holds landmarks.
    """
    assert content.landmarks is not None, "a model with landmarks has those of its content"
    moved = picture_displacements(model.bcd.landmark_displacements(motion[None]), content.landmarks[None])[0]
    side = model.config.pixels
    first, second = (np.asarray((x * side).cpu().numpy(), np.float32) for x in (content.landmarks, moved))
    return first, second


def _reference(content: Content) -> Places:
    """Landmarks [POINTS, 2] that the mesh's network finds in the content's picture."""
    assert content.picture is not None, "a model with a warper has a picture"
    picture = to_uint8(content.picture).permute(1, 2, 0).contiguous().cpu().numpy()
    mesh = landmarks(Frame(pixels=picture, index=0))
    return np.full((POINTS, 2), np.nan, np.float32) if mesh is None else mesh[:, :2]


def _read(model: CodecModel, stream: Path) -> tuple[list[_Shot], int, int, int]:
    """Stretches of one reference, shown frames a coded one, ticks, and codes a frame."""
    with stream.open("rb") as file:
        reader = StreamReader(file)
        check_stream_fits(reader.header, model)
        coding = reader.header.coding
        coder = model.coder(coding.mode, coding.groups)
        shots = [_Shot(0, reader.header.content, [])]
        for tick, motion, content in read_motion(reader, reader.header.content):
            if content is not shots[-1].record:
                shots.append(_Shot(tick, content, []))
            runs = shots[-1].runs
            if motion.key or not runs or runs[-1][0] + sum(map(len, runs[-1][1])) != tick:
                runs.append((tick, []))
            runs[-1][1].append(coder.decode(motion.codes, motion.frames))
        return shots, model_frame_multiplier(reader.header, model), reader.stats.end_tick, coding.groups


def _coded_windows(
    model: CodecModel, frames: Iterable[Frame], shot: _Shot, count: int, multiplier: int
) -> list[Window]:
    """The windows of the coded ones among the next `count` source frames, as the encoder makes them."""
    box = CropBox(x=shot.record.x, y=shot.record.y, size=shot.record.size)
    builder, windows = WindowBuilder(model), list[Window]()
    for index, frame in zip(range(count), frames, strict=False):
        if index % multiplier == 0:
            builder.push(crop(frame, box, model.config.pixels))
        if len(builder) == model.config.window_frames:
            windows.append(builder.take())
    return windows + ([builder.take()] if len(builder) else [])


def _analyze(model: CodecModel, content: Content, windows: list[Window], groups: int) -> tuple[Tensor, Tensor]:
    """Motion vectors [n, G*D] before quantisation, and the nearest code vectors, of the groups that are sent."""
    bcd, face, motion = model.bcd, _reference_face(content, Window.joined(windows)), []
    for window in windows:
        landmarks, z = (torch.from_numpy(x).to(model.device)[None] for x in (window.landmarks, window.latents[:]))
        moved = normalize_displacements(landmarks, face[None])
        motion.append(bcd.quantizer.normalize(bcd.encoder.motion(z, content.map[None], moved))[0])
    found = torch.cat(motion)
    codes = bcd.quantizer.distances(found[None]).argmin(-1)[..., :groups]
    return found, bcd.quantizer.lookup(codes)[0]


def _reference_face(content: Content, shot: Window) -> Tensor:
    """Unquantised landmarks of the reference [POINTS, 2], which the stream does not say: those of the frame of the shot
    that are nearest to the content's; NaN where that shows no face.
    """
    assert content.landmarks is not None, "a model with landmarks has those of its content"
    if not content.landmarks.isfinite().all():
        return content.landmarks
    landmarks = torch.from_numpy(shot.landmarks).to(content.landmarks)
    distance = (landmarks - content.landmarks).square().sum((1, 2))
    return landmarks[int(distance.nan_to_num(torch.inf).argmin())]


def _shown(content: Content, tick: int, motion: Tensor, multiplier: int) -> Tensor:
    """Motion of the shown frames from that of the coded ones of a run, interpolated by the decoder's own code."""
    box = CropBox(x=0, y=0, size=1)
    shown = Segment(content, box, tick, motion.cpu().numpy(), frame_multiplier=multiplier).motion
    return torch.from_numpy(shown).to(motion.device)


def _held(values: Places) -> Places:
    """Frames without values take those of the frame before."""
    known = np.isfinite(values).all((1, 2))
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    return values[last]
