"""How streams use a model's codes. In: .bcd files. Out: order-0 entropy and entries used, of each codebook."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import MotionPayload
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import check_stream_fits
from bcdcodec.codec.model import CodecModel


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUse:
    """Of hard codes as they were sent. entropy_bits, used, carried: of each codebook, in bits a code, in entries and in
    frames that carry it; those that none carries count with 0 and 0.
    """

    frames: int
    carried: tuple[int, ...]
    entries: int
    entropy_bits: tuple[float, ...]
    used: tuple[int, ...]

    @property
    def mean_bits(self) -> float:
        """A codebook, in the mean."""
        return float(np.mean(self.entropy_bits))

    @property
    def frame_bits(self) -> float:
        """Of all codebooks together, in bits a frame."""
        sent = sum(bits * frames for bits, frames in zip(self.entropy_bits, self.carried, strict=True))
        return sent / max(1, self.frames)

    @property
    def dead(self) -> int:
        """Codebooks that say nothing: of one entry, or none."""
        return sum(used < 2 for used in self.used)


def code_use(model: CodecModel, streams: Iterable[Path]) -> CodeUse:
    """Of all streams together. ConfigError, BitstreamError for one that the model has not written."""
    quantizer = model.config.quantizer
    counts = np.zeros((quantizer.groups, quantizer.entries), np.int64)
    frames = 0
    for path in streams:
        for codes in _codes(model, path):
            frames += len(codes)
            for group, column in enumerate(codes.T):
                counts[group] += np.bincount(column, minlength=quantizer.entries)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    entropy = -(share * np.log2(np.where(share > 0, share, 1.0))).sum(1)
    return CodeUse(
        frames=frames,
        carried=tuple(int(count) for count in counts.sum(1)),
        entries=quantizer.entries,
        entropy_bits=tuple(float(bits) for bits in entropy),
        used=tuple(int(used) for used in (counts > 0).sum(1)),
    )


def _codes(model: CodecModel, path: Path) -> Iterable[NDArray[np.int32]]:
    """Codes [n, groups] of each packet of one stream."""
    with path.open("rb") as file:
        reader = StreamReader(file)
        check_stream_fits(reader.header, model)
        coder = model.coder(reader.header.coding.mode, reader.header.coding.groups)
        for packet in reader:
            record = packet.record()
            if isinstance(record, MotionPayload):
                yield coder.decode(record.codes, record.frames)


def code_lines(use: CodeUse) -> list[str]:
    """A part of a page, in Markdown."""
    bits, used = use.entropy_bits, use.used
    return [
        "## Codes",
        "",
        f"Codes as they were sent have an order-0 entropy of {use.mean_bits:.2f} bit a codebook, "
        f"{min(bits):.2f} to {max(bits):.2f}, and {use.frame_bits:.0f} bits a frame together;",
        "the paper trains for 2.5 bit a codebook.",
        f"{sum(used) / len(used):.1f} of {use.entries} entries are used, {min(used)} to {max(used)}; "
        f"{use.dead} of {len(used)} codebooks say nothing.",
        "",
    ]
