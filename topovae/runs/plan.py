"""What comes before training: the diagnosis of the training split, the latent it recommends, the coordinates to start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data
from topovae.errors import UsageError
from topovae.model.likelihoods.support import suits
from topovae.model.networks import choose_network, to_device
from topovae.runs.options import AUTO, TrainOptions
from topovae.signature import Signature, parse
from topovae.store.documents import probability
from topovae.training.equivariance import ACTIONS, equivariant_angles

if TYPE_CHECKING:
    from topovae.homology.cloud.presets import Preset
    from topovae.homology.verdict.analysis import Analysis

DIAGNOSED = 20_000
"""Samples of the training split that a diagnosis reads at most."""

LOOKED_AT = 4000
"""Samples that are looked at to tell counts, where there is no diagnosis: a limit on cost, not tuned."""

SETTLED = "likelihood: {}, as the data are counts (--likelihood chooses another)"


@dataclass(frozen=True)
class Plan:
    """What is to be trained, and from where.

    Args:
        options: with its latent decided.
        analysis: JSON of the diagnosis, None where there was no need for one.
        coordinates: those of a `Beginning`, or "anchors", (m, 1 + k): samples to be held at
            points; or empty.
        reasons: sentences that say where the latent and the start come from.
    """

    options: TrainOptions
    analysis: Mapping[str, Any] | None
    coordinates: Mapping[str, np.ndarray]
    reasons: tuple[str, ...]


def plan(
    data: Dataset,
    latent: str,
    options: Mapping[str, Any],
    *,
    analysis: Mapping[str, Any] | None = None,
    anchors: np.ndarray | None = None,
    device: str = "auto",
    progress: Callable[[str, float], None] | None = None,
) -> Plan:
    """Decide the latent space, if it is "auto", and find coordinates on it to start from.

    The data are diagnosed only where that is needed, and only on the training split: nothing is chosen on the test split.

    Args:
        data: all samples.
        latent: expression, or "auto".
        options: of the `TrainOptions`, beside the latent.
        analysis: JSON of a diagnosis made before, to take the latent from.
        anchors: (m, 1 + k) row numbers and coordinates of samples to be held there, in place of a start.
        device: where a network of angles is trained.
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
        reasons.append(f"diagnosis: {best['name']}, so the latent is {latent} (confidence {probability(best['confidence'])})")
    train_options = TrainOptions(latent, **options)
    coordinates: dict[str, np.ndarray] = {} if anchors is None else {"anchors": anchors}
    if anchors is not None:
        reasons.append(f"start: {len(anchors)} anchors")
    elif wants_start(train_options):
        if found is None:
            # Loops and frames are all that is needed here, and homology of degree 2 is what takes long.
            found = diagnose_train(data, seed, progress, max_dim=1)
            analysis = analysis or found.to_dict()
        start = find_start(data, train_options, found, device)
        reasons += start.sentences
        coordinates |= start.arrays
    train_options = settle(train_options, data, analysis)
    if options.get("likelihood", AUTO) == AUTO and train_options.likelihood != "gaussian":
        reasons.append(SETTLED.format(train_options.likelihood))
    return Plan(train_options, analysis, coordinates, tuple(reasons))


def settle(options: TrainOptions, data: Dataset, analysis: Mapping[str, Any] | None = None) -> TrainOptions:
    """Options with a likelihood in place of "auto": Poisson where the diagnosis takes the training split for counts.

    Args:
        options: of a training.
        data: all samples.
        analysis: JSON of the diagnosis, None where there is none.

    Raises:
        UsageError: something is stated that the likelihood has not.
    """
    from topovae.homology.cloud.presets import Preset

    if options.likelihood != AUTO:
        return options
    preset = Preset.of(analysis) or _preset(data, options.seed)
    counts = preset.name == "counts" and suits("poisson", data)
    return replace(options, likelihood="poisson" if counts else "gaussian")


def _preset(data: Dataset, seed: int) -> Preset:
    """What the diagnosis would do to the training split before it takes distances."""
    from topovae.homology.cloud.presets import choose_preset

    train = split_data(data, seed).train
    chosen = np.sort(np.random.default_rng(seed).permutation(train)[:LOOKED_AT])
    return choose_preset(data.take(chosen), seed=seed)


