"""Every number stands in its table, and the page in docs/ is what the study writes."""

import json
from pathlib import Path
from typing import Any

from bcdcodec.evaluation.report.tables import replace_tables
from bcdcodec.studies.generation.study import NUMBERS, PAGE
from bcdcodec.studies.generation.tables import page_tables

DOCS = Path(__file__).parents[3] / "docs"


def test_the_tables_hold_every_number() -> None:
    statistics = {"speed": 1.5, "spread": 2.5, "blinks": 3.5, "mouth_openings": 4.5, "diversity": 5.5, "distance": 6.25}
    against = {"mean": -0.5, "low": -0.75, "high": -0.25}
    numbers: dict[str, Any] = {
        "codec": "c0",
        "motion": "m0",
        "parameters": 4_030_000,
        "clips": 51,
        "people": 26,
        "draws": 3,
        "entropy": {"validation": {"order 0": 135.25}, "held out": {"order 0": 136.0}},
        "generated": {"sequences": 9, "frames": 50, "sets": {"real": statistics}},
        "concealed": {
            "8": {
                "5% random": {"gaps": 9, "results": {"hold": {"error": 9.5, "flicker": 4.25, "against_first": against}}}
            }
        },
        "painted": {
            "clips": ["a"],
            "lost_frames": 16,
            "landmark_distance": {"hold": 7.0},
            "flicker_levels": {"hold": 1.25},
        },
        "pictures": {"clip": "a", "source": "s", "license": "CC BY 4.0", "rows": ["real", "greedy"]},
    }
    tables = page_tables(numbers)
    assert list(tables) == ["models", "entropy", "generated", "pictures", "concealed-8", "decoded"]
    assert tables["models"][-1] == "| `m0` | 4.03 million | `c0` | 51 | 26 |"
    assert tables["entropy"][-1] == "| order 0 | 135.2 | 136.0 |"
    assert tables["generated"][-1] == "| real | 1.5 | 2.5 | 3.5 | 4.5 | 5.5 |  | 6.25 |"
    assert tables["pictures"][-1] == "| real, greedy | a | s | CC BY 4.0 |"
    assert tables["concealed-8"][-1] == "| 5% random, 9 gaps | hold | 9.50 | 4.25 | -0.50 (-0.75 to -0.25) |"
    assert tables["decoded"][-1] == "| hold | 7.00 | 1.25 |"
    # What so few clips do not give is a dash with the reason.
    numbers["generated"] = {"sequences": 0, "frames": 50, "sets": {}, "reason": "0 and 3 streams have 50 frames"}
    alone = {"hold": {"error": 9.5, "flicker": 4.25, "against_first": {"mean": -0.5, "low": None, "high": None}}}
    numbers["concealed"] = {"8": {"5% random": None, "10% random": {"gaps": 1, "results": alone}}}
    numbers["painted"] = {"clips": [], "lost_frames": 0, "landmark_distance": {}, "flicker_levels": {"hold": 1.0}}
    few = page_tables(numbers)
    assert few["generated"] == ["- (0 and 3 streams have 50 frames)"]
    assert few["concealed-8"][2:] == [
        "| 5% random | - (no packet is lost) | - | - | - |",
        "| 10% random, 1 gaps | hold | 9.50 | 4.25 | -0.50 |",
    ]
    assert few["decoded"][-1] == "| hold | - | 1.00 |"
    del numbers["pictures"]
    assert "pictures" not in page_tables(numbers)


def test_the_page_is_that_of_its_numbers() -> None:
    page, numbers = (DOCS / PAGE).read_text(encoding="utf-8"), json.loads((DOCS / NUMBERS).read_text(encoding="utf-8"))
    assert replace_tables(page, page_tables(numbers)) == page
    prose = " ".join(page.split())
    generated, decoded = numbers["generated"], numbers["painted"]
    assert f"{generated['frames']} frames (4 s) for the content of {generated['sequences']} clips" in prose
    assert f"{len(decoded['clips'])} clips decoded with {decoded['lost_frames']} lost frames" in prose
    assert f"stream {numbers['draws']} times anew" in prose
    assert all(f"![{title}]" in page for title in ("codes over time", "frames of the same"))
