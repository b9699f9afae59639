"""Cones over curves: samples of which an amplitude fades, as a population's does between bursts, and a direction is left."""

from __future__ import annotations

import numpy as np

from topovae.homology.calibration import tuned
from topovae.homology.cloud.neighbours import nearest
from topovae.homology.cloud.planes import onto_planes

SHARE = tuned("cone_plane_share")
STRAIGHT = tuned("cone_straight")
INNER, TURNED = tuned("cone_inner"), tuned("cone_turned")
LEAST_AMPLITUDE = tuned("cone_least_amplitude")

FLATTENS = 0.5
"""Half way between the exponents of a cone, 0, and of a smooth surface, 1: not tuned."""


def directions_of_cone(points: np.ndarray) -> np.ndarray | None:
    """Return the unit vectors (r, p) from the apex of a cone to its samples, or None where they do not lie on a bent one.

    A cone is ruled by rays from its apex, so every tangent plane holds it: the apex is the point nearest to all of them, by
    least squares. A flat disc is a cone about each of its points, and its planes do not turn; a shallow bowl nearly is one
    about a point beside it, but near its apex a cone is bent as much as it is as a whole, and a bowl is flat. Samples near
    the apex, whose direction is that of their noise, are left out.

    Args:
        points: (n, p) samples of a surface.
    """
    n, p = points.shape
    if p <= 2:
        return None
    surface = onto_planes(points, 2, max(round(SHARE * n), 5))
    normals = _normals(surface, max(round(SHARE * n), 5))
    to_planes = np.einsum("nij,nj->ni", normals, surface)
    apex, *_ = np.linalg.lstsq(normals.sum(0), to_planes.sum(0), rcond=1e-6)
    off = np.einsum("nij,j->ni", normals, apex) - to_planes
    rays = surface - apex
    amplitude = np.linalg.norm(rays, axis=1)
    near = amplitude <= np.quantile(amplitude, INNER)
    straight = (off**2).sum() <= STRAIGHT * (rays**2).sum()
    turned = np.linalg.eigvalsh(normals.mean(0))[0] >= TURNED
    if not (straight and turned and _flattening(surface, near) <= FLATTENS):
        return None
    kept = amplitude > LEAST_AMPLITUDE * np.median(amplitude)
    return (points - apex)[kept] / np.linalg.norm(points - apex, axis=1)[kept, None]


def _normals(points: np.ndarray, neighbours: int) -> np.ndarray:
    """Return the projections (n, p, p) off the tangent planes of points (n, p) on a surface."""
    _, index = nearest(points, neighbours)
    patches = points[np.column_stack([np.arange(len(points)), index])]
    centred = patches - patches.mean(1, keepdims=True)
    _, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", centred, centred))
    frames = vectors[:, :, -2:]
    return np.asarray(np.eye(points.shape[1]) - frames @ np.swapaxes(frames, 1, 2))


def _flattening(points: np.ndarray, near: np.ndarray) -> float:
    """Return the exponent e by which the share of variance beyond a plane falls as variance does: variance^e.

    A cone looks the same at every size, e = 0; what is smooth leaves its tangent plane as the square of the distance, e = 1.

    Args:
        points: (n, p) points.
        near: (n,) which of them are near the apex.
    """
    inner, outer = (np.linalg.eigvalsh(np.cov(some.T)) for some in (points[near], points))
    beyond = [max(values[:-2].sum() / values.sum(), 1e-300) for values in (inner, outer)]
    return float(np.log(beyond[1] / beyond[0]) / np.log(outer.sum() / inner.sum()))
