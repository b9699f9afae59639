"""Patches where an encoder fails: local fits of the data over the latents and back, holes, and what the noise alone would do.

A homeomorphism is locally linear both ways. Around each sample the data of its neighbours in the latent space are fitted
linearly over their latent points, and the latent points of its neighbours in the data over the data; what is left over is
noise, and much more where sheets lie on each other (a fold, a whisker, a collapsed piece) or where neighbours are torn apart.
Such faults are patches, so that the residuals are averaged over neighbours and judged where they are largest. What a
homeomorphism reaches there through the same noise is simulated: new latent points between neighbours, the local fits as their
decoder, the measured noise. Faults of a known share in the same simulation tell what would have been seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from torch import Tensor

from topovae.evaluation.pullback import flat_columns
from topovae.homology.calibration import tuned
from topovae.homology.cloud.neighbours import nearest
from topovae.latent import LatentSpace

LEAST_NEIGHBOURS, SHARE = int(tuned("patch_neighbours")), tuned("patch_share")
GROWTH, MARGIN, IMAGE_MARGIN = tuned("patch_growth"), tuned("patch_margin"), tuned("image_margin")
MISFITS = {
    "fibres": (GROWTH, MARGIN),
    "images": (GROWTH, IMAGE_MARGIN),
    "slips": (tuned("slip_growth"), tuned("slip_margin")),
    "scales": (GROWTH, MARGIN),
}
"""By field, by what share of its logarithm, and by how many nats at most, a residual may exceed that of simulated maps."""

DEVIATIONS, CAP = tuned("patch_deviations"), tuned("patch_cap")
STEEPEST, LOUDEST, REGION = tuned("patch_steepest"), tuned("patch_loudest"), tuned("patch_region")
SEEN, PATCH = tuned("patch_seen"), tuned("patch_least")
FLOOR = tuned("patch_floor")
HOLE_NEIGHBOURS, HOLE_SHARE, HOLE_LEVEL = int(tuned("hole_neighbours")), tuned("hole_share"), tuned("hole_level")
MOST_OF_SPACE = 0.25
"""A hole is compared with no more than this share of the samples: beyond it a ball is no ball any more; not tuned."""

FAULT = 0.05
"""Share of the samples in a simulated fold: what the certificate is to see, not tuned."""

FOLDS, SIMULATED, FEWEST_MAPS, MOST_MAPS = 4, 8000, 4, 20
"""Simulated folds in one map; and maps with folds: so many samples in all, within these numbers. There are twice as many maps
without. Limits on cost, not tuned."""

MOST = 2000
"""Samples whose neighbourhoods are fitted: a limit on cost, not tuned."""

REGIONS = 60
"""Regions in which the noise is measured: a limit on cost, not tuned."""

PLACES = 1000
"""Places of the latent space in which samples are looked for: a limit on cost, not tuned."""

TINY = 1e-12


@dataclass(frozen=True)
class Patches:
    """Where the local fits are worst, against what the noise does to a homeomorphism.

    Attributes:
        index: (m,) rows, of those given, whose neighbourhoods were fitted.
        fields: by name (`fibres`: data over latents; `images`: latents over data; `slips`: the former along the data) the
            logarithm of the residual about each sample (m,), over the median, nats; and `scales`, the same of how much larger
            the data are than their image.
        largest: the largest of each field.
        limits: what homeomorphisms through the same noise stay below.
        power: share of simulated folds of `FAULT` of the samples that would be seen.
    """

    index: np.ndarray
    fields: dict[str, np.ndarray]
    largest: dict[str, float]
    limits: dict[str, float]
    power: float


@dataclass(frozen=True)
class Neighbourhoods:
    """Points with their latents, and the neighbours of each in both.

    Attributes:
        points: (n, q) data.
        images: (g, n, c) embedded orbits of their latent points.
        latent: (n, k) rows of the nearest latent points.
        sheet: (n, k) which image of the orbit it is that lies near.
        data: (n, k) rows of the nearest points of the data.
        scale: (n,) root mean square distance of the latter over that of the nearest latent points.
        dim: dimension of the latent space.
    """

    points: np.ndarray
    images: np.ndarray
    latent: np.ndarray
    sheet: np.ndarray
    data: np.ndarray
    scale: np.ndarray
    dim: int

    @classmethod
    def of(cls, space: LatentSpace, points: np.ndarray, latents: Tensor) -> Neighbourhoods:
        """Find the neighbours of points (n, q) and of their latents (n, coordinate_dim)."""
        images = space.embed(space.orbit(latents)).numpy()
        order, n, width = images.shape
        k = min(max(LEAST_NEIGHBOURS * space.dim, round(SHARE * n)), n - 1)
        apart, found = cKDTree(images.reshape(order * n, width)).query(images[0], k + 1)
        found = found[:, 1:]
        far, data = nearest(points, k)
        scale = np.linalg.norm(far, axis=1) / np.maximum(np.linalg.norm(apart, axis=1), TINY)
        return cls(points, images, found % n, found // n, data, scale, space.dim)

    def latents_over(self) -> LocalFit:
        """Fit the data of latent neighbours over their latent points."""
        return fit(self.images[self.sheet, self.latent], self.points[self.latent], self.dim)

    def data_over(self) -> LocalFit:
        """Fit the latent points of neighbours in the data over the data."""
        centre = self.images[0][:, None]
        near = np.linalg.norm(self.images[:, self.data] - centre, axis=-1).argmin(0)
        return fit(self.points[self.data], self.images[near, self.data], self.dim)

    def slips(self, over: LocalFit, back: LocalFit) -> np.ndarray:
        """Return (n,) the root mean square that quadratic fits over the latents leave of the data along the data themselves.

        Most of the noise is across the data, and a fold moves samples along them.

        Args:
            over: of the data over the latents.
            back: of the latents over the data.
        """
        images = self.images[self.sheet, self.latent]
        z = np.einsum("nkc,ndc->nkd", images - over.centre[:, None], over.axes)
        z /= np.maximum(np.sqrt((z**2).mean(1, keepdims=True)), TINY)
        squares = np.einsum("nki,nkj->nkij", z, z)[(..., *np.triu_indices(self.dim))]
        terms = np.concatenate([np.ones_like(z[..., :1]), z, squares], 2)
        along = np.einsum("nkq,ndq->nkd", self.points[self.latent] - over.mean[:, None], back.axes)
        basis = np.linalg.qr(terms)[0]
        left = along - basis @ (np.swapaxes(basis, 1, 2) @ along)
        return _residual(left, along, terms.shape[2])

    def fields(self) -> dict[str, np.ndarray]:
        """Logarithms of the residuals of all fits and of the scale, averaged over latent neighbours, over their medians."""
        around = np.c_[np.arange(len(self.points)), self.latent]
        over, back = self.latents_over(), self.data_over()
        raw = {"fibres": over.residual, "images": back.residual, "scales": self.scale, "slips": self.slips(over, back)}
        found = {}
        for name, values in raw.items():
            smooth = np.log(np.maximum(values, TINY))[around].mean(1)
            found[name] = smooth - np.median(smooth)
        return found


@dataclass(frozen=True)
class LocalFit:
    """Linear fits in neighbourhoods.

    Attributes:
        residual: (n,) root mean square of what is left over.
        centre: (n, c) means of the neighbours' arguments.
        axes: (n, d, c) orthonormal axes of the arguments.
        mean: (n, q) means of the neighbours' values.
        slope: (n, d, q) of the values along the axes.
        left: (n, k, q) what is left over.
    """

    residual: np.ndarray
    centre: np.ndarray
    axes: np.ndarray
    mean: np.ndarray
    slope: np.ndarray
    left: np.ndarray


def fit(arguments: np.ndarray, values: np.ndarray, dim: int) -> LocalFit:
    """Fit values (n, k, q) linearly over the first principal components of arguments (n, k, c)."""
    centre, mean = arguments.mean(1), values.mean(1)
    moved, values = arguments - centre[:, None], values - mean[:, None]
    # The inner products (k, k) have the principal components as their eigenvectors, however many columns there are.
    gram, vectors = np.linalg.eigh(moved @ np.swapaxes(moved, 1, 2))
    gram = np.maximum(gram[:, : -dim - 1 : -1], TINY)
    along = vectors[:, :, : -dim - 1 : -1] * np.sqrt(gram)[:, None]
    axes = np.swapaxes(along, 1, 2) @ moved / gram[..., None]
    slope = np.swapaxes(along, 1, 2) @ values / gram[..., None]
    left = values - along @ slope
    return LocalFit(_residual(left, values, dim + 1), centre, axes, mean, slope, left)


def _residual(left: np.ndarray, values: np.ndarray, terms: int) -> np.ndarray:
    """Root mean squares (n,) of what fits of so many terms leave over of values (n, k, q), none better than `FLOOR`."""
    return np.sqrt((left**2).sum((1, 2)) / max(left.shape[1] - terms, 1) + FLOOR**2 * (values**2).sum((1, 2)) / left.shape[1])


@dataclass(frozen=True)
class Regions:
    """Large overlapping parts of the samples.

    Attributes:
        members: (r, m) samples of each.
        owner: (n,) the region that each sample is nearest to the middle of.
    """

    members: np.ndarray
    owner: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray) -> Regions:
        """Choose regions of samples by their embedded orbits (g, n, c)."""
        n = images.shape[1]
        middles = images[0][:: max(1, n // REGIONS)]
        apart = np.min([cdist(middles, image) for image in images], axis=0)
        return cls(np.argsort(apart, axis=1)[:, : max(2, round(REGION * n))], apart.argmin(0))

    def medians(self, values: np.ndarray) -> np.ndarray:
        """Medians (n, q) of values (n, q) over the region of each sample, none much larger than usual."""
        local = np.median(values[self.members], axis=1)
        return np.minimum(local, LOUDEST**2 * np.median(values, axis=0))[self.owner]


@dataclass(frozen=True)
class Simulator:
    """Homeomorphisms like one that was measured, through noise like its own.

    Attributes:
        space: latent space.
        latents: (n, coordinate_dim) latent points.
        around: their neighbourhoods.
        decoder: the fit of the data over the latents.
        along: (n,) standard deviation of the noise along the slopes of the fit about each sample, in the unit of the data.
        across: (n, q) that in the columns of the data, in all directions.
    """

    space: LatentSpace
    latents: Tensor
    around: Neighbourhoods
    decoder: LocalFit
    along: np.ndarray
    across: np.ndarray

    @classmethod
    def of(cls, space: LatentSpace, latents: Tensor, around: Neighbourhoods) -> Simulator:
        """Measure the noise by medians over regions so large that a fault of a small share does not move them."""
        decoder = around.latents_over()
        free = max(decoder.left.shape[1] - space.dim - 1, 1)
        regions = Regions.of(around.images)
        across = regions.medians((decoder.left**2).sum(1) / free)
        rows, _ = _directions(decoder.slope)
        on = (np.einsum("nkq,ndq->nkd", decoder.left, rows) ** 2).sum(1) / free
        rest = np.maximum(on - np.einsum("ndq,nq->nd", rows**2, across), 0.0).mean(1)
        return cls(space, latents, around, decoder, np.sqrt(regions.medians(rest[:, None])[:, 0]), np.sqrt(across))

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, Tensor]:
        """New data (n, q) and latent points (n, coordinate_dim): each between a sample and a neighbour, decoded by its fit."""
        n = len(self.latents)
        start = np.arange(n)
        pick = rng.integers(self.around.latent.shape[1], size=n)
        end = self.around.latent[start, pick]
        z = self.space.path(self.latents[start], self.latents[end], torch.as_tensor(rng.random((n, 1))))
        images = self.space.embed(self.space.orbit(z)).numpy()
        near = np.linalg.norm(images - self.around.images[0][start], axis=-1).argmin(0)
        moved = images[near, np.arange(n)] - self.decoder.centre[start]
        step = np.einsum("nc,ndc->nd", moved, self.decoder.axes[start])
        rows, raw = _directions(self.decoder.slope)
        slope = np.minimum(raw, STEEPEST * np.median(raw, axis=0))[..., None] * rows
        clean = self.decoder.mean[start] + np.einsum("nd,ndq->nq", step, slope)
        noise = rng.standard_normal(clean.shape) * self.across
        # An error of a latent point is one of the data along the slope.
        noise += np.einsum("nd,ndq->nq", self.along[:, None] * rng.standard_normal(step.shape), rows)
        return clean + noise, z


def _directions(slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return unit vectors (n, d, q) along slopes and their lengths (n, d)."""
    steep = np.maximum(np.linalg.norm(slope, axis=2), TINY)
    return slope / steep[..., None], steep


