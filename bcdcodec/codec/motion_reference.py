"""What motion is relative to: a coded reference (reference.py), or a frame that may become one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bcdcodec.codec.window import Floats, Window

if TYPE_CHECKING:
    from bcdcodec.codec.encode.backend import EncodingModel


class MotionReference(Protocol):
    """What motion is relative to: the content that a reference shows, and the landmarks of its face. These are
    unquantised, as those of all frames: what keeps still has no displacement.
    """

    @property
    def content(self) -> Any: ...

    @property
    def face(self) -> Floats: ...


@dataclass(frozen=True, slots=True, eq=False)
class FrameReference:
    """A frame as the reference that it would be without any loss of coding."""

    content: Any
    face: Floats

    @classmethod
    def of_shot(cls, model: "EncodingModel", shot: Window, index: int) -> "FrameReference":
        """The frame of this index."""
        face = shot.landmarks[index]
        return cls(model.encoder_backend.frame_content(shot.pixels[index], shot.latents[index], face), face)
