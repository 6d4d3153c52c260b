"""`bcd generate`: animate a person by a motion model, as a `.bcd` stream or a video."""

import argparse
import tempfile
from pathlib import Path
from typing import BinaryIO

from bcdcodec.cli.options import (
    Commands,
    add_crop_option,
    add_decoding_options,
    finite_number,
    new_command,
    sampling_of,
    seed,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import STANDARD, check_target, print_report
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME

EXAMPLES = """  bcd generate --content alice.mp4 --seconds 4 alice.bcd
  bcd generate --content alice.png --seconds 4 --temperature 0.8 --top-p 0.9 --seed 7 alice.mp4"""
STREAM_SUFFIX = ".bcd"
#: Of a draw where only one of --temperature and --top-p is given.
PLAIN_TEMPERATURE, PLAIN_TOP_P = 1.0, 1.0


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "generate", run, about="let a motion model move a person", examples=EXAMPLES)
    parser.add_argument("--content", required=True, metavar="A", help="picture, video or .bcd that shows the person")
    parser.add_argument("--prompt", metavar="STREAM.bcd", help="go on from the last shot of this stream")
    parser.add_argument("--seconds", type=finite_number, required=True, metavar="N", help="length of what is generated")
    parser.add_argument("target", metavar="OUT.bcd|OUT.mp4", help="stream, or mp4, mkv or webm")
    picking = parser.add_argument_group("which codes are taken")
    picking.add_argument("--greedy", action="store_true", help="the most probable ones (without the others)")
    picking.add_argument(
        "--temperature", type=finite_number, metavar="T", help="draw, with probabilities to the power 1/T"
    )
    picking.add_argument(
        "--top-p", type=finite_number, metavar="P", help="draw from the most probable ones that reach P"
    )
    picking.add_argument("--seed", type=seed, default=0, metavar="N", help="of draws and of the noise (0)")
    parser.add_argument("--motion-weights", type=Path, metavar="PATH", help="motion model (the one for the weights)")
    add_crop_option(parser, about="follow its face, or take the largest centred square (the model's)")
    add_decoding_options(parser, weights=DEFAULT_NAME)


def run(options: argparse.Namespace) -> int:
    """Generate one stream, and decode it where the target is a video."""
    sources = tuple(source for source in (options.content, options.prompt) if source is not None)
    if STANDARD in (*sources, options.target):
        raise ConfigError("content, prompt and output of generate are files, - is not possible")
    drawn = options.temperature is not None or options.top_p is not None
    if options.greedy and drawn:
        raise ConfigError(
            "--greedy takes the most probable codes, --temperature and --top-p draw: give one or the other"
        )
    target = check_target(options.target, sources=sources, force=options.force)
    from bcdcodec.codec.decode.file import decode_file
    from bcdcodec.codec.decode.settings import DecodeSettings
    from bcdcodec.codec.model import CodecModel
    from bcdcodec.motion.generation import generate_stream
    from bcdcodec.motion.sampling import GREEDY, Picking
    from bcdcodec.motion.weights import find_motion, load_motion, open_motion

    picking = GREEDY
    if drawn:
        temperature = PLAIN_TEMPERATURE if options.temperature is None else options.temperature
        picking = Picking(temperature=temperature, top_p=PLAIN_TOP_P if options.top_p is None else options.top_p)
    model = CodecModel.load(options.weights, device=options.device)
    codec_id, motion_path = model.weights.model_id, options.motion_weights
    motion = find_motion(codec_id) if motion_path is None else open_motion(motion_path)
    gpt = load_motion(motion, codec_id=codec_id, device=model.device)

    def write_stream(out: Path | BinaryIO) -> str:
        with progress_bar(options, "generate", unit="frame") as progress:
            made = generate_stream(
                options.content,
                out,
                model=model,
                gpt=gpt,
                seconds=options.seconds,
                prompt=options.prompt and Path(options.prompt),
                picking=picking,
                seed=options.seed,
                crop=options.crop,
                progress=progress,
            )
        after = f" after {made.prompt_frames} of the prompt" if made.prompt_frames else ""
        return f"{made.frames} frames generated{after}, stream of {made.total_bits} bits"

    if Path(options.target).suffix == STREAM_SUFFIX:
        report = write_stream(target)
    else:
        with tempfile.TemporaryFile() as stream:
            report = write_stream(stream)
            stream.seek(0)
            settings = DecodeSettings(sampling=sampling_of(options, model.config))
            with progress_bar(options, "decode", unit="frame") as progress:
                decode_file(stream, target, model=model, settings=settings, progress=progress)
    print_report(options, report)
    return 0
