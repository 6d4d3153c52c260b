"""Video codecs that bcdcodec is compared with: encoder, settings, and the FFmpeg binary for those PyAV lacks.

`lookahead`: file coding, with B-frames and lookahead. `low-delay`: no picture waits for a later one. Presets are slow,
not the slowest: x264 veryslow, x265 slow, VP9 good with cpu-used 1, SVT-AV1 preset 3, libaom cpu-used 3, VVenC medium;
a slower one gains a few percent. Quality is constant (crf or qp), the most efficient mode of each at a given size, and
swept. Text that an encoder writes about itself is turned off where it can be.
"""

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bcdcodec.errors import ConfigError, VideoError
from bcdcodec.evaluation.metrics.backbones import import_extra

LOOKAHEAD, LOW_DELAY = "lookahead", "low-delay"
PROFILES = (LOOKAHEAD, LOW_DELAY)
#: Time limit of one run of the FFmpeg binary.
MAX_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An encoder and its options.

    encoder: FFmpeg's name of it. by_binary: only the FFmpeg binary of `imageio-ffmpeg` has it, PyAV does not.
    quality: option that is swept, smaller is better; worst: its largest value. profiles: options of each.
    """

    encoder: str
    by_binary: bool = False
    quality: str = "crf"
    worst: int
    common: dict[str, str]
    profiles: dict[str, dict[str, str]]

    def options(self, profile: str, operating_point: int) -> dict[str, str]:
        """All options of one operating point. ConfigError for a profile or a quality that the encoder does not have."""
        if profile not in self.profiles:
            raise ConfigError(f"{self.encoder} has the profiles {', '.join(self.profiles)}, found {profile!r}")
        if not 0 <= operating_point <= self.worst:
            raise ConfigError(f"{self.encoder} takes a {self.quality} of 0 to {self.worst}, found {operating_point}")
        return {**self.common, **self.profiles[profile], self.quality: str(operating_point)}


_KEYS = "keyint=9999:min-keyint=1:scenecut=0"
_X265 = f"log-level=none:info=0:pools=none:frame-threads=1:{_KEYS}"
_VVENC = "AccessUnitDelimiter=0"
BASELINES = {
    "x264": Baseline(
        encoder="libx264",
        worst=51,
        common={"preset": "veryslow", "x264-params": _KEYS},
        profiles={LOOKAHEAD: {}, LOW_DELAY: {"tune": "zerolatency"}},
    ),
    "x265": Baseline(
        encoder="libx265",
        worst=51,
        common={"preset": "slow"},
        profiles={
            LOOKAHEAD: {"x265-params": _X265},
            LOW_DELAY: {"x265-params": _X265, "tune": "zerolatency"},
        },
    ),
    "vp9": Baseline(
        encoder="libvpx-vp9",
        worst=63,
        common={"b": "0", "deadline": "good", "cpu-used": "1"},
        profiles={
            LOOKAHEAD: {"lag-in-frames": "25", "auto-alt-ref": "1"},
            LOW_DELAY: {"lag-in-frames": "0", "auto-alt-ref": "0"},
        },
    ),
    "svt-av1": Baseline(
        encoder="libsvtav1",
        worst=63,
        common={"preset": "3"},
        profiles={
            LOOKAHEAD: {"svtav1-params": "lp=1:keyint=-1:scd=0"},
            LOW_DELAY: {"svtav1-params": "lp=1:keyint=-1:scd=0:pred-struct=1:lookahead=0"},
        },
    ),
    "libaom": Baseline(
        encoder="libaom-av1",
        by_binary=True,
        worst=63,
        common={"b:v": "0", "cpu-used": "3"},
        profiles={LOOKAHEAD: {"lag-in-frames": "35"}, LOW_DELAY: {"lag-in-frames": "0"}},
    ),
    "vvenc": Baseline(
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


def ffmpeg() -> str:
    """Path of the FFmpeg binary, which has VVenC and libaom. MissingExtraError without its package."""
    return str(import_extra("imageio_ffmpeg").get_ffmpeg_exe())


def encode_by_binary(
    source: Path, path: Path, *, side: int, rate: Fraction, encoder: str, options: dict[str, str]
) -> None:
    """Scale a lossless clip to side x side and encode it with one thread.

    VideoError with the encoder's message, or where it takes more than MAX_SECONDS.
    """
    scale = f"scale={side}:{side}:flags=area+accurate_rnd:out_color_matrix=bt709:out_range=tv"
    given = [part for name, value in {"pix_fmt": "yuv420p", **options}.items() for part in (f"-{name}", value)]
    command = [ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-r", str(rate), "-i", str(source)]
    command += ["-vf", scale, "-colorspace", "bt709", "-color_range", "tv", "-c:v", encoder, "-threads", "1"]
    command += ["-g", "9999", *given, "-f", "mp4", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise VideoError(f"{encoder} has not encoded {source.name} after {MAX_SECONDS} s") from error
    if done.returncode:
        message = " ".join(done.stderr.split())[-300:] or f"exit code {done.returncode}"
        raise VideoError(f"{encoder} cannot encode {source.name}: {message}")