def wants_start(options: TrainOptions) -> bool:
    """Whether the latent space has factors whose coordinates are sought in the data."""
    factors = parse(options.latent, options.allow_orbifold).homeomorphic.factors
    return options.init == "cohomology" and any(f.kind == "S" for f in factors)


def diagnose_train(
    data: Dataset, seed: int, progress: Callable[[str, float], None] | None = None, max_dim: int = 2
) -> Analysis:
    """The diagnosis of the training split, of at most `DIAGNOSED` of its samples."""
    from topovae.homology import analyze

    train = split_data(data, seed).train
    chosen = np.sort(np.random.default_rng(seed).permutation(train)[:DIAGNOSED])
    return analyze(data.take(chosen), seed=seed, max_dim=max_dim, progress=progress)


def recommended(analysis: Mapping[str, Any]) -> str:
    """The recommended expression.

    Args:
        analysis: JSON of a diagnosis.

    Raises:
        UsageError: it recommends none.
    """
    best = analysis["recommendation"]
    if best["name"] == "none":
        near = ", ".join(f"{c['latent']} ({probability(c['score'])})" for c in analysis["candidates"][:3])
        raise UsageError(
            "the diagnosis finds no matching latent space, so --latent auto has nothing to train; the nearest candidates are "
            f"{near}. Choose one with --latent, or R2 for an ordinary VAE"
        )
    return str(best["latent"])


@dataclass(frozen=True)
class Beginning:
    """What was found to start an encoder from.

    Args:
        arrays: "start", (n, coordinate_dim): points on the cover for all samples, with columns of NaN where nothing was found;
            "symmetries", (s, 2): the number of an action in `ACTIONS` that the images are closed under, and the column of its
            circle. Either may be missing.
        sentences: where they come from, and what is doubtful.
    """

    arrays: Mapping[str, np.ndarray]
    sentences: tuple[str, ...]


def find_start(data: Dataset, options: TrainOptions, analysis: Analysis, device: str = "auto") -> Beginning:
    """Points of the latent space for all samples, without labels, and in words where they come from.

    The angles of images that are closed under rotation or shifts come from equivariance; everything else, and angles on which
    the group acts otherwise than by a turn, from the cohomology and the Laplacians of the landmarks.

    Args:
        data: all samples.
        options: what is to be trained.
        analysis: diagnosis of the training split.
        device: where a network of angles is trained.
    """
    from topovae.homology.coordinates.search import find_coordinates

    signature = parse(options.latent, options.allow_orbifold).homeomorphic
    circles = [i for i, f in enumerate(signature.factors) if f.is_circle]
    turning = tuple(s.transformation for s in analysis.symmetries if s.circle)
    arrays: dict[str, np.ndarray] = {}
    doubts: tuple[str, ...] = ()
    angles: np.ndarray | None = None
    if signature.order == 1 and 0 < len(circles) == len(turning):
        train = split_data(data, options.seed).train
        angles = equivariant_angles(data, train, turning, choose_network(data.sample_shape), to_device(device), options.seed)
    if angles is not None:
        points = place_angles(signature, circles, angles)
        source = f"equivariance: the images are closed under {', '.join(turning)}"
    else:
        found = find_coordinates(data, analysis, signature, options.seed)
        points, source, doubts = found.points, found.source, found.doubts
    charted = options.space().parametrise(torch.as_tensor(points)).numpy()
    if np.isfinite(charted).any():
        arrays["start"] = charted
    # Factors with a geometry of their own may have other coordinates than angles.
    if angles is not None and np.array_equal(charted, points, equal_nan=True):
        columns = np.flatnonzero(np.isfinite(points).all(0))
        arrays["symmetries"] = np.array([[tuple(ACTIONS).index(name) for name in turning], columns]).T
    return Beginning(arrays, (f"start: {source}", *doubts))


def place_angles(signature: Signature, circles: Sequence[int], angles: np.ndarray) -> np.ndarray:
    """Points (n, coordinate_dim) of a product with angles (n, k) for its circles, NaN elsewhere."""
    widths = [f.dim + (f.kind == "S" and f.dim > 1) for f in signature.factors]
    starts = np.cumsum([0, *widths])
    points = np.full((len(angles), starts[-1]), np.nan)
    points[:, starts[list(circles)]] = angles
    return points
