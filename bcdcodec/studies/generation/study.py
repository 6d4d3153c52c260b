"""The generation study: entropy of codes, generated motion, and loss concealment, for docs/generation.md.

clips -> `.bcd` streams in the work folder -> measurements, each kept as JSON -> numbers, pictures, tables of the page

An interrupted study resumes. Pictures beside the page show only clips whose licence allows it.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bcdcodec.atomic import file_hash
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.concealment import Concealer, HoldConcealer
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.evaluation.harness.clips import LIST, Clip, Excerpts, read_clips
from bcdcodec.evaluation.harness.experiment import StageProgress, kept_json
from bcdcodec.evaluation.harness.quick import choose_quick, quick_note, shorten
from bcdcodec.evaluation.harness.records import to_json, write_numbers
from bcdcodec.evaluation.report.sheets import spread_indices
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
#: Of the quick version: clips and their length, streams of training that are read, and the less that is tried.
QUICK_CLIPS, QUICK_SECONDS, QUICK_STREAMS = 4, 5.0, 40
QUICK_SAMPLERS, QUICK_PATTERNS = ("drawn at 0.8",), ("10% random", "20% bursts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Inputs of the study. learned: code streams that the motion model was trained on, from its run folder.

    motion_weights: None for the motion model of the codec weights. decoded: number of clips that are decoded with loss.
    out, work: folders of the page and of finished measurements. quick: the starts of a few clips, one sampler, two
    patterns of loss.
    """

    clips: Path
    learned: Path
    weights: str
    motion_weights: Path | None = None
    decoded: int
    out: Path
    work: Path
    quick: bool = False


def run_study(request: Request, *, progress: StageProgress = lambda *report: None) -> dict[str, Any]:
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
    # What belongs to the clips: the list, or where there is none, their bytes.
    inputs = [motion.path, request.learned]
    inputs += [request.clips / LIST] if (request.clips / LIST).exists() else [clip.path for clip in clips]
    samplers, patterns, draws, decoding = SAMPLERS, PATTERNS, DRAWS, min(request.decoded, len(clips))
    note: dict[str, list[str]] = {}
    if request.quick:
        samplers = {name: SAMPLERS[name] for name in QUICK_SAMPLERS}
        patterns = {name: PATTERNS[name] for name in QUICK_PATTERNS}
        learned, held_out = learned[:QUICK_STREAMS], held_out[:QUICK_STREAMS]
        draws, decoding, chosen = 1, 1, choose_quick(clips, QUICK_CLIPS)
        less = f"One sampler, {len(patterns)} patterns of loss, {QUICK_STREAMS} code streams of training."
        note = quick_note(len(chosen), len(clips), seconds=QUICK_SECONDS, others=less)
        excerpts, side = Excerpts(request.work / "quick"), model.config.pixels
        clips = shorten(chosen, excerpts, rate=model.frame_rate, seconds=QUICK_SECONDS, side=side)
    work = request.work / "quick" if request.quick else request.work
    work.mkdir(parents=True, exist_ok=True)
    streams = encode_clips(clips, model, work, progress)

    # Measurements, kept under names that depend on all inputs.
    key = hashlib.sha256("".join(file_hash(path) for path in inputs).encode()).hexdigest()[:12]

    def kept(name: str, measure: Callable[[], Any]) -> Any:
        return kept_json(work / f"{name}-{key}.json", measure)

    concealers, landmarks = all_concealers(gpt), LandmarkReader(model)
    paths = [stream_path(clip, model, work) for clip in clips]
    decoded = [paths[i] for i in spread_indices(len(paths), decoding)]
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
                gpt, model, streams, learned, samplers, progress=lambda *counts: progress("generated", *counts)
            ),
        ),
        "draws": draws,
        "concealed": kept("concealed", lambda: conceal_all(streams, concealers, landmarks, patterns, draws, progress)),
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
        path = stream_path(shown, model, work)
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
            streams=work / shown.name,
        )
        numbers["pictures"] = {"clip": shown.name, "source": shown.source, "license": shown.license, "rows": rows}
    write_numbers(request.out / NUMBERS, numbers)
    update_page(request.out / PAGE, {**note, **page_tables(numbers)})
    return numbers


def stream_path(clip: Clip, model: CodecModel, work: Path) -> Path:
    """The encoded clip in the work folder."""
    return work / f"{clip.name}-{model.weights.model_id.hex()[:8]}.bcd"


def encode_clips(clips: list[Clip], model: CodecModel, work: Path, progress: StageProgress) -> list[CodeStream]:
    """Encode what is not encoded yet, and read the code streams, one a shot."""
    streams: list[CodeStream] = []
    settings = EncodeSettings(groups=model.config.quantizer.groups)  # the motion model needs all codes
    for index, clip in enumerate(clips):
        path = stream_path(clip, model, work)
        if not path.exists():
            encode_file(clip.path, path, model=model, settings=settings, crop=clip.crop, audio_bitrate=None)
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
    streams: list[CodeStream],
    concealers: dict[str, Concealer],
    landmarks: LandmarkReader,
    patterns: Mapping[str, LossPattern],
    draws: int,
    progress: StageProgress,
) -> dict[str, Any]:
    """Compare the concealers under loss patterns, for packets of a call and of a file; None where nothing is lost."""
    comparisons: dict[str, Any] = {}
    for packet_frames in (CALL_PACKET_FRAMES, PACKET_FRAMES):
        for index, (name, pattern) in enumerate(patterns.items()):
            comparison = compare_concealers(
                streams, pattern, concealers, landmarks, packet_frames=packet_frames, draws=draws
            )
            comparisons.setdefault(str(packet_frames), {})[name] = to_json(comparison)
            progress(f"packets of {packet_frames}", index + 1, len(patterns))
    return comparisons
