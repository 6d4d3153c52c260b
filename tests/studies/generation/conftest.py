"""Fixtures of the generation study."""

import pytest

pytest.importorskip("transformers", reason="motion generation needs transformers")

from motion_kit import gpt, make_streams, model, motion_config, motion_file  # noqa: F401 - fixtures
