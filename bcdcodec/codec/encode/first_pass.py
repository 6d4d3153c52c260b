"""The first pass over a file: what it would take to code it well. In: a media file. Out: a `Survey` for its plan."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from bcdcodec.bitstream.packet import MotionPayload, Packet, PacketKind
from bcdcodec.bitstream.records import CodingMode, ContentRecord
from bcdcodec.codec.encode.analysis import Analyzer
from bcdcodec.codec.encode.encoder import EncodeSettings, coders_of, make_header
from bcdcodec.codec.encode.packetizer import FRAMING_BYTES
from bcdcodec.codec.encode.units import AnalyzedUnit, MotionUnit, ReferenceUnit
from bcdcodec.codec.model import CodecModel
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.static import code_cost_bits
from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.plan import FilePlan, FirstPassStats, PacketCost, plan_file
from bcdcodec.video.reader import VideoReader
from bcdcodec.video.shots import Shot, frames_of_shots

#: Where motion would get less than this share of what its nearest codes need, half the frames with better codes look
#: better.
LEAST_MOTION_RATIO = 0.6
#: Where it would get less than this share, fewer codes a frame at their best look better. Four clips of training people
#: at 1 and 2 kbps: with all codes at a ratio of 0.38 to 0.69, half of them or a quarter at 0.7 to 0.9 instead brought
#: landmarks nearer by 9 to 45 % and PSNR up by 0.2 to 1.1 dB; where all had 0.9, a half lost 13 % of the landmarks.
LEAST_CODES_RATIO = 0.8
#: A packet that would take more of the bucket than this is divided.
PACKET_BUCKET_SHARE = 0.8


class FirstPass:
    """Keeps a few numbers of every packet for each of the coders that may be taken: modes, and codes a frame."""

    def __init__(self, model: CodecModel, coders: list[MotionCoder]) -> None:
        self._model, self._coders = model, coders
        self._packets: list[list[PacketCost]] = [[] for _ in coders]
        self._contents: list[int] = []
        self._content_bits: list[int] = []
        self._cheapest = code_cost_bits(model.tables.motion).argmin(-1)
        self._min_rate_bits: dict[tuple[int, int], int] = {}

    def take(self, finding: AnalyzedUnit) -> None:
        """Findings in order."""
        if isinstance(finding, ReferenceUnit):
            self._contents.append(finding.start)
            self._content_bits.append(8 * (len(finding.record.pack()) + FRAMING_BYTES))
            return
        for number, coder in enumerate(self._coders):
            self._packets[number].append(self._packet(finding, number, coder))

    def _packet(self, motion: MotionUnit, number: int, coder: MotionCoder) -> PacketCost:
        codes = motion.codes[:, : coder.groups]
        frames = len(codes)
        if (number, frames) not in self._min_rate_bits:
            cheapest = np.broadcast_to(self._cheapest[: coder.groups], codes.shape)
            self._min_rate_bits[number, frames] = _size_bits(motion, coder.encode(cheapest))
        nearest = _size_bits(motion, coder.encode(codes))
        return PacketCost(motion.start, frames, nearest, min(nearest, self._min_rate_bits[number, frames]))

    def best(self) -> list[MotionCoder]:
        """Of each number of codes a frame the one that needs least for the nearest; most codes first."""
        found: dict[int, int] = {}
        for number, coder in enumerate(self._coders):
            best = found.setdefault(coder.groups, number)
            if self._min_distortion_bits(number) < self._min_distortion_bits(best):
                found[coder.groups] = number
        return [self._coders[found[groups]] for groups in sorted(found, reverse=True)]

    def survey(
        self, coder: MotionCoder, header_bits: int, *, frame_rate: Fraction, shots: list[Shot]
    ) -> FirstPassStats:
        """For one of the coders. header_bits: of the stream's header without the data of its content."""
        packets = tuple(self._packets[self._coders.index(coder)])
        wished = self._model.config.content.picture_bits
        return FirstPassStats(
            frame_rate=frame_rate,
            shots=tuple(shot.start for shot in shots),
            contents=tuple(self._contents),
            frames=packets[-1].start + packets[-1].frames,
            packets=packets,
            header_bits=header_bits,
            target_bits=wished,
            content_bits=None if wished else tuple(self._content_bits),
        )

    def _min_distortion_bits(self, number: int) -> int:
        return sum(packet.min_distortion_bits for packet in self._packets[number])


def _size_bits(motion: MotionUnit, codes: bytes) -> int:
    """Of a motion packet; its place in the stream is guessed, which is a byte at most."""
    payload = MotionPayload(len(motion.codes), True, codes).pack()
    return 8 * Packet(PacketKind.MOTION, motion.start, motion.start, payload).size


