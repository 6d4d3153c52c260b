"""The notebook docs/first_hour.ipynb runs from beginning to end, with the tiny model, and is stored without results."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from pages_kit import ROOT

nbformat = pytest.importorskip("nbformat", reason="notebooks are read by nbformat")
NOTEBOOK = ROOT / "docs" / "first_hour.ipynb"
#: Pictures that the notebook shows, and those on its contact sheet.
PLOTS, SHEET_COLUMNS = 3, 6


@pytest.fixture(scope="module")
def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """run(notebook, clip="..."): execute a copy with these parameters in `tmp_path`, with settings of its own."""
    nbclient = pytest.importorskip("nbclient", reason="notebooks are run by nbclient")
    pytest.importorskip("ipykernel", reason="notebooks are run by a kernel")
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        (folder := tmp_path / "settings" / name).mkdir(parents=True)
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # other tests draw without a screen, the kernel into cells

    def execute(notebook: Any, **parameters: object) -> Any:
        copy = nbformat.from_dict(notebook)
        place = next(index for index, cell in enumerate(copy.cells) if "parameters" in cell.metadata.get("tags", ()))
        values = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
        copy.cells.insert(place + 1, nbformat.v4.new_code_cell(values))
        options = {"timeout": 300, "kernel_name": "python3", "resources": {"metadata": {"path": str(tmp_path)}}}
        return nbclient.NotebookClient(copy, **options).execute()

    return execute


def outputs(notebook: Any, kind: str) -> list[Any]:
    """The outputs of all cells that are of one kind."""
    return [output for cell in notebook.cells for output in cell.get("outputs", ()) if output.output_type == kind]


def test_it_is_stored_without_results(notebook: Any) -> None:
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert {cell.execution_count for cell in code} == {None}


@pytest.mark.slow
def test_it_runs_from_a_file_to_plots(
    notebook: Any, run: Callable[..., Any], talking_clip: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    done = run(notebook, clip=str(talking_clip), weights=str(tiny_weights), crop=False)
    printed = "".join(output.text for output in outputs(done, "stream") if output.name == "stdout")
    assert f"{(tmp_path / 'talk.bcd').stat().st_size:,}" in printed
    assert re.search(r"[\d.]+ dB over 25 frames", printed)
    assert "25 frames at 12.5 fps in talk-decoded.mp4" in printed
    shown = [output for output in outputs(done, "display_data") if "image/png" in output.data]
    assert len(shown) == PLOTS
    with av.open(str(tmp_path / "talk-sheet.png")) as sheet:
        (picture,) = sheet.decode(video=0)
    assert picture.width / picture.height == SHEET_COLUMNS / 2


def test_its_links_lead_to_pages(notebook: Any) -> None:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#\s]+)", text)
    assert links and [link for link in links if not (NOTEBOOK.parent / link).is_file()] == []
