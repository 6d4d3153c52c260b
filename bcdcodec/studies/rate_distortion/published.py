"""Published rate-distortion points of other codecs, for dashed lines in plots.

Read off the plots of the repository Goluck-Konuko/GFVC, folder rd_results (software of JVET-AG0042), to about 0.003:
VoxCeleb at 256x256, 25 fps, 250 frames, base picture included, VTM and HM in low-delay B. Clips, frame rate and 4:4:4
pictures differ from those measured here: context, no comparison.
"""

from bcdcodec.studies.rate_distortion.scores import Curve

SOURCE = "github.com/Goluck-Konuko/GFVC (JVET-AG0042 software), VoxCeleb, 25 fps"
#: Name -> (kbps, DISTS, LPIPS with VGG).
_POINTS: dict[str, list[tuple[float, float, float]]] = {
    "DAC, 10 points": [(1.32, 0.289, 0.442), (1.63, 0.199, 0.310), (2.49, 0.150, 0.241), (4.90, 0.129, 0.216)],
    "CFTE": [(1.65, 0.306, 0.485), (1.95, 0.206, 0.336), (2.81, 0.151, 0.268), (5.23, 0.130, 0.245)],
    "FV2V": [(2.38, 0.307, 0.486), (2.67, 0.211, 0.379), (3.52, 0.168, 0.335), (5.94, 0.154, 0.323)],
    "VVC (VTM)": [
        *[(4.6, 0.271, 0.470), (7.4, 0.213, 0.343), (9.8, 0.186, 0.294)],
        *[(15.2, 0.159, 0.241), (21.8, 0.138, 0.202), (31.6, 0.118, 0.166)],
    ],
    "HEVC (HM)": [
        *[(7.6, 0.262, 0.453), (11.6, 0.205, 0.349), (15.9, 0.177, 0.297)],
        *[(25.5, 0.143, 0.236), (36.5, 0.121, 0.196), (53.0, 0.097, 0.153)],
    ],
}
_COLUMNS = {"dists": 0, "lpips-vgg": 1}


def published(metric: str) -> list[Curve]:
    """Curves of a metric, none where it was not published."""
    if metric not in _COLUMNS:
        return []
    columns = {name: list(zip(*points, strict=True)) for name, points in _POINTS.items()}
    return [
        Curve(series=name, metric=metric, kbps=kbps, values=values[_COLUMNS[metric]], clips=0)
        for name, (kbps, *values) in columns.items()
    ]
