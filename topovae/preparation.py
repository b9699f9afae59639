"""What comes before training: the diagnosis of the training split, the latent it recommends, the coordinates to start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from topovae.data.dataset import Dataset
from topovae.errors import UsageError
from topovae.nn import choose_network, to_device
from topovae.pipeline import Request, split_data
from topovae.signature import parse
from topovae.training.start import rotation_angles

if TYPE_CHECKING:
    from topovae.homology.analysis import Analysis

DIAGNOSED = 20_000
"""Samples of the training split that a diagnosis reads at most."""


@dataclass(frozen=True)
class Plan:
    """What is to be trained, and from where.

    Args:
        request: with its latent decided.
        analysis: JSON of the diagnosis, None where there was no need for one.
        coordinates: "circle": (n, k) angles of all samples to start from, or empty.
        reasons: sentences that say where the latent and the start come from.
    """

    request: Request
    analysis: Mapping[str, Any] | None
    coordinates: Mapping[str, np.ndarray]
    reasons: tuple[str, ...]


def plan(
    data: Dataset,
    latent: str,
    options: Mapping[str, Any],
    *,
    analysis: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: Callable[[str, float], None] | None = None,
) -> Plan:
    """Decide the latent space, if it is "auto", and find coordinates to start its circles from.

    The data are diagnosed only where that is needed, and only on the training split: nothing is chosen on the test split.

    Args:
        data: all samples.
        latent: expression, or "auto".
        options: of the `Request`, beside the latent.
        analysis: JSON of a diagnosis made before, to take the latent from.
        device: where an orientation network is trained.
        progress: of the diagnosis, called with a stage and a share.

    Raises:
        UsageError: the diagnosis recommends no latent, or an option is wrong.
    """
    seed = int(options.get("seed", 0))
    reasons: list[str] = []
    found: Analysis | None = None
    if latent == "auto":
        if analysis is None:
            found = diagnose_train(data, seed, progress)
            analysis = found.to_dict()
        latent = recommended(analysis)
        best = analysis["recommendation"]
        reasons.append(f"diagnosis: {best['name']}, so the latent is {latent} (confidence {best['confidence']:.2f})")
    request = Request(latent, **options)
    signature = parse(latent, request.allow_orbifold)
    coordinates: dict[str, np.ndarray] = {}
    if request.init == "cohomology" and any(f.is_circle for f in signature.factors):
        if found is None and signature.order == 1:
            # Circles are all that is needed here, and homology of degree 2 is what takes long.
            found = diagnose_train(data, seed, progress, max_dim=1)
            analysis = analysis or found.to_dict()
        coordinates, source = find_start(data, request, found, device)
        reasons.append(f"start: {source}")
    return Plan(request, analysis, coordinates, tuple(reasons))


def diagnose_train(
    data: Dataset, seed: int, progress: Callable[[str, float], None] | None = None, max_dim: int = 2
) -> Analysis:
    """The diagnosis of the training split, of at most `DIAGNOSED` of its samples."""
    from topovae.homology import analyze

    train = split_data(data, seed).train
    chosen = np.sort(np.random.default_rng(seed).permutation(train)[:DIAGNOSED])
    group = None if data.group is None else data.group[chosen]
    return analyze(Dataset.of(data.rows(chosen), group=group), seed=seed, max_dim=max_dim, progress=progress)


def recommended(analysis: Mapping[str, Any]) -> str:
    """The recommended expression.

    Args:
        analysis: JSON of a diagnosis.

    Raises:
        UsageError: it recommends none.
    """
    best = analysis["recommendation"]
    if best["name"] == "none":
        near = ", ".join(f"{c['latent']} ({c['score']:.2f})" for c in analysis["candidates"][:3])
        raise UsageError(
            "the diagnosis finds no matching latent space, so --latent auto has nothing to train; the nearest candidates are "
            f"{near}. Choose one with --latent, or R2 for an ordinary VAE"
        )
    return str(best["latent"])


def find_start(
    data: Dataset, request: Request, analysis: Analysis | None, device: str = "auto"
) -> tuple[dict[str, np.ndarray], str]:
    """Coordinates for the latent's circles without labels, and in words where they come from.

    Circles of the data are taken from persistent cohomology, when there are as many as the latent has; the one circle of images
    that are closed under rotation from equivariance. Quotients start from random weights as yet.

    Args:
        data: all samples.
        request: what is to be trained.
        analysis: diagnosis of the training split.
        device: where an orientation network is trained.

    Returns:
        {"circle": (n, k)} or {}, and a sentence.
    """
    signature = parse(request.latent, request.allow_orbifold)
    circles = sum(f.is_circle for f in signature.factors)
    if signature.order > 1 or analysis is None:
        return {}, "random weights: for a quotient there are no coordinates yet; compare several --seed"
    if analysis.skeleton.circles == circles:
        from topovae.homology import coordinates

        return dict(coordinates(data, analysis, request.seed)), f"cohomology: {circles} circular coordinates of the data"
    turning = {symmetry.transformation: symmetry for symmetry in analysis.symmetries if symmetry.closed}
    if circles == 1 and "rotation" in turning:
        train = split_data(data, request.seed).train
        angles = rotation_angles(data, train, choose_network(data.sample_shape), to_device(device), request.seed)
        sure = turning["rotation"].probability
        return {"circle": angles}, f"equivariance: the images are closed under rotation (probability {sure:.2f})"
    found = analysis.skeleton.circles
    return {}, f"random weights: the data show {found} circles and the latent has {circles}; compare several --seed"
