"""First pass of a file: analyse all frames and measure what their motion costs, for the rate plan."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.codec.encode.analysis import Analyzer
from bcdcodec.codec.encode.backend import EncodingModel
from bcdcodec.codec.encode.job import EncodeJob
from bcdcodec.codec.encode.plan import EncodePlan
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.entropy.motion import MotionCoder, coder_modes
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.ratecontrol.budget import FRAMING_BYTES, SEEK_POINT_BITS
from bcdcodec.ratecontrol.stats import FirstPassStats, PacketCost
from bcdcodec.video.shots import Shot


def motion_coders(model: EncodingModel, mode: CodingMode | None, groups: int) -> list[MotionCoder]:
    """Coders that may write `groups` codes a frame, one for each mode; None allows coded and context."""
    modes = coder_modes(model.predictor) if mode is None else [mode]
    return [model.coder(one, groups) for one in modes]


def run_first_pass(
    job: EncodeJob,
    shots: list[Shot],
    plan: EncodePlan,
    *,
    group_counts: Sequence[int],
    progress: Callable[[int], None],
) -> list[tuple[MotionCoder, FirstPassStats]]:
    """Analyse the whole file, every reference at its target size: for every number of codes a frame, most first, the
    cheapest coder and its statistics.

    progress: frames done. Raises VideoError.
    """
    model, settings = job.model, job.settings
    analyzer = Analyzer(
        model,
        packet_windows=plan.packet_windows,
        reference_windows=plan.reference_windows,
        effort=settings.effort,
        groups=max(group_counts),
        picture_bits=lambda start, is_added: model.config.content.picture_bits,
        references=plan.references,
        central_reference=settings.tuning.central_reference,
        codes_pictures=False,
    )
    coders = [coder for groups in group_counts for coder in motion_coders(model, settings.mode, groups)]
    costs = _MotionCosts(model, coders, key_frames=settings.key_interval_s * plan.frame_rate)
    for done, units in job.push_shots(shots, analyzer, plan.frame_rate):
        for unit in units:
            costs.add(unit)
        progress(done)
    first = costs.references[0].record
    if not first.data:  # a picture that was not coded: any of about its size
        first = replace(first, data=bytes(model.config.content.picture_bits // 8))
    size = (job.source.width, job.source.height)
    # Headers of all modes and numbers of codes have one length.
    header = plan.header(model, settings, first, coders[0], size=size, cropped=job.crop)
    header_bits = 8 * (len(header.pack()) - len(first.data))
    return [
        (coder, costs.stats(coder, header_bits=header_bits, frame_rate=plan.frame_rate, shots=shots))
        for coder in costs.cheapest_coders()
    ]


#: What a packet of packed codes is counted above its size: these cannot make up for what comes out larger than planned,
#: as where a reference that the plan adds ends a packet early. Without it a file ended 96 bits above its rate.
PACKED_RESERVE_BITS = 8


class _MotionCosts:
    """Sizes of every packet by every coder that may be taken. key_frames: from one key packet to the next, at most."""

    def __init__(self, model: EncodingModel, coders: list[MotionCoder], *, key_frames: float) -> None:
        self._model, self._coders, self._key_frames = model, coders, key_frames
        self._packets: list[list[PacketCost]] = [[] for _ in coders]
        self.references: list[ReferenceUnit] = []
        self._reference: int | None = None  # of the last packet, None before the first one of a shot
        self._key = 0  # first frame of the last key packet
        self._cheapest_codes = code_cost_bits(model.tables.motion).argmin(-1)
        self._min_rate_data: dict[tuple[int, int], bytes] = {}  # by coder and frames

    def add(self, unit: AnalyzedUnit) -> None:
        """Count a unit; units come in order."""
        if isinstance(unit, ReferenceUnit):
            self.references.append(unit)
            self._reference = self._reference if unit.record.number else None
            return
        begins = self._reference is None
        key = unit.reference != self._reference or unit.start - self._key >= self._key_frames
        self._key = unit.start if key else self._key
        self._reference = unit.reference
        index_bits = SEEK_POINT_BITS * (key and not begins)  # those of shots are counted with them
        for index, coder in enumerate(self._coders):
            self._packets[index].append(self._cost(unit, index, coder, index_bits))

    def _cost(self, motion: MotionUnit, index: int, coder: MotionCoder, index_bits: int) -> PacketCost:
        codes = motion.codes[:, : coder.groups]
        frames = len(codes)
        if (index, frames) not in self._min_rate_data:
            cheapest = np.broadcast_to(self._cheapest_codes[: coder.groups], codes.shape)
            self._min_rate_data[index, frames] = coder.encode(cheapest)
        min_distortion_bits = _packet_bits(motion, coder.encode(codes))
        min_rate_bits = min(min_distortion_bits, _packet_bits(motion, self._min_rate_data[index, frames]))
        beside_bits = index_bits + PACKED_RESERVE_BITS * (coder.mode is CodingMode.PACKED)
        return PacketCost(motion.start, frames, min_distortion_bits + beside_bits, min_rate_bits + beside_bits)

    def cheapest_coders(self) -> list[MotionCoder]:
        """Coder with the smallest min-distortion size for each number of codes a frame; most codes first."""
        best: dict[int, tuple[int, MotionCoder]] = {}
        for coder, packets in zip(self._coders, self._packets, strict=True):
            bits = sum(packet.min_distortion_bits for packet in packets)
            if coder.groups not in best or bits < best[coder.groups][0]:
                best[coder.groups] = (bits, coder)
        return [best[groups][1] for groups in sorted(best, reverse=True)]

    def stats(self, coder: MotionCoder, *, header_bits: int, frame_rate: Fraction, shots: list[Shot]) -> FirstPassStats:
        """The statistics for one of the coders. header_bits: of the stream's header without its reference's data."""
        packets = tuple(self._packets[self._coders.index(coder)])
        target_bits = self._model.config.content.picture_bits
        sizes = tuple(8 * (len(unit.record.pack()) + FRAMING_BYTES) for unit in self.references)
        return FirstPassStats(
            frame_rate=frame_rate,
            shots=tuple(shot.start for shot in shots),
            references=tuple(unit.start for unit in self.references),
            frames=packets[-1].start + packets[-1].frames,
            packets=packets,
            header_bits=header_bits,
            target_bits=target_bits,
            reference_bits=None if target_bits else sizes,
        )


def _packet_bits(motion: MotionUnit, codes: bytes) -> int:
    """Size of a motion packet; its sequence number is guessed, which is a byte at most."""
    payload = MotionPayload(len(motion.codes), True, codes, motion.reference).pack()
    return 8 * Packet(PacketKind.MOTION, motion.start, motion.start, payload).size
