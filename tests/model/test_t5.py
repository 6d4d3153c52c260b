"""Our T5 encoder equals the one of `transformers` with the same weights."""

import pytest
import torch

from bcdcodec.config import EncoderConfig
from bcdcodec.model.t5 import T5Encoder, relative_bucket

transformers = pytest.importorskip("transformers")


def reference(config: EncoderConfig) -> torch.nn.Module:
    t5 = transformers.T5Config(
        vocab_size=2,
        d_model=config.width,
        d_ff=config.feed_forward,
        d_kv=64,
        num_layers=config.layers,
        num_heads=config.heads,
        relative_attention_num_buckets=config.relative_buckets,
        relative_attention_max_distance=config.relative_max_distance,
        feed_forward_proj="relu",
        dropout_rate=0.0,
    )
    return transformers.T5EncoderModel(t5).eval()


def renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names of `transformers` to ours."""
    ours = {}
    for name, value in state.items():
        name = name.removeprefix("encoder.")
        if name == "block.0.layer.0.SelfAttention.relative_attention_bias.weight":
            ours["position_bias.weight"] = value
            continue
        name = name.replace("block.", "blocks.").replace("final_layer_norm", "norm")
        name = name.replace("layer.0.SelfAttention.q", "attention.query").replace(
            "layer.0.SelfAttention.k", "attention.key"
        )
        name = name.replace("layer.0.SelfAttention.v", "attention.value").replace(
            "layer.0.SelfAttention.o", "attention.out"
        )
        name = name.replace("layer.0.layer_norm", "attention_norm").replace("layer.1.layer_norm", "feed_norm")
        name = name.replace("layer.1.DenseReluDense.wi", "feed_in").replace("layer.1.DenseReluDense.wo", "feed_out")
        ours[name] = value
    return {name: value for name, value in ours.items() if "embed_tokens" not in name and "shared" not in name}


@pytest.mark.parametrize("length", [1, 9, 200])
def test_same_weights_give_the_same_output(length: int) -> None:
    torch.manual_seed(0)
    config = EncoderConfig(width=96, feed_forward=160, layers=3, heads=2)
    theirs = reference(config)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    ours = T5Encoder(config)
    ours.load_state_dict(renamed(theirs.state_dict()))
    x = torch.randn(2, length, config.width)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(inputs_embeds=x).last_hidden_state, rtol=1e-4, atol=1e-5)


def test_buckets_are_exact_near_and_logarithmic_far() -> None:
    offsets = torch.tensor([-200, -9, -8, -7, 0, 7, 8, 9, 200])
    found = relative_bucket(offsets, buckets=32, max_distance=128)
    assert found.tolist() == [15, 8, 8, 7, 0, 23, 24, 24, 31]
