"""Each rule of bitstream_spec.md, sections 1 to 7: a stream that breaks it alone is refused by both readers."""

import dataclasses
import importlib.util
import io
from pathlib import Path
from types import ModuleType

import forbidden_kit as kit
import numpy as np
import pytest
from breaking_kit import CODING, Case, Sources
from forbidden_kit import Recipe, motion
from header_cases import CODINGS, FILE, METADATA, SECTIONS, STILLS, VIDEOS
from landmark_kit import synthetic_face
from packet_cases import CONTENTS, ENDS, PACKETS, SOUNDS, WITH_WEIGHTS

from bcdcodec.bitstream.face import join_face
from bcdcodec.bitstream.records import CodingMode
from bcdcodec.cli.verify import verify
from bcdcodec.entropy.content import encode_levels
from bcdcodec.entropy.landmarks import encode_landmarks
from bcdcodec.entropy.motion import MotionCoder
from bcdcodec.entropy.predictor import Predictor
from bcdcodec.entropy.tables import Tables
from bcdcodec.errors import BitstreamError
from bcdcodec.video.still import encode_still
from bcdcodec.weightfile import open_weights

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/data/golden"
WEIGHTS, CONTEXT_WEIGHTS = GOLDEN / "tiny.safetensors", GOLDEN / "context.safetensors"
STRANGER = bytes(range(16))


@pytest.fixture(scope="module")
def sources() -> Sources:
    tables = Tables.from_file(WEIGHTS)
    assert tables.landmarks is not None
    gray = np.full((256, 256, 3), 90, np.uint8)
    return Sources(
        encode_still(gray, budget_bits=9999, fast=True),
        encode_landmarks(synthetic_face(tables.landmarks, levels=(0,) * len(tables.landmarks.basis)), tables.landmarks),
        encode_still(gray[:128], budget_bits=9999, fast=True),
        encode_levels(np.zeros((4, 32, 32), np.int32), tables.content, max_level=3),
    )


@pytest.fixture(scope="module")
def parser() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_parser", ROOT / "tools/reference_parser.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stream(sources: Sources, *, model: Path | None) -> Recipe:
    model_id = STRANGER if model is None else open_weights(model).model_id
    return kit.valid_stream(model_id, sources.still, join_face(sources.landmarks, sources.still))


CASES = [*FILE, *SECTIONS, *VIDEOS, *CODINGS, *CONTENTS, *SOUNDS, *METADATA, *STILLS, *PACKETS, *ENDS]


def check(data: bytes, says: str, parser: ModuleType, tables: dict[str, object]) -> None:
    """Both readers refuse a file, and name the rule."""
    with pytest.raises(BitstreamError, match=says):
        verify(io.BytesIO(data))
    with pytest.raises(ValueError, match=says):
        parser.parse(data, tables)


def names(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


def test_names_are_unique() -> None:
    assert len({*names(CASES + WITH_WEIGHTS)}) == len(CASES + WITH_WEIGHTS)


@pytest.mark.parametrize("model", [None, WEIGHTS], ids=["without weights", "with weights"])
def test_the_stream_is_valid_before_it_is_changed(
    sources: Sources, parser: ModuleType, model: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(GOLDEN))
    data = stream(sources, model=model).write()
    assert verify(io.BytesIO(data)).frames == 6
    tables = {} if model is None else parser.read_tables(model)
    assert len(parser.parse(data, tables)["packets"]) == 12


@pytest.mark.parametrize("model", [None, WEIGHTS], ids=["without weights", "with weights"])
@pytest.mark.parametrize("case", CASES, ids=names(CASES))
def test_what_the_format_forbids_is_refused(
    case: Case, sources: Sources, parser: ModuleType, model: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(GOLDEN))
    data = case.breaks(stream(sources, model=model), sources).write()
    check(data, case.says, parser, {} if model is None else parser.read_tables(model))


@pytest.mark.parametrize("case", WITH_WEIGHTS, ids=names(WITH_WEIGHTS))
def test_what_the_weights_forbid_is_refused(
    case: Case, sources: Sources, parser: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(GOLDEN))
    data = case.breaks(stream(sources, model=WEIGHTS), sources).write()
    check(data, case.says, parser, parser.read_tables(WEIGHTS))


@pytest.mark.parametrize("mode", [CodingMode.CODED, CodingMode.CONTEXT])
def test_codes_have_one_code(
    mode: CodingMode, sources: Sources, parser: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BCD_WEIGHTS", str(GOLDEN))
    path = WEIGHTS if mode is CodingMode.CODED else CONTEXT_WEIGHTS
    table = Tables.from_file(path).motion
    coder = MotionCoder(mode, table, Predictor.of_table(path, table))
    codes = coder.encode(np.random.default_rng(0).integers(0, 8, (3, 5)))
    valid = stream(sources, model=path).with_section(CODING, kit.coding(mode=int(mode)))

    def with_codes(data: bytes) -> bytes:
        return dataclasses.replace(valid, packets=(motion(0, data, frames=3, key=True, references=-1),)).write()

    assert verify(io.BytesIO(with_codes(codes))).decoded
    parser.parse(with_codes(codes), parser.read_tables(path))
    for other in (codes + b"\0", codes + b"\1", codes[:-1] + b"\0"):
        check(with_codes(other), "bytes|interval", parser, parser.read_tables(path))
