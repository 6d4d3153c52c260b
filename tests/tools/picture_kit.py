"""Pictures of a model that paints them, written from sections 10.6 and 10.7 of bitstream_spec.md alone."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from flow_kit import SpecModel
from grid_kit import Array, box_mean, cubic_samples, enlarge, features, shuffle, silu, unshuffle


def area_of(flow: Array) -> Array:
    """Change of area [1, P, P] of a flow (10.7)."""
    down, across = np.gradient(flow, axis=(1, 2))
    area: Array = ((1 + across[0]) * (1 + down[1]) - across[1] * down[0] - 1).clip(-1, 1)
    return area[None]


def seen(area: Array) -> Array:
    """Logarithm of the mean area around each pixel (10.7)."""
    logarithm: Array = np.log(box_mean((area + 1).clip(0.05, 1), 4))
    return logarithm


class PictureModel(SpecModel):
    """A model with a warper; `paint` needs a denoiser of pictures."""

    def denoised(self, x: Array, level: float, guides: dict[str, Array], m: Array) -> Array:
        """D(x, s) of the denoiser of pictures (10.7)."""
        settings, root = self.config["picture_denoiser"], "bcd.picture_denoiser"
        sd, w, still = settings["sigma_data"], guides["warp"], guides["still"]
        total = np.sqrt(level**2 + sd**2)
        planes = np.concatenate([(x - w) / total, w, still, guides["area"]])
        h = self.conv(f"{root}.enter", np.concatenate([unshuffle(planes, 2), guides["raster"]]))
        t = silu(self.linear(f"{root}.noise_embedding.0", features(100 * np.log(level) / 4, 64)))
        e = silu(self.linear(f"{root}.motion_embedding.0", m))
        kept = []
        for index in range(len(settings["widths"]) - 1):
            h = self._painter_block(f"{root}.down.{index - 1}", h, t, e) if index else h
            kept.append(h)
            h = self.conv(f"{root}.shrink.{index}", h, 2)
        for index in range(2):
            h = self._painter_block(f"{root}.middle.{index}", h, t, e)
        for index in range(len(settings["widths"]) - 1):
            h = kept.pop() + self.conv(f"{root}.grow.{index}", h).repeat(2, 1).repeat(2, 2)
            h = self._painter_block(f"{root}.up.{index}", h, t, e)
        o = self.conv(f"{root}.leave", silu(h))
        choice, correction = np.split(shuffle(o, 2), [1])
        added = (still - w) / (1 + np.exp(3 - choice)) / sd
        added = added + settings.get("correction", 1) * correction
        return w + sd**2 / total**2 * (x - w) + level * sd / total * added

    def _painter_block(self, name: str, h: Array, t: Array, e: Array) -> Array:
        x = self.conv(f"{name}.first", silu(self.adapted(f"{name}.norms.0", h, t, e)))
        return h + self.conv(f"{name}.second", silu(self.adapted(f"{name}.norms.1", x, t, e)))

    def raster(self, points: Array) -> Array:
        """Three planes of landmarks (10.7)."""
        side = self.config["pixels"] // 2
        planes = np.zeros((3, side, side))
        for index, point in enumerate(points):
            plane = 0 if index in self.lips else 1 if index in self.eyes else 2
            at = point * side - 0.5
            low = np.floor(at).astype(int)
            for x, y in ((low[0] + i, low[1] + j) for i in (0, 1) for j in (0, 1)):
                if 0 <= x < side and 0 <= y < side:
                    planes[plane, y, x] += (1 - abs(at[0] - x)) * (1 - abs(at[1] - y))
        return planes.clip(max=1)

    def sigmas(self, sampler: dict[str, Any]) -> list[float]:
        """Noise levels of a sampler (10.6)."""
        n, rho, end = sampler["steps"], sampler.get("rho", 7), sampler.get("sigma_end", 0)
        a, b = sampler.get("sigma_max", 80) ** (1 / rho), (end or sampler.get("sigma_min", 0.002)) ** (1 / rho)
        return [(a + i / (n if end else max(n - 1, 1)) * (b - a)) ** rho for i in range(n)] + [end]

    def paint(
        self,
        m: Array,
        still: Array,
        q: Array,
        noise: Array,
        sampler: str = "standard",
        others: Sequence[tuple[Array, Array]] = (),
    ) -> Array:
        """Picture [P, P, 3] of one frame. m: its motion vector; still: uint8 [P, P, 3]; q: landmarks of its face;
        others: the same of other references.
        """
        guides = self.guides(m, still, q)
        if others:
            self.mend(guides, self.positions(m, q), others)
        warp = guides["warp"]
        settings = self.config["sampling"][sampler]
        levels = self.sigmas(settings)
        x = warp + noise * levels[0] * settings.get("noise", 1)
        for index, (level, below) in enumerate(pairwise(levels)):
            slope = (x - self.denoised(x, level, guides, m)) / level
            y = x + (below - level) * slope
            if index + 2 < len(levels):
                x = x + (below - level) * (slope + (y - self.denoised(y, below, guides, m)) / below) / 2
            else:
                x = y
        return self.pixels(x)

    def guides(self, m: Array, still: Array, q: Array) -> dict[str, Array]:
        """The warp of a frame, and what the denoiser gets beside it (10.7)."""
        picture = still.transpose(2, 0, 1) / 127.5 - 1
        p = self.positions(m, q)
        flow = self.flow(self.encode(picture), m, *self.prior_flow(p, q))
        raster = np.concatenate([self.raster(p), self.raster(q)])
        return {"warp": cubic_samples(picture, flow), "still": picture, "area": area_of(flow), "raster": raster}

    def mend(self, guides: dict[str, Array], p: Array, others: Sequence[tuple[Array, Array]]) -> None:
        """Mend warp and area of a frame with the landmarks p (10.7)."""
        still, q = min(others, key=lambda other: ((p - other[1]) ** 2).sum())
        side = len(still)
        flow, confidence = self.prior_flow(p, q, side // 2)
        flow = 2 * enlarge(flow, side, cubic=False)
        area = area_of(flow)
        gain = (seen(area[0]) - seen(guides["area"][0]) - 0.5) / 0.4
        inside = ((confidence[0] - 0.92) / 0.05).clip(0, 1).repeat(2, 0).repeat(2, 1)
        share = box_mean(box_mean(inside * gain.clip(0, 1), 3), 3)
        warp = cubic_samples(still.transpose(2, 0, 1) / 127.5 - 1, flow)
        guides["warp"] = guides["warp"] + share * (warp - guides["warp"])
        guides["area"] = guides["area"] + share * (area - guides["area"])

    @staticmethod
    def pixels(x: Array) -> Array:
        """Pixels [P, P, 3] of a picture [3, P, P] (10.9)."""
        pixels: Array = np.round((x.clip(-1, 1) + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
        return pixels
