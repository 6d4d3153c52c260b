"""Code streams of `.bcd` files, for training and measuring."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.references import read_motion
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.content import content_of_record
from bcdcodec.codec.decode.decoder import check_stream_fits
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.training.data.code_streams import CodeStream


def read_bcd_folder(
    model: CodecModel, folder: Path, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[CodeStream]:
    """Every shot of the `.bcd` files of a folder; each file counts as one person. progress: files.

    ConfigError where there is none or one is of another model, BitstreamError.
    """
    paths = sorted(folder.glob("*.bcd"))
    if not paths:
        raise ConfigError(f"{folder} has no .bcd files, needs at least one")
    streams: list[CodeStream] = []
    for done, path in enumerate(paths):
        streams += read_shots(model, path)
        progress(done + 1, len(paths))
    return streams


def read_shots(model: CodecModel, path: Path) -> list[CodeStream]:
    """The codes of each shot of one `.bcd` file, those of each of its references apart."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise VideoError(f"cannot read {path}: {error.strerror}") from error
    with file:
        reader = StreamReader(file)
        check_stream_fits(reader.header, model)
        found, needed = reader.header.coding.groups, model.config.quantizer.groups
        if found != needed:
            raise ConfigError(f"{path} has {found} codes a frame, motion is learned from all {needed}")
        coder = model.coder(reader.header.coding.mode)
        runs: list[tuple[ContentRecord, list[NDArray[np.int32]]]] = []
        for _, motion, content in read_motion(reader, reader.header.content):
            if not runs or runs[-1][0] is not content:
                runs.append((content, []))
            runs[-1][1].append(coder.decode(motion.codes, motion.frames))
    return [_shot(model, path.stem, content, parts) for content, parts in runs]


def _shot(model: CodecModel, name: str, content: ContentRecord, parts: list[NDArray[np.int32]]) -> CodeStream:
    shown = content_of_record(model, content)
    landmarks = None if shown.landmarks is None else shown.landmarks.cpu().numpy()
    return CodeStream(name, np.concatenate(parts).astype(np.uint8), shown.map.half().cpu().numpy(), landmarks)
