"""Tables and the markers between which they stand."""

from pathlib import Path

import pytest

from bcdcodec.errors import ConfigError
from bcdcodec.evaluation.report.tables import metric_digits, metric_title, number, replace_tables, table, update_page

PAGE = "# Page\n\nProse.\n\n<!-- table:a -->\nold\n<!-- end -->\n\n<!-- table:b -->\n<!-- end -->\nEnd.\n"


def test_lines_between_markers_are_replaced_and_nothing_else() -> None:
    found = replace_tables(PAGE, {"a": ["| 1 |", "|---|"], "b": []})
    assert found == PAGE.replace("old", "| 1 |\n|---|")
    assert replace_tables(found, {"a": ["old"]}) == PAGE
    assert replace_tables(PAGE, {"b": ["new"]}).endswith("<!-- table:b -->\nnew\n<!-- end -->\nEnd.\n")


@pytest.mark.parametrize("page", ["# Page\n", "<!-- table:a -->\nno end"])
def test_a_missing_marker_is_named(page: str) -> None:
    with pytest.raises(ConfigError, match="table:a"):
        replace_tables(page, {"a": []})


def test_a_page_that_is_not_there_gets_headings_and_tables(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.md"
    update_page(path, {"means": ["| 1 |"]})
    assert path.read_text() == "# page\n\n## means\n\n<!-- table:means -->\n| 1 |\n<!-- end -->\n"
    update_page(path, {"means": ["| 2 |"]})
    assert "| 2 |" in path.read_text() and "| 1 |" not in path.read_text()


def test_cells() -> None:
    assert table(["a", "b"], [["1", "2"]]) == ["| a | b |", "|---|---|", "| 1 | 2 |"]
    assert table(["a", "b"], [], right=True) == ["| a | b |", "| --- | ---: |"]
    assert (number(None, 2), number(1.005, 1)) == ("-", "1.0")
    assert (metric_title("psnr"), metric_title("dists"), metric_digits("psnr"), metric_digits("csim")) == (
        "psnr ↑", "dists ↓", 2, 3,
    )  # fmt: skip
