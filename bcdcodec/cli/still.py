"""`bcd still`: the reference pictures of a stream as PNG, without torch and the model."""

import argparse
from pathlib import Path

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.options import Commands, add_write_options, new_command, whole_number
from bcdcodec.cli.streams import STANDARD, check_target, open_stream, print_report
from bcdcodec.errors import BitstreamError, ConfigError

PNG = ".png"
MAX_SIDE = 4096
EXAMPLES = """  bcd still talk.bcd                    # its first picture, talk.png beside it
  bcd still talk.bcd all.png --all      # all pictures, in the order in which they are sent"""


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(commands, "still", run, about="write the pictures of a .bcd as PNG", examples=EXAMPLES)
    parser.add_argument("source", metavar="IN.bcd", help="stream, or - for standard input")
    parser.add_argument(
        "target", nargs="?", metavar="OUT.png", help="file to write, or - for standard output (IN with .png at its end)"
    )
    parser.add_argument("--all", action="store_true", help="all pictures on one sheet, not the first alone")
    parser.add_argument("--size", type=whole_number(1, MAX_SIDE), metavar="PIXELS", help="longer side (as it is)")
    add_write_options(parser)


def run(options: argparse.Namespace) -> int:
    """Write one picture, or a sheet."""
    if options.target is None:
        options.target = STANDARD if options.source == STANDARD else str(Path(options.source).with_suffix(PNG))
    if options.target != STANDARD and Path(options.target).suffix.lower() != PNG:
        raise ConfigError(f"stills are written as .png, {options.target} is another kind")
    target = check_target(options.target, sources=(options.source,), force=options.force)
    from bcdcodec.atomic import open_output
    from bcdcodec.codec.stills import Still, iter_stills, sheet
    from bcdcodec.video.crop import scale
    from bcdcodec.video.lossless import pack_png

    stills, damage = list[Still](), ""
    with open_stream(options.source) as file:
        found = iter_stills(StreamReader(file))
        stills.append(next(found))
        try:
            stills += found if options.all else []
        except BitstreamError as error:  # what came before it is shown
            damage = f"; the rest is damaged: {error}"
    pixels = sheet(stills)
    height, width = pixels.shape[:2]
    if options.size is not None:
        factor = options.size / max(height, width)
        pixels = scale(pixels, max(1, round(width * factor)), max(1, round(height * factor)))
    with open_output(target) as output:
        output.write(pack_png(pixels))
    many = "pictures" if len(stills) > 1 else "picture"
    print_report(options, f"{len(stills)} {many} of {sum(still.bits for still in stills) // 8} bytes{damage}")
    return 0
