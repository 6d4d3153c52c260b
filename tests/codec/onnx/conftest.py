"""The tiny model that paints, exported with its encoder."""

from pathlib import Path

import pytest

from bcdcodec.codec.model import CodecModel
from bcdcodec.codec.onnx.export import export_codec


@pytest.fixture(scope="session")
def folder(painter: CodecModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "model"
    folder.mkdir()
    export_codec(painter.weights, folder)
    return folder
