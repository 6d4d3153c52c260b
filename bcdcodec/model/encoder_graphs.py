"""The networks of an encoder of faces as ONNX graphs, beside those of its decoder (graphs.py).

landmarks of frames and reference                           -> analyze         -> distances of all entries
both, latents of a window, content map                      -> analyze_latents -> the same, where a face is missing
code vectors                                                -> displace        -> displacements of landmarks
code vectors, picture, landmarks, triangle over each pixel  -> compare         -> the picture warped, smaller
picture, landmarks, triangle over each pixel                -> compare_rough   -> the same without the flow network
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import ModelConfig
from bcdcodec.model.graphs import flow_of_graph
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.landmarks import normalize_displacements
from bcdcodec.model.mesh_flow import MESH_LANDMARKS
from bcdcodec.model.tracing import TRACED_FRAMES, Graph, check_graphs, traced
from bcdcodec.model.warp import warp
from bcdcodec.model.weights import Networks


class AnalyzeGraph(nn.Module):
    """Squared distance of every entry of the codebooks [T, G, E], of landmarks [T, L, 2] and those of the reference
    [L, 2], all with numbers.
    """

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.bcd = networks.bcd

    def forward(self, landmarks: Tensor, face: Tensor) -> Tensor:
        return self.bcd.analyze(None, None, normalize_displacements(landmarks[None], face[None]))[1][0]


class AnalyzeLatentsGraph(nn.Module):
    """The same of a window whose frames may lack a face: landmarks and face may be NaN.

    latents: [T, C, H, W]; content_map: of the reference [1, C, H, W].
    """

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.bcd = networks.bcd

    def forward(self, latents: Tensor, content_map: Tensor, landmarks: Tensor, face: Tensor) -> Tensor:
        moved = normalize_displacements(landmarks[None], face[None])
        return self.bcd.analyze(latents[None], content_map, moved)[1][0]


class DisplaceGraph(nn.Module):
    """Displacements of landmarks [T, L, 2] by code vectors [T, G*D], in the coordinates of the content's face."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.bcd = networks.bcd

    def forward(self, motion: Tensor) -> Tensor:
        return self.bcd.landmark_displacements(motion[None])[0]


class CompareGraph(nn.Module):
    """The picture warped to each frame at a fraction of its size [T, 3, S, S]; arguments as of `graphs.WarpGraph`.

    shrink: factor by which picture and flow are smaller, of which [T, S*S] triangles are given.
    """

    def __init__(self, networks: Networks, size: int, shrink: int) -> None:
        super().__init__()
        self.bcd, self.size, self.shrink = networks.bcd, size, shrink

    def forward(
        self,
        motion: Tensor,
        content_map: Tensor,
        picture: Tensor,
        still_landmarks: Tensor,
        landmarks: Tensor,
        shown: Tensor,
    ) -> Tensor:
        flow = flow_of_graph(self.bcd, self.size, motion, content_map, still_landmarks, landmarks, shown)
        return warp(F.avg_pool2d(picture, self.shrink).expand(landmarks.shape[0], -1, -1, -1), flow)


class CompareRoughGraph(nn.Module):
    """The same by the landmarks alone."""

    def __init__(self, size: int, shrink: int) -> None:
        super().__init__()
        self.size, self.shrink = size, shrink

    def forward(self, picture: Tensor, still_landmarks: Tensor, landmarks: Tensor, shown: Tensor) -> Tensor:
        flow, _ = dense_flow(landmarks[None], (landmarks - still_landmarks)[None], self.size, shown)
        return warp(F.avg_pool2d(picture, self.shrink).expand(landmarks.shape[0], -1, -1, -1), flow[0])


def export_encoder_graphs(networks: Networks, config: ModelConfig, *, shrink: int) -> dict[str, bytes]:
    """The graphs of the module's docstring as files, `analyze` only of models that read landmarks alone where they are
    known. shrink: factor by which compared pictures are smaller.

    ConfigError for a model other than one of faces with a mesh and a warper.
    """
    check_graphs(config)
    return {name: traced(graph) for name, graph in _graphs(networks, config, shrink).items()}


def _graphs(networks: Networks, config: ModelConfig, shrink: int) -> dict[str, Graph]:
    frames, side = TRACED_FRAMES, config.pixels
    size, shape = side // shrink, (config.denoiser.channels, *[config.denoiser.resolution] * 2)
    motion = torch.zeros(frames, config.quantizer.groups * config.quantizer.dims), True
    landmarks, face = (torch.rand(frames, MESH_LANDMARKS, 2), True), (torch.rand(MESH_LANDMARKS, 2), False)
    latents, content_map = (torch.zeros(frames, *shape), True), (torch.zeros(1, *shape), False)
    picture = torch.zeros(1, 3, side, side), False
    shown = torch.zeros(frames, size * size, dtype=torch.long), True
    warped = {"picture": picture, "landmarks": face, "positions": landmarks, "shown": shown}
    graphs = {
        "analyze_latents": Graph(
            AnalyzeLatentsGraph(networks),
            {"latents": latents, "content_map": content_map, "landmarks": landmarks, "face": face},
            {"distances": True},
        ),
        "displace": Graph(DisplaceGraph(networks), {"motion": motion}, {"displacements": True}),
        "compare": Graph(
            CompareGraph(networks, size, shrink),
            {"motion": motion, "content_map": content_map, **warped},
            {"warps": True},
        ),
        "compare_rough": Graph(CompareRoughGraph(size, shrink), warped, {"warps": True}),
    }
    if not networks.bcd.encoder.reads_latents(torch.zeros(1)):
        graphs["analyze"] = Graph(AnalyzeGraph(networks), {"landmarks": landmarks, "face": face}, {"distances": True})
    return graphs
