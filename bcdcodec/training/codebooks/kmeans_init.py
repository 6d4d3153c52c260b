"""Initialisation of codebooks by k-means over motion vectors of training clips.

    motion vectors of training clips, normalised -> k-means -> a centre for each entry

Codebooks trained by gradient descent alone end up with entries that stand for several poses while others are unused: no
gradient splits an entry. Continuous vectors have no such local minima. Trained for a while as continuous vectors, with
enough noise that only what matters survives, they separate what the denoiser has to distinguish, and clusters find
that. The denoiser must use the content by then, else motion vectors carry appearance.
"""

import torch
from torch import Tensor

from bcdcodec.model.bcd import Bcd
from bcdcodec.training.codebooks.landmark_probe import FIT_BATCHES
from bcdcodec.training.data.sampler import CrossDrivenSampler

#: Standard deviation of the noise on continuous motion vectors, which have the quantiser's input spread.
MOTION_NOISE = 0.3
#: K-means: clusterings tried, iterations of each, and candidates for each next centre.
TRIES, ROUNDS, CANDIDATES = 5, 40, 8


@torch.no_grad()
def fit_clusters(bcd: Bcd, sampler: CrossDrivenSampler, batches: int = FIT_BATCHES) -> None:
    """Replace every codebook's entries by the cluster centres of its motion vectors on some training clips."""
    was_training = bcd.training
    bcd.eval()
    config = bcd.config.quantizer
    vectors = []
    for step in range(batches):
        batch = sampler.draw(step)
        content = bcd.encoder.content(batch.content)
        vectors.append(
            bcd.quantizer.normalize(bcd.encoder.motion(batch.motion, content, batch.displacements)).flatten(0, 1)
        )
    groups = torch.cat(vectors).unflatten(-1, (config.groups, config.dims))  # [N, G, D]
    for group in range(config.groups):
        bcd.quantizer.codebook[group] = cluster_centers(groups[:, group].contiguous(), config.entries)
    bcd.train(was_training)


def cluster_centers(vectors: Tensor, count: int) -> Tensor:
    """The least distorted of TRIES k-means clusterings.

    vectors: [N, D], at least `count`. Returns centres [count, D].
    """
    clusterings = [_cluster(vectors, count, torch.Generator().manual_seed(seed)) for seed in range(TRIES)]
    return min(clusterings, key=lambda centers: float(torch.cdist(vectors, centers).min(1).values.square().sum()))


def _cluster(vectors: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Lloyd's algorithm from greedy k-means++ centres (Arthur and Vassilvitskii, 2007)."""
    centers = vectors[torch.randint(len(vectors), (1,), generator=generator)]
    squared = (vectors - centers).square().sum(1)
    while len(centers) < count:
        # All distances may be 0 already; then any vector will do.
        drawn = torch.multinomial(squared + 1e-12, CANDIDATES, replacement=True, generator=generator)
        reached = torch.minimum(squared, torch.cdist(vectors[drawn], vectors).square())  # [CANDIDATES, N]
        best = int(reached.sum(1).argmin())
        centers, squared = torch.cat([centers, vectors[drawn[best]][None]]), reached[best]
    for _ in range(ROUNDS):
        nearest = torch.cdist(vectors, centers).argmin(1)
        sums = torch.zeros_like(centers).index_add_(0, nearest, vectors)
        members = nearest.bincount(minlength=count)[:, None]
        centers = torch.where(members > 0, sums / members.clamp(min=1), centers)
    return centers