def folded(space: LatentSpace, latents: Tensor, members: np.ndarray) -> Tensor:
    """Return latents (n, coordinate_dim) with a patch folded about its first member: radii run out, back and out again."""
    result = latents.clone()
    hub, patch = latents[members[:1]].expand(len(members), -1), latents[members]
    radius = space.distance(hub, patch).numpy()
    share = radius / max(float(radius.max()), TINY)
    reach = np.interp(share, [0, 1 / 3, 2 / 3, 1], [0, 1, 0, 1])
    result[members] = space.path(hub, patch, torch.as_tensor(reach / np.maximum(share, TINY))[:, None])
    return result


def neighbourhoods(space: LatentSpace, points: np.ndarray, latents: Tensor, seed: int) -> tuple[np.ndarray, Neighbourhoods]:
    """Return rows (m,) of samples, as many as are fitted, and their neighbourhoods.

    Args:
        space: latent space.
        points: (n, q) denoised samples.
        latents: (n, coordinate_dim) their latent points, float64, flat columns stretched.
        seed: chooses the rows.
    """
    index = np.sort(np.random.default_rng((seed, 7)).choice(len(points), min(len(points), MOST), replace=False))
    return index, Neighbourhoods.of(space, points[index], latents[torch.as_tensor(index)])


def measure_patches(space: LatentSpace, points: np.ndarray, latents: Tensor, seed: int) -> Patches:
    """Look for patches where an encoder fails.

    Args:
        space: latent space.
        points: (n, q) denoised samples.
        latents: (n, coordinate_dim) their latent points, float64, flat columns stretched.
        seed: of subsets and simulations.
    """
    index, around = neighbourhoods(space, points, latents, seed)
    latents, rng = latents[torch.as_tensor(index)], np.random.default_rng((seed, 8))
    fields = around.fields()
    simulator = Simulator.of(space, latents, around)
    nulls = []
    maps = min(max(SIMULATED // len(index), FEWEST_MAPS), MOST_MAPS)
    for _ in range(2 * maps):
        x, z = simulator.draw(rng)
        nulls.append({name: high(field) for name, field in Neighbourhoods.of(space, x, z).fields().items()})
    limits = {name: _limit(np.array([null[name] for null in nulls]), *MISFITS[name]) for name in fields}
    largest = {name: high(field) for name, field in fields.items()}
    return Patches(index, fields, largest, limits, _power(simulator, limits, maps, rng))


def high(field: np.ndarray) -> float:
    """Return what a field (m,) exceeds at few samples: about a patch, where single ones may be outliers or at an edge."""
    return float(np.sort(field)[-_patch(len(field))])


def _patch(n: int) -> int:
    return 1 + round(PATCH * n)


def _limit(maxima: np.ndarray, growth: float, most: float) -> float:
    """Return what the largest residual of a homeomorphism stays below, from those of simulated ones."""
    usual = float(maxima.mean())
    chance, misfit = DEVIATIONS * float(maxima.std(ddof=1)), min(growth * usual, most)
    return min(usual + max(chance, misfit), CAP)


def _power(simulator: Simulator, limits: dict[str, float], maps: int, rng: np.random.Generator) -> float:
    """Return the share of simulated folds that are seen."""
    seen = []
    space = simulator.space
    for _ in range(maps):
        x, z = simulator.draw(rng)
        size, free = max(3, round(FAULT * len(z))), np.full(len(z), True)
        patches = []
        for _ in range(FOLDS):
            centre = rng.choice(np.flatnonzero(free))
            distance = space.distance(z[centre][None], z).numpy()
            patch = np.argsort(distance)[:size]
            if free[patch].all():
                # On a line a patch about its middle would be two folds of half the share: it is folded about its end.
                hub = patch[-1] if space.dim == 1 else centre
                patches.append(np.r_[hub, patch[patch != hub]])
                free[np.argsort(distance)[: 2 * size]] = False
        moved = z
        for patch in patches:
            moved = folded(space, moved, patch)
        fields = Neighbourhoods.of(space, x, moved).fields()
        seen += [any((fields[name][patch] > limits[name]).sum() >= _patch(len(z)) for name in fields) for patch in patches]
    return float(np.mean(seen))


@dataclass(frozen=True)
class Holes:
    """The emptiest place of the closed factors of a latent space.

    Attributes:
        emptiest: minus the logarithm of the probability that it is so empty, nats.
        limit: what samples without holes stay below.
        power: the same for a hole of `FAULT` of the samples, as expected.
    """

    emptiest: float
    limit: float
    power: float


def measure_holes(space: LatentSpace, latents: Tensor, places: Tensor) -> Holes:
    """Look for places without samples.

    Of the K samples nearest to a place none would lie within the radius r of the nearest, if they were spread evenly up to the
    K-th at R, with probability (1 − (r/R)^d)^(K−1), whatever their density.

    Args:
        space: latent space.
        latents: (n, coordinate_dim) points on the closed factors.
        places: (m, coordinate_dim) where samples are looked for.
    """
    n, images = len(latents), space.embed(space.orbit(latents)).numpy()
    count = max(2, min(round(MOST_OF_SPACE * n), max(HOLE_NEIGHBOURS, round(HOLE_SHARE * n))))
    distance, _ = cKDTree(images.reshape(-1, images.shape[-1])).query(space.embed(places).numpy(), count)
    dim = space.dim - int(flat_columns(space).sum())
    shares = (distance[:, 0] / np.maximum(distance[:, -1], TINY)) ** dim
    found = -(count - 1) * np.log1p(-np.minimum(shares, 1 - TINY))
    return Holes(float(found.max()), math.log(n / HOLE_LEVEL), (count - 1) * math.log1p(FAULT * n / count))
