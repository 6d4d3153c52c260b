"""Tables A4 to A6 in docs/fidelity.md are those of the presets, and every deviation has a reason."""

import dataclasses
import json
import math
import re
from typing import Any

import pytest
from pages_kit import ROOT

from bcdcodec.config import DenoiserConfig, EncoderConfig, ModelConfig, OptimConfig, QuantizerConfig, preset
from bcdcodec.motion.config import MotionConfig, MotionOptim, motion_preset

PAGE = (ROOT / "docs" / "fidelity.md").read_text()
#: Table -> its preset, and how many rows the paper's table has.
TABLES: dict[str, tuple[ModelConfig | MotionConfig, int]] = {
    "Table A4": (preset("lrs3"), 31),
    "Table A5": (preset("sprites"), 31),
    "Table A6": (motion_preset("motion"), 9),
}
#: Rows that name a kind of network or method, for which a configuration has no key.
KINDS = {"T5 Encoder", "EDM", "AdamW", "GPT-2"}
#: A number that is no part of a name, and its unit.
NUMBER = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?(?:e-\d+)?)(kbps|bps)?")
UNITS = {"kbps": 1000.0, "bps": 1.0, "": 1.0}
VERDICTS = {"yes", "open", "differs"}
#: Parts of a configuration with switches of what the paper does not have, and what their keys begin with.
SWITCHED: dict[type, str] = {
    EncoderConfig: "encoder.",
    DenoiserConfig: "denoiser.",
    OptimConfig: "optim.",
    QuantizerConfig: "quantizer.",
}
Row = list[str]


def rows(heading: str) -> list[Row]:
    """Cells of the table under a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def published(cell: str) -> list[float]:
    """The numbers of a cell; how a batch is shared among GPUs is left out."""
    cell = re.sub(r"(?<=\d) \(.*\)$", "", cell)
    return [float(number) * UNITS[unit] for number, unit in NUMBER.findall(cell)]


def lookup(config: Any, key: str) -> Any:
    """The value of a dotted key, or of a literal number."""
    if key.isdigit():
        return int(key)
    for name in key.split("."):
        config = config[name] if isinstance(config, dict) else getattr(config, name)
    return config


def configured(config: Any, cell: str) -> list[float]:
    """The values of the keys of a cell, apart by commas; keys with * between them are multiplied."""
    values = list[float]()
    for part in cell.split(", "):
        factors = [lookup(config, key) for key in re.findall(r"`([^`]+)`", part)]
        values += factors[0] if isinstance(factors[0], tuple) else [math.prod(factors)]
    return values


TABLE_ROWS = [(name, *row) for name in TABLES for row in rows(name)]


@pytest.mark.parametrize(("table", "name", "value", "keys"), TABLE_ROWS)
def test_the_presets_are_the_published_tables(table: str, name: str, value: str, keys: str) -> None:
    config, _ = TABLES[table]
    if not keys:
        assert value in KINDS
        return
    wanted, found = published(value), configured(config, keys)
    if len(wanted) == 1:  # one learning rate for all parts
        wanted *= len(found)
    assert wanted and found == pytest.approx(wanted), f"{name}: {value}"


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_missing(table: str) -> None:
    assert len(rows(table)) == TABLES[table][1]
    assert {row[1] for row in rows(table) if not row[2]} <= KINDS


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("DiT-B/4", [4]),
        ("4kbps", [4000]),
        ("150bps", [150]),
        ("2e-4 for denoise decoder, 1e-4 for others", [2e-4, 1e-4]),
        ("256 (8xH100 GPU x 32)", [256]),
        ("(0.9,0.999)", [0.9, 0.999]),
        ("[0, 2, 10]", [0, 2, 10]),
    ],
)
def test_cells_are_read(cell: str, numbers: list[float]) -> None:
    assert published(cell) == numbers


def test_every_deviation_has_a_reason() -> None:
    prose = [heading for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE) if heading not in TABLES]
    judged = [row for heading in prose for row in rows(heading) if row[1] in VERDICTS]
    assert len(judged) > 50 and "partly" not in PAGE
    for says, verdict, reason in judged:
        assert verdict == "yes" or len(reason) > 20, says
    unjudged = {heading for heading in prose if any(row[1] not in VERDICTS for row in rows(heading))}
    assert unjudged == {"What the code adds", "Without batch norm"}


def test_the_switches_are_set_as_the_page_says() -> None:
    switches = {key.strip("`"): values for key, *values, _ in rows("What the code adds")}
    own = {name: field.default for kind in SWITCHED for name, field in named(kind)}
    compared = 0
    for key, (paper, default) in switches.items():
        if re.fullmatch(r"null|true|false|[\d.]+", paper):
            assert {lookup(preset(name), key) for name in ("lrs3", "sprites")} == {json.loads(paper)}, key
            compared += 1
        if re.fullmatch(r"null|true|false|[\d.]+", default):
            assert own[key] == json.loads(default), key
        part, _, name = key.rpartition(".")
        if part == "optim" and name in dict(named(MotionOptim)):
            assert getattr(motion_preset("motion").optim, name) == json.loads(paper), key
    assert compared == len(switches) - 1  # noise levels are of each preset
    changed = {key for key, value in differences(preset("lrs3")).items() if own[key] != value}
    assert changed <= {*switches, "optim.rate_weight"}


def named(kind: type) -> list[tuple[str, dataclasses.Field[Any]]]:
    """Fields of a part of the configuration that have defaults, by their dotted keys; of motion models by name."""
    prefix = SWITCHED.get(kind, "")
    fields = dataclasses.fields(kind)
    return [(prefix + field.name, field) for field in fields if field.default is not dataclasses.MISSING]


def differences(config: ModelConfig) -> dict[str, Any]:
    """Values of the keys that have defaults."""
    keys = [name for kind in SWITCHED for name, _ in named(kind)]
    return {key: lookup(config, key) for key in keys}
