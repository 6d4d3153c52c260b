"""`bcd decode`: .bcd -> video. In: options. Out: a media file and a short report, for codec/files.decode_file."""

import argparse
import sys
import time
from typing import TYPE_CHECKING, BinaryIO

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.seek import read_index
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.options import (
    MAX_SEED,
    Commands,
    add_model_options,
    add_output_options,
    add_sampling_options,
    new_command,
    sampling_of,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import STANDARD, HeadReplay, check_target, open_stream
from bcdcodec.config import MAX_BATCH_SEGMENTS
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.weightfile import find_weights, weights_of_stream

if TYPE_CHECKING:
    from bcdcodec.codec.decode.concealment import Concealer
    from bcdcodec.codec.model import CodecModel

CONCEAL = ("hold", "model", "none")
EXAMPLES = """  bcd decode talk.bcd talk.mp4
  bcd decode talk.bcd talk.mp4 --preset realtime
  bcd decode talk.bcd talk.mp4 --paste-back --steps 8
  bcd decode broken.bcd rest.mp4 --salvage
  bcd decode broken.bcd whole.mp4 --conceal model
  bcd decode - - < talk.bcd | ffplay -"""


def add_command(commands: Commands) -> None:
    """The command and its options."""
    parser = new_command(commands, "decode", about="paint the video of a .bcd", examples=EXAMPLES)
    parser.add_argument("source", metavar="IN.bcd", help="stream, or - for standard input")
    parser.add_argument(
        "target", metavar="OUT.mp4", help="mp4, mkv or webm, or - for fragmented mp4 on standard output"
    )
    add_sampling_options(parser)
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), help="of the noise, instead of the stream's")
    parser.add_argument(
        "--paste-back", action="store_true", help="source size, the head pasted onto the stream's still"
    )
    parser.add_argument("--salvage", action="store_true", help="of a damaged stream keep what comes before the damage")
    parser.add_argument(
        "--batch-segments",
        type=whole_number(1, MAX_BATCH_SEGMENTS),
        default=1,
        metavar="N",
        help="segments (key packet to key packet) decoded at once, for GPUs (1)",
    )
    parser.add_argument(
        "--conceal",
        choices=CONCEAL,
        default="none",
        help="frames of lost or damaged packets: hold the last good ones, predict them by a motion model, refuse the "
        "stream (none)",
    )
    add_model_options(parser, weights="those that the stream names")
    add_output_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Decode one stream."""
    target = check_target(options.target, sources=(options.source,), force=options.force)
    started = time.monotonic()
    with open_stream(options.source) as file:
        header, file, frames = look_ahead(file)
        weights = weights_of_stream(header.model_id) if options.weights is None else find_weights(options.weights)
        from bcdcodec.codec.decode.decoder import model_frame_multiplier
        from bcdcodec.codec.decode.file import decode_file
        from bcdcodec.codec.decode.settings import DecodeSettings
        from bcdcodec.codec.model import CodecModel

        model = CodecModel.load(weights, device=options.device)
        shown = False if options.quiet else options.progress
        with progress_bar(
            "decode", unit="frame", total=frames and frames * model_frame_multiplier(header, model), shown=shown
        ) as progress:
            result = decode_file(
                file,
                target,
                model=model,
                settings=DecodeSettings(
                    sampling=sampling_of(options, model.config),
                    seed=options.seed,
                    batch_segments=options.batch_segments,
                    concealer=_concealer(options.conceal, model, header),
                ),
                paste_back=options.paste_back,
                keep_damaged=options.salvage,
                progress=progress,
            )
    if not options.quiet:
        fps, took = float(result.frame_rate), time.monotonic() - started
        name = "<stdout>" if options.target == STANDARD else options.target
        lost = f", {result.concealed} of them concealed ({result.lost} packets lost)" if result.lost else ""
        print(
            f"{name}: {result.frames} frames at {fps:.4g} fps, {result.frames / fps:.2f} s{lost}, "
            f"painted in {took:.1f} s",
            file=sys.stderr if options.target == STANDARD else sys.stdout,
        )
    return 0


def _concealer(name: str, model: "CodecModel", header: StreamHeader) -> "Concealer | None":
    """What fills the frames of lost packets; the motion model is loaded only where it is asked for. ConfigError where
    the stream carries fewer codes than that knows.
    """
    if name == "none":
        return None
    if name == "hold":
        from bcdcodec.codec.decode.concealment import HoldConcealer

        return HoldConcealer()
    found, known = header.coding.groups, model.config.quantizer.groups
    if found < known:
        raise ConfigError(f"the stream has {found} codes a frame, --conceal model needs {known}; try --conceal hold")
    from bcdcodec.motion.conceal import ModelConcealer

    return ModelConcealer.for_codec(model)


def look_ahead(file: BinaryIO) -> tuple[StreamHeader, BinaryIO, int | None]:
    """The header, the file at its start again, and the number of frames where the file's end tells it."""
    if not file.seekable():
        replay = HeadReplay(file)
        return StreamReader(replay).header, replay.rewind(), None
    start = file.tell()  # not 0 where a shell has read from the file before
    header = StreamReader(file).header
    try:
        frames = read_index(file).motion_frames
    except BitstreamError:  # a cut file has no index; decoding says so
        frames = None
    file.seek(start)
    return header, file, frames
