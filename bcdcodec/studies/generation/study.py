"""The generation study: entropy of codes, generated motion, and loss concealment, for docs/generation.md.

clips -> `.bcd` streams in the work folder -> measurements, each kept as JSON -> numbers, pictures, tables of the page

An interrupted study resumes. Pictures beside the page show only clips whose licence allows it.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bcdcodec.atomic import file_hash
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.concealment import Concealer, HoldConcealer
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.clips import Clip, read_clips
from bcdcodec.evaluation.harness.experiment import kept_json
from bcdcodec.evaluation.harness.records import to_json, write_numbers
from bcdcodec.evaluation.report.tables import update_page
from bcdcodec.motion.conceal import ModelConcealer
from bcdcodec.motion.data import hold_out, load_streams
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.sampling import GREEDY, Picking
from bcdcodec.motion.streams import read_shots
from bcdcodec.motion.weights import find_motion, load_motion, open_motion
from bcdcodec.studies.generation.concealment import compare_concealers, measure_decoded
from bcdcodec.studies.generation.landmarks import LandmarkReader
from bcdcodec.studies.generation.measure import PACKET_FRAMES, measure_entropy, measure_generated
from bcdcodec.studies.generation.packet_loss import LossPattern
from bcdcodec.studies.generation.pictures import write_pictures
from bcdcodec.studies.generation.tables import page_tables
from bcdcodec.training.data.code_streams import CodeStream

PAGE, NUMBERS = "generation.md", "generation/generation.json"
SAMPLERS = {
    "greedy": GREEDY,
    "drawn at 0.8": Picking(temperature=0.8, top_p=0.9),
    "drawn at 1": Picking(temperature=1.0, top_p=0.9),
}
#: Packets of a call hold one encoder window.
CALL_PACKET_FRAMES = 8
PATTERNS = {
    f"{share:.0%} {name}": LossPattern(share=share, burst=burst)
    for name, burst in (("random", 1.0), ("bursts", 3.0))
    for share in (0.05, 0.1, 0.2)
}
#: Independent draws of lost packets for every stream.
DRAWS = 4
#: Pattern and concealers of the benchmark on decoded pictures.
DECODED_PATTERN, DECODED_CONCEALERS = "20% bursts", ("hold", "model", "blended alone")
#: (stage, done, total)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Inputs of the study. learned: code streams that the motion model was trained on, from its run folder.

    motion_weights: None for the motion model of the codec weights. decoded: number of clips that are decoded with loss.
    out, work: folders of the page and of finished measurements.
    """

    clips: Path
    learned: Path
    weights: str
    motion_weights: Path | None = None
    decoded: int
    out: Path
    work: Path


