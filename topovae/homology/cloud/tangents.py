"""Local geometry of a point cloud: tangent frames, dimension, boundary, orientability.

All functions take points that have been denoised (`denoise`, `neighbours.average`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags, identity
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh

from topovae.homology.calibration import regime, tuned
from topovae.homology.cloud.neighbours import nearest
from topovae.store.documents import Document

SCALES = (8, 12, 18, 27, 40, 60, 90, 140, 200)
"""Neighbourhood sizes at which local spectra are read: a grid, not tuned."""

LEAST_SCALE, SCALE_PART = int(tuned("least_scale")), int(tuned("scale_part"))
FINE, FINE_FACTOR, FINE_SPREAD = int(tuned("fine_scale")), tuned("fine_factor"), tuned("fine_spread")
LARGEST_DIMENSION = int(tuned("largest_dimension"))
CLEAR_GAP, UNCLEAR_GAP = tuned("clear_gap"), tuned("unclear_gap")
WIDE_GAP, FAINT_GAP = tuned("wide_gap"), tuned("faint_gap")
CROSSED_RATIO, CROSSED_MEDIANS = tuned("crossed_ratio"), tuned("crossed_medians")
CURVATURE_FLOOR, THIN_RATIO = tuned("curvature_floor"), tuned("thin_ratio")
STEADY_REACH, STEADY_PART = int(tuned("steady_reach")), int(tuned("steady_part"))
MOST_FRAME = int(tuned("most_frame"))
BOUNDARY_NEIGHBOURS, CONE = int(tuned("boundary_neighbours")), tuned("cone")
TANGENT_COSINE, SHORT_EDGES = tuned("tangent_cosine"), int(tuned("short_edges"))
FRAME_NEIGHBOURS, WHOLE = int(tuned("frame_neighbours")), tuned("frame_whole")
GROWTH_PART, NEAR_PART = int(tuned("growth_part")), int(tuned("near_part"))
GROWTH_LEAST, GROWTH_MOST = int(tuned("growth_least")), int(tuned("growth_most"))

OVERLAPS = (0.5, 0.3, 0.1, 0.0)
"""Least overlaps, determinants, of frames that are compared, tried in turn until the graph is whole: a grid, not tuned."""

PLACES, RESAMPLES, BLOBS = 400, 50, 200
"""Points at which spectra are read, resamples of the estimate, isotropic neighbourhoods: limits on cost, not tuned."""


@dataclass(frozen=True)
class Dimension(Document):
    """The intrinsic dimension: an integer, a continuous estimate with its interval, and where it was read.

    Attributes:
        value: the integer, read from the gap of the spectra.
        estimate: mean participation ratio of the local spectra, which noise raises.
        interval: its range over neighbourhood sizes and bootstrap resamples, 95 %, widened to hold the value.
        scale: number of neighbours at which the dimension shows.
        gap: ratio of the mean local eigenvalues number `value` and `value` + 1.
        thin: share of the points whose neighbourhood is a curve though `value` is larger.
        crossed: share of the points whose neighbourhood extends in one direction more than `value`.
        steady: share of the neighbourhood sizes, from `scale` to four times it, that show the same dimension.
        believed: whether the value is not above what the estimate allows.
    """

    keys: ClassVar = ("value", "estimate", "interval")

    value: int
    estimate: float
    interval: tuple[float, float]
    scale: int
    gap: float
    thin: float
    crossed: float = 0.0
    steady: float = 1.0
    believed: bool = True

    @classmethod
    def read(cls, value: int, estimate: float, low: float, high: float, **others: Any) -> Dimension:
        """Return a dimension that is believed unless the value lies above the interval of the estimate by more than rounding.

        Noise and curvature raise an estimate, so that one above the value is no surprise; nothing of theirs lowers it.
        """
        interval = (float(min(low, value)), float(max(high, value)))
        return cls(value, estimate, interval, believed=value < high + 0.5, **others)


def local_spectra(patches: np.ndarray) -> np.ndarray:
    """Return the covariance's eigenvalues (r, s), largest first, of patches (r, k, p) of points."""
    return np.maximum(np.linalg.eigvalsh(_products(_centred(patches)))[:, ::-1] / patches.shape[1], 0.0)


