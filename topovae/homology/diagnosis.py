"""The diagnosis from data to recommendation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from topovae.errors import InputError, ResourceError, UsageError
from topovae.homology.analysis import Analysis, Bar, Skeleton
from topovae.homology.circular import LONGEST_EDGE, circular_coordinates, landmark_angles
from topovae.homology.components import count_components
from topovae.homology.denoise import fit_denoiser
from topovae.homology.filtrations import Homology, compute_homology
from topovae.homology.geometry import Dimension, frame_size, growth_dimension, intrinsic_dimension
from topovae.homology.landmarks import (
    Landmarks,
    assign,
    centres,
    choose_landmarks,
    covering_radius,
    farthest_points,
    self_tuned,
)
from topovae.homology.neighbours import average
from topovae.homology.persistence import check_distances, check_prime, persistence, universal_p_values
from topovae.homology.recommend import Findings, recommend
from topovae.homology.samples import LEAST_ROWS, blocks, prepare, read_sample, shape_of
from topovae.homology.significance import betti_distribution, betti_number, null, ranked_ratios
from topovae.homology.verdicts import Verdicts, decided, dimension_probabilities, judge

Progress = Callable[[str, float], None]

SHARE = 0.85
"""Resamples after the first keep this share of the samples."""

MOST_GEOMETRY = 4000
"""Local geometry and geodesics are read at so many samples at most."""

BARS_SHOWN = 20


def analyze(
    data: Any,
    *,
    seed: int = 0,
    landmarks: int | None = None,
    max_dim: int = 2,
    primes: Sequence[int] = (2, 3),
    alpha: float = 0.01,
    metric: str = "euclidean",
    distance_matrix: bool = False,
    memory: int = 2 * 2**30,
    progress: Progress | None = None,
) -> Analysis:
    """Diagnose which space the data lies on.

    Args:
        data: a Dataset, or an array (n, ...) of samples; with `distance_matrix`, (n, n) distances.
        seed: seed of every random choice.
        landmarks: number of landmarks; chosen by the number of samples when None.
        max_dim: highest degree of homology, 1 or 2.
        primes: fields Z/p.
        alpha: level of the test that a bar is noise.
        metric: `euclidean` or `cosine`.
        distance_matrix: whether the data is a distance matrix.
        memory: bytes that may be used.
        progress: called with the name of each stage and the share of the work that is done before it.

    Raises:
        UsageError: an option has no meaning.
        InputError: the data cannot be used.
        ResourceError: the work would exceed `memory`.
    """
    _check_options(landmarks, max_dim, primes, alpha, memory)
    report = progress or _silent
    report("read", 0.0)
    source = _from_distances if distance_matrix else _from_samples
    return source(data, _Options(seed, landmarks, max_dim, tuple(dict.fromkeys(primes)), alpha, metric, memory, report))


@dataclass(frozen=True)
class _Options:
    seed: int
    landmarks: int | None
    max_dim: int
    primes: tuple[int, ...]
    alpha: float
    metric: str
    memory: int
    report: Progress


@dataclass(frozen=True)
class _Measured:
    """What was measured beside homology."""

    n_samples: int
    n_features: int | None
    dimension: Dimension
    verdicts: Verdicts
    components: int
    covering_radius: float
    skeleton: Skeleton


def _silent(stage: str, share: float) -> None:
    """Report nothing."""


def _check_options(landmarks: int | None, max_dim: int, primes: Sequence[int], alpha: float, memory: int) -> None:
    if not primes:
        raise UsageError("No primes were given; homology needs at least one field, such as 2,3.")
    for prime in primes:
        check_prime(prime)
    if max_dim not in (1, 2):
        raise UsageError(f"The highest degree of homology is {max_dim}; it can be 1 or 2.")
    if not 0 < alpha < 1:
        raise UsageError(f"The level alpha is {alpha}; it must lie between 0 and 1, for example 0.01.")
    if landmarks is not None and landmarks < 20:
        raise UsageError(f"{landmarks} landmarks are too few to see any shape; use at least 20.")
    if memory < 2**26:
        raise ResourceError(f"{memory / 2**20:.0f} MiB of memory are allowed; a diagnosis needs at least 64 MiB.")


def _from_samples(data: Any, options: _Options) -> Analysis:
    """Diagnose samples with features."""
    n_samples, sample_shape = shape_of(data)
    preparation = prepare(sample_shape, options.metric)
    x = read_sample(data, preparation, options.memory, options.seed)
    options.report("denoise", 0.1)
    denoiser = fit_denoiser(x)
    points = denoiser.transform(x)
    del x
    averaged = average(points, 8)
    options.report("dimension", 0.15)
    chosen = _subset(len(points), MOST_GEOMETRY, options.seed)
    # averaging over 9 points leaves a third of the noise
    dimension = intrinsic_dimension(averaged[chosen], denoiser.noise / 3, options.seed)
    verdicts = judge(averaged[chosen], dimension)

    def draw(resample: int, usual: int) -> Landmarks:
        rng = np.random.default_rng((options.seed, resample))
        count = _count(len(points), usual, options.landmarks)
        keep = _resampled(len(points), resample, rng)
        carry = keep[_subset(len(keep), MOST_GEOMETRY, options.seed)]
        return choose_landmarks(
            points[keep],
            averaged[carry],
            count,
            dimension.value,
            frame_size(dimension),
            seed=int(rng.integers(2**31)),
        )

    homology = _compute(draw, dimension, options)
    first = homology.landmarks[1]
    assert first.points is not None  # k-means centres
    coarse = centres(points, _count(len(points), 300, None), options.seed)
    tuned, _ = self_tuned(cdist(coarse, coarse))
    components = count_components(tuned, np.bincount(assign(points, coarse), minlength=len(coarse)))
    measured = _Measured(
        n_samples=n_samples,
        n_features=int(np.prod(sample_shape)),
        dimension=dimension,
        verdicts=verdicts,
        components=components,
        covering_radius=covering_radius(points, first.points),
        skeleton=Skeleton(first, preparation, denoiser, _circles(homology, dimension.value, options)),
    )
    return _conclude(measured, homology, options)


def _from_distances(data: Any, options: _Options) -> Analysis:
    """Diagnose a distance matrix: landmarks are samples, and there are no tangent planes."""
    n, shape = shape_of(data)
    if len(shape) != 1 or shape[0] != n:
        raise InputError(f"A distance matrix must be square; this data has the shape {(n, *shape)}.")
    if n < LEAST_ROWS:
        raise InputError(f"The distance matrix holds {n} samples; a diagnosis needs at least {LEAST_ROWS}.")
    if 24 * n * n > options.memory:
        raise ResourceError(
            f"A distance matrix of {n} samples takes about {24 * n * n / 2**30:.1f} GiB to work on, and "
            f"{options.memory / 2**30:.1f} GiB are allowed. Give the samples, fewer of them, or more memory."
        )
    distances = data if isinstance(data, np.ndarray) else data.load()
    check_distances(distances)
    distances = np.asarray(distances, dtype=np.float64)
    distances = (distances + distances.T) / 2
    options.report("dimension", 0.15)
    dimension = growth_dimension(distances)

    def draw(resample: int, usual: int) -> Landmarks:
        rng = np.random.default_rng((options.seed, resample))
        count = _count(n, usual, options.landmarks)
        keep = _resampled(n, resample, rng)
        index = keep[farthest_points(distances[np.ix_(keep, keep)], count, int(rng.integers(2**31)))]
        tuned, scales = self_tuned(distances[np.ix_(index, index)])
        return Landmarks(tuned, scales, index=index)

    homology = _compute(draw, dimension, options)
    first = homology.landmarks[1]
    owner = distances[:, first.index].argmin(1)
    components = count_components(first.distances, np.bincount(owner, minlength=len(first.distances)))
    measured = _Measured(
        n_samples=n,
        n_features=None,
        dimension=dimension,
        verdicts=Verdicts(),
        components=components,
        covering_radius=float(distances[:, first.index].min(1).max()),
        skeleton=Skeleton(first, None, None, _circles(homology, dimension.value, options)),
    )
    return _conclude(measured, homology, options)


def _subset(n: int, most: int, seed: int) -> np.ndarray:
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def _count(n: int, usual: int, asked: int | None) -> int:
    """Return how many landmarks to take of n samples: a quarter of them where that is not too few."""
    if asked is not None:
        return min(asked, int(SHARE * n))
    return min(usual, max(n // 4, min(int(SHARE * n), 120)))


def _resampled(n: int, resample: int, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of a resample: all for the first, a random share for the others."""
    return np.sort(rng.choice(n, int(SHARE * n), replace=False)) if resample else np.arange(n)


