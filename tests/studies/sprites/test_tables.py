"""The page of sprites holds the measured tables, of the weights and judge that ship."""

import json
from pathlib import Path

from bcdcodec.evaluation.report.tables import replace_tables
from bcdcodec.studies.sprites.measure import SpriteScores
from bcdcodec.studies.sprites.tables import page_tables

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_holds_the_measured_tables() -> None:
    scores = SpriteScores(**json.loads((DOCS / "sprites" / "scores.json").read_text(encoding="utf-8")))
    page = (DOCS / "sprites.md").read_text(encoding="utf-8")
    assert replace_tables(page, page_tables(scores)) == page
    assert scores.model == "sprites-tiny"
