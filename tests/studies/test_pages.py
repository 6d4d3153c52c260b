"""Every table of the published pages comes from the kept numbers beside it, byte for byte."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from bcdcodec.config import preset
from bcdcodec.evaluation.harness.records import from_json
from bcdcodec.evaluation.report.tables import replace_tables
from bcdcodec.studies.ablations import tables as ablations
from bcdcodec.studies.ablations.scores import Ablations
from bcdcodec.studies.ablations.variants import AblationPlan
from bcdcodec.studies.generation import tables as generation
from bcdcodec.studies.rate_control import tables as rate_control
from bcdcodec.studies.rate_distortion import tables as rate_distortion
from bcdcodec.studies.rate_distortion.comparison import compare
from bcdcodec.studies.rate_distortion.plan import read_plan
from bcdcodec.studies.rate_distortion.scores import DistributionDistance, RDResult, Results
from bcdcodec.studies.references import tables as references
from bcdcodec.studies.sprites import tables as sprites
from bcdcodec.studies.sprites.measure import SpriteScores
from bcdcodec.studies.transfer import study as transfer_study
from bcdcodec.studies.transfer import tables as transfer
from bcdcodec.studies.transfer.protocol import TransferScore
from bcdcodec.studies.validation import tables as validation
from bcdcodec.studies.validation.codes import CodebookUsage
from bcdcodec.studies.validation.scores import ClipScore
from bcdcodec.studies.validation.summary import summarize
from bcdcodec.training.start import Start

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def kept(name: str) -> Any:
    return json.loads((DOCS / name).read_text(encoding="utf-8"))


def person_of() -> dict[str, str]:
    return {clip["clip"]: clip["person"] for clip in kept("validation/validation.json")["clips"]}


def check(page: str, tables: dict[str, list[str]]) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert replace_tables(text, tables) == text


def rounded(numbers: Any) -> Any:
    """To ten digits: interpolation differs in the last one between machines."""
    return json.loads(json.dumps(numbers), parse_float=lambda text: float(f"{float(text):.10g}"))


def test_results() -> None:
    pytest.importorskip("bjontegaard")
    numbers, plan = kept("results/results.json"), read_plan(ROOT / "benchmarks/rd_small.toml")
    results = Results([from_json(RDResult, point) for point in numbers["points"]], person_of())
    distances = [DistributionDistance(**item) for item in numbers["distribution"]]
    comparisons = compare(plan, results)
    again = [dataclasses.asdict(item) | {"own": item.own.name} for item in comparisons]
    assert rounded(again) == rounded(numbers["comparisons"])
    tables = rate_distortion.page_tables(plan, results, comparisons, distances)
    run = rate_distortion.run_lines(numbers["run"], numbers["failures"])
    check("results.md", {"run": run, **tables})


def test_validation() -> None:
    numbers = kept("validation/validation.json")
    usage = CodebookUsage(**numbers["codebooks"])
    scores = [from_json(ClipScore, clip) for clip in numbers["clips"]]
    assert dataclasses.asdict(summarize(scores)) == numbers["summary"]
    check("validation.md", validation.page_tables(scores, usage))


def test_transfer() -> None:
    numbers = kept("transfer/transfer.json")
    scores = [TransferScore(**score) for score in numbers["scores"]]
    run = transfer_study.run_lines(numbers, person_of())
    check("transfer.md", {"run": run, **transfer.page_tables(scores, person_of())})


def test_ablations_of_sprites() -> None:
    scores = from_json(Ablations, kept("sprites_ablations/ablations.json"))
    plan = AblationPlan(config=preset("sprites-tiny"), data=Path(), test=Path(), updates=1200, precision="bf16")
    check("sprites_ablations.md", ablations.page_tables(scores, plan, pairs=128))


def test_ablations_of_faces() -> None:
    scores = from_json(Ablations, kept("ablations/ablations.json"))
    start = Start("face-bcd-v2", b"", {}, None)
    plan = AblationPlan(config=preset("face-bcd"), data=Path(), test=Path(), updates=120, start=start)
    check("ablations.md", ablations.page_tables(scores, plan, pairs=8))


def test_generation() -> None:
    check("generation.md", generation.page_tables(kept("generation/generation.json")))


def test_sprites() -> None:
    check("sprites.md", sprites.page_tables(SpriteScores(**kept("sprites/scores.json"))))


def test_rate_control() -> None:
    bitrates, tools = kept("rate_control/bitrates.json"), kept("rate_control/tools.json")
    tables = {
        "bitrates": rate_control.bitrate_table(bitrates["clips"]),
        "tools": rate_control.variant_table(tools["points"]),
    }
    check("rate_control.md", tables)


def test_references() -> None:
    numbers = kept("references/references.json")
    check("references.md", {name: references.group_table(numbers[name]) for name in ("lively", "calm")})