def plan_encode(
    source: str | Path,
    shots: list[Shot],
    *,
    model: CodecModel,
    settings: EncodeSettings,
    crop: bool,
    progress: Callable[[int, int], None],
) -> tuple[EncodeSettings, list[Shot]]:
    """Settings with the plan of a file whose shots are known, and the shots at the frame rate that was chosen.

    Unchanged but for the length where there is no bitrate to plan for. progress: frames of this pass and the next one,
    done and in all. Raises RateError (naming the least bitrate), VideoError.
    """
    rate, bitrate = settings.frame_rate or model.frame_rate, settings.bitrate
    total = sum(shot.frames for shot in shots)
    if bitrate is None or settings.mode is CodingMode.PACKED:
        return replace(settings, frame_rate=rate, duration_s=float(total / rate)), shots

    def planned(rate: Fraction, shots: list[Shot], *, packet_windows: int = settings.packet_windows) -> EncodeSettings:
        tried = replace(settings, frame_rate=rate, packet_windows=packet_windows)
        frames = sum(shot.frames for shot in shots)
        refreshes: frozenset[int] = frozenset()
        while True:
            surveys = run_first_pass(
                source,
                shots,
                model=model,
                settings=tried,
                crop=crop,
                progress=lambda done: progress(done, 2 * frames),
                refreshes=refreshes,
            )
            coder, plan = _plan(surveys, bitrate, bucket=settings.bucket_s is not None)
            tried = replace(tried, groups=coder.groups)  # more contents leave motion what it was planned to have
            if plan.refreshes == refreshes:
                break
            refreshes = plan.refreshes  # motion is less where contents are nearer: once more, with these
        if settings.bucket_s is not None and packet_windows > 1:
            room = PACKET_BUCKET_SHARE * settings.bucket_s * bitrate
            if plan.largest_packet_bits(bitrate) > room:
                return planned(rate, shots, packet_windows=1)
        return replace(tried, plan=plan, mode=coder.mode, duration_s=plan.survey.duration_s)

    if settings.frame_rate is not None:
        return planned(rate, shots), shots
    slower = halved(shots)
    try:
        found = planned(rate, shots)
    except RateError:
        return planned(rate / 2, slower), slower
    assert found.plan is not None
    if found.plan.motion_ratio(bitrate) >= LEAST_MOTION_RATIO:
        return found, shots
    return planned(rate / 2, slower), slower


def _plan(
    surveys: list[tuple[MotionCoder, FirstPassStats]], bitrate: float, *, bucket: bool
) -> tuple[MotionCoder, FilePlan]:
    """The plan with most codes a frame whose motion gets enough of what it needs, else that with the fewest. Raises
    RateError where those do not fit either.
    """
    for coder, survey in surveys[:-1]:
        try:
            plan = plan_file(survey, bitrate, bucket=bucket)
        except RateError:
            continue
        if plan.motion_ratio(bitrate) >= LEAST_CODES_RATIO:
            return coder, plan
    coder, survey = surveys[-1]
    return coder, plan_file(survey, bitrate, bucket=bucket)


def halved(shots: list[Shot]) -> list[Shot]:
    """The shots at half the frame rate; one that has no frame left goes with the one before it."""
    found: list[Shot] = []
    end = sum(shot.frames for shot in shots)
    for shot, next_start in zip(shots, [*(shot.start for shot in shots[1:]), end], strict=True):
        start, until = -(-shot.start // 2), -(-next_start // 2)
        if until > start:
            found.append(replace(shot, start=start, frames=until - start))
    return found


def run_first_pass(
    source: str | Path,
    shots: list[Shot],
    *,
    model: CodecModel,
    settings: EncodeSettings,
    crop: bool,
    progress: Callable[[int], None],
    refreshes: frozenset[int] = frozenset(),
) -> list[tuple[MotionCoder, FirstPassStats]]:
    """Analyse the whole file, each content as large as wished for: a survey for every number of codes a frame that
    there may be, most first, with the coder that it is for. refreshes: frames within shots that get a content.

    progress: frames done. Raises VideoError.
    """
    rate = settings.frame_rate or model.frame_rate
    analyzer = Analyzer(
        model,
        packet_windows=settings.packet_windows,
        content_windows=settings.content_windows,
        effort=settings.effort,
        groups=settings.groups or model.config.quantizer.groups,
        picture_bits=lambda start: model.config.content.picture_bits,
    )
    counts = model.config.group_counts if settings.groups is None else (settings.groups,)
    coders = [coder for groups in counts for coder in coders_of(model, replace(settings, groups=groups))]
    surveyor = FirstPass(model, coders)
    first: ContentRecord | None = None
    size = (0, 0)
    with VideoReader(source, rate) as reader:
        for frame, shot, last in frames_of_shots(reader, shots):
            size = (frame.width, frame.height)
            found = analyzer.refresh() if frame.index in refreshes else []
            found += analyzer.push(frame, box=shot.box if crop else None)
            if last:
                found += analyzer.new_shot()
            for finding in found:
                if first is None and isinstance(finding, ReferenceUnit):
                    first = finding.record
                surveyor.take(finding)
            progress(frame.index + 1)
    assert first is not None, "a file has at least one frame, and a shot a content"
    # As long as that of any other mode and number of codes.
    header = make_header(model, settings, source=size, cropped=crop, content=first, mode=coders[0].mode)
    header_bits = 8 * (len(header.pack()) - len(first.data))
    return [(coder, surveyor.survey(coder, header_bits, frame_rate=rate, shots=shots)) for coder in surveyor.best()]
