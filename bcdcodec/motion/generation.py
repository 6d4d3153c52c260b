"""Generated motion as an ordinary `.bcd` stream.

content (picture, video or .bcd) -> content record -> content map -. prompt (.bcd) -> codes of its last shot
--------------------------+-> rollout.py -> codes -> packets -> .bcd
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.atomic import open_output
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import ContentRecord
from bcdcodec.bitstream.stream import StreamWriter
from bcdcodec.codec.content import content_of_record
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.settings import EncodeSettings
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.progress import FileProgress
from bcdcodec.codec.transfer import content_record_of_file
from bcdcodec.entropy.motion import coder_modes, smallest_coder
from bcdcodec.errors import ConfigError
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.rollout import generate_codes
from bcdcodec.motion.sampling import GREEDY, Picking
from bcdcodec.motion.streams import read_shots

#: Encoder windows a packet, the encoder's default, and the longest generated stream.
PACKET_WINDOWS, MAX_SECONDS = 2, 3600.0
#: Metadata that marks a generated stream as synthetic.
METADATA = {"generator": "bcdcodec motion"}


@dataclass(frozen=True, slots=True)
class Generated:
    """Size of a generated stream: frames of the prompt, generated frames, bits of the file."""

    prompt_frames: int
    frames: int
    total_bits: int


def generate_stream(
    content: str | Path,
    target: str | Path | BinaryIO,
    *,
    model: CodecModel,
    gpt: MotionGpt,
    seconds: float,
    prompt: Path | None = None,
    picking: Picking = GREEDY,
    seed: int = 0,
    crop: bool | None = None,
    progress: FileProgress = lambda done, total: None,
) -> Generated:
    """Write a stream with the content of a picture, a video or a `.bcd`, and generated motion of this length.

    prompt: a `.bcd` of the same codec model; its last shot comes first, and generation continues from it. crop: as in
    `encode_file`. The same arguments give the same file on one machine. Raises ConfigError, VideoError, FaceError,
    BitstreamError.
    """
    frames = round(seconds * model.frame_rate)
    if not 1 <= frames <= MAX_SECONDS * model.frame_rate:
        raise ConfigError(f"{seconds:g} s are {frames} frames, allowed are 1 frame to {MAX_SECONDS:g} s")
    coded = content_record_of_file(model, content, crop=crop)
    # The model's square is the whole picture of the stream.
    record = ContentRecord(x=0, y=0, size=model.config.pixels, coding=coded.coding, data=coded.data)
    before = None if prompt is None else _last_shot(model, prompt)
    content_map = content_of_record(model, record).map
    generated = generate_codes(
        gpt,
        content_map,
        frames,
        prompt=before,
        picking=picking,
        seed=seed,
        progress=lambda done: progress(done, frames),
    )
    codes = (generated if before is None else torch.cat([before, generated])).cpu().numpy()
    with open_output(target) as file:
        writer = StreamWriter(file)
        write_codes(writer, model, record, codes, seed=seed)
    return Generated(0 if before is None else len(before), frames, writer.stats.total_bits)


def write_codes(
    writer: StreamWriter, model: CodecModel, content: ContentRecord, codes: NDArray[np.int64], *, seed: int
) -> None:
    """Write a whole stream of one shot with codes [n, G], in the smallest coding mode."""
    step = PACKET_WINDOWS * model.config.window_frames
    packets = [codes[start : start + step] for start in range(0, len(codes), step)]
    coder = smallest_coder(packets, [model.coder(mode) for mode in coder_modes(model.predictor)])
    settings, size = EncodeSettings(seed=seed, metadata=METADATA), (model.config.pixels, model.config.pixels)
    plan = EncodePlan.of_settings(model, settings)
    writer.write_header(plan.header(model, settings, content, coder, size=size, cropped=False))
    for index, part in enumerate(packets):
        payload = MotionPayload(len(part), index == 0, coder.encode(part)).pack()
        writer.write(Packet(PacketKind.MOTION, writer.next_sequence, index * step, payload))
    writer.finish()


def _last_shot(model: CodecModel, path: Path) -> torch.Tensor:
    shots = read_shots(model, path)
    if not shots:
        raise ConfigError(f"{path} has no motion to go on from")
    return torch.from_numpy(shots[-1].codes.astype(np.int64)).to(model.device)
