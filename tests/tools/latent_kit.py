"""Pictures of models that denoise latents, written from sections 10.6 and 10.8 of bitstream_spec.md alone."""

from itertools import pairwise

import numpy as np
from grid_kit import Array, box_mean, features, shuffle, silu
from picture_kit import PictureModel


class LatentModel(PictureModel):
    """A model with a warper, an autoencoder of its own and a denoiser of latents."""

    def decode(self, z: Array) -> Array:
        """Picture [3, P, P] of latents by the small autoencoder (10.8)."""
        blocks = self.config["vae"]["decoder_blocks"]
        h = self.conv("vae.up_coarse.0", z)
        for index in range(1, 1 + blocks):
            h = self.residual(f"vae.up_coarse.{index}", h)
        h = shuffle(self.conv(f"vae.up_coarse.{1 + blocks}", h), 2)
        for index in range(blocks):
            h = self.residual(f"vae.up_fine.{index}", h)
        return shuffle(self.conv(f"vae.up_fine.{blocks + 1}", silu(h)), 4)

    def window(self, m: Array, starts: Array, noise: Array, context: tuple[Array, Array, Array] | None) -> Array:
        """Latents [T, C, R, R] of a window by the sampler `standard`, without guidance (10.6).

        m: motion vectors [T, G * D]; starts: latents of the warps; context: latents, starts and m of the frames before.
        """
        sampler = self.config["sampling"]["standard"]
        levels, before = self.sigmas(sampler), 0 if context is None else len(context[0])
        starts_of_all = starts if context is None else np.concatenate([context[1], starts])
        m_of_all = m if context is None else np.concatenate([context[2], m])

        def denoised(x: Array, level: float) -> Array:
            frames = x if context is None else np.concatenate([context[0], x])
            return self._denoised(frames, [0.05] * before + [level] * len(x), starts_of_all, m_of_all)[before:]

        x = starts + noise * levels[0] * sampler.get("noise", 1)
        for index, (level, below) in enumerate(pairwise(levels)):
            slope = (x - denoised(x, level)) / level
            y = x + (below - level) * slope
            last = index + 2 == len(levels)
            x = y if last else x + (below - level) * (slope + (y - denoised(y, below)) / below) / 2
        return x

    def _denoised(self, x: Array, levels: list[float], starts: Array, m: Array) -> Array:
        """D(x, s) of all frames of a window (10.8)."""
        settings, sd = self.config["denoiser"], self.config["denoiser"]["sigma_data"]
        s = np.array(levels)[:, None, None, None]
        total = np.sqrt(s**2 + sd**2)
        t = [
            self.tokens("bcd.dit.embed", np.concatenate(pair))
            for pair in zip((x - starts) / total, starts, strict=True)
        ]
        noises = [self._embedding("noise", features(100 * np.log(level) / 4, 256)) for level in levels]
        motions = [self._embedding("motion", vector) for vector in m]
        for layer in range(settings["layers"]):
            name = f"bcd.dit.blocks.{layer}"
            t = [self.block(name, frame, n, e) for frame, n, e in zip(t, noises, motions, strict=True)]
            if layer in settings["temporal_blocks"]:
                places = np.stack([features(frame, settings["width"]) for frame in range(len(t))])
                name = f"bcd.dit.temporal.{layer}"
                tracks = [
                    self.block(name, track + places, np.stack(noises), np.stack(motions)) - places
                    for track in np.stack(t, 1)
                ]
                t = list(np.stack(tracks, 1))
        raw = [
            self.grid(
                self.linear("bcd.dit.final", self.adapted("bcd.dit.final_norm", frame, n, e)), settings["channels"]
            )
            for frame, n, e in zip(t, noises, motions, strict=True)
        ]
        result: Array = starts + sd**2 / total**2 * (x - starts) + s * sd / total * np.stack(raw)
        return result

    def _embedding(self, kind: str, x: Array) -> Array:
        name = f"bcd.dit.{kind}_embedding"
        return silu(self.linear(f"{name}.2", silu(self.linear(f"{name}.0", x))))

    def picture(self, z: Array, warp: Array) -> Array:
        """Pixels [P, P, 3] of latents beside the warp (10.8)."""
        change = self.decode(z) - self.decode(self.encode(warp))
        power = box_mean((change**2).mean(0), 7)
        return self.pixels(warp + change * power / (power + 0.075**2))
