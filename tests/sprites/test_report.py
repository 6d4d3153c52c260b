"""The page of sprites says what was measured, of the weights and judge that ship."""

from pathlib import Path

from bcdcodec.sprites.measure import SpriteScores
from bcdcodec.sprites.report import markdown

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_holds_the_measured_tables() -> None:
    scores = SpriteScores.from_json((DOCS / "sprites" / "scores.json").read_text(encoding="utf-8"))
    assert markdown(scores).rstrip() in (DOCS / "sprites.md").read_text(encoding="utf-8")
    assert scores.model == "sprites-tiny"
