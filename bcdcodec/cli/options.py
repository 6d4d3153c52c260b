"""Command-line options that several commands share, and argparse types that check values before minutes of work."""

import argparse
import dataclasses
import inspect
import logging
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

from bcdcodec.bitstream.records import MAX_FRAME_RATE, MAX_RATE_TERM, MIN_FRAME_RATE
from bcdcodec.cli.help import CommandHelp
from bcdcodec.codec.decode.presets import PRESETS, RESEARCH_PRESET, preset_sampling
from bcdcodec.config import ModelConfig, SamplingConfig
from bcdcodec.errors import WeightsError
from bcdcodec.weightfile import find_file

#: What argparse calls the list of commands; the class is generic for type checkers only.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Result = TypeVar("Result")

MAX_STEPS, MAX_SECONDS = 1000, 3600
MAX_UPDATES, MAX_WORKERS = 100_000_000, 4096
#: Most codes a frame that a header can hold.
MAX_GROUPS = 255


def new_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int] | None,
    *,
    about: str,
    examples: str,
    usage: str | None = None,
) -> argparse.ArgumentParser:
    """Add a command whose help ends in examples. run: its function, None for a group of commands; usage: what comes
    first in its help, where argparse has no words for it.
    """
    parser = commands.add_parser(
        name,
        usage=usage,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=CommandHelp,
    )
    parser.set_defaults(run=run, parser=parser)
    return parser


def new_group(commands: Commands, name: str, *, about: str) -> Commands:
    """Add a command that has commands of its own; returns the list to add them to."""
    group = commands.add_parser(
        name, help=about, description=about[0].upper() + about[1:] + ".", formatter_class=CommandHelp
    )
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def call_with(function: Callable[..., Result], options: argparse.Namespace, **others: Any) -> Result:
    """Call a function, or make a dataclass, with the options that have the names of its parameters, and `others`."""
    names = inspect.signature(function).parameters
    return function(**{name: value for name, value in vars(options).items() if name in names} | others)


def frame_rate(text: str) -> Fraction:
    """Parse `25`, `12.5` or `30000/1001`, in frames per second."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is no frame rate, examples are 25, 12.5 and 30000/1001") from None
    if not MIN_FRAME_RATE <= rate <= MAX_FRAME_RATE or max(rate.numerator, rate.denominator) > MAX_RATE_TERM:
        raise argparse.ArgumentTypeError(f"{text} is outside {MIN_FRAME_RATE} to {MAX_FRAME_RATE} frames a second")
    return rate


def bitrate(text: str) -> int:
    """Parse bits a second: `4000`, `4k` or `4.5k`."""
    value = _float(text.rstrip("kK")) * (1000 if text.endswith(("k", "K")) else 1)
    if not 1 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no bitrate, examples are 4k and 4000")
    return round(value)


def seconds(text: str) -> float:
    """Parse a length of time: a number of seconds above 0, an hour at most."""
    value = _float(text)
    if not 0 < value <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to {MAX_SECONDS}")
    return value


def bitrate_or_none(text: str) -> int | None:
    """Parse a bitrate, or `none` for no limit."""
    return None if text.lower() == "none" else bitrate(text)


def seconds_or_none(text: str) -> float | None:
    """Parse a length of time, or `none` for no limit."""
    return None if text.lower() == "none" else seconds(text)


def folder_or_none(text: str) -> Path | Literal["none"]:
    """Parse a folder, or `none` for no such folder."""
    return "none" if text.lower() == "none" else Path(text)


def finite_number(text: str) -> float:
    """Parse a finite number, whose range is checked where it is used."""
    value = _float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return value


def guidance(text: str) -> float:
    """Parse a guidance scale from 0 to 100."""
    value = _float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no guidance, allowed are 0 to 100")
    return value


def _float(text: str) -> float:
    """A number, or NaN, which no range contains."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """The argparse type of integers from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is outside {low} to {high}")
        return value

    return parse


#: The argparse type of 32-bit seeds.
seed = whole_number(0, 0xFFFF_FFFF)


def weights_file(text: str) -> Path:
    """Find a weights file by name or path, as --weights does."""
    try:
        return find_file(text)
    except WeightsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def key_value(text: str) -> tuple[str, str]:
    """Parse `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def add_quiet_option(parser: argparse.ArgumentParser) -> None:
    """Add --quiet, which leaves errors alone on stderr."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def add_write_options(parser: argparse.ArgumentParser) -> None:
    """Add --force and --quiet."""
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing output")
    add_quiet_option(parser)


