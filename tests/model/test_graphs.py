"""Graphs of decoder and encoder: which models have them (tests/codec/onnx compares what they compute)."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.encoder_graphs import export_encoder_graphs
from bcdcodec.model.graphs import export_graphs
from bcdcodec.model.weights import load_networks
from bcdcodec.weightfile import open_weights


def test_only_models_with_a_warper_of_the_mesh_have_graphs(tiny_weights: Path, tiny_config: ModelConfig) -> None:
    networks = load_networks(open_weights(tiny_weights), torch.device("cpu"))
    for change in ({"warp_blocks": 0}, {"landmarks": 68}):
        other = replace(tiny_config, denoiser=replace(tiny_config.denoiser, **change))
        with pytest.raises(ConfigError, match="no warper of faces"):
            export_graphs(networks, other)
        with pytest.raises(ConfigError, match="no warper of faces"):
            export_encoder_graphs(networks, other, shrink=4)
    with pytest.raises(ConfigError, match="flow of another size"):
        export_graphs(networks, replace(tiny_config, pixels=128))
