"""The networks of one stream's decoder run by onnxruntime: contents of records, code vectors, windows of pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.face import split_face
from bcdcodec.bitstream.records import ContentCoding, ContentRecord
from bcdcodec.codec.decode.references import LoadedReference
from bcdcodec.codec.decode.segment import DecodedWindow, Motion, Segment, WindowSettings
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.onnx.folder import CONTENT, MOTION, PAINT, WARP
from bcdcodec.codec.stills import decode_picture
from bcdcodec.config import SamplingConfig
from bcdcodec.entropy.landmarks import SUBPIXELS, decode_landmarks
from bcdcodec.entropy.tables import LANDMARKS
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.frame import CropBox

if TYPE_CHECKING:
    from bcdcodec.codec.onnx.model import OnnxModel

Floats = NDArray[np.float32]

#: Coordinates of landmarks of a face that is not there (model/landmarks.py).
ABSENT = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class OnnxContent:
    """Content of a shot. map: [1, C, H, W]; picture: [1, 3, P, P] in [-1, 1]; landmarks: of its face [L, 2], fractions
    of the picture, NaN without one; rasters: of them [1, 3, P/2, P/2].
    """

    map: Floats
    picture: Floats
    landmarks: Floats
    rasters: Floats


class OnnxBackend:
    """`DecoderBackend` of an `OnnxModel`, for one stream. ConfigError for settings that it cannot follow."""

    #: Windows start at the warp itself.
    noise = None

    def __init__(self, model: "OnnxModel", settings: DecodeSettings) -> None:
        if settings.content is not None:
            raise ConfigError("onnxruntime decodes a stream with its own content alone, motion transfer needs torch")
        self._model = model
        _check_sampling(settings.sampling or model.config.sampling["standard"], paints=PAINT in model.graphs)

    @property
    def networks(self) -> object:
        """What backends that may decode each other's segments share."""
        return self._model.graphs

    def load(self, record: ContentRecord) -> LoadedReference:
        """The reference of a whole record. BitstreamError for content that is no picture of the model's size."""
        if record.coding is ContentCoding.LEVELS:
            raise BitstreamError("content is coded as levels, onnxruntime decodes pictures")
        side, tables = self._model.config.pixels, self._model.tables.landmarks
        assert tables is not None, "loaded models have tables of landmarks"
        landmarks, still = np.full((LANDMARKS, 2), np.nan, np.float32), record.data
        if record.coding is ContentCoding.FACE:
            coded, still = split_face(record.data)
            landmarks = (decode_landmarks(coded, tables) / (SUBPIXELS * side)).astype(np.float32)
        pixels = decode_picture(still)
        if pixels.shape[:2] != (side, side):
            raise BitstreamError(f"content picture is {pixels.shape[1]}x{pixels.shape[0]}, its model needs {side}")
        picture = np.ascontiguousarray(pixels.astype(np.float32).transpose(2, 0, 1)[None]) / np.float32(127.5) - 1
        content_map = self._run(CONTENT, picture=picture)[0]
        rasters = self._model.mesh.rasters(landmarks[None], side // 2)
        content = OnnxContent(content_map, picture, landmarks, rasters)
        return LoadedReference(content, None, CropBox(x=record.x, y=record.y, size=record.size))

    def vectors(self, codes: NDArray[np.int64]) -> Motion:
        """Code vectors float32 [n, G*D] of codes [n, g], zero in the groups after the first g."""
        book = self._model.codebook
        groups = codes.shape[1]
        vectors = np.zeros((len(codes), book.shape[0], book.shape[2]), np.float32)
        vectors[:, :groups] = book[np.arange(groups), codes]
        return vectors.reshape(len(codes), -1)

    def decode(self, segments: Sequence[Segment], settings: WindowSettings, *, one_window: bool) -> list[DecodedWindow]:
        """Decode the frames that wait in segments, of which each is advanced; one_window: the first window of each."""
        windows: list[DecodedWindow] = []
        for segment in segments:
            while len(segment.motion):
                motion = segment.motion[: settings.window_frames]
                windows.append(DecodedWindow(segment, segment.index, self._pictures(segment, motion, settings)))
                segment.skip(segment.index + len(motion))
                if one_window:
                    break
        return sorted(windows, key=lambda window: window.index)

    def _pictures(self, segment: Segment, motion: Motion, settings: WindowSettings) -> NDArray[np.uint8]:
        """Pictures uint8 [T, P, P, 3] of a window."""
        content: OnnxContent = segment.content
        side, sampling = self._model.config.pixels, settings.sampling
        positions = self._run(MOTION, motion=motion, landmarks=content.landmarks)[0]
        still = np.nan_to_num(content.landmarks, nan=ABSENT)
        shown = self._model.mesh.shown(positions, still, side)
        given: dict[str, NDArray[Any]] = {"motion": motion, "picture": content.picture}
        flow = {"content_map": content.map, "landmarks": still, "positions": positions, "shown": shown}
        warps, areas = self._run(WARP, **given, **flow)
        if not sampling.steps:
            return to_pixels(warps)
        moved = self._model.mesh.rasters(positions, side // 2)
        rasters = np.concatenate([moved, np.broadcast_to(content.rasters, moved.shape)], 1)
        share = np.array([1 - sampling.sigma_end / sampling.sigma_max], np.float32)
        sigma = np.array([sampling.sigma_max], np.float32)
        pixels: NDArray[np.uint8] = self._run(
            PAINT, **given, warps=warps, areas=areas, rasters=rasters, sigma=sigma, share=share
        )[0]
        return pixels

    def _run(self, name: str, **values: NDArray[Any]) -> list[NDArray[Any]]:
        return self._model.graphs[name].run(None, values)


def to_pixels(pictures: Floats) -> NDArray[np.uint8]:
    """Pictures [T, 3, P, P] in [-1, 1] as uint8 [T, P, P, 3], rounded."""
    levels = np.rint((np.clip(pictures, -1, 1) + 1) * np.float32(127.5)).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(0, 2, 3, 1))


def _check_sampling(sampling: SamplingConfig, *, paints: bool) -> None:
    if sampling.steps and (not paints or sampling.steps > 1 or sampling.noise):
        raise ConfigError(
            f"onnxruntime decodes by the warp and one step of a denoiser of pictures without noise, asked for are "
            f"{sampling.steps} steps with noise {sampling.noise:g}"
        )
