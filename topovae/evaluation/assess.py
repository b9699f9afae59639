"""All metrics of a model over all splits of its data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import Split
from topovae.evaluation.components import shares
from topovae.evaluation.disentanglement import mutual_information_gap
from topovae.evaluation.metrics import ACTIVE, Latents, Metrics, locate, measure
from topovae.evaluation.neighbours import neighbours_kept
from topovae.evaluation.truth import geodesic_stress, recovered_circles
from topovae.latent import LatentSpace
from topovae.model.vae import VAE
from topovae.training.batches import Batches


def assess(
    model: VAE, data: Dataset, split: Split, *, seed: int, iwae: int = 0, deep: bool = False, device: torch.device
) -> Iterator[tuple[str, Metrics, Latents]]:
    """Metrics and latents of each split with samples in turn; the importance-weighted bound on the test split alone.

    Args:
        model: trained.
        data: with truth, stress and recovered circles are given too.
        split: row indices of train, valid and test.
        seed: of the posterior samples.
        iwae: number of importance samples, 0 for none.
        deep: whether to count active units and compare neighbours, of the test split alone too.
        device: where the model is.
    """
    for name, index in split.parts().items():
        if not len(index):
            continue
        batches = Batches(data, index, device)
        latents = locate(model, batches, seed=seed)
        metrics = measure(model, batches, seed=seed, iwae=iwae if name == "test" else 0)
        if data.truth is not None and data.space is not None:
            group = None if data.group is None else data.group[index]
            metrics = _compared(metrics, model, latents.location, LatentSpace(data.space), data.truth[index], group, seed)
        if deep and name == "test":
            metrics = _deepened(metrics, model, latents, data, index, seed)
        yield name, metrics, latents


def _deepened(metrics: Metrics, model: VAE, latents: Latents, data: Dataset, index: np.ndarray, seed: int) -> Metrics:
    """Metrics with active units and kept neighbours."""
    active = int((latents.features.var(0) > ACTIVE).sum())
    kept = neighbours_kept(model.space, latents.location, latents.features, data, index, seed)
    trust, continuity = kept or (None, None)
    counted = {"active_units": active, "units": latents.features.shape[1]}
    return replace(metrics, trustworthiness=trust, continuity=continuity, **counted)


def _compared(
    metrics: Metrics,
    model: VAE,
    location: np.ndarray,
    truth_space: LatentSpace,
    truth: np.ndarray,
    group: np.ndarray | None,
    seed: int,
) -> Metrics:
    """Metrics with stress, recovered circles and the gap, of each component by itself, and means over its samples."""
    stress, recovery = list[tuple[float, int]](), []
    gaps = list[tuple[float, int]]()
    for share in shares(model.space, location):
        space, rows = LatentSpace(share.space.signature), share.rows
        own = None if group is None else group[rows]
        alike = truth_space.dim == space.dim
        if alike or own is not None:
            # Of orbits with style the truth knows the place on the orbit alone, so orbits are compared with themselves.
            within = None if alike else own
            found = geodesic_stress(space, share.coordinates, truth_space, truth[rows], seed, within)
            stress.append((found, len(rows)))
        if alike or own is None:
            gap = mutual_information_gap(space, share.coordinates, truth_space, truth[rows])
            gaps += [] if gap is None else [(gap, len(rows))]
        recovery += recovered_circles(space, share.coordinates, truth_space, truth[rows], own)
    return replace(metrics, stress=_mean(stress), mig=_mean(gaps), recovery=recovery)


def _mean(values: Sequence[tuple[float, int]]) -> float | None:
    """The mean of values with their numbers of samples; None of none."""
    return sum(value * n for value, n in values) / sum(n for _, n in values) if values else None
