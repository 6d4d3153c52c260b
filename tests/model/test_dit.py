"""The denoiser's transformer: Eq. 5 by hand, the order of its parts, both axes of attention, and dropped conditions."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from bcdcodec.config import DenoiserConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.dit import FREQUENCIES, AdaptiveNorm, ConditionSizes, Dit, DitBlock

CONFIG = DenoiserConfig(
    resolution=8,
    channels=2,
    patch=4,
    width=8,
    feed_forward=16,
    layers=2,
    heads=2,
    temporal_blocks=(0,),
    sigma_data=0.5,
)
PAPER = replace(CONFIG, norm_groups=2, linear_conditions=True)
MOTION, SIZES = 6, ConditionSizes(noise=2, motion=3)
BOTH = pytest.mark.parametrize("config", [CONFIG, PAPER], ids=["embedded", "paper"])


def trained(config: DenoiserConfig) -> Dit:
    """A network none of whose layers is zero."""
    torch.manual_seed(0)
    net = Dit(config, MOTION)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return net.eval()


def inputs(frames: int = 3) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {
        "x": torch.randn(2, frames, 2, 8, 8),
        "c_noise": torch.tensor([[0.1] * frames, [-0.4] * frames]),
        "content_map": torch.randn(2, 1, 2, 8, 8).expand(-1, frames, -1, -1, -1),
        "motion": torch.randn(2, frames, MOTION),
        "condition_mask": torch.tensor([True, True]),
    }


def output(net: Dit, **changed: Tensor | bool) -> Tensor:
    with torch.no_grad():
        made: Tensor = net(**{**inputs(), **changed})
    return made


def norm_of_one_token(groups: int) -> AdaptiveNorm:
    """Width 2, with weights of its own for every part of Eq. 5; t = (1, 2), m = (1, 0, -1)."""
    norm = AdaptiveNorm(2, SIZES, groups)
    with torch.no_grad():
        norm.from_noise.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, -1.0]]))
        norm.from_motion.weight.copy_(torch.tensor([[3.0, 0, 0], [0, 5.0, 1.0], [0, 0, -4.0], [2.0, 0, 0]]))
        norm.from_motion.bias.copy_(torch.tensor([0.0, 0.5, 1.0, 0.0]))
    return norm


def test_equation_5_by_hand() -> None:
    """h = (3, 1) is (1, -1) in a LayerNorm. t_s = 1 + (1, 2), t_b = (2, -2), m_s = 1 + (3, -0.5), m_b = (5, 2).

    m_s (t_s Norm(h) + t_b) + m_b = (4 (2 * 1 + 2) + 5, 0.5 (3 * -1 - 2) + 2) = (21, -0.5).
    """
    made = norm_of_one_token(0)(
        torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 0, -1]]])
    )
    torch.testing.assert_close(made, torch.tensor([[[21.0, -0.5]]]), rtol=0, atol=1e-4)


def test_equation_5_over_groups_by_hand() -> None:
    """With a group a channel the norm is over the tokens: channels (3, 1) and (0, 4) are (1, -1) and (-1, 1).

    Then as above: (4 (2 +- 2) + 5, 0.5 (-+ 3 - 2) + 2).
    """
    h = torch.tensor([[[3.0, 0.0], [1.0, 4.0]]])
    made = norm_of_one_token(2)(h, torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 0, -1]]]))
    torch.testing.assert_close(made, torch.tensor([[[21.0, -0.5], [5.0, 2.5]]]), rtol=0, atol=1e-4)
    # One group: over both channels of both tokens, of mean 2 and variance 2.5.
    made = norm_of_one_token(1)(h, torch.zeros(1, 1, 2), torch.zeros(1, 1, 3))
    plain = (h - 2) / 2.5**0.5
    expected = plain * torch.tensor([1.0, 1.5]) + torch.tensor([1.0, 0.0])  # the biases of motion alone
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-4)


def test_groups_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="norm_groups is 3, needs a divisor of the width 8, or 0"):
        replace(CONFIG, norm_groups=3)


@BOTH
def test_a_new_network_is_its_skip_connection(config: DenoiserConfig) -> None:
    """F is zero, and so is the change of every block."""
    torch.manual_seed(0)
    net = Dit(config, MOTION)
    assert not output(net).any()
    h = torch.randn(2, 4, 8)
    sizes = ConditionSizes(FREQUENCIES, MOTION) if config.linear_conditions else None
    noise, motion = (torch.randn(2, 1, size) for size in ((FREQUENCIES, MOTION) if sizes else (8, 8)))
    assert torch.equal(DitBlock(config, sizes)(h, noise, motion), h)


def test_linear_conditions_pass_no_other_layer() -> None:
    """Eq. 5 projects the sinusoids of the noise level and the motion vector themselves."""
    assert {name.partition(".")[0] for name, _ in trained(PAPER).named_parameters()} == {
        *("embed", "no_motion", "no_content", "blocks", "temporal", "final_norm", "final")
    }
    for norm in (module for module in trained(PAPER).modules() if isinstance(module, AdaptiveNorm)):
        assert (norm.from_noise.in_features, norm.from_motion.in_features) == (FREQUENCIES, MOTION)
        assert norm.groups == PAPER.norm_groups


@BOTH
@pytest.mark.parametrize("name", ["x", "c_noise", "content_map", "motion"])
def test_every_input_counts(config: DenoiserConfig, name: str) -> None:
    net = trained(config)
    assert not torch.allclose(output(net), output(net, **{name: inputs()[name].flip(0)}), atol=1e-3)


@BOTH
def test_content_enters_beside_x(config: DenoiserConfig) -> None:
    """The first layer sees C channels of x, then C of the content, patch by patch."""
    net, given = trained(config), inputs()
    seen = list[Tensor]()
    net.embed.register_forward_pre_hook(lambda layer, arguments: seen.append(arguments[0]))
    output(net)
    both = torch.cat([given["x"], given["content_map"]], 2)[:, :, :, :4, :4]
    torch.testing.assert_close(seen[0][:, :, 0], both.flatten(2))


@BOTH
def test_dropped_conditions_are_replaced_whole(config: DenoiserConfig) -> None:
    """Without conditions a clip's output is that of the learned stand-ins; the clip beside it keeps its own."""
    net, given = trained(config), inputs()
    dropped = output(net, condition_mask=torch.tensor([False, True]))
    torch.testing.assert_close(dropped[1], output(net)[1])
    for name in ("content_map", "motion"):  # neither reaches it
        changed = output(net, condition_mask=torch.tensor([False, True]), **{name: given[name] + 1})
        torch.testing.assert_close(changed[0], dropped[0])
        assert not torch.allclose(changed[1], dropped[1], atol=1e-3)
    nothing = net.no_content.detach().expand_as(given["content_map"]), net.no_motion.detach().expand_as(given["motion"])
    torch.testing.assert_close(output(net, content_map=nothing[0], motion=nothing[1])[0], dropped[0])


