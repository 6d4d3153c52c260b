"""The video codecs that bcdcodec is compared with. In: a name, a profile. Out: an encoder and its settings.

`lookahead`: how each codes a file: pictures reordered, the future seen. `low-delay`: no picture waits for a later.
Presets are slow, and not the slowest that each has: x264 veryslow, x265 slow, VP9 good with cpu-used 1, SVT-AV1
preset 3, libaom cpu-used 3, VVenC medium; a slower one gains a few percent. Quality is held constant (crf or qp), the
strongest mode of each for a given size, and swept. Text that an encoder writes about itself is turned off where it
can be.
"""

from dataclasses import dataclass

from bcdcodec.errors import ConfigError

LOOKAHEAD, LOW_DELAY = "lookahead", "low-delay"
PROFILES = (LOOKAHEAD, LOW_DELAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """encoder: FFmpeg's name of it. by_binary: only the FFmpeg binary of `imageio-ffmpeg` has it, PyAV does not.

    quality: the option that is swept, smaller is better; worst: its largest value. profiles: options of each.
    """

    encoder: str
    by_binary: bool = False
    quality: str = "crf"
    worst: int
    common: dict[str, str]
    profiles: dict[str, dict[str, str]]

    def options(self, profile: str, point: int) -> dict[str, str]:
        """Everything the encoder is told. ConfigError for a profile it does not have or a quality it does not."""
        if profile not in self.profiles:
            raise ConfigError(f"{self.encoder} has the profiles {', '.join(self.profiles)}, found {profile!r}")
        if not 0 <= point <= self.worst:
            raise ConfigError(f"{self.encoder} takes a {self.quality} of 0 to {self.worst}, found {point}")
        return {**self.common, **self.profiles[profile], self.quality: str(point)}


_KEYS = "keyint=9999:min-keyint=1:scenecut=0"
_X265 = f"log-level=none:info=0:pools=none:frame-threads=1:{_KEYS}"
_VVENC = "AccessUnitDelimiter=0"
RIVALS = {
    "x264": Rival(
        encoder="libx264",
        worst=51,
        common={"preset": "veryslow", "x264-params": _KEYS},
        profiles={LOOKAHEAD: {}, LOW_DELAY: {"tune": "zerolatency"}},
    ),
    "x265": Rival(
        encoder="libx265",
        worst=51,
        common={"preset": "slow"},
        profiles={
            LOOKAHEAD: {"x265-params": _X265},
            LOW_DELAY: {"x265-params": _X265, "tune": "zerolatency"},
        },
    ),
    "vp9": Rival(
        encoder="libvpx-vp9",
        worst=63,
        common={"b": "0", "deadline": "good", "cpu-used": "1"},
        profiles={
            LOOKAHEAD: {"lag-in-frames": "25", "auto-alt-ref": "1"},
            LOW_DELAY: {"lag-in-frames": "0", "auto-alt-ref": "0"},
        },
    ),
    "svt-av1": Rival(
        encoder="libsvtav1",
        worst=63,
        common={"preset": "3"},
        profiles={
            LOOKAHEAD: {"svtav1-params": "lp=1:keyint=-1:scd=0"},
            LOW_DELAY: {"svtav1-params": "lp=1:keyint=-1:scd=0:pred-struct=1:lookahead=0"},
        },
    ),
    "libaom": Rival(
        encoder="libaom-av1",
        by_binary=True,
        worst=63,
        common={"b:v": "0", "cpu-used": "3"},
        profiles={LOOKAHEAD: {"lag-in-frames": "35"}, LOW_DELAY: {"lag-in-frames": "0"}},
    ),
    "vvenc": Rival(
        encoder="libvvenc",
        by_binary=True,
        quality="qp",
        worst=63,
        common={"preset": "medium", "pix_fmt": "yuv420p10le"},
        profiles={
            LOOKAHEAD: {"period": "3600", "vvenc-params": _VVENC},
            # One key frame at the start, groups of 8 pictures in the order they are shown.
            LOW_DELAY: {"vvenc-params": f"{_VVENC}:PicReordering=0:GOPSize=8:DecodingRefreshType=none:IntraPeriod=-1"},
        },
    ),
}
