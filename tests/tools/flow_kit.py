"""Motion vectors, flow and autoencoder as in section 10 of bitstream_spec.md, written from that text alone: numpy, and
torch for convolutions.
"""

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from grid_kit import Array, box_mean, enlarge, features, linear_samples, normalized, shuffle, silu, unshuffle
from torch.nn import functional


class SpecModel:
    """Configuration and tensors of a weights file (sections 8 and 10.1). spec: the text of bitstream_spec.md."""

    def __init__(self, path: Path, spec: str, triangles: Array) -> None:
        data = path.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        entries = json.loads(data[8:start])
        self.config = json.loads(entries.pop("__metadata__")["config"])
        kinds = {"F16": "<f2", "I32": "<i4", "I16": "<i2", "I8": "<i1", "I64": "<i8"}
        self.tensors = {
            name: np.frombuffer(
                data[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]], kinds[entry["dtype"]]
            )
            .reshape(entry["shape"])
            .astype(np.float64)
            for name, entry in entries.items()
        }
        self.triangles = triangles
        section = spec[spec.index("## 10.") : spec.index("## 11.")]
        lids = re.findall(r"^\| (?:right|left) \| ([\d ]+) \| ([\d ]+) \| ([\d ]+) \|$", section, re.MULTILINE)
        self.lids = [[[int(number) for number in part.split()] for part in eye] for eye in lids]
        lists = [[int(number) for number in line.split()] for line in re.findall(r"^([\d ]{60,})\.$", section, re.M)]
        self.contour, self.lips = lists
        self.eyes = [number for eye in self.lids for part in eye for number in part] + list(range(468, 478))

    @cached_property
    def resolution(self) -> int:
        found: int = self.config["denoiser"]["resolution"]
        return found

    def linear(self, name: str, x: Array) -> Array:
        y: Array = x @ self.tensors[f"{name}.weight"].T
        return y + self.tensors.get(f"{name}.bias", 0)

    def conv(self, name: str, x: Array, stride: int = 1) -> Array:
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        y = functional.conv2d(
            *(torch.from_numpy(np.ascontiguousarray(part)).float() for part in (x[None], weight, bias)),
            stride=stride,
            padding=weight.shape[-1] // 2,
        )
        return y[0].numpy().astype(np.float64)

    def motion(self, codes: Array) -> Array:
        """Motion vector of the codes of a frame (10.2)."""
        book = self.tensors["bcd.quantizer.codebook"]
        m = np.zeros(book.shape[::2])
        m[: len(codes)] = book[np.arange(len(codes)), codes]
        return m.ravel()

    def encode(self, picture: Array) -> Array:
        """Content map of a picture by the small autoencoder (10.8)."""
        x, blocks = unshuffle(picture, 4), self.config["vae"]["encoder_blocks"]
        x = self.conv("vae.down.3", silu(self.conv("vae.down.1", x)), 2)
        for index in range(4, 4 + blocks):
            x = self.residual(f"vae.down.{index}", x)
        x = self.conv(f"vae.down.{5 + blocks}", silu(x))
        mean, variance = (self.tensors[f"vae.standardize.running_{name}"][:, None, None] for name in ("mean", "var"))
        result: Array = (x - mean) / np.sqrt(variance + 1e-5)
        return result

    def residual(self, name: str, h: Array) -> Array:
        grouped = normalized(h.reshape(8, -1), (1,)).reshape(h.shape)
        scale, shift = (self.tensors[f"{name}.norm.{part}"][:, None, None] for part in ("weight", "bias"))
        return h + self.conv(f"{name}.second", silu(self.conv(f"{name}.first", silu(grouped * scale + shift))))

    def positions(self, m: Array, q: Array) -> Array:
        """Landmarks of a frame (10.7)."""
        d = self.linear("bcd.landmark_head", m).reshape(-1, 2) / 100
        size = np.sqrt(((q - q.mean(0)) ** 2).sum(1).mean())
        e = (q[263] - q[33]) / np.linalg.norm(q[263] - q[33])
        p = q + size * (d[:, :1] * e + d[:, 1:] * np.array([-e[1], e[0]]))
        shut = p.copy()
        for upper, lower, (a, b) in self.lids:
            before, now = (
                np.linalg.norm(points[upper] - points[lower], axis=1).mean() / np.linalg.norm(points[a] - points[b])
                for points in (q, p)
            )
            if now < before and before > 0.12:
                share = before * max(now - 0.07, 0) / (max(before - 0.07, 0.05) * max(now, 1e-6))
                shut[upper] = p[lower] + share * (p[upper] - p[lower])
        return shut

    def prior_flow(self, p: Array, q: Array, side: int | None = None) -> tuple[Array, Array]:
        """Prior flow and confidence (10.7), on a grid of S cells or of `side`."""
        side = side or 8 * self.resolution
        v = side * (q - p)
        smooth, confidence = self._smooth(self._with_contour(p), self._with_contour(v) / 2, side // 2)
        flow = 2 * enlarge(smooth, side, cubic=True)
        confidence = enlarge(confidence, side, cubic=True).clip(0, 1)
        affine, covered = self._affine(p * side, v, side)
        weight = covered * (2 * box_mean(box_mean(covered, 2), 1) - 1).clip(0, 1)
        return flow + weight * (affine - flow), confidence

    def _with_contour(self, values: Array) -> Array:
        here = values[self.contour]
        after = np.roll(here, -1, axis=0)
        return np.concatenate([values, *(here + share / 3 * (after - here) for share in (1, 2))])

    def _smooth(self, p: Array, v: Array, side: int) -> tuple[Array, Array]:
        def splat(z: float, values: Array) -> Array:
            n = side
            while n % 2 == 0 and n // 2 >= 16 and z * (n // 2) >= 1.9:
                n //= 2
            cells = (np.arange(n) + 0.5) / n
            x, y = (np.exp(np.maximum(-30, -((p[:, axis, None] - cells) ** 2) / (2 * z**2))) for axis in (0, 1))
            found: Array = np.einsum("lc,lj,li->cji", values, y, x)
            return found

        ones = np.ones((len(p), 1))
        both, sums = np.concatenate([v, ones], 1), np.zeros((3, 16, 16))
        for z, share in ((0.09, 0.0002), (0.045, 0.004), (0.02, 0.01), (0.008, 1.0)):
            level = share * splat(z, both)
            sums = level + (enlarge(sums, level.shape[-1], cubic=True) if sums.any() else 0)
        sums = enlarge(sums, side, cubic=True)
        flow, confidence = sums[:2] / (sums[2:] + 0.003), sums[2:] / (sums[2:] + 0.003)
        for z, half in ((0.045, 0.03), (0.03, 0.05), (0.008, 0.3)):
            left = v - linear_samples(flow, p * side - 0.5)
            flow = flow + enlarge(splat(z, left) / (splat(z, ones) + half), side, cubic=True)
        return flow, confidence

    def _affine(self, p: Array, v: Array, side: int) -> tuple[Array, Array]:
        flow, covered = np.zeros((2, side, side)), np.zeros((side, side))

        def area(a: Array, b: Array, c: Array) -> Any:
            first, second = b - a, c - a
            return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]

        for corners in self.triangles:
            here, low, high = p[corners], p[corners].min(0), p[corners].max(0)
            if min(area(*here), area(*(here + v[corners]))) <= 0.001 or (high - low).max() > 64:
                continue
            first, last = np.ceil(low - 0.5).clip(0).astype(int), np.floor(high - 0.5).clip(-1, side - 1).astype(int)
            if (last < first).any():
                continue
            y, x = np.mgrid[first[1] : last[1] + 1, first[0] : last[0] + 1]
            center = np.stack([x + 0.5, y + 0.5], -1)
            share = np.stack([area(center, here[i], here[j]) for i, j in ((1, 2), (2, 0), (0, 1))], -1) / area(*here)
            inside = share.min(-1) >= -0.0001
            flow[:, y[inside], x[inside]] = (share[inside] @ v[corners]).T
            covered[y[inside], x[inside]] = 1
        return flow, covered

    def flow(self, content: Array, m: Array, prior: Array, confidence: Array) -> Array:
        """Flow of a frame (10.7)."""
        settings = self.config["denoiser"]
        t = self.tokens("bcd.warper.embed", content)
        e = silu(self.linear("bcd.warper.motion_embedding.2", silu(self.linear("bcd.warper.motion_embedding.0", m))))
        for index in range(settings["warp_blocks"]):
            t = self.block(f"bcd.warper.blocks.{index}", t, np.zeros_like(e), e)
        t = normalized(t, (1,))
        side = self.resolution // settings["patch"]
        coarse = self.linear("bcd.warper.coarse", t).reshape(side, side, 2).transpose(2, 0, 1)
        coarse = enlarge(coarse, 2 * self.resolution, cubic=False)
        spread = self.grid(self.linear("bcd.warper.spread", t), 32)
        known = np.concatenate([prior / 16, confidence])
        known = known.reshape(3, self.resolution, 8, self.resolution, 8).mean((2, 4))
        fine = np.concatenate([spread, content, known])
        for index in (0, 2):
            fine = silu(self.conv(f"bcd.warper.fine.{index}", fine))
        fine = np.pad(shuffle(self.conv("bcd.warper.fine.4", fine), 2), ((0, 0), (1, 1), (1, 1)), mode="edge")
        fine = (fine[:, :-2] + 2 * fine[:, 1:-1] + fine[:, 2:]) / 4
        fine = (fine[..., :-2] + 2 * fine[..., 1:-1] + fine[..., 2:]) / 4
        return prior + enlarge(coarse + fine, prior.shape[-1], cubic=False) * 4

    def tokens(self, name: str, planes: Array) -> Array:
        """Tokens of planes [C, R, R] through a linear layer, with their positions (10.7)."""
        patch, width = self.config["denoiser"]["patch"], self.config["denoiser"]["width"]
        side = self.resolution // patch
        cut = planes.reshape(-1, side, patch, side, patch).transpose(1, 3, 0, 2, 4).reshape(side**2, -1)
        places = [np.concatenate([features(at, width // 2) for at in divmod(token, side)]) for token in range(side**2)]
        return self.linear(name, cut) + np.stack(places)

    def grid(self, tokens: Array, channels: int) -> Array:
        """Tokens back as planes [channels, R, R] (10.7)."""
        patch = self.config["denoiser"]["patch"]
        side = self.resolution // patch
        cut = tokens.reshape(side, side, channels, patch, patch)
        return cut.transpose(2, 0, 3, 1, 4).reshape(channels, self.resolution, self.resolution)

    def block(self, name: str, h: Array, n: Array, e: Array) -> Array:
        heads, width = self.config["denoiser"]["heads"], h.shape[1]
        gates = np.split(self.linear(f"{name}.gates", n + e), 2, -1)
        q, k, v = (
            part.reshape(len(h), heads, -1).transpose(1, 0, 2)
            for part in np.split(self.linear(f"{name}.qkv", self.adapted(f"{name}.attention_norm", h, n, e)), 3, 1)
        )
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(width / heads)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(h.shape)
        h = h + gates[0] * self.linear(f"{name}.out", mixed)
        x = self.linear(f"{name}.feed_in", self.adapted(f"{name}.feed_norm", h, n, e))
        x = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
        return h + gates[1] * self.linear(f"{name}.feed_out", x)

    def adapted(self, name: str, h: Array, t: Array, e: Array) -> Array:
        t_s, t_b = np.split(self.linear(f"{name}.from_noise", t), 2, -1)
        m_s, m_b = np.split(self.linear(f"{name}.from_motion", e), 2, -1)
        if h.ndim == 2:
            return (1 + m_s) * ((1 + t_s) * normalized(h, (1,)) + t_b) + m_b
        grouped = normalized(h.reshape(max(1, len(h) // 8), -1), (1,)).reshape(h.shape)
        t_s, t_b, m_s, m_b = (part[:, None, None] for part in (t_s, t_b, m_s, m_b))
        return (1 + m_s) * ((1 + t_s) * grouped + t_b) + m_b
