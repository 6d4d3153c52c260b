"""Pictures of the generation study: plots of real and generated codes, and the frames that they decode to."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.atomic import write_bytes
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.report.sheets import contact_sheet
from bcdcodec.motion.generation import write_codes
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.sampling import Picking
from bcdcodec.studies.generation.code_plot import code_plot, stack_plots
from bcdcodec.studies.generation.measure import GENERATED_FRAMES, generate_all
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.video.lossless import pack_png

CODES, SHEET = "rasters.png", "sheet.png"
#: Frames of each stream on the sheet, and their side in pixels.
COLUMNS, SIDE = 8, 128


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
    write_bytes(folder / CODES, pack_png(stack_plots(plots)))
    strips = []
    for name, values in codes.items():
        buffer = io.BytesIO()
        write_codes(StreamWriter(buffer), model, content, values, seed=0)
        write_bytes(streams / f"{name}.bcd", buffer.getvalue())
        strips.append(_strip(buffer, model))
    pairs = [np.concatenate(strips[start : start + 2]) for start in range(0, len(strips), 2)]
    write_bytes(folder / SHEET, pack_png(contact_sheet(pairs, cell=SIDE), text=credit))
    return list(codes)


def _strip(file: io.BytesIO, model: CodecModel) -> NDArray[np.uint8]:
    """Decoded frames of a stream at even distances, side by side."""
    file.seek(0)
    reader = StreamReader(file)
    decoder = Decoder(model, reader.header)
    frames = [frame for packet in reader for frame in decoder.push(packet)] + decoder.flush()
    chosen = np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int)
    return np.concatenate([frames[i].pixels for i in chosen], axis=1)
