"""The second pass of a file: who gets how many bits. In: a survey of the first pass. Out: a `FilePlan`.

What motion needs at its best it gets; pictures of contents get the rest. Where the rest is more than the pictures need,
there are more of them: a shot gets a new content every few seconds, so that no frame is far from the one it is painted
from. Lively shots have more and smaller pictures than calm ones. Where the rest is less, pictures and motion share what
the cheapest motion leaves.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from bcdcodec.errors import RateError
from bcdcodec.ratecontrol.budget import (
    CONTENT_SHARE,
    END_RESERVE_BITS,
    GRACE_S,
    MIN_REFERENCE_BITS,
    SEEK_POINT_BITS,
    allowed_bits,
)

#: Shortest stretch between two contents of one shot.
MIN_REFRESH_S = 2.56
#: Bits a frame of motion at its best up to which a shot is calm: its pictures are as large as wished for before there
#: are more of them. The more motion, the further frames are from their picture, and the more a nearer one is worth: at
#: 4 kbps two pictures of 12 kbit instead of one of 25 brought LPIPS of two lively clips (130 bits a frame) from 0.31 to
#: 0.27, and that of a calm one (55 bits) from 0.07 to 0.12.
LOW_MOTION_BITS = 70
#: Share of the wished size that is enough for the liveliest.
HIGH_MOTION_SHARE = 0.5
#: Nothing is gained by a larger picture; it also bounds the parts that one is sent in.
MAX_PICTURE_BITS = 40_000
#: Motion is planned to get this share of what its nearest codes need, so that it can take up what pictures, whose sizes
#: come in steps, leave over.
MOTION_SHARE = 0.9
#: Of what the bitrate brings between two contents, so much at most is planned for the second and the motion.
DELIVERY_SHARE = 0.96
#: Framing of a content that is sent in parts.
CONTENT_PACKET_BITS = 8 * 60


@dataclass(frozen=True, slots=True)
class PacketCost:
    """One motion packet of the first pass, framing counted. min_rate_bits: with the cheapest code everywhere."""

    start: int
    frames: int
    min_distortion_bits: int
    min_rate_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPassStats:
    """What the first pass found. shots: first frames; contents: those of all contents it was made with. header_bits:
    without the content. content_bits: of every content where it has one size only, None where its picture can be made
    to fit.
    """

    frame_rate: Fraction
    shots: tuple[int, ...]
    contents: tuple[int, ...]
    frames: int
    packets: tuple[PacketCost, ...]
    header_bits: int
    target_bits: int
    content_bits: tuple[int, ...] | None

    @property
    def duration_s(self) -> float:
        return float(self.frames / self.frame_rate)


@dataclass(frozen=True, slots=True)
class PlannedContent:
    """A content that holds from frame `start` on; bits of it with its framing, planned and at most."""

    start: int
    bits: int
    max_bits: int = MAX_PICTURE_BITS


@dataclass(frozen=True)
class FilePlan:
    """Contents in order, the first one that of the header, and what motion is planned to need."""

    survey: FirstPassStats
    contents: tuple[PlannedContent, ...]

    @property
    def refreshes(self) -> frozenset[int]:
        """Frames that get a new content within a shot."""
        return frozenset(content.start for content in self.contents) - frozenset(self.survey.shots)

    def enlarged(self, bits: int) -> "FilePlan | None":
        """The same with so many more bits for pictures, evenly among those that may be larger; None where none may."""
        if self.survey.content_bits is not None:
            return None
        sizes = [content.bits for content in self.contents]
        # Those with the least room first: what they cannot take goes to the others.
        by_room = sorted(range(len(sizes)), key=lambda number: self.contents[number].max_bits - sizes[number])
        for place, number in enumerate(by_room):
            room = max(0, self.contents[number].max_bits - sizes[number])
            more = min(room, bits // (len(sizes) - place))
            sizes[number] += more
            bits -= more
        contents = tuple(replace(content, bits=size) for content, size in zip(self.contents, sizes, strict=True))
        return None if contents == self.contents else FilePlan(self.survey, contents)

    def motion_ratio(self, bitrate: float) -> float:
        """What motion gets of what its nearest codes need."""
        contents = sum(content.bits for content in self.contents)
        return (_total_bits(self.survey, bitrate) - contents) / max(1.0, self._nearest_sums[-1])

    def largest_packet_bits(self, bitrate: float) -> float:
        """What the packet of motion gets that needs most."""
        most = max(packet.min_distortion_bits for packet in self.survey.packets)
        return min(1.0, self.motion_ratio(bitrate)) * most

    def motion_bits(self, start_s: float, end_s: float, *, left_bits: float) -> float:
        """What motion from `start_s` to `end_s` gets of all that is left for it: its cheapest codes, and of what all
        of those leave a share by what the nearest take beyond them.
        """
        own, rest = (
            (nearest - cheapest, cheapest)
            for nearest, cheapest in (self._motion(start_s, end_s), self._motion(start_s, math.inf))
        )
        slack = left_bits - rest[1]
        if slack < 0:
            return left_bits * own[1] / max(1.0, rest[1])
        return own[1] + slack * own[0] / max(1.0, rest[0])

    def planned_bits(self, at_s: float) -> float:
        """Planned size of the content at this time, framing counted; 0 for that of the header."""
        number = self._number(at_s)
        return float(self.contents[number].bits) if number else 0.0

    def picture_bits(self, at_s: float, *, left_bits: float, motion_from_s: float) -> int:
        """Size of the picture that is made for this time: the planned one, and a share of what motion will not need.

        left_bits: of the whole, less what is planned for contents. motion_from_s: motion before it is sent.
        """
        number = self._number(at_s)
        spare = left_bits - MOTION_SHARE * self._motion(motion_from_s, math.inf)[0]
        if number == 0:
            spare = 0.0  # nothing is spent yet
        content = self.contents[number]
        bits = min(content.bits + int(spare / (len(self.contents) - number)), content.max_bits)
        return max(MIN_REFERENCE_BITS, bits - CONTENT_PACKET_BITS)

    def _number(self, at_s: float) -> int:
        frame = round(at_s * self.survey.frame_rate)
        return bisect_right([content.start for content in self.contents], frame) - 1

    def _motion(self, start_s: float, end_s: float) -> tuple[float, float]:
        """What the nearest and the cheapest codes of these frames take."""
        (low_nearest, low_cheapest), (nearest, cheapest) = self._until(start_s), self._until(end_s)
        return nearest - low_nearest, cheapest - low_cheapest

    def _until(self, at_s: float) -> tuple[float, float]:
        """The same for all frames before this time."""
        if math.isinf(at_s):
            return self._nearest_sums[-1], self._cheapest_sums[-1]
        frame = float(at_s * self.survey.frame_rate)
        number = bisect_right(self._starts, frame + 1e-6) - 1
        packet = self.survey.packets[number]
        inside = min(1.0, (frame - packet.start) / packet.frames)
        return (
            self._nearest_sums[number] + inside * packet.min_distortion_bits,
            self._cheapest_sums[number] + inside * packet.min_rate_bits,
        )

    @cached_property
    def _starts(self) -> list[int]:
        return [packet.start for packet in self.survey.packets]

    @cached_property
    def _nearest_sums(self) -> list[float]:
        return [0.0, *accumulate(float(packet.min_distortion_bits) for packet in self.survey.packets)]

    @cached_property
    def _cheapest_sums(self) -> list[float]:
        return [0.0, *accumulate(float(packet.min_rate_bits) for packet in self.survey.packets)]


def plan_file(survey: FirstPassStats, bitrate: float, *, bucket: bool) -> FilePlan:
    """Share out `bitrate` bit/s of the file's length (GRACE_S at least). bucket: contents are sent ahead, evenly.

    Raises RateError, which names the least bitrate that would do.
    """
    total = _total_bits(survey, bitrate)
    nearest = sum(packet.min_distortion_bits for packet in survey.packets)
    cheapest = sum(packet.min_rate_bits for packet in survey.packets)
    if survey.content_bits is not None:
        least = sum(survey.content_bits)
        starts, sizes = list(survey.shots), list(survey.content_bits)
    else:
        least = (MIN_REFERENCE_BITS + CONTENT_PACKET_BITS) * len(survey.shots)
        starts, sizes = _pictures(survey, total, nearest=nearest, cheapest=cheapest)
    if least + cheapest > total:
        smallest = math.ceil(bitrate + (least + cheapest - total) / allowed_bits(1, survey.duration_s))
        raise RateError(
            f"{bitrate:g} bit/s cannot hold the content and the cheapest codes of this video; "
            f"about {smallest} bit/s is the least"
        )
    contents = [PlannedContent(*pair) for pair in zip(starts, sizes, strict=True)]
    if bucket and survey.content_bits is None:
        contents = _deliverable(contents, survey, bitrate)
    return FilePlan(survey, tuple(contents))


def _total_bits(survey: FirstPassStats, bitrate: float) -> float:
    """What there is for contents and motion."""
    fixed = survey.header_bits + END_RESERVE_BITS + SEEK_POINT_BITS * len(survey.shots)
    return allowed_bits(bitrate, survey.duration_s) - fixed


def _pictures(survey: FirstPassStats, total: float, *, nearest: int, cheapest: int) -> tuple[list[int], list[int]]:
    """First frames of all contents, and equal sizes for them."""
    wished = survey.target_bits + CONTENT_PACKET_BITS
    calm = min(1.0, LOW_MOTION_BITS * survey.frames / max(1, nearest))
    enough = int(max(HIGH_MOTION_SHARE, calm) * survey.target_bits) + CONTENT_PACKET_BITS
    least = MIN_REFERENCE_BITS + CONTENT_PACKET_BITS
    shots = len(survey.shots)
    rest = total - MOTION_SHARE * nearest
    scarce = rest < min(shots * wished, (shots + 1) * enough)
    short = survey.duration_s < GRACE_S  # may take what GRACE_S may, which is no reason to
    if survey.contents == survey.shots and (scarce or short):
        shared = shots * least + CONTENT_SHARE * (total - cheapest - shots * least)
        each = max(least, min(wished, int(max(rest, shared) / shots)))
        return list(survey.shots), [each] * shots
    shortest = max(1, round(MIN_REFRESH_S * survey.frame_rate))
    if survey.contents == survey.shots:
        starts = _refreshed(survey, wanted=int(rest / enough), shortest=shortest)
    else:  # chosen before, and the motion is that of frames near them
        starts = list(survey.contents)
    key_bits = SEEK_POINT_BITS * (len(starts) - shots)
    return starts, [max(least, min(MAX_PICTURE_BITS, int((rest - key_bits) / len(starts))))] * len(starts)


def _refreshed(survey: FirstPassStats, *, wanted: int, shortest: int) -> list[int]:
    """First frames of so many contents, or as many as fit: the longest stretches are divided evenly."""
    ends = [*survey.shots[1:], survey.frames]
    lengths = [end - start for start, end in zip(survey.shots, ends, strict=True)]
    counts = [1] * len(lengths)
    for _ in range(wanted - len(lengths)):
        number = max(range(len(lengths)), key=lambda i: lengths[i] / (counts[i] + 1))
        if lengths[number] / (counts[number] + 1) < shortest:
            break
        counts[number] += 1
    return [
        start + lengths[number] * part // counts[number]
        for number, start in enumerate(survey.shots)
        for part in range(counts[number])
    ]


def _deliverable(contents: list[PlannedContent], survey: FirstPassStats, bitrate: float) -> list[PlannedContent]:
    """No content larger than what can be sent beside the motion before it; the header's gets what the others lose."""
    plan = FilePlan(survey, tuple(contents))
    starts = [content.start for content in contents]
    found, lost = [contents[0]], 0
    for before, content in zip(starts, contents[1:], strict=False):
        from_s, to_s = float(before / survey.frame_rate), float(content.start / survey.frame_rate)
        motion = plan._motion(from_s, to_s)[0]
        most = int(DELIVERY_SHARE * bitrate * (to_s - from_s) - motion)
        most = max(MIN_REFERENCE_BITS + CONTENT_PACKET_BITS, min(MAX_PICTURE_BITS, most))
        bits = min(content.bits, most)
        lost += content.bits - bits
        found.append(PlannedContent(content.start, bits, most))
    first = min(MAX_PICTURE_BITS, contents[0].bits + lost)
    return [PlannedContent(contents[0].start, first), *found[1:]]
