"""Codebook usage of streams: order-0 entropy and entries used, by codebook."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bcdcodec.bitstream.packet import MotionPayload
from bcdcodec.bitstream.stream import StreamReader
from bcdcodec.codec.decode.decoder import check_stream_fits
from bcdcodec.codec.model import CodecModel


@dataclass(frozen=True, slots=True, kw_only=True)
class CodebookUsage:
    """Usage of codebooks by hard codes as sent.

    entropy_bits, used, carried: by codebook, in bits a code, in entries and in frames that
    carry it; codebooks that no frame carries have 0 and 0.
    """

    frames: int
    carried: tuple[int, ...]
    entries: int
    entropy_bits: tuple[float, ...]
    used: tuple[int, ...]

    @property
    def mean_bits(self) -> float:
        """Entropy of a codebook, mean over the codebooks."""
        return float(np.mean(self.entropy_bits))

    @property
    def frame_bits(self) -> float:
        """Entropy of all codebooks together, in bits a frame."""
        sent = sum(bits * frames for bits, frames in zip(self.entropy_bits, self.carried, strict=True))
        return sent / max(1, self.frames)

    @property
    def dead(self) -> int:
        """Dead codebooks: one entry in use, or none."""
        return sum(used < 2 for used in self.used)


def codebook_usage(model: CodecModel, streams: Iterable[Path]) -> CodebookUsage:
    """Usage over all streams together. ConfigError, BitstreamError for a stream of other weights."""
    quantizer = model.config.quantizer
    counts = np.zeros((quantizer.groups, quantizer.entries), np.int64)
    frames = 0
    for path in streams:
        for codes in _read_codes(model, path):
            frames += len(codes)
            for group, column in enumerate(codes.T):
                counts[group] += np.bincount(column, minlength=quantizer.entries)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    entropy = -(share * np.log2(np.where(share > 0, share, 1.0))).sum(1)
    return CodebookUsage(
        frames=frames,
        carried=tuple(int(count) for count in counts.sum(1)),
        entries=quantizer.entries,
        entropy_bits=tuple(float(bits) for bits in entropy),
        used=tuple(int(used) for used in (counts > 0).sum(1)),
    )


def _read_codes(model: CodecModel, path: Path) -> Iterator[NDArray[np.int32]]:
    """Codes [n, groups] of each packet of one stream."""
    with path.open("rb") as file:
        reader = StreamReader(file)
        check_stream_fits(reader.header, model)
        coder = model.coder(reader.header.coding.mode, reader.header.coding.groups)
        for packet in reader:
            record = packet.record()
            if isinstance(record, MotionPayload):
                yield coder.decode(record.codes, record.frames)
