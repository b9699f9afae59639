"""A map of the cube onto a manifold that is known by its points: the decoder of a Wasserstein autoencoder.

Such an autoencoder asks for a law of codes whose mean is the prior, and for the least cost of transport from the decoded codes
to the points. On samples of equal size both are met exactly by an assignment of codes to points, which here takes the place of
an encoder and of its penalty; the maximum mean discrepancy (MMD) is left as a measure on points that were held out. So that the
map begins without folds, the manifold is cut open, unrolled by its geodesics, and codes are assigned under a neighbourhood on
the cube that shrinks.

References:
    Tolstikhin, Bousquet, Gelly and Schoelkopf, Wasserstein auto-encoders (2018), theorem 1 and section 2.2 (MMD, kernels).
    Kohonen, Self-organized formation of topologically correct feature maps (1982).
    Embedding-reparametrisation: the section on learning the manifold's embedding, for its use as a latent space.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.quasirandom import SobolEngine

from topovae.store.documents import Document

WIDTH, LAYERS = 64, 2
"""Units and hidden layers of the map: enough for manifolds of three dimensions at most. Not tuned."""

STEEPNESS = 4.0
"""Deviation of the first weights, so that units bend everywhere in the cube and as often as a curve may: not tuned."""

PAIRED = 512
"""Codes and points that are assigned at once: the cost of an assignment grows by the third power. Not tuned."""

NEIGHBOURS = 8
"""Points to which each is joined by a chord where geodesics are measured: as many as is usual, not tuned."""

SHRINKINGS, WIDEST_NEIGHBOURHOOD = 8, 0.1
"""Assignments under a neighbourhood that shrinks, and its first deviation, in units of the cube's edge. Not tuned."""

ROUNDS, AVERAGED, ITERATIONS = 5, 8, 200
"""Rounds of assignment and regression, assignments to points drawn anew whose mean is brought back to a point and is the target
of one, and iterations of L-BFGS in it: limits on cost, not tuned."""

HELD_OUT, DRAWN = 0.2, 2000
"""Share of a file's points that quality is measured on, and points that are drawn for it at most. Not tuned."""

NEAR, FAR = 0.05, 3.0
"""A point is reached by what lies within this share of the manifold's size, or within so many times the usual distance between
points where these lie wider apart. Not tuned."""

BACK = 0.1
"""A code is found again where it is missed by no more than this, in units of the cube's edge: not tuned."""

BANDWIDTHS = (0.01, 0.1, 1.0)
"""Of the inverse multiquadric kernels of the MMD, in units of the manifold's squared size: usual."""


@dataclass(frozen=True)
class MapQuality(Document):
    """How well a map of the cube covers a manifold, on points that were held out.

    Attributes:
        mmd: maximum mean discrepancy between images of uniform codes and points; 0 for one law.
        coverage: share of points with an image nearby.
        off_manifold: share of images with no point nearby.
        injectivity: share of codes that are found again from their image and a little noise. Where a closed manifold is cut,
            and where an edge of the cube goes to one point, some are not.
    """

    mmd: float
    coverage: float
    off_manifold: float
    injectivity: float


def codes(dim: int, count: int) -> Tensor:
    """Points (count, dim) that lie evenly in the cube."""
    if dim == 1:
        return ((torch.arange(count) + 0.5) / count)[:, None]
    return SobolEngine(dim, scramble=True, seed=0).draw(count)