def _compute(draw: Callable[[int, int], Landmarks], dimension: Dimension, options: _Options) -> Homology:
    """Compute the homology that data of this dimension calls for, within the options."""
    homology = compute_homology(
        draw,
        dimension.value,
        primes=options.primes,
        max_dim=options.max_dim,
        memory=options.memory,
        report=lambda stage, share: options.report(stage, 0.25 + 0.7 * share),
    )
    options.report("recommend", 0.95)
    return homology


def _circles(homology: Homology, dimension: int, options: _Options) -> int:
    """Return how many integral classes of degree 1 there are: those over an odd prime."""
    odd = next((prime for prime in options.primes if prime > 2), None)
    if odd is None:
        ratios = ranked_ratios(persistence(homology.landmarks[1].distances, 3, 1, LONGEST_EDGE).bars[1])
    else:
        ratios = homology.ratios(odd, 1)
    return betti_number(ratios, null(1, dimension), options.alpha)


def _conclude(measured: _Measured, homology: Homology, options: _Options) -> Analysis:
    """Weigh the findings and put the result together."""
    dimension, verdicts = measured.dimension, measured.verdicts
    betti: dict[int, tuple[int, ...]] = {}
    spread: dict[tuple[int, int], np.ndarray] = {}
    for prime, degree in sorted(homology.diagrams, key=lambda key: key[1]):
        law = null(degree, dimension.value)
        ratios = homology.ratios(prime, degree)
        betti[prime] = (*betti.get(prime, (measured.components,)), betti_number(ratios, law, options.alpha))
        spread[prime, degree] = betti_distribution(ratios, law, options.alpha)
    findings = Findings(
        measured.components,
        dimension_probabilities(dimension),
        spread,
        verdicts.closed,
        verdicts.orientable,
        verdicts.manifold,
    )
    candidates, recommendation = recommend(findings)
    return Analysis(
        n_samples=measured.n_samples,
        n_features=measured.n_features,
        landmarks=len(measured.skeleton.landmarks.distances),
        covering_radius=measured.covering_radius,
        components=measured.components,
        intrinsic_dimension=dimension,
        betti=betti,
        bars=_bars(homology, betti),
        orientable=decided(verdicts.orientable),
        boundary=decided(None if verdicts.closed is None else 1 - verdicts.closed),
        candidates=candidates,
        recommendation=recommendation,
        skeleton=measured.skeleton,
    )


