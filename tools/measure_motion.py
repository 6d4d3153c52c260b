"""Measure motion generation and loss concealment. In: clips, code streams of training. Out: numbers, pictures, a page.

Encoded clips are kept in the work folder, and so is every finished part, so that the same command goes on where it
stopped. Pictures that go beside the page show only clips whose licence allows it.
"""

import argparse
import dataclasses
import hashlib
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from bcdcodec import BcdError, CodecModel
from bcdcodec.atomic import file_hash, write_bytes
from bcdcodec.bitstream.stream import StreamReader, StreamWriter
from bcdcodec.codec.decode.concealment import Concealer, HoldConcealer
from bcdcodec.codec.decode.decoder import Decoder
from bcdcodec.codec.encode.encoder import EncodeSettings
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.evaluation.harness.clips import Clip, read_clips
from bcdcodec.evaluation.report.sheets import contact_sheet
from bcdcodec.motion.conceal import ModelConcealer
from bcdcodec.motion.data import hold_out, load_streams
from bcdcodec.motion.generation import write_codes
from bcdcodec.motion.loss import LossPattern
from bcdcodec.motion.measure import GENERATED_FRAMES, PACKET_FRAMES, generate_all, measure_entropy, measure_generated
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.page import markdown
from bcdcodec.motion.painted import measure_painted
from bcdcodec.motion.points import PointReader
from bcdcodec.motion.raster import code_raster, stacked
from bcdcodec.motion.sampling import GREEDY, Picking
from bcdcodec.motion.streams import read_shots
from bcdcodec.motion.trial import try_concealers
from bcdcodec.motion.weights import find_motion, load_motion, open_motion
from bcdcodec.training.data.code_streams import CodeStream
from bcdcodec.video.png import pack_png

ROOT = Path(__file__).resolve().parents[1]
RESULTS, RASTER, SHEET = "generation.json", "rasters.png", "sheet.png"
WAYS = {
    "greedy": GREEDY,
    "drawn at 0.8": Picking(temperature=0.8, top_p=0.9),
    "drawn at 1": Picking(temperature=1.0, top_p=0.9),
}
#: One encoder window a packet, as in a call.
CALL_PACKET = 8
PATTERNS = {
    f"{share:.0%} {name}": LossPattern(share=share, burst=burst)
    for name, burst in (("random", 1.0), ("bursts", 3.0))
    for share in (0.05, 0.1, 0.2)
}
#: How often packets of every stream are lost anew.
DRAWS = 4
PAINTED, COLUMNS = "20% bursts", 8

Part = Callable[[], Any]


def stream_path(clip: Clip, model: CodecModel, work: Path) -> Path:
    return work / f"{clip.name}-{model.weights.model_id.hex()[:8]}.bcd"


def encode_clips(clips: list[Clip], model: CodecModel, work: Path) -> list[CodeStream]:
    """The clips as streams that `encode_file` wrote, one a shot."""
    found: list[CodeStream] = []
    settings = EncodeSettings(groups=model.config.quantizer.groups)  # the motion model knows all codes
    for clip in tqdm(clips, desc="encode", disable=None):
        path = stream_path(clip, model, work)
        if not path.exists():
            encode_file(
                clip.path,
                path,
                model=model,
                settings=settings,
                audio_bitrate=None,
            )
        found += [dataclasses.replace(shot, person=clip.person) for shot in read_shots(model, path)]
    return found


def conceal_all(streams: list[CodeStream], concealers: dict[str, Concealer], points: PointReader) -> dict[str, Any]:
    """All patterns, for packets as in a call and as in a file."""
    found: dict[str, Any] = {}
    for packet in (CALL_PACKET, PACKET_FRAMES):
        for name, pattern in tqdm(PATTERNS.items(), desc=f"packets of {packet}", disable=None):
            trial = try_concealers(streams, pattern, concealers, points, packet_frames=packet, draws=DRAWS)
            found.setdefault(str(packet), {})[name] = dataclasses.asdict(trial)
    return found


def concealers_of(gpt: MotionGpt) -> dict[str, Concealer]:
    """What `--conceal` offers, and what it is made of; the first is what the others are compared with."""
    return {
        "hold": HoldConcealer(),
        "model": ModelConcealer(gpt),
        "model, not blended": ModelConcealer(gpt, bridge=False),
        "blended alone": ModelConcealer(gpt, trust=0.0),
    }


class Parts:
    """Results of finished parts: one JSON file each, named by what they depend on."""

    def __init__(self, folder: Path, *files: Path) -> None:
        self._folder = folder
        self._key = hashlib.sha256("".join(file_hash(path) for path in files).encode()).hexdigest()[:12]

    def get(self, name: str, measure: Part) -> Any:
        path = self._folder / f"{name}-{self._key}.json"
        if not path.exists():
            write_bytes(path, json.dumps(measure()).encode())
        return json.loads(path.read_text(encoding="utf-8"))


