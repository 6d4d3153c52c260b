"""The bitrate-controlled diffusion autoencoder of the paper: encoder, quantiser, reference warper and denoiser.

encoder.content: latents z of a shot            -> content map
analyze:         z, content map, landmarks      -> motion codes
synthesize:      content, codes, context frames -> warped reference -> sampler(denoise) -> z_hat
reconstruct:     z_hat, warped reference        -> pictures
paint:           content, codes -> warped reference and other guides -> sampler(denoiser of pictures) -> pictures

It works on the latents of an image autoencoder that is trained apart from it (model/vae.py); a model with a denoiser of
pictures (model/unet.py) decodes by `paint`, without that autoencoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bcdcodec.config import ModelConfig, SamplingConfig
from bcdcodec.model.content import Content
from bcdcodec.model.device import half_precision
from bcdcodec.model.disentangle import DisentangleEncoder
from bcdcodec.model.dit import Dit
from bcdcodec.model.edm import scalings
from bcdcodec.model.guides import Guides, area_changes
from bcdcodec.model.landmark_flow import dense_flow
from bcdcodec.model.landmarks import ABSENT, picture_displacements
from bcdcodec.model.lids import shut_lids
from bcdcodec.model.mending import mended
from bcdcodec.model.mesh_flow import MESH_LANDMARKS
from bcdcodec.model.quantizer import GroupQuantizer
from bcdcodec.model.sampler import sample
from bcdcodec.model.unet import PictureDenoiser
from bcdcodec.model.warp import (
    FLOW_SCALE,
    Autoencoder,
    ReferenceWarper,
    WarpedReference,
    resize_flow,
    warp_frames,
    warp_reference,
)

#: Standard deviation of the denoiser's residual error, in the picture's range -1..1, and the side in pixels of the
#: square over which the power of its changes is averaged. On five training clips at 16 kbit of content, a noise of
#: 0.075 removed haze from walls: LPIPS fell from 0.117 to 0.110 and PSNR by 0.03 dB; 0.1 gave 0.108 and 0.06 dB.
CHANGE_NOISE, CHANGE_WIDTH = 0.075, 15


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A decoded window: latents z_hat [B, T, C, H, W], and the warped references that their diffusion started from."""

    latents: Tensor
    reference: WarpedReference


