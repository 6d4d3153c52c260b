"""What is cheap stays cheap: looking at streams loads no torch. Each check runs in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

import bcdcodec
from bcdcodec.cli.main import main

HEAVY = ("torch", "av", "transformers")


def loaded_by(code: str) -> set[str]:
    """Names of all modules in a fresh interpreter after it ran some code."""
    script = f"{code}\nimport sys; print('MODULES', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split("MODULES")[1].split())


def test_import_loads_neither_torch_nor_numpy() -> None:
    assert not loaded_by("import bcdcodec") & {*HEAVY, "numpy"}


def test_reading_streams_loads_neither_torch_nor_numpy() -> None:
    assert not loaded_by("from bcdcodec import StreamReader, BitstreamError") & {*HEAVY, "numpy"}


@pytest.mark.parametrize("command", ["info", "verify"])
def test_looking_at_a_stream_loads_no_torch(command: str, stream_file: Path) -> None:
    code = f"from bcdcodec.cli.main import main\nassert main([{command!r}, {str(stream_file)!r}]) == 0"
    assert not loaded_by(code) & {*HEAVY}


def test_plotting_a_stream_loads_no_torch(stream_file: Path) -> None:
    pytest.importorskip("matplotlib")
    command = ["info", str(stream_file), "--bits", "--plot", str(stream_file.with_name("rate.png"))]
    assert not loaded_by(f"from bcdcodec.cli.main import main\nassert main({command!r}) == 0") & {*HEAVY}


def test_transcoding_loads_no_torch(stream_file: Path) -> None:
    command = ["transcode", str(stream_file), str(stream_file.with_name("low.bcd")), "--bitrate", "4k", "-q"]
    assert not loaded_by(f"from bcdcodec.cli.main import main\nassert main({command!r}) == 0") & {*HEAVY}


def test_help_loads_no_torch() -> None:
    code = "from bcdcodec.cli.main import build_parser\nbuild_parser().format_help()"
    assert not loaded_by(code) & {*HEAVY}


def test_every_public_name_can_be_reached() -> None:
    for name in bcdcodec.__all__:
        assert getattr(bcdcodec, name) is not None
    assert set(bcdcodec.__all__) <= set(dir(bcdcodec))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        bcdcodec.nothing  # noqa: B018


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip() == f"bcdcodec {bcdcodec.__version__}"
