"""Orbits: the homology within groups of samples, and the dimension across orbits.

Homology of the pooled samples does not show the circle in rotated images of many things. Where the data say which samples
belong together, that of each group does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from topovae.homology.calibration import tuned
from topovae.homology.cloud.landmarks import self_tuned
from topovae.homology.cloud.tangents import growth_dimension
from topovae.homology.complexes.rips import persistence
from topovae.homology.features.symmetry import (
    BLUR,
    COARSE_BLUR,
    USUAL_SIDE,
    Symmetry,
    central_square,
    closed_under,
    disc_features,
    low_pass,
    reduce_size,
    rotate_each,
)
from topovae.store.documents import Document

Array = np.ndarray

LEAST_SAMPLES = tuned("group_samples")

MOST_GROUPS, MOST_SAMPLES = 48, 100
LEAST_GROUPS, SAMPLES_IN_ALL = 16, 1600
TORUS_GROUPS, TORUS_SAMPLES = 6, 220
"""So many groups, and samples of each, are looked at for one class (fewer than 48 where they are large), and for two."""

BLURS = tuple(pixels / USUAL_SIDE for pixels in range(int(tuned("group_blur")) + 1))
TORUS_BLURS = BLURS[int(tuned("group_torus_blur")) :]
"""Standard deviations of the low-pass filters tried on images, in sides."""

VOID_REACH = 1.3
"""Bars of degree 2 are followed up to this multiple of the death of the second bar of degree 1, for cost."""

CIRCLE_RATIO = (np.log(tuned("group_circle_ratio")), tuned("group_circle_ratio_width"))
CIRCLE_GAP = (tuned("group_circle_gap"), tuned("group_circle_gap_width"))
CIRCLE_LEAD = (tuned("group_circle_lead"), tuned("group_circle_lead_width"))
TORUS_RATIO = (np.log(tuned("group_torus_ratio")), tuned("group_torus_ratio_width"))
TORUS_GAP = (tuned("group_torus_gap"), tuned("group_torus_gap_width"))
TORUS_VOID = (np.log(tuned("group_torus_void")), tuned("group_torus_void_width"))
"""Even points and widths, both of log(death/birth)."""

TORUS_NEAR, TORUS_HOPE = tuned("group_torus_near"), tuned("group_torus_hope")

DEFAULT_STYLE = int(tuned("style_usual"))
LEAST_ORBITS = tuned("style_orbits")
STYLE_SAMPLES, STYLE_ANGLES = 120, 48
SAME_ORBIT = tuned("same_orbit")


@dataclass(frozen=True)
class OrbitFinding(Document):
    """The homology of the groups.

    Attributes:
        kind: `circle`, `torus` or `none`: what the greater part of the groups are.
        probability: that the greater part of the groups are of this kind; for `none`, that they are neither.
        groups: how many groups were looked at.
        samples: median number of samples read of each.
        votes: expected number of groups of the kind.
        ratios: median death/birth of the three longest bars of degree 1.
        blur: standard deviation of the low-pass filter chosen, in sides of the image; 0 for other data.
    """

    keys: ClassVar = ("kind", "latent", "probability", "groups", "samples", "votes", "ratios", "blur")

    kind: str
    probability: float
    groups: int
    samples: int
    votes: float
    ratios: tuple[float, ...]
    blur: float

    @property
    def latent(self) -> str | None:
        """The space of one orbit."""
        return {"circle": "S1", "torus": "S1xS1"}.get(self.kind)


@dataclass(frozen=True)
class Style(Document):
    """What the orbits differ by.

    Attributes:
        dimension: number of coordinates across orbits; 0 for a single orbit.
        orbits: how many orbits were seen.
        measured: False where the orbits are too few and the dimension is the usual one.
    """

    dimension: int
    orbits: int
    measured: bool


# ---------------------------------------------------------------- homology within groups


def within_groups(rows: Array, group: Array, seed: int = 0) -> OrbitFinding | None:
    """Find out whether the groups are circles or tori.

    Images are low-pass filtered, at the width where the classes stand out most. A group counts as a circle if one bar of degree
    1 stands out, over Z/2 and Z/3; as a torus if two do and there is one of degree 2, over Z/3.

    Args:
        rows: (n, d) points, or images (n, h, w) or (n, h, w, c).
        group: (n,) label of each sample.
        seed: of the choice of groups and samples.

    Returns:
        None where fewer than two groups have 24 samples.
    """
    labels, sizes = np.unique(group, return_counts=True)
    labels, sizes = labels[sizes >= LEAST_SAMPLES], sizes[sizes >= LEAST_SAMPLES]
    if len(labels) < 2:
        return None
    rng = np.random.default_rng(seed)
    count = int(np.clip(SAMPLES_IN_ALL // min(MOST_SAMPLES, int(np.median(sizes))), LEAST_GROUPS, MOST_GROUPS))
    chosen = rng.permutation(labels)[:count]
    members = [rng.permutation(np.flatnonzero(group == label)) for label in chosen]
    parts = [_points(rows[np.sort(index[:TORUS_SAMPLES])]) for index in members]
    circle = _circles([_thin(part, MOST_SAMPLES) for part in parts])
    if circle.kind == "circle" or circle.ratios[1] < np.exp(TORUS_RATIO[0]) / TORUS_NEAR:
        return circle
    torus = _tori(parts[:TORUS_GROUPS])
    return torus if torus.kind == "torus" else circle


def _points(rows: Array) -> Array:
    return reduce_size(rows) if rows.ndim > 2 else rows.astype(np.float64)


def _thin(part: Array, most: int) -> Array:
    return part if len(part) <= most else part[np.linspace(0, len(part) - 1, most).astype(int)]


def _distances(part: Array, blur: float, mode: str = "nearest") -> Array:
    points = low_pass(part, blur, mode) if blur else part
    flat = points.reshape(len(points), -1)
    distances = cdist(flat, flat)
    return (distances + distances.T) / 2


def _tuned(distances: Array) -> Array:
    return self_tuned(distances)[0] if distances.any() else distances


def _longest(distances: Array, prime: int, degree: int = 1, cap: float = np.inf) -> tuple[Array, Array]:
    """Log(death/birth) and death of the three bars of a degree that are longest so, 0 where there are fewer, (3,) each."""
    if not distances.any():
        return np.zeros(3), np.zeros(3)
    bars = persistence(distances, prime, degree, cap).bars[degree]
    bars = bars[(bars[:, 0] > 0) & (bars[:, 1] > bars[:, 0])]
    ratios = np.log(bars[:, 1] / bars[:, 0])
    order = np.argsort(-ratios, kind="stable")[:3]
    missing = (0, 3 - len(order))
    return np.pad(ratios[order], missing), np.pad(bars[order, 1], missing)


def _evidence(*terms: tuple[float, tuple[float, float]]) -> float:
    """Probability by the weakest of some values, each with its even point and width."""
    odds = min((value - even) / width for value, (even, width) in terms)
    return float(1 / (1 + np.exp(-np.clip(odds, -50, 50))))


def _circles(parts: Sequence[Array]) -> OrbitFinding:
    """Judge whether groups are circles, at the blur where one class stands out in most of them."""

    def ratios(blur: float, prime: int) -> Array:
        return np.array([_longest(_tuned(_distances(part, blur)), prime)[0] for part in parts])

    tried = {blur: ratios(blur, 2) for blur in (BLURS if parts[0].ndim > 2 else (0.0,))}
    blur = max(tried, key=lambda b: sum(map(_circle_evidence, tried[b])))
    over = zip(tried[blur], ratios(blur, 3), strict=True)
    votes = [min(_circle_evidence(r) for r in both) for both in over]
    return _pool("circle", votes, parts, np.median(tried[blur], axis=0), blur)


def _circle_evidence(r: Array) -> float:
    """Probability that one bar stands out, from the log ratios of the three longest: further than the second from the third."""
    return _evidence((r[0], CIRCLE_RATIO), (r[0] - r[1], CIRCLE_GAP), (r[0] - 2 * r[1] + r[2], CIRCLE_LEAD))


def _tori(parts: Sequence[Array]) -> OrbitFinding:
    """Judge whether groups are tori, at the blur where two classes stand out most; images are taken as periodic."""
    blurs = TORUS_BLURS if parts[0].ndim > 2 else (0.0,)
    tried = {blur: [_longest(_distances(part, blur, "wrap"), 3) for part in parts] for blur in blurs}
    blur = max(tried, key=lambda b: float(np.median([r[1] - r[2] for r, _ in tried[b]])))
    votes = []
    for part, (r, deaths) in zip(parts, tried[blur], strict=True):
        terms = [(r[1], TORUS_RATIO), (r[1] - r[2], TORUS_GAP)]
        if _evidence(*terms) > TORUS_HOPE:
            cap = VOID_REACH * float(deaths[1])
            terms.append((_longest(_distances(part, blur, "wrap"), 3, 2, cap)[0][0], TORUS_VOID))
        votes.append(_evidence(*terms))
    return _pool("torus", votes, parts, np.median([r for r, _ in tried[blur]], axis=0), blur)


def _pool(kind: str, votes: Sequence[float], parts: Sequence[Array], ratios: Array, blur: float) -> OrbitFinding:
    """Weigh the groups' votes: is the share of groups of this kind above one half, from a uniform prior?"""
    from scipy.stats import beta

    count, total = float(np.sum(votes)), len(votes)
    probability = float(beta.sf(0.5, 1 + count, 1 + total - count))
    kind, probability = (kind, probability) if probability > 0.5 else ("none", 1 - probability)
    samples = int(np.median([len(part) for part in parts]))
    medians = tuple(float(r) for r in np.exp(ratios))
    return OrbitFinding(kind, probability, total, samples, count, medians, blur)


