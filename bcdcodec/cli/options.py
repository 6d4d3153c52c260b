"""Options that several commands share, and their values. In: text. Out: checked values for argparse.

A value outside its range is refused here, before minutes of work.
"""

import argparse
import dataclasses
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

from bcdcodec.bitstream.records import MAX_FRAME_RATE, MAX_RATE_TERM, MIN_FRAME_RATE
from bcdcodec.config import ModelConfig, SamplingConfig

#: What argparse calls the list of commands; the class is generic for type checkers only.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

SAMPLING_PRESETS = ("paper", "standard", "realtime")
MAX_STEPS = 1000
MAX_BUCKET_S = 3600
MAX_SEED = 0xFFFF_FFFF
MAX_UPDATES, MAX_WORKERS = 100_000_000, 1024
#: Codes a frame that a header can say.
MAX_GROUPS = 255


def new_command(commands: Commands, name: str, *, about: str, examples: str) -> argparse.ArgumentParser:
    """A command's parser, its help ending in examples."""
    return commands.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def new_group(commands: Commands, name: str, *, about: str) -> Commands:
    """A command that has commands of its own; returns where they are added."""
    group = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def frame_rate(text: str) -> Fraction:
    """`25`, `12.5` or `30000/1001`."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is no frame rate, examples are 25, 12.5 and 30000/1001") from None
    if not MIN_FRAME_RATE <= rate <= MAX_FRAME_RATE or max(rate.numerator, rate.denominator) > MAX_RATE_TERM:
        raise argparse.ArgumentTypeError(f"{text} is outside {MIN_FRAME_RATE} to {MAX_FRAME_RATE} frames a second")
    return rate


def bitrate(text: str) -> int:
    """Bits a second: `4000`, `4k` or `4.5k`."""
    factor = 1000 if text.endswith(("k", "K")) else 1
    try:
        value = float(text.rstrip("kK")) * factor
    except ValueError:
        value = math.nan
    if not 1 <= value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no bitrate, examples are 4k and 4000")
    return round(value)


def seconds(text: str) -> float:
    """A length of time: a number above 0, an hour at most."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to 3600")
    return value


def bitrate_or_none(text: str) -> int | None:
    """A bitrate, or `none` for no limit."""
    return None if text.lower() == "none" else bitrate(text)


def seconds_or_none(text: str) -> float | None:
    """A number of seconds above 0 and up to an hour, or `none` for no limit."""
    if text.lower() == "none":
        return None
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not 0 < value <= MAX_BUCKET_S:
        raise argparse.ArgumentTypeError(f"{text} s is outside 0 to {MAX_BUCKET_S}")
    return value


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


def guidance(text: str) -> float:
    """A finite number from 0 on."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no guidance, allowed are 0 to 100")
    return value


def key_value(text: str) -> tuple[str, str]:
    """`KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def add_quiet_option(parser: argparse.ArgumentParser) -> None:
    """Silence everything but errors."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def add_force_option(parser: argparse.ArgumentParser) -> None:
    """Overwriting."""
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing output")


def add_data_option(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The clips that training reads."""
    parser.add_argument("--data", type=Path, required=required, metavar="DIR", help="folder of clips with clips.csv")


def add_vae_option(parser: argparse.ArgumentParser) -> None:
    """The small autoencoder of a preset."""
    parser.add_argument(
        "--vae", type=Path, metavar="VAE.safetensors", help="autoencoder of bcd train vae, if the preset has one"
    )


def add_run_option(parser: argparse.ArgumentParser, *, about: str = "folder of the run; resumed if it exists") -> None:
    """The run folder, as `folder`: `run` is the command's function."""
    parser.add_argument("--run", dest="folder", type=Path, required=True, metavar="RUN", help=about)


def add_updates_options(
    parser: argparse.ArgumentParser,
    *,
    default: int | None = None,
    most: int = MAX_UPDATES,
    about: str = "updates in all",
) -> None:
    """Length and seed of a training; the length is required where there is no default."""
    shown = about if default is None else f"{about} ({default})"
    updates = whole_number(1, most)
    parser.add_argument("--updates", type=updates, default=default, required=default is None, metavar="N", help=shown)
    parser.add_argument("--seed", type=whole_number(0, MAX_SEED), default=0, help="of weights and batches (0)")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Number format of the networks in training."""
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: faster, where the processor has it (fp32)"
    )


def add_workers_option(parser: argparse.ArgumentParser, *, about: str, default: int | None = 1) -> None:
    """Worker processes of this machine."""
    parser.add_argument("--workers", type=whole_number(1, MAX_WORKERS), default=default, metavar="N", help=about)


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Where the networks run."""
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps", help="where to compute (auto)")


def add_model_options(parser: argparse.ArgumentParser, *, weights: str) -> None:
    """Where the networks run and which ones; `weights` says what is taken by default."""
    add_device_option(parser)
    parser.add_argument("--weights", metavar="NAME|PATH", help=f"model weights ({weights})")


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Overwriting and what goes to stderr."""
    add_force_option(parser)
    add_quiet_option(parser)
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="progress bar on stderr (default: where stderr is a terminal)",
    )


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """How the frames are painted."""
    parser.add_argument(
        "--preset", choices=SAMPLING_PRESETS, default="standard", help="quality against time (standard)"
    )
    parser.add_argument("--steps", type=whole_number(1, MAX_STEPS), help="sampler steps instead of the preset's")
    parser.add_argument("--guidance", type=guidance, help="guidance instead of the preset's; 1 is off and fastest")


def sampling_of(options: argparse.Namespace, config: ModelConfig) -> SamplingConfig:
    """The model's preset with what the options replace."""
    replaced = {name: getattr(options, name) for name in ("steps", "guidance") if getattr(options, name) is not None}
    return dataclasses.replace(config.sampling[options.preset], **replaced)
