"""matplotlib where it is installed. In: a figure. Out: a PNG that is there completely or not at all."""

from pathlib import Path
from typing import Any

from bcdcodec.atomic import write_with
from bcdcodec.errors import MissingExtraError

DPI = 110


def pyplot() -> Any:
    """`matplotlib.pyplot`, drawing without a screen; MissingExtraError where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise MissingExtraError("plots need matplotlib: pip install 'bcdcodec[bench]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save_figure(figure: Any, path: Path) -> None:
    """Write and close; the same figure gives the same bytes."""
    write_with(path, lambda partial: figure.savefig(partial, dpi=DPI, metadata={"Software": None}))
    pyplot().close(figure)