class CubeMap(nn.Module):
    """A small network from the cube [0, 1]^dim to R^columns, whose derivative is computed beside it.

    Its weights are not trained with the model that it is part of.

    Args:
        dim: n, of the cube.
        columns: D, of the space that the manifold lies in.
    """

    centre: Tensor
    size: Tensor

    def __init__(self, dim: int, columns: int) -> None:
        super().__init__()
        widths = [dim, *[WIDTH] * LAYERS, columns]
        rng = np.random.default_rng(0)  # spaces are built to be looked at too, so the global random state stays
        drawn = [rng.standard_normal((b, a)) / math.sqrt(a) for a, b in pairwise(widths)]
        drawn[0] *= STEEPNESS
        kinks = (drawn[0] * rng.uniform(-1, 1, drawn[0].shape)).sum(1)
        biases = [-kinks, *map(np.zeros, widths[2:])]
        self.weights = nn.ParameterList(nn.Parameter(torch.as_tensor(w, dtype=torch.float32), False) for w in drawn)
        self.biases = nn.ParameterList(nn.Parameter(torch.as_tensor(b, dtype=torch.float32), False) for b in biases)
        self.register_buffer("centre", torch.zeros(columns))
        self.register_buffer("size", torch.ones(()))

    def forward(self, code: Tensor) -> Tensor:
        """Images (..., D) of codes (..., n)."""
        x = 2 * code - 1
        *inner, (last, bias) = zip(self.weights, self.biases, strict=True)
        for weight, shift in inner:
            x = torch.tanh(x @ weight.to(code).mT + shift.to(code))
        return self.centre.to(code) + self.size.to(code) * (x @ last.to(code).mT + bias.to(code))

    def with_slopes(self, code: Tensor) -> tuple[Tensor, Tensor]:
        """Images (..., D), and the derivative by the code (..., D, n)."""
        x = 2 * code - 1
        slopes = 2 * torch.eye(code.shape[-1], dtype=code.dtype, device=code.device)
        *inner, (last, bias) = zip(self.weights, self.biases, strict=True)
        for weight, shift in inner:
            x = torch.tanh(x @ weight.to(code).mT + shift.to(code))
            slopes = (1 - x.square())[..., None] * (weight.to(code) @ slopes)
        size, weight = self.size.to(code), last.to(code)
        return self.centre.to(code) + size * (x @ weight.mT + bias.to(code)), size * (weight @ slopes)


def assigned(images: Tensor, points: Tensor) -> Tensor:
    """The points (K, D) in the order of the images (K, D) that they are assigned to, at the least sum of squared distances."""
    from scipy.optimize import linear_sum_assignment

    cost = torch.cdist(images.double(), points.double()).square()
    return points[torch.as_tensor(linear_sum_assignment(cost.numpy())[1])]


def geodesics(points: Tensor) -> tuple[Tensor, Tensor]:
    """Distances along the graph of nearest neighbours of points (K, D), cut open at the point that is farthest from others.

    Returns:
        (L, L), of the points that are left; and whether each is, (K,).
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path

    chords = torch.cdist(points.double(), points.double())
    near = chords.topk(min(NEIGHBOURS + 1, len(points)), largest=False)
    rows = np.repeat(np.arange(len(points)), near.indices.shape[1])
    lengths = (near.values.flatten().numpy() + 1e-12, (rows, near.indices.flatten().numpy()))
    # With the shortest tree on all points, that no gap divides it.
    graph = csr_array(lengths, shape=(len(points), len(points))).maximum(minimum_spanning_tree(chords.numpy() + 1e-12))

    def ways(kept: Tensor) -> Tensor:
        # Of the neighbours before the cut: those anew would join its sides where points on one of them lie far apart.
        found = torch.as_tensor(shortest_path(graph[kept.numpy()][:, kept.numpy()], directed=False))
        return torch.where(torch.isfinite(found), found, found[torch.isfinite(found)].max())

    whole = torch.arange(len(points))
    farthest = ways(whole).amax(1).argmax()
    cut = chords[farthest].topk(min(2 * NEIGHBOURS + 1, len(points) // 2), largest=False).indices
    left = torch.ones(len(points), dtype=torch.bool)
    left[cut] = False
    return ways(whole[left]), left


def unrolled(points: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Coordinates (L, dim), within the cube, of points of a manifold that is cut open; and the points (L, D) that are left.

    References:
        Tenenbaum, de Silva and Langford, A global geometric framework for nonlinear dimensionality reduction (2000).
    """
    distances, left = geodesics(points)
    square = distances.square()
    centred = -0.5 * (square - square.mean(0) - square.mean(1, keepdim=True) + square.mean())
    values, vectors = torch.linalg.eigh(centred)
    found = vectors[:, -dim:] * values[-dim:].clamp(min=0).sqrt()
    low, high = found.amin(0), found.amax(0)
    return ((found - low) / (high - low).clamp(min=1e-12)).to(points.dtype), points[left]