def _bars(homology: Homology, betti: Mapping[int, tuple[int, ...]]) -> tuple[Bar, ...]:
    """List the bars of the first resample, longest first; the first betti of them are significant."""
    bars = [Bar(prime, 0, 0.0, float("inf"), None, True) for prime in betti for _ in range(betti[prime][0])]
    for (prime, degree), diagrams in homology.diagrams.items():
        pairs = diagrams[0].bars[degree]
        p_values = universal_p_values(pairs)
        order = np.argsort(-pairs[:, 1] / np.maximum(pairs[:, 0], 1e-12), kind="stable")[:BARS_SHOWN]
        bars += [
            Bar(
                prime,
                degree,
                float(pairs[i, 0]),
                float(pairs[i, 1]),
                float(p_values[i]),
                rank < betti[prime][degree],
            )
            for rank, i in enumerate(order)
        ]
    return tuple(bars)


def coordinates(data: Any, analysis: Analysis, seed: int = 0) -> dict[str, np.ndarray]:
    """Compute coordinates of all samples on the space that was found.

    Args:
        data: the Dataset or array (n, ...) that was analysed, or other samples of the same kind.
        analysis: its diagnosis.
        seed: unused as yet: nothing here is random.

    Returns:
        `circle`: angles (n, k) in radians, one column for each independent circle, k ≥ 0.
    """
    skeleton = analysis.skeleton
    angles = landmark_angles(skeleton.landmarks, skeleton.circles)
    n, _ = shape_of(data)
    circle = np.zeros((n, angles.shape[1]))
    if angles.shape[1]:
        for rows, block in blocks(data):
            circle[rows] = circular_coordinates(skeleton.place(block), skeleton.landmarks, angles)
    return {"circle": circle}
