"""What a run began with. In: its folder, what it is asked to do. Out: a file that the same command finds again.

A cache or a checkpoint of another run would go unnoticed into this one.
"""

import json
from pathlib import Path
from typing import Any

from bcdcodec.errors import ConfigError


def claim(place: Path, began: dict[str, Any]) -> None:
    """Write down what a run begins with, or check that it is the same as before; ConfigError names what is not."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_suffix(".part")
        partial.write_text(json.dumps(began), encoding="utf-8")
        partial.replace(place)
        return
    found = json.loads(place.read_text(encoding="utf-8"))
    other = [name for name in began if found.get(name) != began[name]]
    if other:
        raise ConfigError(f"{place.parent} began with other {', '.join(other)}; name another folder for this run")
