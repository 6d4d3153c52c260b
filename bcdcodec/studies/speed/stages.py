"""Stages of encoding and decoding, each by the functions whose time it is.

A function is named where it is called: `module:name`, or `module:Class.name`. The time of a stage that is called within
another one counts for itself alone, unless the outer one is whole.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a job. functions: as in the module's docstring; whole: with all stages within it."""

    name: str
    functions: tuple[str, ...]
    whole: bool = False


_ENCODE, _DECODE = "bcdcodec.codec.encode", "bcdcodec.codec.decode"
ENCODING = (
    Stage(
        "reading", tuple(f"bcdcodec.video.reader:VideoReader.{name}" for name in ("__init__", "_resampled", "_convert"))
    ),
    Stage("shots and face detection", ("bcdcodec.video.shots:find_shots",)),
    Stage("cropping", (f"{_ENCODE}.cropped_frame:crop",)),
    Stage("landmarks", ("bcdcodec.codec.window:FaceFollower.follow",)),
    Stage(
        "stored frames", tuple(f"{_ENCODE}.frame_store:FrameStore.{name}" for name in ("add", "pixels", "landmarks"))
    ),
    Stage(
        "analysis network",
        ("bcdcodec.codec.model:CodecModel.to_latents", f"{_ENCODE}.motion_analysis:MotionAnalysis.codes"),
    ),
    Stage(
        "choice of references",
        (f"{_ENCODE}.references:ReferenceSurvey._close", "bcdcodec.codec.reference:select_reference_frame"),
        whole=True,
    ),
    Stage("reference stills", ("bcdcodec.codec.reference:PictureSearch.step", "bcdcodec.codec.stills:decode_still")),
    Stage("first pass", (f"{_ENCODE}.first_pass:_MotionCosts.add",), whole=True),
    Stage("planning", (f"{_ENCODE}.planner:plan_rate", f"{_ENCODE}.planner:reference_budget")),
    Stage("entropy coding", tuple(f"bcdcodec.entropy.motion:MotionCoder.{name}" for name in ("encode", "rate_bits"))),
    Stage("rate control", tuple(f"{_ENCODE}.packetizer:Packetizer.{name}" for name in ("push", "flush"))),
    Stage("sound", ("bcdcodec.video.source:AudioReplay.until",)),
    Stage("writing", tuple(f"{_ENCODE}.muxer:Muxer.{name}" for name in ("write_header", "write", "finish"))),
)
DECODING = (
    Stage("reading packets", ("bcdcodec.bitstream.stream:StreamReader.__next__",)),
    Stage("entropy decoding", ("bcdcodec.entropy.motion:MotionCoder.decode",)),
    Stage("still decoding", (f"{_DECODE}.torch_backend:ReferenceLoader.load",)),
    Stage("mesh and flow", ("bcdcodec.model.bcd:dense_flow",)),
    Stage("flow network", ("bcdcodec.model.warp:ReferenceWarper.forward",)),
    Stage("warp", ("bcdcodec.model.bcd:warp_frames", "bcdcodec.model.bcd:warp_reference")),
    Stage(
        "denoiser",
        ("bcdcodec.model.bcd:Bcd.paint", "bcdcodec.model.bcd:Bcd.synthesize", f"{_DECODE}.windows:reconstruct"),
    ),
    Stage("pictures of tensors", (f"{_DECODE}.windows:_pixels",)),
    Stage("pasting", (f"{_DECODE}.file:paste",)),
    Stage(
        "mp4 encoding",
        tuple(f"bcdcodec.video.writer:VideoWriter.{name}" for name in ("write", "write_audio", "__exit__")),
    ),
)
