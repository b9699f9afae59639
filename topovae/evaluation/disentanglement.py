"""Whether each known factor of the truth has a latent coordinate of its own."""

from __future__ import annotations

import numpy as np

from topovae.latent import LatentSpace
from topovae.signature import IDENTITY

BINS = 20
"""Bins of equal counts that coordinates are cut into: as in the review of Locatello et al. (2019), not tuned."""


def free_columns(space: LatentSpace) -> list[int]:
    """Columns of coordinates that mean something one by one.

    They are those of factors that have as many coordinates as dimensions, such as circles, intervals and lines, and that the
    group leaves alone.

    Args:
        space: any space in one piece.
    """
    found, start = list[int](), 0
    for number, factor in enumerate(space.factors):
        alone = all(element[number] == IDENTITY for element in space.signature.group)
        if alone and factor.dim == factor.coordinate_dim:
            found += range(start, start + factor.coordinate_dim)
        start += factor.coordinate_dim
    return found


def mutual_information_gap(
    space: LatentSpace, coordinates: np.ndarray, truth_space: LatentSpace, truth: np.ndarray
) -> float | None:
    r"""How much more of each known factor its best latent coordinate tells than the second best, the mean over factors.

    .. math:: \frac1K \sum_k \Big(I(v_k; z_{j(k)}) - \max_{j \neq j(k)} I(v_k; z_j)\Big), \quad j(k) = \arg\max_j I(v_k; z_j)

    I is the adjusted mutual information of coordinates in bins: 1 for the same coordinate, 0 on average for unrelated ones,
    which plain mutual information of few samples is not. Bins of a circle are arcs, whose order it does not regard, so
    that angles need no other treatment. 1 is best. A rotation of a plane or a shear of a torus lowers it, of which stress
    sees nothing.

    Args:
        space: latent space.
        coordinates: (n, space.coordinate_dim).
        truth_space: the space of the truth.
        truth: (n, truth_space.coordinate_dim).

    Returns:
        None where the truth has fewer than two free columns, the latent space none, or there are too few samples for `BINS`.

    References:
        Chen, Li, Grosse and Duvenaud, Isolating sources of disentanglement in variational autoencoders (2018), equation 6.
        Vinh, Epps and Bailey, Information theoretic measures for clusterings comparison (2010): the adjustment for chance.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    known, read = free_columns(truth_space), free_columns(space)
    if len(known) < 2 or not read or len(truth) < 2 * BINS:
        return None
    factors, latents = _bins(truth[:, known]), _bins(coordinates[:, read])
    told = np.array([[adjusted_mutual_info_score(v, z) for z in latents.T] for v in factors.T])
    best = np.sort(np.column_stack([told, np.zeros(len(told))]), axis=1)
    return float((best[:, -1] - best[:, -2]).mean())


def _bins(columns: np.ndarray) -> np.ndarray:
    """The number of the bin of each value among `BINS` of equal counts, by column; equal values share one."""
    from scipy.stats import rankdata

    ranks = rankdata(columns, method="min", axis=0) - 1
    return (ranks * BINS // len(columns)).astype(np.int64)
