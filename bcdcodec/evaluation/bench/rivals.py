"""The video codecs that bcdcodec is compared with. In: a name, a profile. Out: an encoder and its settings.

`lookahead`: the best each does with a file: slow presets, pictures reordered, the future seen. `low-delay`: no picture
waits for a later one. Quality is held constant (crf or qp), the strongest mode of each for a given size, and swept.
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
            LOOKAHEAD: {"x265-params": f"log-level=none:pools=none:frame-threads=1:{_KEYS}"},
            LOW_DELAY: {"x265-params": f"log-level=none:pools=none:frame-threads=1:{_KEYS}", "tune": "zerolatency"},
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
        common={"preset": "medium", "period": "3600", "pix_fmt": "yuv420p10le"},
        profiles={LOOKAHEAD: {}},
    ),
}
