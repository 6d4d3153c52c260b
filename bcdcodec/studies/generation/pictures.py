"""Pictures of the generation study: plots of real and generated codes, and the frames that they decode to."""

import colorsys
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import write_bytes
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.decode.file import iter_frames
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.report.sheets import contact_sheet, save_png, spread_indices, stack_pictures
from bcdcodec.motion.generation import write_codes
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.sampling import Picking
from bcdcodec.studies.generation.measure import GENERATED_FRAMES, generate_all
from bcdcodec.training.data.code_streams import CodeStream

CODES, SHEET = "rasters.png", "sheet.png"
#: Frames of each stream on the sheet, and their side in pixels.
COLUMNS, SIDE = 8, 128
#: Side in pixels of the square of one code, and white rows between two plots.
CELL, GAP = 4, 8


def write_pictures(
    folder: Path,
    real: CodeStream,
    content: ContentRecord,
    *,
    gpt: MotionGpt,
    model: CodecModel,
    samplers: dict[str, Picking],
    credit: str,
    streams: Path,
) -> list[str]:
    """Write CODES and SHEET to `folder`, for a real stream and a generated one of the same content by each sampler.

    credit: source and licence, stored in the sheet. streams: folder where the `.bcd` files are kept. Returns the names
    of the rows of both pictures.
    """
    generated = {name: generate_all(gpt, [real], picking)[0] for name, picking in samplers.items()}
    codes = {"real": real.codes[:GENERATED_FRAMES].astype(np.int64), **generated}
    plots = [code_plot(values, entries=gpt.config.entries) for values in codes.values()]
    save_png(folder / CODES, stack_pictures(plots, gap=GAP))
    strips = []
    for name, values in codes.items():
        buffer = io.BytesIO()
        write_codes(StreamWriter(buffer), model, content, values, seed=0)
        write_bytes(streams / f"{name}.bcd", buffer.getvalue())
        strips.append(_strip(buffer, model))
    pairs = [np.concatenate(strips[start : start + 2]) for start in range(0, len(strips), 2)]
    save_png(folder / SHEET, contact_sheet(pairs, cell=SIDE), text=credit)
    return list(codes)


def _strip(file: io.BytesIO, model: CodecModel) -> NDArray[np.uint8]:
    """Decoded frames of a stream at even distances, side by side."""
    file.seek(0)
    reader = StreamReader(file)
    frames = list(iter_frames(reader, Decoder(model, reader.header)))
    return np.concatenate([frames[i].pixels for i in spread_indices(len(frames), COLUMNS)], axis=1)


def code_plot(codes: NDArray[np.integer], *, entries: int) -> NDArray[np.uint8]:
    """Codes [T, G] as pixels uint8 [G * CELL, T * CELL, 3]: a color a code, time to the right, one row a codebook.

    Repeated, jumping and constant codes are seen at a glance.
    """
    wheel = [colorsys.hsv_to_rgb(code / entries, 0.75, 0.95 if code % 2 else 0.6) for code in range(entries)]
    colors = (255 * np.array(wheel)).round().astype(np.uint8)
    return colors[codes.T].repeat(CELL, 0).repeat(CELL, 1)