# ---------------------------------------------------------------- the dimension across orbits


def measure_style(
    rows: Array,
    group: Array | None = None,
    symmetries: Collection[Symmetry] = (),
    seed: int = 0,
    most: int = DEFAULT_STYLE,
) -> Style:
    """Measure the dimension of the space of orbits, by the growth of their neighbourhoods.

    Args:
        rows: (n, d) points, or images (n, h, w) or (n, h, w, c).
        group: (n,) orbit of each sample, or None.
        symmetries: what the images are closed under, where there are no groups.
        seed: of the samples read.
        most: largest dimension returned, and the one that is supposed where there are fewer than 40 orbits.
    """
    distances, usual = _between_groups(rows, group, seed) if group is not None else _modulo(rows, symmetries, seed)
    same = distances < SAME_ORBIT * usual if group is None else np.eye(len(distances), dtype=bool)
    orbits, label = connected_components(same, directed=False)
    if orbits == 1:
        return Style(0, 1, True)
    if orbits < LEAST_ORBITS:
        return Style(most, int(orbits), False)
    first = np.unique(label, return_index=True)[1]
    value = growth_dimension(distances[np.ix_(first, first)]).value
    return Style(int(np.clip(value, 1, most)), int(orbits), True)


def _between_groups(rows: Array, group: Array, seed: int) -> tuple[Array, float]:
    """Distances between groups, the nearest samples counting, and the usual distance."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.unique(group))[:100]
    each = max(2, 2400 // len(labels))
    index = [rng.permutation(np.flatnonzero(group == label))[:each] for label in labels]
    points = _points(rows[np.concatenate(index)])
    flat = (low_pass(points, BLUR) if points.ndim > 2 else points).reshape(len(points), -1)
    starts = np.cumsum([0, *(len(i) for i in index[:-1])])
    squares = (flat**2).sum(1)
    all_pairs = np.sqrt(np.maximum(squares[:, None] + squares - 2 * flat @ flat.T, 0.0))
    nearest = np.minimum.reduceat(np.minimum.reduceat(all_pairs, starts, axis=0), starts, axis=1)
    np.fill_diagonal(nearest, 0.0)
    return nearest, float(np.median(all_pairs))


def _modulo(rows: Array, symmetries: Collection[Symmetry], seed: int) -> tuple[Array, float]:
    """Distances between samples after the best alignment by the symmetries, and the usual distance."""
    some = reduce_size(rows[np.random.default_rng(seed).permutation(len(rows))[:STYLE_SAMPLES]])
    names = closed_under(tuple(symmetries))
    aligned = _align_shifts if any(name.startswith("shift") for name in names) else _align_rotations
    return aligned(some, names)


def _align_rotations(images: Array, names: tuple[str, ...]) -> tuple[Array, float]:
    square = central_square(images)
    known = disc_features(square)
    best = cdist(known, known)
    usual = float(np.median(best))
    if "rotation" in names:
        for angle in 360 / STYLE_ANGLES * np.arange(1, STYLE_ANGLES):
            best = np.minimum(best, cdist(disc_features(rotate_each(square, np.full(len(square), angle))), known))
    return _symmetric(best), usual


def _align_shifts(images: Array, names: tuple[str, ...]) -> tuple[Array, float]:
    """Align by the maximum of the cyclic cross-correlation over the shifts that the set is closed under."""
    smoothed = low_pass(images, COARSE_BLUR, "wrap")
    flat = smoothed.reshape(len(images), -1)
    usual = float(np.median(cdist(flat, flat)))
    spectra = np.fft.fft2(smoothed, axes=(1, 2))
    squares = (flat**2).sum(1)
    best = np.zeros((len(images), len(images)))
    for i, spectrum in enumerate(spectra):
        product = spectra * spectrum.conj()
        correlation = np.fft.ifft2(product.reshape(*product.shape[:3], -1).sum(-1), axes=(1, 2)).real
        if "shift-columns" not in names:
            correlation = correlation[:, :1]
        if "shift-rows" not in names:
            correlation = correlation[:, :, :1]
        best[i] = np.sqrt(np.maximum(squares + squares[i] - 2 * correlation.max((1, 2)), 0.0))
    return _symmetric(best), usual


def _symmetric(distances: Array) -> Array:
    distances = np.minimum(distances, distances.T)
    np.fill_diagonal(distances, 0.0)
    return distances


# ---------------------------------------------------------------- the latent space


def latent_of(found: OrbitFinding | Collection[Symmetry], k: int) -> str | None:
    """Return the latent space of orbits with k coordinates across them, or None where no circle was found.

    Examples:
        >>> latent_of(OrbitFinding("circle", 0.99, 12, 180, 12.0, (4.0, 1.2, 1.1), 0.1), 2)
        'S1xR2'
    """
    if isinstance(found, OrbitFinding):
        circles = {"circle": 1, "torus": 2}.get(found.kind, 0)
    else:
        names = closed_under(tuple(found))
        # images closed under shifts and rotation are orbits of neither alone; the shifts are the larger part
        circles = sum(name.startswith("shift") for name in names) or len(names)
    if not circles:
        return None
    across = [] if k == 0 else ["R" if k == 1 else f"R{k}"]
    return "x".join(["S1"] * circles + across)
