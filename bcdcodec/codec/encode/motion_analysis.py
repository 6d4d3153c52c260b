"""Motion codes of windows: the nearest ones, or refined ones."""

from bcdcodec.codec.encode.backend import EncoderBackend, MotionCodes
from bcdcodec.codec.motion_reference import MotionReference
from bcdcodec.codec.window import Window


class MotionAnalysis:
    """Finds the codes of windows. effort: steps of refinement (refinement.py); groups: codes a frame, the first of
    all.
    """

    def __init__(self, backend: EncoderBackend, *, effort: int, groups: int) -> None:
        self._backend, self._effort, self._groups = backend, effort, groups

    def codes(self, window: Window, reference: MotionReference) -> MotionCodes:
        """Codes [T, g] and distances [T, g, E] of a window; those of refined codes include the rate."""
        if self._effort:
            return self._backend.refine(window, reference, steps=self._effort, groups=self._groups)
        codes, distances = self._backend.analyze(window, range(len(window.pixels)), reference)
        return codes[:, : self._groups], distances[:, : self._groups]