def add_data_option(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the folder of training clips."""
    parser.add_argument("--data", type=Path, required=required, metavar="DIR", help="folder of clips with clips.csv")


def add_cache_option(parser: argparse.ArgumentParser) -> None:
    """Add the finished cache of training clips."""
    parser.add_argument("--cache", type=Path, metavar="DIR", help="cache of bcd data cache, in the place of --data")


def add_vae_option(parser: argparse.ArgumentParser) -> None:
    """Add the image autoencoder of a preset."""
    parser.add_argument(
        "--vae", type=weights_file, metavar="NAME|PATH", help="autoencoder of bcd train vae, if the preset has one"
    )


def add_run_option(
    parser: argparse.ArgumentParser, *, about: str = "folder of the run; resumed if it exists", required: bool = True
) -> None:
    """Add the run folder, as `folder`: `run` is the command's function."""
    parser.add_argument("--run", dest="folder", type=Path, required=required, metavar="RUN", help=about)


def add_updates_options(
    parser: argparse.ArgumentParser,
    *,
    default: int | None = None,
    most: int = MAX_UPDATES,
    about: str = "updates in all",
) -> None:
    """Add length and seed of a training; the length is required where there is no default."""
    shown = about if default is None else f"{about} ({default})"
    updates = whole_number(1, most)
    parser.add_argument("--updates", type=updates, default=default, required=default is None, metavar="N", help=shown)
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of weights and batches (0)")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Add the number format of the networks in training."""
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: faster, where the processor has it (fp32)"
    )


def add_workers_option(parser: argparse.ArgumentParser, *, about: str, default: int | None = 1) -> None:
    """Add the number of worker processes on this machine."""
    parser.add_argument("--workers", type=whole_number(1, MAX_WORKERS), default=default, metavar="N", help=about)


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add the device of the networks."""
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps", help="where to compute (auto)")


def add_model_options(parser: argparse.ArgumentParser, *, weights: str | None) -> None:
    """Add device and weights. weights: the default; None for those that a stream names."""
    add_device_option(parser)
    shown = weights or "those that the stream names"
    parser.add_argument("--weights", default=weights, metavar="NAME|PATH", help=f"model weights ({shown})")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add --force, --quiet and --progress."""
    add_write_options(parser)
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="progress bar on stderr (where stderr is a terminal)",
    )


def add_crop_option(parser: argparse.ArgumentParser, *, about: str) -> None:
    """Add --crop and --no-crop, by default as the model needs it."""
    parser.add_argument("--crop", action=argparse.BooleanOptionalAction, default=None, help=about)


def add_decoder_preset(parser: argparse.ArgumentParser) -> None:
    """Add the preset of the decoder alone."""
    parser.add_argument(
        "--preset",
        choices=(*PRESETS, RESEARCH_PRESET),
        default="standard",
        help="fast is quicker and looks worse; paper is for research (standard)",
    )


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """Add the preset of the decoder, and what replaces parts of its sampler."""
    add_decoder_preset(parser)
    parser.add_argument(
        "--steps",
        type=whole_number(0, MAX_STEPS),
        metavar="N",
        help="for research, sampler steps (the preset's)",
    )
    parser.add_argument(
        "--guidance", type=guidance, metavar="X", help="for research, of the sampler; 1 is off (the preset's)"
    )


def add_decoding_options(parser: argparse.ArgumentParser, *, weights: str | None) -> None:
    """Add the options of commands that decode frames: sampling, model and output; weights: as `add_model_options`."""
    add_sampling_options(parser)
    add_model_options(parser, weights=weights)
    add_output_options(parser)


def sampling_of(options: argparse.Namespace, config: ModelConfig) -> SamplingConfig:
    """The model's sampling preset with what the options replace."""
    replaced = {name: getattr(options, name) for name in ("steps", "guidance") if getattr(options, name) is not None}
    sampling = dataclasses.replace(preset_sampling(config, options.preset), **replaced)
    if config.picture_denoiser is not None and sampling.steps > 1:
        logging.getLogger("bcdcodec").warning(
            "%d sampler steps take longer than one and look no better", sampling.steps
        )
    return sampling
