"""GPT-2 over motion codes (supplement A.2, Table A6): logits of the next frame's codes from content and codes.

    content [B, C, H, W] -> averaged -> Linear -------------------------> token 0    -.
    codes [B, T, G] -> code vectors [B, T, G*D] -> Linear or identity ----> tokens 1..T -+-> GPT-2 -> Linear
                                                                    -> logits [B, T + 1, G, E], G heads of E

The content token is the first element of the sequence, the quantised motion vectors are the others: position t predicts
the codes of frame t from the content and the frames before it, all groups of a frame at once. Vectors as wide as the
network (64 x 16 = 1024, the published size) need no input projection.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.errors import MissingExtraError, install_command
from bcdcodec.motion.config import MotionConfig

try:
    from transformers.cache_utils import DynamicCache
    from transformers.models.gpt2 import GPT2Config, GPT2Model
except ImportError as error:
    raise MissingExtraError(f"motion generation needs transformers: {install_command('motion')}") from error

#: Keys and values of past frames, one pair a layer; grows with every call of `MotionGpt.predict`.
Cache = DynamicCache


class MotionGpt(nn.Module):
    """The network of a `MotionConfig`. codebook: the codec's code vectors [G, E, D], kept with the weights."""

    codebook: Tensor

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        self.config = config
        channels, height, width = config.content
        motion_dims = config.groups * config.dims
        pooled = channels * (height // config.content_pool) * (width // config.content_pool)
        self.register_buffer("codebook", torch.zeros(config.groups, config.entries, config.dims))
        self.content_in = nn.Linear(pooled, config.width)
        self.motion_in = nn.Identity() if motion_dims == config.width else nn.Linear(motion_dims, config.width)
        dropout = config.optim.dropout
        self.gpt = GPT2Model(
            GPT2Config(
                vocab_size=1,  # the word embedding is not used: the input is vectors, and `head` gives logits of codes
                bos_token_id=0,
                eos_token_id=0,
                n_positions=1 + config.frames,
                n_embd=config.width,
                n_layer=config.layers,
                n_head=config.heads,
                resid_pdrop=dropout,
                embd_pdrop=dropout,
                attn_pdrop=dropout,
            )
        )
        self.head = nn.Linear(config.width, config.groups * config.entries, bias=False)
        nn.init.normal_(self.head.weight, std=self.gpt.config.initializer_range)

    def forward(self, content: Tensor, codes: Tensor) -> Tensor:
        """Logits [B, T + 1, G, E] of the frames 0..T.

        content: [B, C, H, W]; codes: int64 [B, T, G] of frames 0..T-1; T from 0 to `frames`.
        """
        return self.predict(torch.cat([self.content_token(content), self.frame_tokens(self.embed(codes))], 1))

    def embed(self, codes: Tensor) -> Tensor:
        """Code vectors of codes int64 [B, T, G], each below `entries`: [B, T, G*D]."""
        groups = torch.arange(self.config.groups, device=codes.device)
        return self.codebook[groups, codes].flatten(2)

    def content_token(self, content: Tensor) -> Tensor:
        """Content maps [B, C, H, W] as the first element of a sequence: [B, 1, width]."""
        token: Tensor = self.content_in(F.avg_pool2d(content, self.config.content_pool).flatten(1))
        return token[:, None]

    def frame_tokens(self, m_hat: Tensor) -> Tensor:
        """Motion vectors [B, T, G*D] as elements of a sequence: [B, T, width]."""
        tokens: Tensor = self.motion_in(m_hat)
        return tokens

    def predict(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits [B, n, G, E] of the frame after each of the tokens [B, n, width].

        With a cache the tokens continue those before them, and are added to it.
        """
        output: Any = self.gpt(inputs_embeds=tokens, past_key_values=cache, use_cache=cache is not None)
        logits: Tensor = self.head(output.last_hidden_state)
        return logits.unflatten(-1, (self.config.groups, self.config.entries))

    def new_cache(self) -> Cache:
        """An empty cache."""
        return DynamicCache(config=self.gpt.config)


def motion_loss(logits: Tensor, codes: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy in nats a code, the mean over groups (A.2) and valid frames.

    logits: [B, T, G, E] of the frames with codes int64 [B, T, G]; valid: bool [B, T], False in the padding.
    """
    nats = F.cross_entropy(logits[valid].flatten(0, 1), codes[valid].flatten(), reduction="none")  # [frames * G]
    return nats.mean()
