"""`bcd decode`: decode a `.bcd` stream to a video."""

import argparse
import importlib.util
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.seek import read_index
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.batch import STREAM_SUFFIX, Task, add_batch_options, batch_tasks, loaded_model, run_batch, single_task
from bcdcodec.cli.options import (
    Commands,
    add_decoding_options,
    frame_rate,
    new_command,
    sampling_of,
    seed,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.runtimes import add_runtime_option, loaded_export, uses_torch
from bcdcodec.cli.streams import STANDARD, HeadReplay, check_target, open_stream, print_report
from bcdcodec.config import MAX_BATCH_SEGMENTS, MAX_FRAME_MULTIPLIER
from bcdcodec.errors import BitstreamError, ConfigError
from bcdcodec.weightfile import find_weights, weights_of_stream

if TYPE_CHECKING:
    from bcdcodec.codec.decode.backend import DecodingModel
    from bcdcodec.codec.decode.concealment import Concealer

CONCEAL = ("hold", "model", "none")
VIDEO_SUFFIX = ".mp4"
DAMAGE_HINT = "; --salvage keeps what comes before the damage, --conceal hold goes on after it"
USAGE = "bcd decode [options] IN.bcd [OUT.mp4]\n       bcd decode [options] IN... -o DIR"
EXAMPLES = """  bcd decode talk.bcd                                 # writes talk.mp4 beside it
  bcd decode streams -o videos -j 4                   # many files; the same command resumes
  bcd decode broken.bcd whole.mp4 --conceal model
  bcd decode - - < talk.bcd | ffplay -"""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "decode", run, about="decode a .bcd to a video", examples=EXAMPLES, usage=USAGE)
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="IN.bcd [OUT.mp4]",
        help="stream and mp4, mkv or webm to write, - for standard input and output; with -o DIR streams and folders "
        "(IN with .mp4 at its end)",
    )
    add_batch_options(parser, target="OUT.mp4")
    parser.add_argument(
        "--fps",
        dest="frame_rate",
        type=frame_rate,
        metavar="N|N/D",
        help="multiple of the stream's frame rate, motion interpolated (the model's)",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="of the noise (the stream's)")
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
        help="lost frames: hold the last, predict by a motion model, refuse (none)",
    )
    add_runtime_option(parser)
    add_decoding_options(parser, weights=None)


def run(options: argparse.Namespace) -> int:
    """Decode one stream, or many."""
    task = single_task(options, suffix=VIDEO_SUFFIX)
    if task is None:
        tasks, there = batch_tasks(options, suffixes=frozenset({STREAM_SUFFIX}), suffix=VIDEO_SUFFIX)
        return run_batch(options, decode_task, tasks, there=there)
    if task.target not in (STANDARD, task.source) and Path(task.target).suffix.lower() == STREAM_SUFFIX:
        raise ConfigError(f"{task.target} is the name of a stream, needs that of a video; several streams need -o DIR")
    print_report(task, decode_task(task))
    return 0


def decode_task(task: Task) -> str:
    """Decode one stream; returns a line about it."""
    target = check_target(task.target, sources=(task.source,), force=task.force)
    started = time.monotonic()
    helped = task.salvage or task.conceal != "none"
    with open_stream(task.source, hint="" if helped else DAMAGE_HINT) as file:
        header, file, frames = look_ahead(file)
        model = _model(task, header)
        from bcdcodec.codec.decode.decoder import model_frame_multiplier
        from bcdcodec.codec.decode.file import decode_file
        from bcdcodec.codec.decode.settings import DecodeSettings

        settings = DecodeSettings(
            sampling=sampling_of(task, model.config),
            seed=task.seed,
            batch_segments=task.batch_segments,
            frame_multiplier=frame_multiplier(header, task.frame_rate),
            concealer=_concealer(task.conceal, model, header),
        )
        total = frames and frames * (settings.frame_multiplier or model_frame_multiplier(header, model))
        with progress_bar(task, "decode", unit="frame", total=total) as progress:
            result = decode_file(
                file,
                target,
                model=model,
                settings=settings,
                paste_back=task.paste_back,
                keep_damaged=task.salvage,
                progress=progress,
            )
    fps, took_s = float(result.frame_rate), time.monotonic() - started
    lost = f", {result.concealed} of them concealed ({result.lost} packets lost)" if result.lost else ""
    length = f"{result.frames} frames at {fps:.4g} fps, {result.duration_s:.2f} s"
    return f"{length}{lost}, decoded in {took_s:.1f} s"


def _model(task: Task, header: StreamHeader) -> "DecodingModel":
    """The model of a stream, or the one that the options name, for the runtime that they name or that is installed."""
    if uses_torch(task):
        weights = weights_of_stream(header.model_id) if task.weights is None else find_weights(task.weights)
        return loaded_model(weights.path, task.device)
    from bcdcodec.codec.onnx.model import exported_folder

    return loaded_export(str(exported_folder(header.model_id) if task.weights is None else task.weights))


def frame_multiplier(header: StreamHeader, rate: Fraction | None) -> int | None:
    """Frames to decode for a coded one, so that the video has a frame rate; None where none is asked for.

    ConfigError for a rate that is no whole multiple of the stream's.
    """
    if rate is None:
        return None
    coded = header.video.frame_rate
    count = rate / coded
    if count.denominator != 1 or not 1 <= count <= MAX_FRAME_MULTIPLIER:
        allowed = ", ".join(f"{float(coded * n):g}" for n in (1, 2, 4, MAX_FRAME_MULTIPLIER))
        raise ConfigError(
            f"--fps is {float(rate):g}, the stream has {float(coded):g} frames a second; allowed are {allowed} and "
            "other multiples between"
        )
    return int(count)


def _concealer(name: str, model: "DecodingModel", header: StreamHeader) -> "Concealer | None":
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
    if importlib.util.find_spec("torch") is None:
        raise ConfigError("--conceal model needs torch, which is not installed; try --conceal hold")
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.motion.conceal import ModelConcealer

    if not isinstance(model, CodecModel):
        raise ConfigError("--conceal model needs --runtime torch; try --conceal hold")
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