def run_study(request: Request, *, progress: Progress = lambda stage, done, total: None) -> dict[str, Any]:
    """Measure what is missing, then write numbers, pictures and the tables of the page; returns the numbers.

    Raises ConfigError, WeightsError, and errors of reading clips.
    """
    # Models, clips and code streams.
    model = CodecModel.load(request.weights, device="cpu")
    codec_id = model.weights.model_id
    motion = find_motion(codec_id) if request.motion_weights is None else open_motion(request.motion_weights)
    gpt = load_motion(motion, codec_id=codec_id, device=torch.device("cpu"))
    clips = read_clips(request.clips)
    learned, held_out = hold_out(load_streams(request.learned))
    request.work.mkdir(parents=True, exist_ok=True)
    streams = encode_clips(clips, model, request.work, progress)

    # Measurements, kept under names that depend on all inputs.
    inputs = (motion.path, request.learned, request.clips / "clips.csv")
    key = hashlib.sha256("".join(file_hash(path) for path in inputs).encode()).hexdigest()[:12]

    def kept(name: str, measure: Callable[[], Any]) -> Any:
        return kept_json(request.work / f"{name}-{key}.json", measure)

    concealers, landmarks = all_concealers(gpt), LandmarkReader(model)
    paths = [stream_path(clip, model, request.work) for clip in clips]
    decoded = [paths[i] for i in np.linspace(0, len(paths) - 1, request.decoded).round().astype(int)]
    numbers = {
        "codec": codec_id.hex(),
        "motion": motion.motion_id.hex(),
        "parameters": sum(p.numel() for p in gpt.parameters()),
        "clips": len(clips),
        "people": len({clip.person for clip in clips}),
        "entropy": kept(
            "entropy",
            lambda: {
                "validation": measure_entropy(gpt, model, learned, streams),
                "people held out of training": measure_entropy(gpt, model, learned, held_out),
            },
        ),
        "generated": kept(
            "generated",
            lambda: measure_generated(
                gpt, model, streams, learned, SAMPLERS, progress=lambda *counts: progress("generated", *counts)
            ),
        ),
        "draws": DRAWS,
        "concealed": kept("concealed", lambda: conceal_all(streams, concealers, landmarks, progress)),
        "painted": kept(
            "painted",
            lambda: measure_decoded(
                decoded, model, PATTERNS[DECODED_PATTERN], {name: concealers[name] for name in DECODED_CONCEALERS}
            ),
        ),
    }

    # Numbers, pictures, tables.
    shown = next((clip for clip in clips if clip.may_be_shown), None)
    if shown is not None:
        path = stream_path(shown, model, request.work)
        with path.open("rb") as file:
            content = StreamReader(file).header.content
        rows = write_pictures(
            (request.out / NUMBERS).parent,
            read_shots(model, path)[0],
            content,
            gpt=gpt,
            model=model,
            samplers=SAMPLERS,
            credit=shown.credit,
            streams=request.work / shown.name,
        )
        numbers["pictures"] = {"clip": shown.name, "source": shown.source, "license": shown.license, "rows": rows}
    write_numbers(request.out / NUMBERS, numbers)
    update_page(request.out / PAGE, page_tables(numbers))
    return numbers


def stream_path(clip: Clip, model: CodecModel, work: Path) -> Path:
    """The encoded clip in the work folder."""
    return work / f"{clip.name}-{model.weights.model_id.hex()[:8]}.bcd"


def encode_clips(clips: list[Clip], model: CodecModel, work: Path, progress: Progress) -> list[CodeStream]:
    """Encode what is not encoded yet, and read the code streams, one a shot."""
    streams: list[CodeStream] = []
    settings = EncodeSettings(groups=model.config.quantizer.groups)  # the motion model needs all codes
    for index, clip in enumerate(clips):
        path = stream_path(clip, model, work)
        if not path.exists():
            encode_file(clip.path, path, model=model, settings=settings, audio_bitrate=None)
        streams += [dataclasses.replace(shot, person=clip.person) for shot in read_shots(model, path)]
        progress("encoded", index + 1, len(clips))
    return streams


def all_concealers(gpt: MotionGpt) -> dict[str, Concealer]:
    """The concealers of `--conceal`, and their parts alone; the first is the reference of the others."""
    return {
        "hold": HoldConcealer(),
        "model": ModelConcealer(gpt),
        "model, not blended": ModelConcealer(gpt, bridge=False),
        "blended alone": ModelConcealer(gpt, trust=0.0),
    }


def conceal_all(
    streams: list[CodeStream], concealers: dict[str, Concealer], landmarks: LandmarkReader, progress: Progress
) -> dict[str, Any]:
    """Compare the concealers under all loss patterns, for packets of a call and of a file."""
    comparisons: dict[str, Any] = {}
    for packet_frames in (CALL_PACKET_FRAMES, PACKET_FRAMES):
        for index, (name, pattern) in enumerate(PATTERNS.items()):
            comparison = compare_concealers(
                streams, pattern, concealers, landmarks, packet_frames=packet_frames, draws=DRAWS
            )
            comparisons.setdefault(str(packet_frames), {})[name] = to_json(comparison)
            progress(f"packets of {packet_frames}", index + 1, len(PATTERNS))
    return comparisons
