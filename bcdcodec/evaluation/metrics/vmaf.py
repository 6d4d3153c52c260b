"""VMAF by libvmaf, one value a frame; higher is better.

From 0 to 100. Equal frames that stand still get 97.4, not 100: the model sees how much moves, too. Netflix, *Toward a
Practical Perceptual Video Quality Metric*, 2016; model vmaf_v0.6.1, which was trained for 1080 lines seen from three
picture heights: on small pictures it is a ranking and no opinion score. The FFmpeg program of the package
`imageio-ffmpeg` holds libvmaf and the model. Frames go in one to one, at one stated rate, without timestamps.
"""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bcdcodec.errors import VideoError
from bcdcodec.evaluation.metrics.backbones import import_extra
from bcdcodec.evaluation.metrics.pair import Values, Video, check_pair

#: libvmaf crashes on less.
LEAST_SIDE = 17
#: Stated to FFmpeg for both inputs; the model does not know it.
_RATE = "25"
_LOG = "log.json"
#: Chroma is left at full size, so that odd sizes go in; the model looks at luma alone.
_GRAPH = (
    "[0:v]scale=out_color_matrix=bt709:out_range=tv,format=yuv444p[found];"
    "[1:v]scale=out_color_matrix=bt709:out_range=tv,format=yuv444p[expected];"
    f"[found][expected]libvmaf=log_fmt=json:log_path={_LOG}:n_threads=1:shortest=1:repeatlast=0"
)


def vmaf(found: Video, expected: Video) -> Values:
    """VMAF of every frame, from 0 to 100. VideoError if the program fails.

    Both videos are written to a temporary folder, 3 bytes a pixel.
    """
    check_pair(found, expected, least_side=LEAST_SIDE)
    program = import_extra("imageio_ffmpeg").get_ffmpeg_exe()
    height, width = found.shape[1:3]
    form = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", f"{width}x{height}", "-framerate", _RATE]
    with TemporaryDirectory() as folder:
        inputs: list[str] = []
        for name, video in (("found.rgb", found), ("expected.rgb", expected)):
            np.ascontiguousarray(video).tofile(Path(folder, name))
            inputs += [*form, "-i", name]
        done = subprocess.run(
            [program, "-nostdin", "-v", "error", *inputs, "-lavfi", _GRAPH, "-f", "null", "-"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not Path(folder, _LOG).exists():
            raise VideoError(f"VMAF failed with status {done.returncode}: {done.stderr.strip()[-300:] or 'no message'}")
        frames = json.loads(Path(folder, _LOG).read_text(encoding="utf-8"))["frames"]
    if len(frames) != len(found):
        raise VideoError(f"VMAF compared {len(frames)} frames, was given {len(found)}")
    return np.array([frame["metrics"]["vmaf"] for frame in frames], np.float64)
