"""`bcd encode`: compress a video to a `.bcd` stream."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bcdcodec.bitstream.header import pack_metadata
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.cli.batch import STREAM_SUFFIX, Task, add_batch_options, batch_tasks, loaded_model, run_batch, single_task
from bcdcodec.cli.options import (
    MAX_GROUPS,
    Commands,
    add_crop_option,
    add_model_options,
    add_output_options,
    bitrate,
    bitrate_or_none,
    call_with,
    frame_rate,
    key_value,
    new_command,
    seconds_or_none,
    seed,
    whole_number,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.runtimes import add_runtime_option, loaded_export, uses_torch
from bcdcodec.cli.streams import STANDARD, check_target, print_report, source_path
from bcdcodec.errors import ConfigError
from bcdcodec.ratecontrol.budget import GRACE_S
from bcdcodec.weightfile import DEFAULT_NAME, find_weights

if TYPE_CHECKING:
    from bcdcodec.codec.encode.backend import EncodingModel
    from bcdcodec.codec.encode.file import EncodeResult

AUTO = "auto"
#: Share by which a file may be larger than asked for without a word.
TOLERANCE = 0.01
MAX_EFFORT = 100
USAGE = "bcd encode [options] IN [OUT.bcd]\n       bcd encode [options] IN... -o DIR"
EXAMPLES = """  bcd encode talk.mp4                                 # writes talk.bcd beside it
  bcd encode videos more.mp4 -o streams -j 4          # many files; the same command resumes
  bcd encode - - --mode packed --meta title="A talk" --background < talk.mp4 > talk.bcd"""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "encode", run, about="compress a video to .bcd", examples=EXAMPLES, usage=USAGE)
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="IN [OUT.bcd]",
        help="video and stream, - for pipes; videos, folders for -o DIR (IN with .bcd)",
    )
    add_batch_options(parser, target="OUT.bcd")
    modes = [AUTO, *(mode.name.lower() for mode in CodingMode)]
    parser.add_argument(
        "--mode",
        choices=modes,
        default=AUTO,
        help="packed: constant rate; auto: the smaller of the others (auto)",
    )
    parser.add_argument("--fps", dest="frame_rate", type=frame_rate, metavar="N|N/D", help="frame rate (the model's)")
    parser.add_argument(
        "--bitrate", type=bitrate_or_none, default=4000, metavar="4k|none", help="of everything but audio (4k)"
    )
    parser.add_argument(
        "--bucket",
        dest="bucket_s",
        type=seconds_or_none,
        default=1.0,
        metavar="SECONDS|none",
        help="how many seconds' worth of the bitrate may be sent at once (1)",
    )
    audio = parser.add_mutually_exclusive_group()
    audio.add_argument("--audio-bitrate", type=bitrate, default=6000, metavar="6k", help="Opus bitrate (6k)")
    audio.add_argument("--no-audio", dest="audio_bitrate", action="store_const", const=None, help="no audio")
    add_crop_option(parser, about="follow the face, or code the largest centred square (the model's)")
    parser.add_argument(
        "--background",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="keep a still of the whole picture, for `bcd decode --paste-back` (no)",
    )
    parser.add_argument(
        "--effort",
        type=whole_number(0, MAX_EFFORT),
        default=0,
        metavar="N",
        help=f"steps of refining codes, up to {MAX_EFFORT}, each as long as encoding (0)",
    )
    parser.add_argument(
        "--groups",
        type=whole_number(1, MAX_GROUPS),
        metavar="N",
        help="codes a frame: all, the first half or quarter (by the bitrate)",
    )
    parser.add_argument(
        "--meta",
        type=key_value,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="text kept with the file; repeatable",
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of the decoder's noise (0)")
    add_runtime_option(parser)
    add_model_options(parser, weights=DEFAULT_NAME)
    add_output_options(parser)


def run(options: argparse.Namespace) -> int:
    """Encode one file, or many."""
    from bcdcodec.video.media import VIDEO_SUFFIXES

    pack_metadata(dict(options.meta))  # too long for the stream: say so before the work
    task = single_task(options, suffix=STREAM_SUFFIX)
    if task is None:
        tasks, there = batch_tasks(options, suffixes=VIDEO_SUFFIXES, suffix=STREAM_SUFFIX)
        return run_batch(options, _encode_one, tasks, there=there)
    if task.target not in (STANDARD, task.source) and Path(task.target).suffix.lower() in VIDEO_SUFFIXES:
        raise ConfigError(
            f"{task.target} is the name of a video, needs one such as OUT.bcd; several videos need -o DIR"
        )
    result = _encode(task)
    print_report(task, _report(result, asked=options.bitrate))
    return 0


def _encode_one(task: Task) -> str:
    """Encode one file of many; returns a line about it."""
    result = _encode(task)
    return _report(result, asked=task.bitrate).partition("\n")[0] + f", {_rate_text(result, asked=task.bitrate)}"


def _encode(task: Task) -> "EncodeResult":
    target = check_target(task.target, sources=(task.source,), force=task.force)
    with source_path(task.source) as source:
        from bcdcodec.codec.encode.file import encode_file
        from bcdcodec.codec.encode.settings import EncodeSettings

        model = _model(task)
        mode = None if task.mode == AUTO else CodingMode[task.mode.upper()]
        settings = call_with(EncodeSettings, task, mode=mode, metadata=dict(task.meta))
        with progress_bar(task, "encode", unit="frame") as progress:
            return encode_file(
                source,
                target,
                model=model,
                settings=settings,
                crop=task.crop,
                audio_bitrate=task.audio_bitrate,
                background=task.background,
                progress=progress,
            )


def _model(task: Task) -> "EncodingModel":
    """The model that the options name, for the runtime that they name or that is installed."""
    if uses_torch(task):
        return loaded_model(find_weights(task.weights).path, task.device)
    from bcdcodec.codec.onnx.model import exported_folder

    # A folder, or weights that were exported to one of the folders that weights are searched in.
    is_folder = Path(task.weights).is_dir()
    return loaded_export(str(task.weights if is_folder else exported_folder(find_weights(task.weights).model_id)))


def _report(result: "EncodeResult", *, asked: float | None) -> str:
    """Size, rates and shots in a few lines."""
    stats, seconds = result.stats, result.duration_s
    frames, shots = stats.motion_frames, len(result.shots)
    skipped = f" and {result.skipped_frames} skipped" if result.skipped_frames else ""
    return "\n".join(
        [
            f"{stats.total_bits // 8} bytes, {seconds:.2f} s, {shots} shot{'s' * (shots != 1)}",
            f"  rate    {stats.total_bits / seconds / 1000:.2f} kbps; without audio {_rate_text(result, asked=asked)}",
            f"  motion  {stats.motion_bits / frames:.1f} bits/frame at {frames / seconds:.4g} fps, "
            f"{frames} frames{skipped}",
        ]
    )


def _rate_text(result: "EncodeResult", *, asked: float | None) -> str:
    """The rate without audio, what was asked for, and why it is more."""
    rate = (result.stats.total_bits - result.stats.audio_bits) / result.duration_s
    wanted = "" if asked is None else f", asked for {asked / 1000:.2f}"
    if asked is not None and rate > asked * (1 + TOLERANCE):
        wanted += f" (under {GRACE_S:g} s as much as {GRACE_S:g} s)"
    return f"{rate / 1000:.2f} kbps{wanted}"
