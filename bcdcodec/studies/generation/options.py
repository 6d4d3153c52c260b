"""Command-line options of the generation study; imports nothing heavy, so that a parser can be built without torch."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `study.run` reads."""
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder of clips with a clips.csv")
    parser.add_argument(
        "--learned",
        type=Path,
        required=True,
        metavar="STREAMS.safetensors",
        help="code streams that the motion model was trained on, from its run folder",
    )
    parser.add_argument("--weights", default="face", metavar="NAME|PATH", help="codec weights (face)")
    parser.add_argument("--motion-weights", type=Path, metavar="PATH", help="motion model (the one for the codec)")
    parser.add_argument(
        "--decoded", type=_count, default=4, metavar="N", help="clips that are decoded to pictures with loss (4)"
    )
    parser.add_argument("--out", type=Path, default=Path("docs"), metavar="DIR", help="folder of the page (docs)")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("build/generation"),
        metavar="DIR",
        help="folder of finished measurements (build/generation)",
    )


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value