def tangent_frames(points: np.ndarray, dimension: int, k: int) -> np.ndarray:
    """Return orthonormal tangent frames (n, dimension, p) from the k nearest neighbours of each point."""
    _, index = nearest(points, k)
    return principal_frames(points[np.column_stack([np.arange(len(points)), index])], dimension)


def principal_frames(patches: np.ndarray, dimension: int) -> np.ndarray:
    """Return the first principal directions (r, dimension, p), orthonormal, of patches (r, k, p); at most k and p of them."""
    centred = _centred(patches)
    _, vectors = np.linalg.eigh(_products(centred))
    axes = np.swapaxes(vectors[:, :, ::-1][:, :, :dimension], 1, 2)
    if patches.shape[2] <= patches.shape[1]:
        return axes
    return np.swapaxes(np.linalg.qr(np.swapaxes(axes @ centred, 1, 2))[0], 1, 2)


def _centred(patches: np.ndarray) -> np.ndarray:
    return patches - patches.mean(1, keepdims=True)


def _products(centred: np.ndarray) -> np.ndarray:
    """Inner products (r, s, s) of the columns of patches (r, k, p), or of their rows where these are fewer."""
    other = np.swapaxes(centred, 1, 2)
    return other @ centred if centred.shape[2] <= centred.shape[1] else centred @ other


