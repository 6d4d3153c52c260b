"""The networks of a decoder of faces as ONNX graphs, whose first axis of frames may have any length.

picture                                     -> content -> content map
code vectors, landmarks of the picture      -> motion  -> landmarks of each frame
both, and the triangle over each pixel      -> warp    -> the picture warped to each frame, change of area
warps, picture, rasters of landmarks        -> paint   -> pictures

All frames of a call are of one picture. Triangles are looked up between the graphs (`mesh_flow.rasterize`), because
their number of pixels is data.
"""

import torch
from torch import Tensor, nn

from bcdcodec.config import ModelConfig
from bcdcodec.model.bcd import Bcd
from bcdcodec.model.guides import FACE_PLANES, RASTER_SCALE, Guides, area_changes
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.mesh_flow import MESH_LANDMARKS
from bcdcodec.model.tracing import TRACED_FRAMES, Graph, check_graphs, traced
from bcdcodec.model.warp import warp
from bcdcodec.model.weights import Networks


class ContentGraph(nn.Module):
    """Content map [1, C, H, W] of a picture [1, 3, P, P] in [-1, 1]."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.vae = networks.vae

    def forward(self, picture: Tensor) -> Tensor:
        return picture if self.vae is None else self.vae.encode(picture)


class MotionGraph(nn.Module):
    """Landmarks of each frame [T, L, 2], of code vectors [T, G*D] and the picture's landmarks [L, 2], NaN for none."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.bcd = networks.bcd

    def forward(self, motion: Tensor, landmarks: Tensor) -> Tensor:
        return self.bcd.landmark_positions(motion[None], landmarks[None])[0]


def flow_of_graph(
    bcd: Bcd,
    size: int,
    motion: Tensor,
    content_map: Tensor,
    still_landmarks: Tensor,
    landmarks: Tensor,
    shown: Tensor,
) -> Tensor:
    """Backward flow of each frame [T, 2, S, S] on a grid of this size; arguments as of `WarpGraph`."""
    assert bcd.warper is not None, "only a model with a warper has this graph"
    prior = dense_flow(landmarks[None], (landmarks - still_landmarks)[None], size, shown)
    flow: Tensor = bcd.warper(content_map, motion[None], *prior)[0]
    return flow


class WarpGraph(nn.Module):
    """The picture warped to each frame [T, 3, P, P], and the change of area [T, 1, P, P] (`Guides`).

    motion: [T, G*D]; content_map: [1, C, H, W]; picture: [1, 3, P, P]; still_landmarks: of the picture [L, 2], with
    numbers, not NaN; landmarks: [T, L, 2]; shown: triangle over each pixel, else -1, int64 [T, P*P].
    """

    def __init__(self, networks: Networks, pixels: int) -> None:
        super().__init__()
        self.bcd, self.pixels = networks.bcd, pixels

    def forward(
        self,
        motion: Tensor,
        content_map: Tensor,
        picture: Tensor,
        still_landmarks: Tensor,
        landmarks: Tensor,
        shown: Tensor,
    ) -> tuple[Tensor, Tensor]:
        flow = flow_of_graph(self.bcd, self.pixels, motion, content_map, still_landmarks, landmarks, shown)
        return warp(picture.expand(motion.shape[0], -1, -1, -1), flow), area_changes(flow)


class PaintGraph(nn.Module):
    """Pictures uint8 [T, P, P, 3], one step of the sampler from the warps without noise.

    motion: [T, G*D]; picture: [1, 3, P, P]; warps: [T, 3, P, P]; areas: [T, 1, P, P]; rasters: [T, 6, P/2, P/2];
    sigma: noise level of the step [1]; share: part of the way to the denoised picture that the step goes [1].
    """

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.net = networks.bcd.picture_denoiser

    def forward(
        self,
        motion: Tensor,
        picture: Tensor,
        warps: Tensor,
        areas: Tensor,
        rasters: Tensor,
        sigma: Tensor,
        share: Tensor,
    ) -> Tensor:
        assert self.net is not None, "only a model that paints pictures has this graph"
        guides = Guides(warps, picture.expand_as(warps), areas, rasters, motion)
        denoised = self.net(warps, sigma.expand(motion.shape[0]), guides)
        pictures = warps + share * (denoised - warps)
        return ((pictures.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)


def export_graphs(networks: Networks, config: ModelConfig) -> dict[str, bytes]:
    """The graphs `content`, `motion`, `warp` and, of a model that paints, `paint`, as files.

    ConfigError for a model other than one of faces with a mesh and a warper.
    """
    check_graphs(config)
    return {name: traced(graph) for name, graph in _graphs(networks, config).items()}


def _graphs(networks: Networks, config: ModelConfig) -> dict[str, Graph]:
    side, frames = config.pixels, TRACED_FRAMES
    motion = torch.zeros(frames, config.quantizer.groups * config.quantizer.dims), True
    picture = torch.zeros(1, 3, side, side), False
    still = torch.rand(MESH_LANDMARKS, 2), False
    moved = torch.rand(frames, MESH_LANDMARKS, 2), True
    content_map = torch.zeros(1, config.denoiser.channels, *[config.denoiser.resolution] * 2), False
    shown = torch.zeros(frames, side * side, dtype=torch.long), True
    warps, areas = (torch.zeros(frames, 3, side, side), True), (torch.zeros(frames, 1, side, side), True)
    graphs = {
        "content": Graph(ContentGraph(networks), {"picture": picture}, {"content_map": False}),
        "motion": Graph(MotionGraph(networks), {"motion": motion, "landmarks": still}, {"positions": True}),
        "warp": Graph(
            WarpGraph(networks, side),
            {
                "motion": motion,
                "content_map": content_map,
                "picture": picture,
                "landmarks": still,
                "positions": moved,
                "shown": shown,
            },
            {"warps": True, "areas": True},
        ),
    }
    if networks.bcd.picture_denoiser is not None:
        rasters = torch.zeros(frames, 2 * FACE_PLANES, *[side // RASTER_SCALE] * 2), True
        number = torch.ones(1), False
        inputs = {"motion": motion, "picture": picture, "warps": warps, "areas": areas, "rasters": rasters}
        inputs |= {"sigma": number, "share": number}
        graphs["paint"] = Graph(PaintGraph(networks), inputs, {"pictures": True})
    return graphs
