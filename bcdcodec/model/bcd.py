"""The whole model: encoder, quantiser and denoiser in one module. In: latents. Out: what codec/ and training/ call.

encoder.content: z of a shot -> content map
analyse:         z, content map -> codes
synthesise:      content, codes, context -> anchors -> sampler(denoise) -> z_hat
paint:           z_hat, anchors -> pictures
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bcdcodec.config import ModelConfig, SamplingConfig
from bcdcodec.model.content import Content
from bcdcodec.model.disentangle import DisentangleEncoder
from bcdcodec.model.dit import Dit
from bcdcodec.model.edm import scalings
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.quantizer import GroupQuantizer
from bcdcodec.model.sampler import sample
from bcdcodec.model.warp import FLOW_SCALE, Autoencoder, ReferenceWarper, WarpedReference, warp_reference

#: What a denoiser's change about a moved picture is wrong by, in -1..1, and the pixels around each place over which its
#: size is told. On five training clips at 16 kbit of content, haze on walls went, LPIPS fell from 0.117 to 0.110 and
#: PSNR by 0.03 dB; at 0.1, to 0.108 and by 0.06.
CHANGE_NOISE, CHANGE_WIDTH = 0.075, 15


@dataclass(frozen=True, slots=True)
class Synthesis:
    """latents z_hat of a window [B, T, C, H, W], and the anchors that its frames started from."""

    latents: Tensor
    anchors: WarpedReference


class Bcd(nn.Module):
    """Bitrate-controlled diffusion autoencoder over latents [B, T, C, H, W] (the VAE stands apart, model/vae.py)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        motion_dims = config.quantizer.groups * config.quantizer.dims
        self.encoder = DisentangleEncoder(config)
        self.quantizer = GroupQuantizer(config.quantizer)
        self.dit = Dit(config.denoiser, motion_dims)
        self.anchor = ReferenceWarper(config.denoiser, motion_dims) if config.denoiser.anchor_blocks else None
        points = config.denoiser.face_points
        self.face_points = nn.Linear(motion_dims, 2 * points, bias=False) if points else None
        self.face_places = nn.Linear(config.encoder.width, 2 * points) if points else None

    def anchors(self, content: Content, m_hat: Tensor, vae: Autoencoder | None) -> WarpedReference:
        """Where each frame's diffusion starts: the moved content (`face`), or zero (paper)."""
        if self.anchor is None:
            return WarpedReference(torch.zeros_like(content.map)[:, None].expand(-1, m_hat.shape[1], -1, -1, -1), None)
        if content.picture is None:
            raise ValueError("a model with an anchor needs the content's picture")
        return warp_reference(content.picture, self.flow(content.map, m_hat), vae)

    def flow(self, content: Tensor, m_hat: Tensor) -> Tensor:
        """The flow of a model with an anchor, from the content map [B, C, H, W]: [B, T, 2, 2H, 2W] as in anchor.py."""
        assert self.anchor is not None, "only an anchor makes a flow"
        size = content.shape[-1] * FLOW_SCALE
        if self.face_points is None:
            nothing = content.new_zeros(*m_hat.shape[:2], 3, size, size)
            return self.anchor(content, m_hat, nothing[:, :, :2], nothing[:, :, 2:])
        moved = self.landmark_displacements(m_hat)
        # Where the points lie is learned from their own places alone.
        points = (self.landmark_positions(content)[:, None] + moved).detach()
        return self.anchor(content, m_hat, *dense_flow(points, moved, size))

    def landmark_positions(self, content: Tensor) -> Tensor:
        """Where the points of the face lie in the content's frame: map [B, C, H, W] -> [B, L, 2], x then y, as
        fractions of the picture. ValueError for a model that cannot tell.
        """
        if self.face_places is None:
            raise ValueError("this model was not trained to tell the points of a face")
        return self.face_places(self.encoder.tokens(content)).unflatten(-1, (-1, 2)) / 10 + 0.5

    def landmark_displacements(self, m_hat: Tensor) -> Tensor:
        """How far each point of the face has moved since the content's frame, without painting anything: m_hat
        [B, T, G*D] -> [B, T, L, 2], x then y, in fractions of the picture. ValueError for a model that cannot tell.
        """
        if self.face_points is None:
            raise ValueError("this model was not trained to tell the points of a face")
        # The unit of the weights is a percent of the picture, so that they are neither tiny nor huge.
        moved: Tensor = self.face_points(m_hat) / 100
        return moved.unflatten(-1, (-1, 2))

    def denoise(
        self,
        x: Tensor,
        sigma: Tensor,
        content: Tensor,
        m_hat: Tensor,
        *,
        anchors: Tensor,
        keep: Tensor,
        temporal: bool = True,
    ) -> Tensor:
        """D(x; sigma, c, m). sigma: [B, T], a noise level a frame; keep: bool [B], False drops all conditions.

        The preconditioning is that of data around the anchors: D = a + skip (x - a) + out F(in (x - a)).
        """
        s = scalings(sigma[..., None, None, None], self.config.denoiser.sigma_data)
        anchors = anchors * keep.view(-1, 1, 1, 1, 1)
        # The denoiser is shown the content as it should lie in each frame, where that is known.
        shown = content[:, None].expand_as(x) if self.anchor is None else anchors
        rest = x - anchors
        raw = self.dit(s.in_ * rest, s.noise[..., 0, 0, 0], shown, m_hat, keep=keep, temporal=temporal)
        return anchors + s.skip * rest + s.out * raw

    @torch.no_grad()
    def analyze(self, z: Tensor, content: Tensor) -> tuple[Tensor, Tensor]:
        """Latents [B, T, C, H, W] and the dequantised content map [B, C, H, W] of their shot to symbols.

        Returns codes int64 [B, T, G] and the squared distance of every entry [B, T, G, E].
        """
        m = self.encoder.motion(z, content)
        distances = self.quantizer.distances(self.quantizer.normalize(m))
        return distances.argmin(-1), distances

    @torch.no_grad()
    def synthesize(
        self,
        content: Content,
        m_hat: Tensor,
        noise: Tensor,
        sampling: SamplingConfig,
        *,
        vae: Autoencoder | None,
        context: Tensor | None = None,
        context_motion: Tensor | None = None,
    ) -> Synthesis:
        """Motion to latents. m_hat: code vectors [B, T, G*D]; noise: [B, T, C, H, W]; context: latents already decoded
        [B, Tc, C, H, W] with their motion [B, Tc, G*D].
        """
        frames = m_hat.shape[1]
        if context_motion is not None:
            m_hat = torch.cat([context_motion, m_hat], 1)
        anchors = self.anchors(content, m_hat, vae)
        yes = torch.ones(len(m_hat), dtype=torch.bool, device=m_hat.device)

        def guided(x: Tensor, sigma: Tensor) -> Tensor:
            conditional = self.denoise(x, sigma, content.map, m_hat, anchors=anchors.latents, keep=yes)
            if sampling.guidance == 1:
                return conditional
            # Classifier-free guidance on the denoised output.
            free = self.denoise(x, sigma, content.map, m_hat, anchors=anchors.latents, keep=~yes)
            return free + sampling.guidance * (conditional - free)

        own = anchors.last(frames)
        return Synthesis(sample(guided, noise, sampling, start=own.latents, context=context), own)


@torch.no_grad()
def paint(latents: Tensor, anchors: WarpedReference, vae: Autoencoder | None) -> Tensor:
    """Latents and anchors of frames, [N, ...] each, to pictures [N, 3, P, P] in [-1, 1].

    With an anchor its picture stays, and only what the denoiser changed about it is painted: D(z_hat) - D(E(moved)).
    What merely moved then keeps the sharpness of the content, which no autoencoder gives back. Changes are painted by
    the gain of a Wiener filter, e / (e + CHANGE_NOISE^2) with their mean square e around each place.
    """
    if vae is None:
        return latents
    painted = vae.decode(latents)
    if anchors.pictures is None:
        return painted
    changed = painted - vae.decode(anchors.latents)
    # Borders are left out of the means, not counted as places where nothing changed.
    power = functional.avg_pool2d(
        changed.square().mean(1, keepdim=True), CHANGE_WIDTH, 1, CHANGE_WIDTH // 2, count_include_pad=False
    )  # [N, 1, P, P]
    return anchors.pictures + changed * power / (power + CHANGE_NOISE**2)