def unfolded(code: Tensor, points: Tensor) -> Tensor:
    """Images (K, D) of codes (K, n) that lie on the manifold of points (K, D) as evenly, neighbours beside neighbours."""
    count, dim = code.shape
    square = torch.cdist(code, code).square()
    flat, there = unrolled(points, dim)
    images = there[torch.cdist(code, flat).argmin(1)]
    narrowest = count ** (-1 / dim)
    for step in range(SHRINKINGS):
        width = WIDEST_NEIGHBOURHOOD * (narrowest / WIDEST_NEIGHBOURHOOD) ** (step / (SHRINKINGS - 1))
        near = torch.softmax(-square / (2 * width**2), -1)
        images = near @ assigned(images, points)
    return images


def regress(cube: CubeMap, code: Tensor, images: Tensor) -> None:
    """Bring the images of codes (K, n) to others (K, D), in place."""
    optimizer = torch.optim.LBFGS(cube.parameters(), max_iter=ITERATIONS, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = (cube(code) - images).square().sum(-1).mean() / cube.size.square()
        torch.autograd.backward(value)
        return value

    optimizer.step(loss)


def fit(cube: CubeMap, draw: Callable[[int], Tensor], seed: int = 0) -> None:
    """Learn the map, in place.

    Args:
        cube: the map.
        draw: points (at most as many as asked for, D) of the manifold, from the global random state.
        seed: of codes, points and batches; the global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        points = draw(PAIRED)
        cube.centre.copy_(points.mean(0))
        cube.size.copy_((points - points.mean(0)).square().sum(1).mean().sqrt())
        code = codes(cube.weights[0].shape[1], len(points))
        images, leaves = unfolded(code, points), [*cube.weights, *cube.biases]
        for leaf in leaves:
            leaf.requires_grad_(True)
        regress(cube, code, images)
        for _ in range(1, ROUNDS):
            with torch.no_grad():
                drawn = torch.stack([assigned(cube(code), draw(len(code))) for _ in range(AVERAGED)])
                # The mean of points of a bend lies inside it.
                images = drawn.flatten(0, 1)[torch.cdist(drawn.mean(0), drawn.flatten(0, 1)).argmin(1)]
            regress(cube, code, images)
        for leaf in leaves:
            leaf.requires_grad_(False)
            leaf.grad = None


@torch.no_grad()
def measure(cube: CubeMap, locate: Callable[[Tensor], Tensor], points: Tensor, others: Tensor, seed: int = 0) -> MapQuality:
    """How well a map covers the manifold of points that it has not seen.

    Args:
        cube: the map.
        locate: codes (m, n) whose images are nearest to points (m, D).
        points: (m, D), held out.
        others: (o, D) of the manifold, to tell by how wide points lie apart.
        seed: of codes and noise; the global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        code = torch.rand(DRAWN, cube.weights[0].shape[1])
        noise = torch.randn(DRAWN, points.shape[1]) / math.sqrt(points.shape[1])
    images = cube(code)
    limit = max(NEAR * float(cube.size), FAR * float(torch.cdist(points, others).amin(1).median()))
    off = torch.minimum(torch.cdist(images, points).amin(1), torch.cdist(images, others).amin(1)) > limit
    found = locate(images + NEAR / 2 * cube.size * noise)
    return MapQuality(
        mmd=discrepancy(images, points, float(cube.size)),
        coverage=float((torch.cdist(points, images).amin(1) <= limit).double().mean()),
        off_manifold=float(off.double().mean()),
        injectivity=float((torch.linalg.vector_norm(found - code, dim=-1) <= BACK).double().mean()),
    )


def discrepancy(a: Tensor, b: Tensor, size: float) -> float:
    """The maximum mean discrepancy of samples (m, D) and (o, D), without bias in its square, by inverse multiquadrics."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        square = torch.cdist(x.double(), y.double()).square() / size**2
        return torch.stack([width / (width + square) for width in BANDWIDTHS]).mean(0)

    def inside(x: Tensor) -> Tensor:
        return (kernel(x, x).sum() - len(x)) / (len(x) * (len(x) - 1))

    return math.sqrt(max(0.0, float(inside(a) + inside(b) - 2 * kernel(a, b).mean())))