def intrinsic_dimension(points: np.ndarray, noise: float, seed: int) -> Dimension:
    """Read the dimension from the gap in the mean local spectrum, at the smallest scale where it is clear.

    Args:
        points: (n, p) denoised points.
        noise: standard deviation of the noise left in each coordinate.
        seed: chooses the 400 points at which spectra are read.
    """
    rng = np.random.default_rng(seed)
    sample = rng.choice(len(points), min(PLACES, len(points)), replace=False)
    scales = [k for k in SCALES if k <= max(len(points) // SCALE_PART, LEAST_SCALE)]
    _, index = nearest(points, max(scales), points[sample])
    spectra = {k: local_spectra(points[index[:, :k]]) for k in scales}
    full = points.shape[1]
    gaps = {k: _gaps(values.mean(0), noise, full) for k, values in spectra.items()}
    scale, value = _first_clear(gaps, full)
    # spectra of few neighbours scatter too much, and hold too much noise, for the finer readings
    wide = min((k for k in scales if k >= max(FINE_FACTOR * scale, FINE)), default=scales[-1])
    estimates = {k: _participation(spectra[k], noise, k) for k in scales if wide / FINE_SPREAD < k < FINE_SPREAD * wide}
    low, high = np.quantile([_resampled_means(values, RESAMPLES, rng) for values in estimates.values()], [0.025, 0.975])
    thin = float((spectra[wide][:, 1] < THIN_RATIO * spectra[wide][:, 0]).mean()) if value > 1 and wide >= FINE else 0.0
    estimate = float(estimates[wide].mean())
    found = {"estimate": estimate, "low": float(low), "high": float(high), "scale": scale, "thin": thin}
    if value > LARGEST_DIMENSION:  # a spectrum without a gap in many coordinates: only the estimate is left
        return Dimension.read(max(1, round(estimate)), gap=1.0, **found)
    if value == full:
        return Dimension.read(value, gap=np.inf, **found)
    asked = [k for k in scales if scale <= k <= max(scale, min(STEADY_REACH * scale, len(points) // STEADY_PART))]
    steady = float(np.mean([_dimension_shown(gaps[k]) == value for k in asked]))
    crossed = _crossed(spectra[wide], value) if value > 1 and wide >= FINE else 0.0
    return Dimension.read(value, gap=float(gaps[scale][value - 1]), crossed=crossed, steady=steady, **found)


def _crossed(spectra: np.ndarray, dimension: int) -> float:
    """Return the share of local spectra (r, s) with a wide direction beyond a dimension, where most have none.

    Noise and curvature widen all neighbourhoods about alike; where sheets cross or meet, a few are wider by far.
    """
    beyond = spectra[:, dimension] / np.maximum(spectra[:, dimension - 1], 1e-300)
    return float((beyond > max(CROSSED_RATIO, CROSSED_MEDIANS * np.median(beyond))).mean())


def _resampled_means(values: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return means of `count` bootstrap resamples of values (n,)."""
    return values[rng.integers(len(values), size=(count, len(values)))].mean(1)


def _gaps(mean: np.ndarray, noise: float, full: int) -> np.ndarray:
    """Return the ratios λ_d / λ_(d+1), d = 1, 2, …; a gap after the last coordinate says nothing."""
    count = min(LARGEST_DIMENSION, full - 1)
    raised = np.pad(mean, (0, max(0, count + 1 - len(mean)))) + noise**2 + CURVATURE_FLOOR * mean[0]
    return raised[:count] / raised[1 : count + 1]


def _first_clear(gaps: dict[int, np.ndarray], full: int) -> tuple[int, int]:
    """Return scale and dimension of the first clear gap; else of the widest, or of the whole space."""
    scales = [k for k in gaps if k >= LEAST_SCALE] or list(gaps)
    if full == 1:
        return scales[0], 1
    for k in scales:
        if gaps[k].max() >= CLEAR_GAP:
            return k, _dimension_shown(gaps[k])
    excess = {k: gaps[k] / _isotropic_gaps(k, full) for k in scales}
    widest = max(scales, key=lambda k: excess[k].max())
    if excess[widest].max() < FAINT_GAP:
        return scales[0], full
    return widest, int(excess[widest].argmax()) + 1


def _dimension_shown(gaps: np.ndarray) -> int:
    """Return the first dimension with a wide gap, else that of the widest.

    A neighbourhood that bends shows wider gaps after the first: the coordinates in which it bends come next.
    """
    wide = np.flatnonzero(gaps >= WIDE_GAP)
    return int(wide[0] if len(wide) else gaps.argmax()) + 1


def _isotropic_gaps(k: int, full: int) -> np.ndarray:
    """Return the gaps that k neighbours show by chance where no direction is preferred."""
    noise = np.random.default_rng(0).normal(size=(BLOBS, k, full))
    return _gaps(local_spectra(noise).mean(0), 0.0, full)


def _participation(values: np.ndarray, noise: float, k: int) -> np.ndarray:
    """Return the participation ratio of each spectrum, less the noise and the spread of k samples.

    For k isotropic Gaussian samples in dimension d, (Σλ)²/Σλ² is about (dk + 2)/(d + k + 1).
    """
    signal = np.maximum(values - noise**2, 1e-100)
    signal = signal / signal.max(1, keepdims=True)  # squares of the data's own unit may overflow
    ratio = signal.sum(1) ** 2 / (signal**2).sum(1)
    return (ratio * (k + 1) - 2) / np.maximum(k - ratio, 1.0)


def frame_size(dimension: Dimension) -> int:
    """Return how many neighbours tangent frames of that dimension want."""
    return int(np.clip(dimension.scale, regime(dimension.value).frame, MOST_FRAME))


def boundary_share(points: np.ndarray, dimension: int, k: int = BOUNDARY_NEIGHBOURS, cone: float = CONE) -> float:
    """Return the share of points with no neighbour opposite the mean direction to their neighbours.

    Args:
        points: (n, p) points flattened onto their tangent planes.
        dimension: intrinsic dimension, at least 2 (in dimension 1 the share says nothing).
        k: number of neighbours.
        cone: cosine that a neighbour on the other side must stay below.
    """
    frames = tangent_frames(points, dimension, k)
    _, index = nearest(points, k)
    steps = np.einsum("nij,nkj->nki", frames, points[index] - points[:, None])
    units = steps / np.maximum(np.linalg.norm(steps, axis=2, keepdims=True), 1e-300)
    mean = units.mean(1)
    direction = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-300)
    cosines = np.einsum("nki,ni->nk", units, direction)
    return float((cosines >= cone).all(1).mean())


def neighbour_graph(points: np.ndarray, k: int) -> csr_matrix:
    """Return the symmetric graph (n, n) of edge lengths to the k nearest neighbours of points (n, p)."""
    return joined(*nearest(points, k))


def joined(lengths: np.ndarray, index: np.ndarray) -> csr_matrix:
    """Return the symmetric graph (n, n) of edge lengths to neighbours, whose distances and rows (n, k) are known."""
    n, k = index.shape
    graph = coo_matrix((lengths.ravel() + 1e-12, (np.repeat(np.arange(n), k), index.ravel())), shape=(n, n)).tocsr()
    return graph.maximum(graph.T)


def tangent_graph(points: np.ndarray, frames: np.ndarray, k: int, least_cosine: float = TANGENT_COSINE) -> csr_matrix:
    """Return the graph of k nearest neighbours without the edges that leave the tangent planes.

    Args:
        points: (n, p) points.
        frames: (n, d, p) orthonormal tangent frames.
        k: number of neighbours.
        least_cosine: least cosine between an edge and the planes at its ends. The three shortest edges of a
            point stay when one of the two planes holds them.

    Returns:
        Symmetric sparse matrix (n, n) of edge lengths.
    """
    lengths, index = nearest(points, k)
    n, k = index.shape
    row, column, length = np.repeat(np.arange(n), k), index.ravel(), lengths.ravel() + 1e-12
    unit = (points[column] - points[row]) / length[:, None]
    here, there = _cosines(frames, row, unit), _cosines(frames, column, unit)
    short = np.tile(np.arange(k) < SHORT_EDGES, n)
    keep = (np.minimum(here, there) > least_cosine) | short & (np.maximum(here, there) > least_cosine)
    graph = coo_matrix((length[keep], (row[keep], column[keep])), shape=(n, n)).tocsr()
    return graph.maximum(graph.T)


def _cosines(frames: np.ndarray, owner: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Return the cosines (e,) between unit vectors (e, p) and the tangent planes of their owners (e,)."""
    step = max(1, 2**24 // (frames.shape[1] * frames.shape[2]))
    parts = [
        np.linalg.norm(np.einsum("eij,ej->ei", frames[owner[i : i + step]], unit[i : i + step]), axis=1)
        for i in range(0, len(owner), step)
    ]
    return np.concatenate(parts)


@dataclass(frozen=True)
class FrameGraph:
    """Neighbouring points, and whether their tangent frames are oriented alike.

    Attributes:
        points: (n, p) points, in the largest part of the graph that holds together.
        ends: (e, 2) neighbours.
        signs: (e,) sign of the determinant that carries one frame to the other.
        gap: lowest eigenvalue but one of the plain Laplacian.
    """

    points: np.ndarray
    ends: np.ndarray
    signs: np.ndarray
    gap: float

    def ratio(self, flips: np.ndarray | None = None) -> float:
        """Return λ₀ of the Laplacian twisted by the signs, over λ₁ of the plain one.

        Near 0 where frames can be oriented alike all over, but for the flips; large where they cannot.

        Args:
            flips: (e,) edges across which orientation is taken to change; none by default.

        References:
            Singer and Wu (2011), Orientability and diffusion maps, section 3.
        """
        signs = self.signs if flips is None else np.where(flips, -self.signs, self.signs)
        return max(float(_lowest(self._normalised(signs), 1)[0]), 0.0) / self.gap

    def _normalised(self, values: np.ndarray) -> csr_matrix:
        return _normalised(values, self.ends, len(self.points))


def frame_graph(points: np.ndarray, dimension: int, k_frame: int, k: int = FRAME_NEIGHBOURS) -> FrameGraph | None:
    """Return the graph of tangent frames; None where the planes of neighbours agree too little.

    Args:
        points: (n, p) points flattened onto their tangent planes.
        dimension: intrinsic dimension.
        k_frame: neighbours for the frames.
        k: neighbours for the graph.
    """
    frames = tangent_frames(points, dimension, k_frame)
    edges = tangent_graph(points, frames, k).tocoo()
    ends = np.column_stack([edges.row, edges.col])[edges.row < edges.col]
    overlap = np.linalg.det(np.einsum("eij,ekj->eik", frames[ends[:, 0]], frames[ends[:, 1]]))
    for least in OVERLAPS:
        keep = np.abs(overlap) > least
        plain = _symmetric(np.ones(int(keep.sum())), ends[keep], len(points))
        _, labels = connected_components(plain, directed=False)
        largest = labels == np.bincount(labels).argmax()
        if largest.mean() > WHOLE:
            break
    else:
        return None
    keep &= largest[ends[:, 0]] & largest[ends[:, 1]]
    place = np.cumsum(largest) - 1
    inside, signs = place[ends[keep]], np.sign(overlap[keep])
    gap = _lowest(_normalised(np.ones(len(inside)), inside, int(largest.sum())), 2)[1]
    return FrameGraph(points[largest], inside, signs, max(float(gap), 1e-9))


def _normalised(values: np.ndarray, ends: np.ndarray, n: int) -> csr_matrix:
    """Return the symmetric matrix of edge values, divided by the roots of the degrees at both ends."""
    root = diags(1 / np.sqrt(np.bincount(ends.ravel(), minlength=n)))
    return root @ _symmetric(values, ends, n) @ root


def _symmetric(values: np.ndarray, ends: np.ndarray, n: int) -> csr_matrix:
    """Return the symmetric matrix (n, n) of values (e,) on edges (e, 2)."""
    half = coo_matrix((values, (ends[:, 0], ends[:, 1])), shape=(n, n)).tocsr()
    return half + half.T


def _lowest(adjacency: csr_matrix, count: int) -> np.ndarray:
    """Return the lowest eigenvalues of I − adjacency, ascending."""
    n = adjacency.shape[0]
    start = np.random.default_rng(0).normal(size=n)
    laplacian = (identity(n) - adjacency).tocsc()
    return np.sort(eigsh(laplacian, k=count + 1, sigma=-1e-3, which="LM", v0=start, return_eigenvectors=False))[:count]


def growth_dimension(distances: np.ndarray) -> Dimension:
    """Estimate the dimension from distances alone: the growth of neighbour counts with the radius.

    Args:
        distances: (n, n) distance matrix, n at least 40.

    References:
        Levina and Bickel (2004), Maximum likelihood estimation of intrinsic dimension, section 3.
    """
    far = int(np.clip(len(distances) // GROWTH_PART, GROWTH_LEAST, GROWTH_MOST))
    near = far // NEAR_PART
    ordered = np.sort(distances, axis=1)
    proper = ordered[:, near] > 0
    growth = np.log(ordered[proper, far] / ordered[proper, near])
    # balls of `far` neighbours overlap, so that only n/far of them count as independent
    error = 2 * growth.std() / np.sqrt(max(len(growth) / far, 1.0))
    count, mean = np.log(far / near), max(float(growth.mean()), 1e-3)
    low, high = count / (mean + error), count / max(mean - error, 1e-3)
    estimate = count / mean
    value = max(1, round(estimate))
    gap = CLEAR_GAP if value - 0.5 < low and high < value + 0.5 else UNCLEAR_GAP
    return Dimension.read(value, float(estimate), float(low), float(high), scale=far, gap=gap, thin=0.0)
