"""The networks of one stream's decoder run by onnxruntime: contents of records, code vectors, windows of pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.codec.decode.references import LoadedReference
from bcdcodec.codec.decode.segment import DecodedWindow, Motion, Segment, WindowSettings
from bcdcodec.codec.decode.settings import DecodeSettings
from bcdcodec.codec.onnx.content import Floats, OnnxContent, decode_content
from bcdcodec.codec.onnx.folder import MOTION, PAINT, WARP
from bcdcodec.config import SamplingConfig
from bcdcodec.errors import ConfigError
from bcdcodec.frame import CropBox

if TYPE_CHECKING:
    from bcdcodec.codec.onnx.model import OnnxModel

#: Coordinates of landmarks of a face that is not there (model/landmarks.py).
ABSENT = 10.0


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
        content = decode_content(self._model, record.coding, record.data)
        return LoadedReference(content, None, CropBox(x=record.x, y=record.y, size=record.size))

    def vectors(self, codes: NDArray[np.int64]) -> Motion:
        """Code vectors float32 [n, G*D] of codes [n, g], zero in the groups after the first g."""
        return self._model.vectors(codes)

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
