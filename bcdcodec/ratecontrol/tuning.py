"""Rate-control tuning: every knob of the encoder's rate control on one screen.

Sizes on the wire that no knob may change stay beside the code that pays for them (budget.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTuning:
    """Parameters of planning, reference pictures, packets and the bucket; the defaults were measured to be best.

    Ratios are shares of what the min-distortion codes of all motion take.
    """

    # First pass: frame rate, codes a frame, packet size (codec/encode/plan.py).
    #: Below this ratio, half the frames with better codes look better.
    min_motion_ratio: float = 0.6
    #: Below this ratio, fewer codes a frame at min distortion look better. Four clips of training people at 1 and 2
    #: kbps: with all codes at a ratio of 0.38 to 0.69, half of them or a quarter at 0.7 to 0.9 instead brought
    #: landmarks nearer by 9 to 45 % and PSNR up by 0.2 to 1.1 dB; where all had 0.9, a half lost 13 % of the landmarks.
    min_codes_ratio: float = 0.8
    #: A packet that would take more of the bucket than this is divided.
    max_packet_bucket_share: float = 0.8
    #: Windows of a segment: a file's references are decided on segment by segment. In a call these would be delay.
    segment_windows: int = 16
    #: New pictures of a segment at most: those of MAX_REFERENCES that are not compared any more make room for them.
    max_segment_references: int = 4

    # Second coding of a file that came out too small: motion needs less where references are better, which is known
    # only afterwards. A percent is promised, of which the reserve for END may take a third at the lowest bitrates.
    max_unused_share: float = 0.006
    max_recodings: int = 3

    # Reference pictures (ratecontrol/plan.py).
    #: A reference takes this much at least; whether a stream is possible at all is for the budget to say.
    min_reference_bits: int = 3000
    #: Nothing is gained by a larger picture; it also bounds the parts that one is sent in.
    max_reference_bits: int = 48_000
    #: Share of what is left beyond min_reference_bits and the min-rate codes that a reference may take beyond these.
    reference_share: float = 0.5
    #: Motion is planned to get this ratio, so that it can take up what pictures, whose sizes come in steps, leave over.
    planned_motion_ratio: float = 0.9
    #: Share of what the bitrate brings between two references that is planned for the second and the motion.
    max_delivery_share: float = 0.96
    #: In a call, the picture of a new shot may delay its motion for about this time, and one beside it, which motion
    #: does not wait for, may take about this long if nothing else were sent.
    max_reference_wait_s: float = 1.0
    max_added_wait_s: float = 4.0

    # Pictures of a call frame by frame (ratecontrol/live.py).
    #: Seconds that the parts of one take about: that of a new shot, for which frames wait; one that was asked for; and
    #: one that is sent because bits are idle.
    live_shot_s: float = 1.0
    live_request_s: float = 3.0
    live_idle_s: float = 8.0
    #: Share of the bitrate that motion may take beside a picture that was asked for.
    live_motion_share: float = 0.6

    # Packets (codec/encode/packetizer.py, codec/encode/delivery.py).
    #: A reference that would fill more of the bucket than this is sent ahead in parts.
    max_whole_reference_share: float = 0.5
    #: Parts are at most this share of the bucket's seconds apart.
    part_interval_share: float = 0.5
    #: Bytes that a packet of a part carries at least, so that framing stays the smaller part; fewer in a bucket of
    #: which that would be more than a quarter, down to the second number.
    min_part_bytes: int = 128
    least_part_bytes: int = 24
    #: A packet whose min-rate codes exceed its share may take this multiple of it before all of its codes are those.
    max_share_multiple: float = 1.5
    #: The smallest bucket: a small part of a picture, and its packet.
    min_bucket_bits: int = 400

    # Simpler alternatives, which the rate-control study compares with the defaults.
    #: Size of every reference that a plan sets; None for planned sizes.
    fixed_reference_bits: int | None = None
    #: A reference is the most central frame instead of the one of the lowest expected distortion (codec/reference.py).
    central_reference: bool = False
    #: Codes of a packet are traded between distortion and rate; else they are those of min distortion or of min rate.
    rdo: bool = True
