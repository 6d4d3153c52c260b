"""The folder of the player: what it holds, and what is refused before anything is written."""

from pathlib import Path

import pytest

pytest.importorskip("onnx")

from bcdcodec.cli.main import main
from bcdcodec.config import PictureDenoiserConfig
from bcdcodec.denoiser.export import export_denoiser
from bcdcodec.errors import ConfigError
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.web.export import RUNTIME, export_page
from bcdcodec.weightfile import find_weights, open_weights

PAGE = Path(__file__).parents[2] / "bcdcodec" / "web" / "page"


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A folder with the names of onnxruntime-web's files."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in RUNTIME:
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_page_with_its_model_and_runtime(tiny_weights: Path, runtime: Path, tmp_path: Path) -> None:
    weights = tmp_path / "painter.safetensors"
    net = PictureDenoiser(PictureDenoiserConfig(widths=(8, 8), embedding=8), 128)
    export_denoiser(weights, open_weights(tiny_weights), net)
    site = tmp_path / "site"
    line = ["export", "page", str(site), "--runtime", str(runtime), "--weights", str(weights)]
    assert main(line) == 0
    written = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    graphs = {f"model/{name}.onnx" for name in ("content", "motion", "warp", "paint")}
    pages = {path.name for path in PAGE.iterdir()}
    assert written == pages | {f"ort/{name}" for name in RUNTIME} | graphs | {"model/decoder.safetensors"}
    assert main(line) == 2  # it is there


def test_a_runtime_that_lacks_files_is_named(runtime: Path, tmp_path: Path) -> None:
    (runtime / RUNTIME[1]).unlink()
    with pytest.raises(ConfigError, match=RUNTIME[1]):
        export_page(tmp_path / "site", find_weights("face"), runtime=runtime)
    assert not (tmp_path / "site").exists()


def test_weights_that_do_not_paint_in_one_step_are_refused(tiny_weights: Path, runtime: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one step"):
        export_page(tmp_path / "site", open_weights(tiny_weights), runtime=runtime)
    assert not (tmp_path / "site").exists()
