"""`bcd export`: the networks of weights for other runtimes than torch."""

import argparse
from pathlib import Path

from bcdcodec.cli.options import Commands, add_quiet_option, add_write_options, new_command, new_group
from bcdcodec.cli.streams import check_folder
from bcdcodec.weightfile import DEFAULT_NAME, find_weights

ONNX_EXAMPLES = """  bcd export onnx face-onnx
  bcd encode talk.mp4 --runtime onnxruntime --weights face-onnx   # without torch
  bcd decode talk.bcd --runtime onnxruntime --weights face-onnx"""
PAGE_EXAMPLES = """  bcd export page site --runtime node_modules/onnxruntime-web/dist   # of npm install onnxruntime-web
  bcd export page alice --runtime node_modules/onnxruntime-web/dist --weights alice.safetensors
The folder is for any web server: python -m http.server -d site"""


def add_command(commands: Commands) -> None:
    """Add the group and its commands."""
    group = new_group(commands, "export", about="write networks for onnxruntime, or for browsers")
    graphs = new_command(group, "onnx", run_onnx, about="graphs and tables for onnxruntime", examples=ONNX_EXAMPLES)
    page = new_command(group, "page", run_page, about="a page that plays streams", examples=PAGE_EXAMPLES)
    for parser, about in ((graphs, "folder to write"), (page, "new folder to write, for a web server")):
        parser.add_argument("target", type=Path, metavar="OUT_DIR", help=about)
        parser.add_argument("--weights", default=DEFAULT_NAME, metavar="NAME|PATH", help="model weights (face)")
    add_write_options(graphs)
    page.add_argument(
        "--runtime", type=Path, required=True, metavar="DIR", help="folder dist of the npm package onnxruntime-web"
    )
    add_quiet_option(page)


def run_onnx(options: argparse.Namespace) -> int:
    """Write graphs and tables, and print their size."""
    check_folder(options.target, force=options.force)
    from bcdcodec.codec.onnx.export import export_codec

    weights = find_weights(options.weights)
    options.target.mkdir(parents=True, exist_ok=True)
    export_codec(weights, options.target)
    return _report(options, weights.model_id)


def run_page(options: argparse.Namespace) -> int:
    """Write the page with a decoder, and print their size."""
    from bcdcodec.web.export import export_page

    weights = find_weights(options.weights)
    export_page(options.target, weights, runtime=options.runtime)
    return _report(options, weights.model_id)


def _report(options: argparse.Namespace, model_id: bytes) -> int:
    if not options.quiet:
        size = sum(file.stat().st_size for file in options.target.rglob("*") if file.is_file())
        print(f"{options.target}: {size} bytes, for streams of model {model_id.hex()}")
    return 0
