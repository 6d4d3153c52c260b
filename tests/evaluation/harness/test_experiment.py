"""Results that are kept are not measured again."""

from pathlib import Path

import pytest

from bcdcodec.evaluation.harness.experiment import kept_json


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kept.json"
    assert kept_json(path, lambda: {"a": [1, None]}) == {"a": [1, None]}
    assert kept_json(path, lambda: pytest.fail("made again")) == {"a": [1, None]}
