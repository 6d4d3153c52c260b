"""Networks as ONNX graphs, whose first axis of frames may have any length."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bcdcodec.config import ModelConfig
from bcdcodec.errors import ConfigError
from bcdcodec.model.mesh_flow import MESH_LANDMARKS
from bcdcodec.model.warp import FLOW_SCALE

#: Version of the operators, which runtimes in browsers have, too.
OPSET = 18
#: Numbers of a constant from which on it is stored in half precision where that holds it.
MIN_HALVED = 1024
#: Frames that graphs are traced with.
TRACED_FRAMES = 3


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph to write. inputs: names, example values, and whether the first axis is that of frames."""

    module: nn.Module
    inputs: dict[str, tuple[Tensor, bool]]
    outputs: dict[str, bool]


def check_graphs(config: ModelConfig) -> None:
    """ConfigError for a model other than one of faces with a mesh and a warper."""
    if not config.denoiser.warp_blocks or config.denoiser.landmarks != MESH_LANDMARKS:
        raise ConfigError(f"model {config.name} has no warper of faces, which is what graphs are made of")
    if config.pixels != FLOW_SCALE * config.denoiser.resolution:
        raise ConfigError(f"model {config.name} has pictures of {config.pixels} pixels and flow of another size")


def traced(graph: Graph) -> bytes:
    """The file of a graph."""
    file = io.BytesIO()
    frames = {name: dynamic for name, (_, dynamic) in graph.inputs.items()} | graph.outputs
    with warnings.catch_warnings(), torch.no_grad(), _plain_norms():
        # The exporter by tracing: the one by compilation takes minutes for these graphs.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph.module.eval(),
            tuple(value for value, _ in graph.inputs.values()),
            file,  # type: ignore[arg-type]  # by tracing it takes files, too
            dynamo=False,
            opset_version=OPSET,
            input_names=[*graph.inputs],
            output_names=[*graph.outputs],
            dynamic_axes={name: {0: "frames"} for name, dynamic in frames.items() if dynamic},
        )
    return _halved(file.getvalue())


def _halved(graph: bytes) -> bytes:
    """A graph whose large constants are float16, cast where they are used, if that changes no number.

    Weights files hold float16, so that these are the weights; runtimes cast them once, when they load the graph.
    """
    import onnx  # of the extra `onnx`, which decoders do without

    model = onnx.load_from_string(graph)
    casts = []
    for constant in model.graph.initializer:
        value = onnx.numpy_helper.to_array(constant)
        half = value.astype(np.float16) if value.dtype == np.float32 and value.size >= MIN_HALVED else None
        if half is None or not (half.astype(np.float32) == value).all():
            continue
        name = constant.name
        constant.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [constant.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    halved: bytes = model.SerializeToString()
    return halved


@contextmanager
def _plain_norms() -> Iterator[None]:
    """Norms over a number of channels that is a constant of the trace: of tensors of the input's shape none is made.
    The operators have no norm by the root mean square.
    """
    group_norm, layer_norm = F.group_norm, F.layer_norm

    def over_groups(h: Tensor, groups: int, *others: Any) -> Tensor:
        return group_norm(h, int(groups), *others)

    def over_channels(h: Tensor, shape: Sequence[int], *others: Any) -> Tensor:
        return layer_norm(h, [int(size) for size in shape], *others)

    def by_root_mean_square(h: Tensor, shape: Sequence[int], weight: Tensor, eps: float) -> Tensor:
        return h * (h.square().mean(-1, keepdim=True) + eps).rsqrt() * weight

    norms: dict[str, Any] = {"group_norm": over_groups, "layer_norm": over_channels, "rms_norm": by_root_mean_square}
    with mock.patch.multiple(F, **norms):
        yield