def write_pictures(
    folder: Path, shown: Clip, real: CodeStream, gpt: MotionGpt, model: CodecModel, work: Path
) -> list[str]:
    """The raster of a real stream and generated ones, the sheet of what they decode to; the streams stay in the work
    folder. Returns the rows of both pictures.
    """
    made = {name: generate_all(gpt, [real], picking)[0] for name, picking in WAYS.items()}
    codes = {"real": real.codes[:GENERATED_FRAMES].astype(np.int64), **made}
    rasters = [code_raster(rows, entries=gpt.config.entries) for rows in codes.values()]
    write_bytes(folder / RASTER, pack_png(stacked(rasters)))
    with stream_path(shown, model, work).open("rb") as file:
        content = StreamReader(file).header.content
    rows = []
    for name, values in codes.items():
        buffer = io.BytesIO()
        write_codes(StreamWriter(buffer), model, content, values, seed=0)
        write_bytes(work / f"{shown.name}-{name}.bcd", buffer.getvalue())
        rows.append(_strip(buffer, model))
    pairs = [np.concatenate(rows[start : start + 2]) for start in range(0, len(rows), 2)]
    text = f"{shown.name}: {shown.source}, {shown.license}"
    write_bytes(folder / SHEET, pack_png(contact_sheet(pairs, cell=128), text=text))
    return list(codes)


def _strip(file: io.BytesIO, model: CodecModel) -> NDArray[np.uint8]:
    """Frames of a stream at even distances, side by side."""
    file.seek(0)
    reader = StreamReader(file)
    decoder = Decoder(model, reader.header)
    frames = [frame for packet in reader for frame in decoder.push(packet)] + decoder.flush()
    places = np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int)
    return np.concatenate([frames[i].pixels for i in places], axis=1)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, write the numbers, the pictures and the page; returns what the JSON holds."""
    options.work.mkdir(parents=True, exist_ok=True)
    model = CodecModel.load(options.weights, device="cpu")
    codec_id = model.weights.model_id
    found = find_motion(codec_id) if options.motion_weights is None else open_motion(options.motion_weights)
    gpt = load_motion(found, codec_id=codec_id, device=torch.device("cpu"))
    clips = read_clips(options.folder)
    streams = encode_clips(clips, model, options.work)
    learned, held_out = hold_out(load_streams(options.learned))
    points, concealers = PointReader(model), concealers_of(gpt)
    parts = Parts(options.work, found.path, options.learned, options.folder / "clips.csv")
    paths = [stream_path(clip, model, options.work) for clip in clips]
    painted = [paths[i] for i in np.linspace(0, len(paths) - 1, options.painted).round().astype(int)]
    results = {
        "codec": codec_id.hex(),
        "motion": found.motion_id.hex(),
        "parameters": sum(p.numel() for p in gpt.parameters()),
        "clips": len(clips),
        "people": len({clip.person for clip in clips}),
        "entropy": parts.get(
            "entropy",
            lambda: {
                "validation": measure_entropy(gpt, model, learned, streams),
                "people held out of training": measure_entropy(gpt, model, learned, held_out),
            },
        ),
        "generated": parts.get("generated", lambda: measure_generated(gpt, model, streams, learned, WAYS)),
        "draws": DRAWS,
        "concealed": parts.get("concealed", lambda: conceal_all(streams, concealers, points)),
        "painted": parts.get(
            "painted",
            lambda: measure_painted(
                painted, model, PATTERNS[PAINTED], {n: concealers[n] for n in ("hold", "model", "blended alone")}
            ),
        ),
    }
    shown = next((clip for clip in clips if clip.may_be_shown), None)
    if shown is not None:
        real = read_shots(model, stream_path(shown, model, options.work))[0]
        rows = write_pictures(options.out, shown, real, gpt, model, options.work)
        results["pictures"] = {"clip": shown.name, "source": shown.source, "license": shown.license, "rows": rows}
    write_bytes(options.out / RESULTS, (json.dumps(results, indent=1) + "\n").encode())
    write_bytes(options.out.with_suffix(".md"), markdown(results, folder=options.out.name).encode())
    return results


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="measure_motion", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, metavar="CLIPS_FOLDER", help="folder with clips.csv and its clips")
    parser.add_argument(
        "--learned", type=Path, required=True, metavar="STREAMS.safetensors", help="code streams of the training run"
    )
    parser.add_argument("--weights", default="face", metavar="NAME|PATH", help="codec (face)")
    parser.add_argument("--motion-weights", type=Path, metavar="PATH", help="motion model (the one for the codec)")
    parser.add_argument("--painted", type=int, default=4, metavar="N", help="clips that are decoded with loss (4)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "generation", metavar="FOLDER", help="for results")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "motion", metavar="FOLDER", help="finished parts")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        run(options)
    except (BcdError, OSError) as error:
        print(f"measure_motion: {error}", file=sys.stderr)
        return 2
    print(options.out.with_suffix(".md"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