class Bcd(nn.Module):
    """All networks of a model but its image autoencoder, over latents [B, T, C, H, W]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        motion_dims = config.quantizer.groups * config.quantizer.dims
        self.encoder = DisentangleEncoder(config)
        self.quantizer = GroupQuantizer(config.quantizer)
        self.warper = ReferenceWarper(config.denoiser, motion_dims) if config.denoiser.warp_blocks else None
        # One of the two denoises: latents, or pictures, which takes the place of the other when it has been trained.
        painter = config.picture_denoiser
        self.dit = Dit(config.denoiser, motion_dims) if painter is None else None
        self.picture_denoiser = PictureDenoiser(painter, motion_dims) if painter is not None else None
        landmarks = config.denoiser.landmarks
        # Displacements are linear in the motion vector, without bias: zero motion leaves every landmark where it is.
        self.landmark_head = nn.Linear(motion_dims, 2 * landmarks, bias=False) if landmarks else None

    def load_start(self, state: dict[str, Tensor]) -> None:
        """Load the state that a training run starts from: whole, or without a denoiser of latents, which weights that
        paint pictures lack, or the use of codes in training; either is then left as it is. RuntimeError where the state
        is of another model.
        """
        own = {name: value for name, value in self.state_dict().items() if name.startswith(("dit.", "quantizer.usage"))}
        self.load_state_dict({**own, **state})

    def warp_references(self, content: Content, m_hat: Tensor, vae: Autoencoder | None) -> WarpedReference:
        """Mean of each frame's diffusion: the content warped to the frame's pose (`face`), or zero (the paper).

        m_hat: code vectors [B, T, G*D]. ValueError where a model with a warper is given content without a picture.
        """
        if self.warper is None:
            return WarpedReference(torch.zeros_like(content.map)[:, None].expand(-1, m_hat.shape[1], -1, -1, -1), None)
        if content.picture is None:
            raise ValueError("a model that warps its reference needs the content's picture")
        return warp_reference(content.picture, self.flow(content.map, m_hat, content.landmarks), vae)

    def guides(self, content: Content, m_hat: Tensor, others: Sequence[Sequence[Content]] = ()) -> Guides:
        """Guides of every frame of a window for the denoiser of pictures, of a model with a warper; N is B * T.

        m_hat: code vectors [B, T, G*D]; others: of each clip, contents without a batch axis of other references of its
        shot, which its warps are mended from (model/mending.py); empty for none.
        """
        assert content.picture is not None, "a model that warps its reference needs the content's picture"
        picture, frames = content.picture, m_hat.shape[1]
        flow = resize_flow(self.flow(content.map, m_hat, content.landmarks), picture.shape[-1])
        faces = picture.new_full((len(m_hat), 0, 2), ABSENT) if content.landmarks is None else content.landmarks
        moved = self.landmark_positions(m_hat, faces) if faces.shape[1] else faces[:, None].expand(-1, frames, -1, -1)
        areas = area_changes(flow.flatten(0, 1)).unflatten(0, flow.shape[:2])
        warps = warp_frames(picture, flow)
        if any(others) and faces.shape[1]:
            known = [of_clip if face.isfinite().all() else () for of_clip, face in zip(others, faces, strict=True)]
            clips = zip(warps, areas, moved, known, strict=True)
            warps, areas = (torch.stack(parts) for parts in zip(*(mended(*clip) for clip in clips), strict=True))
        return Guides.of_clips(warps, picture, areas, moved, faces, m_hat)

    def flow(
        self, content: Tensor, m_hat: Tensor, landmarks: Tensor | None = None, *, cells: int = FLOW_SCALE
    ) -> Tensor:
        """Backward flow from each frame to the content's frame, of a model with a warper.

        content: map [B, C, H, W]; m_hat: [B, T, G*D]; landmarks: of the content's face [B, L, 2] as fractions of the
        picture, NaN in clips whose content shows none; None: in no clip, or a model without landmarks; cells: of the
        flow per latent pixel and axis. Returns [B, T, 2, cells H, cells W], x then y, in pixels of its own grid.
        """
        assert self.warper is not None, "only a warper predicts a flow"
        size = content.shape[-1] * cells
        if self.landmark_head is None or landmarks is None:
            absent = content.new_zeros(*m_hat.shape[:2], 3, size, size)
            return self.warper(content, m_hat, absent[:, :, :2], absent[:, :, 2:])
        # Without a gradient: what counts is how far the landmarks move, not which pixels they are at.
        positions = self.landmark_positions(m_hat, landmarks)
        displacements = positions - landmarks.nan_to_num(ABSENT)[:, None]
        return self.warper(content, m_hat, *dense_flow(positions.detach(), displacements, size))

    def landmark_positions(self, m_hat: Tensor, landmarks: Tensor) -> Tensor:
        """Positions of every landmark in each frame [B, T, L, 2], x then y, as fractions of the picture.

        m_hat: [B, T, G*D]; landmarks: of the content's face [B, L, 2]; far outside the picture where they are NaN.
        """
        reference = landmarks.nan_to_num(ABSENT)
        moved = picture_displacements(self.landmark_displacements(m_hat), landmarks)
        positions = reference[:, None] + moved
        return shut_lids(positions, reference) if landmarks.shape[1] == MESH_LANDMARKS else positions

    def landmark_displacements(self, m_hat: Tensor) -> Tensor:
        """Displacement of every landmark since the content's frame, read off the motion vectors without a decoder.

        m_hat: [B, T, G*D]. Returns [B, T, L, 2], x then y, in the coordinates of the content's face
        (model/landmarks.py). ValueError for a model without landmarks.
        """
        if self.landmark_head is None:
            raise ValueError("this model was not trained to predict face landmarks")
        # Weights are in percent of the face, so that they are neither tiny nor huge.
        displacements: Tensor = self.landmark_head(m_hat) / 100
        return displacements.unflatten(-1, (-1, 2))

    def denoise(
        self,
        x: Tensor,
        sigma: Tensor,
        content: Tensor,
        m_hat: Tensor,
        *,
        reference: Tensor,
        condition_mask: Tensor,
        temporal: bool = True,
    ) -> Tensor:
        """Denoised latents D(x; sigma, c, m) (Karras et al., 2022, Eq. 7), preconditioned around the reference r, of a
        model that denoises latents.

        D = r + skip (x - r) + out F(in (x - r)). x: [B, T, C, H, W]; sigma: noise level of each frame [B, T]; content:
        map [B, C, H, W]; m_hat: [B, T, G*D]; reference: [B, T, C, H, W]; condition_mask: bool [B], False drops all
        conditions (classifier-free guidance); temporal: False skips the temporal blocks. Returns x's shape.
        """
        assert self.dit is not None, "a model with a denoiser of pictures has none of latents"
        s = scalings(sigma[..., None, None, None], self.config.denoiser.sigma_data)
        # The reference is made of content and motion: without conditions it is dropped as well.
        reference = reference * condition_mask.view(-1, 1, 1, 1, 1)
        # A warped reference shows the network the content in each frame's pose, which the content map does not.
        content_map = content[:, None].expand_as(x) if self.warper is None else reference
        residual = x - reference
        raw = self.dit(
            s.in_ * residual,
            s.noise[..., 0, 0, 0],
            content_map,
            m_hat,
            condition_mask=condition_mask,
            temporal=temporal,
        )
        return reference + s.skip * residual + s.out * raw

    @torch.no_grad()
    def analyze(
        self, z: Tensor | None, content: Tensor | None, displacements: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Motion codes of frames: the nearest entry of every codebook.

        z: latents [B, T, C, H, W]; content: dequantised content map [B, C, H, W] of their shot; both None where the
        encoder does not read them; displacements: of the landmarks as of `DisentangleEncoder.motion`. Returns codes
        int64 [B, T, G] and the squared distance of every entry [B, T, G, E].
        """
        m = self.encoder.motion(z, content, displacements)
        distances = self.quantizer.distances(self.quantizer.normalize(m))
        return distances.argmin(-1), distances

    @torch.no_grad()
    def paint(
        self,
        content: Content,
        m_hat: Tensor,
        noise: Tensor,
        sampling: SamplingConfig,
        others: Sequence[Sequence[Content]] = (),
    ) -> Tensor:
        """Pictures of one window of frames [B, T, 3, P, P] in [-1, 1], of a model with a denoiser of pictures.

        m_hat: code vectors [B, T, G*D]; noise: unit normal [B, T, 3, P, P]; others: as of `guides`. Guidance is left
        out: what the denoiser adds to a warp has no counterpart without conditions.
        """
        net, shape = self.picture_denoiser, m_hat.shape[:2]
        assert net is not None, "only a model with a denoiser of pictures paints"
        guides = self.guides(content, m_hat, others)

        def denoised(x: Tensor, sigma: Tensor) -> Tensor:
            with half_precision(x.device):
                frames: Tensor = net(x.flatten(0, 1), sigma.flatten(), guides)
            return frames.unflatten(0, shape)

        return sample(denoised, noise, sampling, start=guides.warps.unflatten(0, shape))

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
        """Decode the latents of one window of frames.

        m_hat: code vectors [B, T, G*D]; noise: unit normal [B, T, C, H, W]; context: latents of the frames decoded
        just before [B, Tc, C, H, W], with their motion context_motion [B, Tc, G*D].
        """
        frames = m_hat.shape[1]
        # The denoiser sees the context frames with their own references and motion.
        if context_motion is not None:
            m_hat = torch.cat([context_motion, m_hat], 1)
        reference = self.warp_references(content, m_hat, vae)
        conditioned = torch.ones(len(m_hat), dtype=torch.bool, device=m_hat.device)

        def guided(x: Tensor, sigma: Tensor) -> Tensor:
            def denoised(condition_mask: Tensor) -> Tensor:
                return self.denoise(
                    x, sigma, content.map, m_hat, reference=reference.latents, condition_mask=condition_mask
                )

            conditional = denoised(conditioned)
            if sampling.guidance == 1:  # saves half of the work
                return conditional
            # Classifier-free guidance on the denoised output.
            unconditional = denoised(~conditioned)
            return unconditional + sampling.guidance * (conditional - unconditional)

        own = reference.last(frames)
        return Synthesis(sample(guided, noise, sampling, start=own.latents, context=context), own)


@torch.no_grad()
def reconstruct(latents: Tensor, reference: WarpedReference, vae: Autoencoder | None) -> Tensor:
    """Pictures [N, 3, P, P] in [-1, 1] of frames, from their latents and warped references, [N, ...] each.

    With a warped picture r only the denoiser's change is decoded: r + g (D(z_hat) - D(E(r))), so that merely warped
    regions keep the sharpness of the reference, which no autoencoder restores. g is the gain of a Wiener filter,
    e / (e + CHANGE_NOISE^2), with e the mean square of the change around each pixel.
    """
    if vae is None:
        return latents
    decoded = vae.decode(latents)
    if reference.pictures is None:
        return decoded
    change = decoded - vae.decode(reference.latents)
    # Padding is left out of the means: counted, it would pass for pixels without any change.
    power = functional.avg_pool2d(
        change.square().mean(1, keepdim=True), CHANGE_WIDTH, 1, CHANGE_WIDTH // 2, count_include_pad=False
    )  # [N, 1, P, P]
    return reference.pictures + change * power / (power + CHANGE_NOISE**2)
