"""`bcd decode`: decode a `.bcd` stream to a video."""

import argparse
import time
from typing import TYPE_CHECKING, BinaryIO

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.seek import read_index
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.options import Commands, add_decoding_options, new_command, sampling_of, seed, whole_number
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import HeadReplay, check_target, open_stream, print_report
from bcdcodec.config import MAX_BATCH_SEGMENTS
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.weightfile import find_weights, weights_of_stream

if TYPE_CHECKING:
    from bcdcodec.codec.decode.concealment import Concealer
    from bcdcodec.codec.model import CodecModel

CONCEAL = ("hold", "model", "none")
EXAMPLES = """  bcd decode talk.bcd talk.mp4
  bcd decode talk.bcd talk.mp4 --paste-back --steps 1
  bcd decode broken.bcd rest.mp4 --salvage
  bcd decode broken.bcd whole.mp4 --conceal model
  bcd decode - - < talk.bcd | ffplay -"""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "decode", run, about="decode a .bcd to a video", examples=EXAMPLES)
    parser.add_argument("source", metavar="IN.bcd", help="stream, or - for standard input")
    parser.add_argument(
        "target", metavar="OUT.mp4", help="mp4, mkv or webm, or - for fragmented mp4 on standard output"
    )
    parser.add_argument("--seed", type=seed, help="of the noise, instead of the stream's")
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
    add_decoding_options(parser, weights=None)


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
        settings = DecodeSettings(
            sampling=sampling_of(options, model.config),
            seed=options.seed,
            batch_segments=options.batch_segments,
            concealer=_concealer(options.conceal, model, header),
        )
        total = frames and frames * model_frame_multiplier(header, model)
        with progress_bar(options, "decode", unit="frame", total=total) as progress:
            result = decode_file(
                file,
                target,
                model=model,
                settings=settings,
                paste_back=options.paste_back,
                keep_damaged=options.salvage,
                progress=progress,
            )
    fps, took_s = float(result.frame_rate), time.monotonic() - started
    lost = f", {result.concealed} of them concealed ({result.lost} packets lost)" if result.lost else ""
    length = f"{result.frames} frames at {fps:.4g} fps, {result.duration_s:.2f} s"
    print_report(options, f"{length}{lost}, decoded in {took_s:.1f} s")
    return 0


def _concealer(name: str, model: "CodecModel", header: StreamHeader) -> "Concealer | None":
    """Make the concealer of lost frames, None for `none`; ConfigError where the stream has fewer codes a frame than the
    motion model needs.
    """
    if name == "none":
        return None
    if name == "hold":
        from bcdcodec.codec.decode.concealment import HoldConcealer

        return HoldConcealer()
    groups, needed = header.coding.groups, model.config.quantizer.groups
    if groups < needed:
        raise ConfigError(f"the stream has {groups} codes a frame, --conceal model needs {needed}; try --conceal hold")
    from bcdcodec.motion.conceal import ModelConcealer

    return ModelConcealer.for_codec(model)


def look_ahead(file: BinaryIO) -> tuple[StreamHeader, BinaryIO, int | None]:
    """Read the header; returns it, the file at its start again, and the number of frames where the file has an
    index.
    """
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
