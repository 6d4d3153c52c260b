"""Inception score, entropies and mutual information of labels and codes.

Inception score   exp of the mean divergence of p(y|x) from p(y), 1..9 for nine actions, 9 is best
H(y|x)            mean entropy of p(y|x), nats, 0 is best: each clip shows one action clearly
H(y)              entropy of the mean p(y), nats, ln 9 = 2.197 is best: all actions are shown
NMI               mutual information of two labellings over the mean of their entropies, 0..1, 1: equal partitions
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStatistics:
    """inception_score, and H(y|x) and H(y) in nats."""

    inception_score: float
    conditional_entropy: float
    marginal_entropy: float


def inception(probabilities: NDArray[np.float32]) -> ActionStatistics:
    """Inception score of the actions' probabilities [N, 9] (Salimans et al., 2016)."""
    p = probabilities.astype(np.float64)
    conditional, marginal = float(_entropy(p).mean()), float(_entropy(p.mean(0)))
    # The mean divergence is H(y) - H(y|x).
    return ActionStatistics(
        inception_score=float(np.exp(marginal - conditional)),
        conditional_entropy=conditional,
        marginal_entropy=marginal,
    )


def entropy_bits(labels: NDArray[np.int64]) -> float:
    """Order-0 entropy of labels [N], in bits a value."""
    counts = np.unique(labels, return_counts=True)[1]
    return float(_entropy(counts / counts.sum()) / np.log(2))


def normalized_mutual_information(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """NMI of two labellings [N] of the same items; 0 if either is constant."""
    joint = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(joint, (a, b), 1.0)
    joint /= joint.sum()
    of_a, of_b = float(_entropy(joint.sum(1))), float(_entropy(joint.sum(0)))
    together = float(_entropy(joint.reshape(-1)))
    mean = (of_a + of_b) / 2
    return max(0.0, of_a + of_b - together) / mean if mean > 0 else 0.0


def _entropy(p: Values) -> Values:
    """Entropy in nats, over the last axis."""
    entropy: Values = -(p * np.log(np.maximum(p, 1e-300))).sum(-1)
    return entropy
