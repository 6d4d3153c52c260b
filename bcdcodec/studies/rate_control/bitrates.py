"""Encoded clips against their target bitrates: size on disk, bucket fill, and bits of the codes in every mode."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

from bcdcodec.bitstream.packet import MotionPayload
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.encode.file import encode_file
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.bucket import LeakyBucket
from bcdcodec.ratecontrol.timeline import Timeline
from bcdcodec.training.context import cost_bits

TARGETS = (1000, 2000, 4000, 8000)
BUCKET_S = 1.0
_DENOISER = "bcd.dit."


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTarget:
    """A clip to encode at a target bitrate in bit/s, and the file of its record.

    variant: name of a variant of variants.py; empty for the encoder as it is. crop: as in `encode_file`.
    seconds: length of the clip.
    """

    clip: Path
    target: int
    record: Path
    variant: str = ""
    crop: bool | None = False
    seconds: float = 1.0


def measure_bitrate(model: CodecModel, item: ClipTarget) -> dict[str, Any]:
    """Encode one clip at one target; the stream lies beside the record."""
    stream, target = item.record.with_suffix(".bcd"), item.target
    settings = EncodeSettings(bitrate=target, bucket_s=BUCKET_S)
    try:
        result = encode_file(item.clip, stream, model=model, settings=settings, crop=item.crop, audio_bitrate=None)
    except RateError as error:
        return {"clip": item.clip.stem, "target": target, "refused": str(error)}
    with stream.open("rb") as file:
        reader = StreamReader(file, keep_packets=True)
        payloads = [payload for packet in reader if isinstance(payload := packet.record(), MotionPayload)]
    stats, header = reader.stats, reader.header
    timeline = Timeline.of_packets(stats.packets, header.video.frame_rate)
    # From the packets alone, by the definition of a leaky bucket.
    fills = timeline.fill(LeakyBucket(target, BUCKET_S))[1]
    record = {
        "clip": item.clip.stem,
        "target": target,
        "seconds": result.duration_s,
        "bits": stats.total_bits,
        "content_bits": stats.content_bits,
        "contents": 1 + stats.content_packets,
        "frames": stats.motion_frames,
        "skipped_frames": result.skipped_frames,
        "fps": float(header.video.frame_rate),
        "groups": header.coding.groups,
        "mode": header.coding.mode.name.lower(),
        "fill": max(fills) / (target * BUCKET_S),
    }
    coder = model.coder(header.coding.mode, header.coding.groups)
    return record | _bits_by_mode(model, [coder.decode(payload.codes, payload.frames) for payload in payloads])


def encoder_hash(model: CodecModel) -> str:
    """Hash of the weights that streams depend on: all but the denoiser, which only decoders use."""
    digest = hashlib.sha256()
    with safe_open(str(model.weights.path), framework="numpy") as file:
        for name in sorted(file.keys()):
            if not name.startswith(_DENOISER):
                digest.update(name.encode() + file.get_tensor(name).tobytes())
    return digest.hexdigest()[:12]


def _bits_by_mode(model: CodecModel, blocks: list[Any]) -> dict[str, float]:
    """Bits a frame of packets of codes [n, G]: coded in each mode, and by the context model without a coder."""
    frames, groups = sum(len(block) for block in blocks), blocks[0].shape[1]
    bits: dict[str, float] = {}
    for mode in CodingMode:
        if mode is CodingMode.CONTEXT and model.predictor is None:
            continue
        coder = model.coder(mode, groups)
        bits[f"{mode.name.lower()}_bits"] = 8 * sum(len(coder.encode(block)) for block in blocks) / frames
    if model.predictor is not None:
        bits["model_bits"] = cost_bits(blocks, model.predictor.first(groups)) / frames
    return bits
