"""Presets of decoders: each looks better than the one before it and takes longer, by docs/denoiser.md for `face`."""

from dataclasses import replace

from bcdcodec.config import ModelConfig, SamplingConfig

#: Presets in the order of quality and time.
PRESETS = ("fast", "standard", "best")
#: The sampler of the paper's kind, for research: for a model that paints pictures it is slower and no better.
RESEARCH_PRESET = "paper"
#: Share of the way to the mean of both denoised frames that `best` goes: two errors that are not the same smooth less.
BEST_SHARE = 0.6


def preset_sampling(config: ModelConfig, name: str) -> SamplingConfig:
    """The sampler of a preset for a model.

    `fast`: the warp alone where the model has one, else its sampler `realtime`. `standard`: the model's. `best`: frames
    and their mirrored images are painted and averaged; where pictures are not what is denoised, the sampler `paper`.
    """
    standard = config.sampling["standard"]
    if name == "fast":
        return replace(standard, steps=0) if config.denoiser.warp_blocks else config.sampling["realtime"]
    if name == "best":
        if config.picture_denoiser is None:
            return config.sampling[RESEARCH_PRESET]
        return replace(standard, mirrored=True, sigma_end=(1 - BEST_SHARE) * standard.sigma_max)
    return config.sampling[name]
