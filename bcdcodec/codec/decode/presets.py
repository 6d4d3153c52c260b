"""Presets of decoders: the second looks better than the first and takes longer, by docs/denoiser.md for `face`."""

from dataclasses import replace

from bcdcodec.config import ModelConfig, SamplingConfig

#: Presets in the order of quality and time.
PRESETS = ("fast", "standard")
#: The sampler of the paper's kind, for research: for a model that paints pictures it is slower and no better.
RESEARCH_PRESET = "paper"


def preset_sampling(config: ModelConfig, name: str) -> SamplingConfig:
    """The sampler of a preset for a model.

    `fast`: the warp alone where the model has one, else its sampler `realtime`. Others: the model's of that name.
    """
    if name == "fast":
        return (
            replace(config.sampling["standard"], steps=0)
            if config.denoiser.warp_blocks
            else config.sampling["realtime"]
        )
    return config.sampling[name]
