"""Results of an experiment, kept on disk so that a resumed run measures only what is missing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bcdcodec.atomic import write_text


def kept_json(path: Path, make: Callable[[], Any]) -> Any:
    """Load a JSON file; where there is none, write what `make` returns first."""
    if not path.exists():
        write_text(path, json.dumps(make()))
    return json.loads(path.read_text(encoding="utf-8"))
