"""The FFmpeg binary of the package `imageio-ffmpeg`. In: a lossless clip, options. Out: a coded file.

It holds encoders that PyAV's libraries do not: VVenC and libaom.
"""

import subprocess
from fractions import Fraction
from pathlib import Path

from bcdcodec.errors import VideoError
from bcdcodec.evaluation.metrics.backbones import import_extra

#: A clip that takes longer than this does not end.
MAX_SECONDS = 3600


def ffmpeg() -> str:
    """Path of the binary. MissingExtraError without the package."""
    return str(import_extra("imageio_ffmpeg").get_ffmpeg_exe())


def encode_by_binary(
    source: Path, path: Path, *, side: int, rate: Fraction, encoder: str, options: dict[str, str]
) -> None:
    """Scale the clip to side x side and encode it with one thread. VideoError with what the encoder said, or if it has
    not ended after MAX_SECONDS.
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
        said = " ".join(done.stderr.split())[-300:] or f"exit code {done.returncode}"
        raise VideoError(f"{encoder} cannot encode {source.name}: {said}")
