"""Generated motion as an ordinary stream. In: content, codes before them, seconds. Out: a `.bcd` file.

content (picture, video or .bcd) -> content record -> content map -.
prompt (.bcd) -> codes of its last shot --------------------------+-> rollout.py -> codes -> packets -> .bcd
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from bcdcodec.atomic import open_output
from bcdcodec.bitstream.header import StreamHeader
from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingInfo, ContentRecord, VideoInfo
from bcdcodec.bitstream.stream import StreamWriter
from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.progress import FileProgress
from bcdcodec.codec.reference import content_of_record
from bcdcodec.codec.transfer import content_record_of_file
from bcdcodec.entropy.motion import MotionCoder, coder_modes, smallest_coder
from bcdcodec.errors import ConfigError
from bcdcodec.motion.model import MotionGpt
from bcdcodec.motion.rollout import generate_codes
from bcdcodec.motion.sampling import GREEDY, Picking
from bcdcodec.motion.streams import read_shots

#: Encoder windows a packet, as the encoder has by default, and the longest stream that is generated.
PACKET_WINDOWS, MAX_SECONDS = 2, 3600.0
#: Value of `generator` in the metadata of a generated stream: what it shows was never filmed.
METADATA = {"generator": "bcdcodec motion"}


@dataclass(frozen=True, slots=True)
class Generated:
    """What was written: frames taken from the prompt, frames generated, bits of the file."""

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
    """Write a stream of the content of a picture, a video or a `.bcd`, that moves for so many seconds as the model
    has it.

    prompt: a `.bcd` of the same codec model; its last shot comes first, and what is generated goes on from it. crop:
    as in
    `encode_file`. The same arguments give the same file on one machine. Raises ConfigError, VideoError, FaceError,
    BitstreamError.
    """
    frames = round(seconds * model.frame_rate)
    if not 1 <= frames <= MAX_SECONDS * model.frame_rate:
        raise ConfigError(f"{seconds:g} s are {frames} frames, allowed are 1 frame to {MAX_SECONDS:g} s")
    found = content_record_of_file(model, content, crop=crop)
    # A stream of its own size: the square that is painted is the whole picture.
    record = ContentRecord(x=0, y=0, size=model.config.pixels, coding=found.coding, data=found.data)
    before = None if prompt is None else _last_shot(model, prompt)
    shown = content_of_record(model, record).map
    made = generate_codes(
        gpt,
        shown,
        frames,
        prompt=before,
        picking=picking,
        seed=seed,
        progress=lambda done: progress(done, frames),
    )
    codes = (made if before is None else torch.cat([before, made])).cpu().numpy()
    with open_output(target) as file:
        writer = StreamWriter(file)
        write_codes(writer, model, record, codes, seed=seed)
    return Generated(0 if before is None else len(before), frames, writer.stats.total_bits)


def write_codes(
    writer: StreamWriter, model: CodecModel, content: ContentRecord, codes: NDArray[np.int64], *, seed: int
) -> None:
    """A whole stream of one shot with these codes [n, G], in the mode that makes it smaller."""
    step = PACKET_WINDOWS * model.config.window_frames
    packets = [codes[start : start + step] for start in range(0, len(codes), step)]
    coder = smallest_coder(packets, [model.coder(mode) for mode in coder_modes(model.predictor)])
    writer.write_header(_header(model, content, coder, seed))
    for number, part in enumerate(packets):
        payload = MotionPayload(len(part), number == 0, coder.encode(part)).pack()
        writer.write(Packet(PacketKind.MOTION, writer.next_sequence, number * step, payload))
    writer.finish()


def _last_shot(model: CodecModel, path: Path) -> torch.Tensor:
    shots = read_shots(model, path)
    if not shots:
        raise ConfigError(f"{path} has no motion to go on from")
    return torch.from_numpy(shots[-1].codes.astype(np.int64)).to(model.device)


def _header(model: CodecModel, content: ContentRecord, coder: MotionCoder, seed: int) -> StreamHeader:
    config, rate = model.config, model.frame_rate
    return StreamHeader(
        model_id=model.weights.model_id,
        video=VideoInfo(
            width=config.pixels,
            height=config.pixels,
            model_pixels=config.pixels,
            rate_num=rate.numerator,
            rate_den=rate.denominator,
            cropped=False,
        ),
        coding=CodingInfo(
            mode=coder.mode,
            groups=config.quantizer.groups,
            bits_per_code=config.quantizer.bits_per_code,
            seed=seed,
            window_frames=config.window_frames + config.context_frames,
            context_frames=config.context_frames,
        ),
        content=content,
        metadata=METADATA,
    )
