"""`bcd compare`: a video beside what its streams show, as a page to look at."""

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.cli.batch import STREAM_SUFFIX, loaded_model
from bcdcodec.cli.options import (
    Commands,
    add_crop_option,
    add_decoder_preset,
    add_model_options,
    add_output_options,
    bitrate,
    new_command,
)
from bcdcodec.cli.progress import progress_bar
from bcdcodec.cli.streams import check_folder
from bcdcodec.errors import ConfigError
from bcdcodec.weightfile import DEFAULT_NAME, find_weights, weights_of_stream

if TYPE_CHECKING:
    from bcdcodec.codec.model import CodecModel

MAX_COLUMNS = 8
EXAMPLES = """  bcd compare talk.mp4 talk.bcd                       # writes talk-compared/index.html
  bcd compare talk.mp4 old.bcd new.bcd --bitrates 2k,4k -o rates"""


def bitrates(text: str) -> list[int]:
    """Parse `1k,2k,4k`."""
    return [bitrate(part) for part in text.split(",")]


def add_command(commands: Commands) -> None:
    """Add the command and its options."""
    parser = new_command(
        commands,
        "compare",
        run,
        about="show a video beside its streams: page, video, sheet, numbers",
        examples=EXAMPLES,
    )
    parser.add_argument("source", type=Path, metavar="VIDEO", help="the video that was encoded")
    parser.add_argument("streams", nargs="*", type=Path, metavar="IN.bcd", help="streams of it")
    parser.add_argument(
        "--bitrates", type=bitrates, default=[], metavar="1k,2k,4k", help="encode it at these bitrates, and show them"
    )
    parser.add_argument("-o", "--out", type=Path, metavar="DIR", help="folder to write (NAME-compared)")
    add_decoder_preset(parser)
    parser.add_argument("--json", action="store_true", help="print the numbers for a program to read")
    add_crop_option(parser, about="follow the face, or code the largest centred square (the model's)")
    add_model_options(parser, weights=DEFAULT_NAME)
    add_output_options(parser)


def run(options: argparse.Namespace) -> int:
    """Encode what is asked for, decode all, and write the page."""
    count = len(options.streams) + len(options.bitrates)
    if not 1 <= count <= MAX_COLUMNS:
        raise ConfigError(f"{count} streams to compare, allowed are 1 to {MAX_COLUMNS}: name some, or --bitrates 2k,4k")
    folder = options.out or options.source.with_name(f"{options.source.stem}-compared")
    check_folder(folder, force=options.force)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _compare(options, folder)
    except BaseException:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return 0


def _compare(options: argparse.Namespace, folder: Path) -> None:
    from bcdcodec.evaluation.comparison.columns import compare_streams
    from bcdcodec.evaluation.comparison.page import NUMBERS, write_page

    is_distinct = len({path.stem for path in options.streams}) == len(options.streams)
    streams: dict[str, tuple[Path, float | None]] = {
        path.stem if is_distinct else str(path): (path, None) for path in options.streams
    }
    for rate in options.bitrates:
        path = folder / f"{options.source.stem}-{rate / 1000:g}k{STREAM_SUFFIX}"
        _encode(options, path, rate)
        streams[f"{rate / 1000:g} kbps"] = path, rate / 1000
    models = {name: _model_of(path, options) for name, (path, _) in streams.items()}
    with progress_bar(options, "decode", unit="frame") as progress:
        columns = compare_streams(
            options.source, streams, folder, models=models, preset=options.preset, progress=progress
        )
    page = write_page(options.source, columns, folder)
    if options.json:
        print(json.dumps(json.loads((folder / NUMBERS).read_text(encoding="utf-8"))))
    elif not options.quiet:
        for column in columns:
            values = ", ".join(f"{name} {value:.3g}" for name, value in column.values.items() if value is not None)
            print(f"{column.name}: {column.kbps:.2f} kbps, {values}")
        print(page)


def _model_of(stream: Path, options: argparse.Namespace) -> "CodecModel":
    """The model that decodes a stream: that of --weights, or the one that it names."""
    with stream.open("rb") as file:
        model_id = StreamReader(file).header.model_id
    named = find_weights(options.weights)
    return loaded_model((named if named.model_id == model_id else weights_of_stream(model_id)).path, options.device)


def _encode(options: argparse.Namespace, target: Path, rate: int) -> None:
    from bcdcodec.codec.encode.file import encode_file
    from bcdcodec.codec.encode.settings import EncodeSettings

    model = loaded_model(find_weights(options.weights).path, options.device)
    with progress_bar(options, f"encode {rate / 1000:g}k", unit="frame") as progress:
        encode_file(
            options.source,
            target,
            model=model,
            settings=EncodeSettings(bitrate=rate),
            crop=options.crop,
            progress=progress,
        )