@BOTH
def test_only_temporal_blocks_see_other_frames(config: DenoiserConfig) -> None:
    net, given = trained(config), inputs()
    x = given["x"].clone()
    x[:, 2] += 1
    alone = output(net, temporal=False), output(net, x=x, temporal=False)
    torch.testing.assert_close(alone[0][:, :2], alone[1][:, :2])
    assert not torch.allclose(alone[0][:, 2], alone[1][:, 2], atol=1e-3)
    mixed = output(net), output(net, x=x)
    for frame in range(3):
        assert not torch.allclose(mixed[0][:, frame], mixed[1][:, frame], atol=1e-3), frame
    # Clips stay apart.
    x = given["x"].clone()
    x[1] += 1
    torch.testing.assert_close(output(net, x=x)[0], mixed[0][0])


@BOTH
def test_temporal_blocks_know_the_order_of_frames(config: DenoiserConfig) -> None:
    """Frames in another order are not the same outputs in that order: a block is told each frame's time."""
    net, given, order = trained(config), inputs(), [2, 0, 1]
    turned = {name: given[name][:, order] for name in ("x", "content_map", "motion")}
    torch.testing.assert_close(output(net, **turned, temporal=False), output(net, temporal=False)[:, order])
    assert not torch.allclose(output(net, **turned), output(net)[:, order], atol=1e-2)


@BOTH
def test_a_temporal_block_is_a_block_over_the_frames_of_a_patch(config: DenoiserConfig) -> None:
    """By a loop over clips and patches, with the sines and cosines of the frame's number added to its input."""
    net = trained(config)
    torch.manual_seed(2)
    h = torch.randn(2 * 3, 4, 8)
    sizes = (FREQUENCIES, MOTION) if config.linear_conditions else (8, 8)
    noise, motion = (torch.randn(2, 3, size) for size in sizes)
    rate = 10000.0 ** (-torch.arange(4) / 4)
    angles = torch.arange(3)[:, None] * rate
    time = torch.cat([angles.cos(), angles.sin()], 1)  # [T, width]
    expected = torch.empty(2, 3, 4, 8)
    block = net.temporal["0"]
    with torch.no_grad():
        made = net._mix_frames(block, h, noise, motion).view(2, 3, 4, 8)
        for clip in range(2):
            for patch in range(4):
                across = h.view(2, 3, 4, 8)[clip, :, patch] + time
                expected[clip, :, patch] = block(across[None], noise[clip][None], motion[clip][None])[0] - time
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4)


def test_temporal_blocks_follow_the_spatial_ones_that_are_listed() -> None:
    net, order = trained(replace(CONFIG, layers=3, temporal_blocks=(0, 2))), list[str]()
    for name, block in [*net.blocks.named_children(), *((f"t{n}", b) for n, b in net.temporal.named_children())]:
        block.register_forward_hook(lambda *arguments, name=name: order.append(name))
    output(net)
    assert order == ["0", "t0", "1", "2", "t2"]


def test_a_block_is_attention_then_mlp_behind_gates() -> None:
    """Of the embedded kind, whose gates come from the sum of both conditions."""
    torch.manual_seed(3)
    block = DitBlock(CONFIG)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        h, t, m = torch.randn(1, 4, 8), torch.randn(1, 1, 8), torch.randn(1, 1, 8)
        gates = block.gates(t + m)
        q, k, v = (
            part.unflatten(-1, (2, 4)).transpose(1, 2) for part in block.qkv(block.attention_norm(h, t, m)).chunk(3, -1)
        )
        weights = (q @ k.transpose(-1, -2) / 2).softmax(-1)  # heads of 4 channels
        mixed = h + gates[..., :8] * block.out((weights @ v).transpose(1, 2).flatten(2))
        fed = block.feed_out(F.gelu(block.feed_in(block.feed_norm(mixed, t, m)), approximate="tanh"))
        torch.testing.assert_close(block(h, t, m), mixed + gates[..., 8:] * fed)
