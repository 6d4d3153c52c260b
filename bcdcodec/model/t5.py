"""The T5 encoder stack (Raffel et al., 2020) of the disentangle encoder (Tables A4 and A5).

Pre-norm residual blocks without biases, attention without 1/sqrt(d) scaling, one relative position bias shared by all
layers. With the same weights it equals `transformers.T5EncoderModel` (tests/model/test_t5.py).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import EncoderConfig

#: Channels of an attention head, whatever the width of the model.
HEAD_DIM = 64


class RmsNorm(nn.Module):
    """Root-mean-square norm with a gain, no mean subtraction, no bias."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, eps=1e-6)


def relative_bucket(offset: Tensor, *, buckets: int, max_distance: int) -> Tensor:
    """Bucket of an offset, key minus query position: half for each sign, exact when near, logarithmic when far."""
    # Half of the buckets for keys after the query; of each half, one half for exact small offsets.
    half = buckets // 2
    exact = half // 2
    distance = offset.abs()
    log_ratio = torch.log(distance.clamp(min=1).float() / exact) / math.log(max_distance / exact)
    far = (exact + (log_ratio * (half - exact)).long()).clamp(max=half - 1)
    return torch.where(distance < exact, distance, far) + half * (offset > 0)


class SelfAttention(nn.Module):
    """Multi-head attention with an additive position bias and no scaling (the initialisation absorbs it)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, heads * HEAD_DIM, bias=False)
        self.key = nn.Linear(width, heads * HEAD_DIM, bias=False)
        self.value = nn.Linear(width, heads * HEAD_DIM, bias=False)
        self.out = nn.Linear(heads * HEAD_DIM, width, bias=False)
        # Initialisation of T5: the query's includes the factor 1/sqrt(d) that its attention omits.
        nn.init.normal_(self.query.weight, std=(width * HEAD_DIM) ** -0.5)
        nn.init.normal_(self.key.weight, std=width**-0.5)
        nn.init.normal_(self.value.weight, std=width**-0.5)
        nn.init.normal_(self.out.weight, std=(heads * HEAD_DIM) ** -0.5)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        b, n, _ = x.shape
        q, k, v = (p(x).view(b, n, self.heads, HEAD_DIM).transpose(1, 2) for p in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)  # [B, heads, N, 64]
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(b, n, -1))
        return out


class T5Block(nn.Module):
    """Attention and a two-layer ReLU network, each behind an RMS norm."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention_norm = RmsNorm(config.width)
        self.attention = SelfAttention(config.width, config.heads)
        self.feed_norm = RmsNorm(config.width)
        self.feed_in = nn.Linear(config.width, config.feed_forward, bias=False)
        self.feed_out = nn.Linear(config.feed_forward, config.width, bias=False)
        nn.init.normal_(self.feed_in.weight, std=config.width**-0.5)
        nn.init.normal_(self.feed_out.weight, std=config.feed_forward**-0.5)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), bias)
        fed: Tensor = self.feed_out(F.relu(self.feed_in(self.feed_norm(x))))
        return x + fed


class T5Encoder(nn.Module):
    """Bidirectional T5 encoder without an embedding table. x: [B, N, width] -> [B, N, width]."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        # One scalar per head and bucket of relative positions, added to the attention logits of all layers.
        self.position_bias = nn.Embedding(config.relative_buckets, config.heads)
        nn.init.normal_(self.position_bias.weight, std=config.width**-0.5)
        self.blocks = nn.ModuleList(T5Block(config) for _ in range(config.layers))
        self.norm = RmsNorm(config.width)

    def forward(self, x: Tensor) -> Tensor:
        position = torch.arange(x.shape[1], device=x.device)
        buckets = relative_bucket(
            position[None, :] - position[:, None],
            buckets=self.config.relative_buckets,
            max_distance=self.config.relative_max_distance,
        )
        bias = self.position_bias(buckets).permute(2, 0, 1)[None].to(x.dtype)  # [1, heads, N, N]
        for block in self.blocks:
            x = block(x, bias)
        out: Tensor = self.norm(x)
        return out
