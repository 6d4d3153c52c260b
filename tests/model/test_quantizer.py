"""The grouped quantiser: nearest entries, sampling, gradients, rate."""

from dataclasses import replace

import pytest
import torch

from bcdcodec.config import QuantizerConfig
from bcdcodec.model.quantizer import GroupQuantizer, rate_loss, temperature

CONFIG = QuantizerConfig(
    groups=3, entries=8, dims=4, target_bits_per_group=2.0,
    temperature_max=1.5, temperature_min=0.1, temperature_decay=0.9, input_std=None,
)  # fmt: skip


def test_inference_takes_the_nearest_entry() -> None:
    torch.manual_seed(0)
    quantizer = GroupQuantizer(CONFIG).eval()
    m = torch.randn(2, 5, 12)
    found = quantizer(m)
    for group in range(3):
        part = m[..., 4 * group : 4 * group + 4]
        nearest = torch.cdist(part.reshape(-1, 4), quantizer.codebook[group]).argmin(1).view(2, 5)
        assert torch.equal(found.codes[..., group], nearest)
        torch.testing.assert_close(found.m_hat[..., 4 * group : 4 * group + 4], quantizer.codebook[group][nearest])
    torch.testing.assert_close(quantizer.lookup(found.codes), found.m_hat)


def test_training_samples_by_distance_and_passes_gradient() -> None:
    torch.manual_seed(0)
    quantizer = GroupQuantizer(CONFIG).train()
    m = torch.randn(64, 50, 12, requires_grad=True)
    found = quantizer(m, tau=0.7)
    torch.testing.assert_close(quantizer.lookup(found.codes), found.m_hat)
    logits = -quantizer.sharpness * quantizer.distances(m)
    expected = logits.softmax(-1).mean((0, 1))
    share = torch.nn.functional.one_hot(found.codes, 8).float().mean((0, 1))
    torch.testing.assert_close(share, expected, atol=0.03, rtol=0)
    found.m_hat.square().sum().backward()
    assert m.grad is not None and float(m.grad.abs().sum()) > 0
    assert quantizer.codebook.grad is not None and float(quantizer.codebook.grad.abs().sum()) > 0


def test_standardized_input_uses_the_codebook_whatever_its_scale() -> None:
    torch.manual_seed(0)
    quantizer = GroupQuantizer(replace(CONFIG, groups=8, entries=32, dims=16, input_std=0.58)).train()
    found = quantizer(torch.randn(16, 10, 128) * 0.1 + 5)
    assert found.entropy_bits.mean().item() > 4


def test_rate_loss_is_two_sided_and_per_codebook() -> None:
    bits = torch.tensor([1.0, 3.0])
    assert float(rate_loss(bits, 2.0)) == 1.0
    assert float(rate_loss(torch.tensor([2.0, 2.0]), 2.0)) == 0.0


def test_the_rate_of_several_batches_counts_what_each_lacks() -> None:
    torch.manual_seed(0)
    every = replace(CONFIG, usage_batches=8)
    quantizer, alone = GroupQuantizer(every).train(), GroupQuantizer(CONFIG).train()
    alone.load_state_dict({"codebook": quantizer.codebook * 10})
    quantizer.load_state_dict({**quantizer.state_dict(), "codebook": alone.codebook})
    quantizer.eval()(alone.codebook[:, 0].reshape(1, 1, 12))
    assert not quantizer.usage.any()  # use alone teaches nothing
    quantizer.train()
    for entry in range(8):  # every batch shows one entry
        batch = alone.codebook[:, entry].reshape(1, 1, 12).detach()
        found = quantizer(batch)
        assert float(alone(batch).entropy_bits.detach().max()) < 0.1
    torch.testing.assert_close(quantizer.usage.sum(-1), torch.ones(3))
    assert float(found.entropy_bits.detach().min()) > 2.0


def test_a_batch_pulls_the_rate_of_several_as_if_it_were_all() -> None:
    torch.manual_seed(0)
    one, several = GroupQuantizer(CONFIG).train(), GroupQuantizer(replace(CONFIG, usage_batches=8)).train()
    m, pulls = torch.randn(4, 5, 12, requires_grad=True), []
    several.load_state_dict({"codebook": one.codebook, "usage": torch.zeros(3, 8)})
    several(m)  # its mean assignment is now this batch's
    for quantizer in (one, several):
        (gradient,) = torch.autograd.grad(quantizer(m).entropy_bits.sum(), m)
        pulls.append(gradient)
    torch.testing.assert_close(pulls[1], pulls[0])


@pytest.mark.parametrize(("update", "tau"), [(0, 1.5), (1, 1.35), (1000, 0.1)])
def test_temperature(update: int, tau: float) -> None:
    assert temperature(CONFIG, update) == pytest.approx(tau)
