"""`bcd personalize`: adapt weights to one person, from videos of them."""

import argparse
import contextlib
import tempfile
from pathlib import Path

from bcdcodec.cli.options import (
    Commands,
    add_model_options,
    add_run_option,
    add_updates_options,
    add_write_options,
    new_command,
)
from bcdcodec.cli.progress import progress_bars
from bcdcodec.cli.streams import check_file, print_next, weights_name
from bcdcodec.errors import ConfigError, FaceError
from bcdcodec.weightfile import DEFAULT_NAME, find_weights, open_weights

MAX_PERSONAL_UPDATES, UPDATES, SUFFIX = 100_000, 300, ".safetensors"

EXAMPLES = """  bcd personalize alice1.mp4 alice2.mp4 alice.safetensors
  bcd encode talk.mp4 talk.bcd --weights alice.safetensors
Whoever decodes needs the same file, by --weights or in a folder of $BCD_WEIGHTS: the stream does not hold it."""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(
        commands, "personalize", run, about="adapt the weights to one person, in minutes", examples=EXAMPLES
    )
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="videos, or folders of them, of one person")
    parser.add_argument("target", metavar="OUT.safetensors", help="file to write")
    add_updates_options(parser, default=UPDATES, most=MAX_PERSONAL_UPDATES)
    about = "folder for clips, curves and checkpoints, to resume from (none)"
    add_run_option(parser, about=about, required=False)
    add_model_options(parser, weights=DEFAULT_NAME)
    add_write_options(parser)


def run(options: argparse.Namespace) -> int:
    """Make clips of the videos, train, write; FaceError where the videos show no face."""
    if Path(options.target).suffix != SUFFIX:  # else it may be the last video, with OUT forgotten
        raise ConfigError(f"{options.target} is where weights go, needs a name that ends in {SUFFIX}")
    out = check_file(options.target, what="a weights file", force=options.force)
    weights = find_weights(options.weights)
    if out.exists() and out.samefile(weights.path):
        raise ConfigError(f"{out} is input and output at once")
    from bcdcodec.preparation.commands import prepare
    from bcdcodec.preparation.source import Settings
    from bcdcodec.training.personal import check_personal, personalize

    check_personal(weights, options.device)  # before the clips are read
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(progress_bars(options))
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bcd-")))
        clips = folder / "clips"
        summary = prepare(
            options.clips,
            clips,
            settings=Settings(clip_seconds=4.0, person="source"),
            progress=lambda done, total, left: progress("videos", done, total, left),
        )
        if not summary.clips:
            raise FaceError(
                f"no face for long enough to learn from: videos {summary.sources}, "
                f"of which {summary.broken} cannot be read"
            )
        personalize(
            weights,
            clips,
            out,
            run=folder,
            updates=options.updates,
            seed=options.seed,
            device=options.device,
            progress=progress,
        )
    if not options.quiet:
        print(
            f"{out}: {out.stat().st_size} bytes, model {open_weights(out).model_id.hex()}, "
            f"from {summary.seconds:.1f} s in {summary.clips} clips"
        )
    print_next(options, "bcd", "encode", "talk.mp4", "--weights", weights_name(out))
    return 0
