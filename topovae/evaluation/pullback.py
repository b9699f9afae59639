"""Classes of a latent space, pulled back along an encoder to cochains on the landmarks of the data.

Landmarks have a point on the latent's cover each. Along an edge the encoder moves from z_i to that image γ z_j under the deck
group which lies nearest to z_i; the classes of degree 1 are functions of these γ and of the angles moved through.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from topovae.homology.spaces import invariants as topology
from topovae.latent import LatentSpace
from topovae.signature import Signature

MOST_OF_CELL = 12
"""A landmark's latent point is chosen among so many of its samples."""


def flat_columns(space: LatentSpace) -> np.ndarray:
    """Return which columns (coordinate_dim,) of the coordinates belong to lines and intervals."""
    kinds = zip(space.signature.factors, space.factors, strict=True)
    return np.concatenate([np.full(f.coordinate_dim, known.kind != "S") for known, f in kinds])


def circle_columns(space: LatentSpace) -> list[int]:
    """Return the column of each circle among the coordinates."""
    starts = np.cumsum([0, *(f.coordinate_dim for f in space.factors)])
    return [int(start) for start, known in zip(starts, space.signature.factors, strict=False) if known.is_circle]


def characters(signature: Signature) -> np.ndarray:
    r"""A basis of H¹(M; Z), as integer rows a (k, number of circles): the circle-valued functions Σ a_i θ_i.

    An element of the group turns θ_i by τ_i, and a circle that some element reflects has a_i = 0; a is a class where a · τ is a
    whole number for all elements, so that the classes are the lattice dual to that of the turns.

    Example:
        >>> from topovae.signature import parse
        >>> characters(parse("S1xS1")).tolist(), characters(parse("klein")).tolist()
        ([[1, 0], [0, 1]], [[2, 0]])
    """
    circles = [i for i, f in enumerate(signature.factors) if f.is_circle]
    kept = [i for i in circles if all(g[i].sign == 1 for g in signature.group)]
    rows = np.zeros((len(kept), len(circles)), dtype=int)
    if not kept:
        return rows
    turns: Sequence[Sequence[Fraction]] = [[g[i].turn for i in kept] for g in signature.group]
    basis = np.array([[float(x) for x in vector] for vector in topology.lattice_basis(turns)])
    rows[:, [circles.index(i) for i in kept]] = np.rint(np.linalg.inv(basis).T).astype(int)
    return rows


def representatives(space: LatentSpace, points: Tensor, owner: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return for each landmark the sample whose latent point is the most central of its cell; −1 where it has none.

    Args:
        points: (n, coordinate_dim) latent points of the samples.
        owner: (n,) landmark of each sample.
        count: number of landmarks m.
        seed: chooses among the samples of large cells.

    Returns:
        Row numbers (m,).
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(owner))
    order = shuffled[np.argsort(owner[shuffled], kind="stable")]
    cells = np.split(order, np.cumsum(np.bincount(owner, minlength=count))[:-1])
    chosen = np.full(count, -1)
    for landmark, cell in enumerate(cells):
        if len(cell):
            members = points[torch.as_tensor(cell[:MOST_OF_CELL])]
            total = space.distance(members[:, None], members[None]).sum(1)
            chosen[landmark] = cell[int(total.argmin())]
    return chosen


def windings(space: LatentSpace, points: Tensor, ends: np.ndarray) -> np.ndarray:
    """Return the cocycles (k, e), in turns along edges, of the `characters`.

    Args:
        points: (m, coordinate_dim) latent points of landmarks.
        ends: (e, 2) edges.
    """
    columns = circle_columns(space)
    start, images = points[ends[:, 0]], space.orbit(points[ends[:, 1]])
    nearest = torch.stack([space.cover_distance(start, image) for image in images]).argmin(0)
    end = images[nearest, torch.arange(len(ends))]
    turns = (end - start)[:, columns] / (2 * math.pi)
    return characters(space.signature) @ (turns - turns.round()).numpy().T


def covering_cocycles(space: LatentSpace, points: Tensor, ends: np.ndarray) -> np.ndarray:
    """Return cocycles (k, e) over Z/2 on edges: those of a basis of H¹(M; Z/2).

    All circles are replaced by their double covers, so that each homomorphism of the fundamental group to Z/2 is one of the
    finite deck group G'.

    Args:
        points: (m, coordinate_dim) latent points of landmarks.
        ends: (e, 2) edges.
    """
    labels = topology.lifted_labels(space.signature)
    halved = points.clone()
    columns = circle_columns(space)
    halved[:, columns] = halved[:, columns] % (2 * math.pi) / 2
    start, target = halved[ends[:, 0]], halved[ends[:, 1]]
    best = torch.full((len(ends),), math.inf, dtype=points.dtype)
    label = torch.zeros(len(ends), dtype=torch.int64)
    for element, bits in labels.items():
        distance = space.cover_distance(start, space.moved(element, target))
        label[distance < best] = bits
        best = torch.minimum(best, distance)
    count = max(labels.values()).bit_length()
    return (label.numpy() >> np.arange(count)[:, None] & 1).astype(bool)


def solid_angles(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the oriented solid angles (t,) of spherical triangles, as shares of the sphere.

    Args:
        points: (m, 3) unit vectors.
        triangles: (t, 3) row numbers.

    References:
        Van Oosterom and Strackee (1983), The solid angle of a plane triangle, equation 8.
    """
    a, b, c = (points[triangles[:, i]] for i in range(3))
    volume = np.einsum("ti,ti->t", a, np.cross(b, c))
    cosines = 1 + (a * b).sum(1) + (b * c).sum(1) + (c * a).sum(1)
    return np.arctan2(volume, cosines) / (2 * np.pi)
