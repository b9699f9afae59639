"""A manifold as the image of the cube under a map that is learned from its points."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from topovae.distributions import Independent, IntervalUniform
from topovae.distributions.course import constant
from topovae.errors import InputError, TopovaeError, UsageError
from topovae.latent.factor import Factor, register, saturated
from topovae.latent.interval import _FAMILIES
from topovae.latent.space import LatentSpace
from topovae.latent.submanifold import along, shorten
from topovae.latent.wasserstein import DRAWN, HELD_OUT, NEIGHBOURS, PAIRED, CubeMap, MapQuality, codes, fit, measure
from topovae.signature import EMBEDDING, NAMES

CODES = {1: 1024, 2: 4096, 3: 4096}
"""Codes among which the nearest is sought, by dimension of the cube: a limit on cost, not tuned."""

DAMPING = 1e-3
"""What keeps the step from there to the code that is sought from being long where the map hardly moves, in units of the
manifold's squared size. Not tuned."""

LEAST_POINTS = 250
"""Points of a file, at least: of fewer, a fifth that is held out does not tell whether a map covers them. Not tuned."""

LEAST_COVERAGE, MOST_OFF, LEAST_INJECTIVITY = 0.97, 0.03, 0.8
"""What a map is refused beyond, as shares; what is cut or comes to one point takes its part of the last. Not tuned."""


@register(EMBEDDING)
class Embedding(Factor):
    """The cube [0, 1]^n, whose decoder reads where a map leads that was learned before: f(z) on a manifold in R^D.

    Posteriors are those of intervals and the prior is uniform, so that the divergence is theirs: where f is injective, that on
    the manifold is the same. An encoder puts out a point of R^D, which is brought to the code of the nearest image, so that it
    tears nothing where the manifold is cut.

    Args:
        dim: n.
        family: of posteriors.
        of: the name of a space, or a file with points.
        columns: D, of a file; a space's own features else.

    References:
        Embedding-reparametrisation, equations of sections 2.1 and 5.3.
    """

    prior_name, volume, families = "Uniform(0, 1)", 1.0, _FAMILIES

    codes: Tensor
    images: Tensor
    measured: Tensor

    def __init__(self, dim: int, family: str | None = None, of: str = "circle", columns: int = 0) -> None:
        self.coordinate_dim = self.scale_dim = dim
        super().__init__(dim, family)
        self.of = of
        # Not a part of this module: it has no say in its state.
        self._named = (LatentSpace(NAMES[of]),) if of in NAMES else ()
        self.embedding_dim = self._named[0].feature_dim if self._named else columns
        self.cube = CubeMap(dim, self.embedding_dim)
        self.register_buffer("codes", codes(dim, CODES[dim]))
        self.register_buffer("images", torch.zeros(CODES[dim], self.embedding_dim))
        self.register_buffer("measured", torch.full((4,), torch.nan))

    @property
    def quality(self) -> MapQuality:
        """How well the map covers the manifold."""
        return MapQuality(*self.measured.tolist())

    def prepare(self) -> None:
        if torch.isfinite(self.measured).all():
            return
        known = _learned_from_space(self.of) if self._named else _learned_from_points(self.of, self.dim, self.embedding_dim)
        self.load_state_dict(known)
        found = self.quality
        if found.coverage < LEAST_COVERAGE or found.off_manifold > MOST_OFF or found.injectivity < LEAST_INJECTIVITY:
            raise self._error(
                f"the map that was learned onto {self.of} is too poor: it covers {100 * found.coverage:.1f} % of it (at least "
                f"{100 * LEAST_COVERAGE:.0f} is asked for), {100 * found.off_manifold:.1f} % of its images lie beside it "
                f"(at most {100 * MOST_OFF:.0f}), and {100 * found.injectivity:.1f} % of the codes are found again (at least "
                f"{100 * LEAST_INJECTIVITY:.0f}); choose a latent with a topology, such as {self._instead}"
            )

    @property
    def _instead(self) -> str:
        return self.of if self._named else "learned(R2), or give more points"

    def _error(self, words: str) -> TopovaeError:
        return UsageError(words) if self._named else InputError(words)

    def learn(self, draw: Callable[[int], Tensor], held: Tensor, others: Tensor) -> None:
        """Learn the map from points of the manifold, and measure it on others, (m, D) and (o, D)."""
        fit(self.cube, draw)
        with torch.no_grad():
            self.images.copy_(self.cube(self.codes))
        self.measured.copy_(torch.tensor([*measure(self.cube, self.locate, held, others).to_dict().values()]))

    def locate(self, embedded: Tensor) -> Tensor:
        points = embedded.reshape(-1, self.embedding_dim)
        with torch.no_grad():
            known = torch.isfinite(points).all(-1, keepdim=True)
            held = torch.where(known, points, 0.0)
            code = self.codes.to(held)[torch.cdist(held, self.images.to(held)).argmin(-1)]
        step = self._step(code, points)
        # No farther than the next code, and not out of the cube; with the gradient of the step all the same.
        last = (code + step.detach().clamp(-self._spacing, self._spacing)).clamp(0, 1)
        return (last + step - step.detach()).reshape(*embedded.shape[:-1], self.dim)

    @property
    def _spacing(self) -> float:
        """How far codes lie apart."""
        return float(CODES[self.dim] ** (-1 / self.dim))

    def _step(self, code: Tensor, points: Tensor) -> Tensor:
        """The Gauss-Newton step from codes towards those of points; its gradient is that of the points alone."""
        with torch.no_grad():
            images, slopes = self.cube.with_slopes(code)
            eye = torch.eye(self.dim, dtype=code.dtype, device=code.device)
            normal = slopes.mT @ slopes + DAMPING * self.cube.size.to(code).square() * eye
            back = torch.linalg.solve_ex(normal, slopes.mT).result  # damped, so there is one, and no value is looked at
        return (back @ (points - images)[..., None])[..., 0]

    def spread(self, raw: Tensor) -> Tensor:
        # In radians of a circle as long as the edge of the cube: encoders begin and learn at the rate of other factors.
        return saturated(super().spread(raw)) / (2 * math.pi)

    def prior(self, like: Tensor) -> Distribution:
        zero = torch.zeros(self.dim, dtype=like.dtype, device=like.device)
        return Independent(IntervalUniform(zero, zero + 1, validate_args=False), 1)

    def embed(self, coordinates: Tensor) -> Tensor:
        return self.cube(coordinates)

    def contains(self, coordinates: Tensor) -> Tensor:
        return ((coordinates >= 0) & (coordinates <= 1)).all(-1)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Geodesic distance along the image of the map, in its units: chords, drawn out as ways between nearest codes are."""
        a, b = torch.broadcast_tensors(a, b)
        chord = torch.linalg.vector_norm(self.embed(a) - self.embed(b), dim=-1)
        table, images = self._ratios()
        places = constant(images.numpy(), a)
        first, second = (
            torch.cdist(self.embed(z).reshape(-1, self.embedding_dim), places).argmin(-1).reshape(z.shape[:-1]) for z in (a, b)
        )
        return constant(table.numpy(), a)[first, second] * chord

    def path(self, a: Tensor, b: Tensor, t: Tensor) -> Tensor:
        ends = torch.stack(torch.broadcast_tensors(self.embed(a), self.embed(b)))
        way = shorten(ends, lambda points: self.embed(self.locate(points)))
        batch = torch.broadcast_shapes(ends.shape[1:-1], t.shape[:-1])
        way = way.reshape(len(way), *(1,) * (len(batch) - ends.ndim + 2), *ends.shape[1:])
        return self.locate(along(way.expand(-1, *batch, -1), t.expand(*batch, 1)))

    def parametrise(self, coordinates: Tensor) -> Tensor:
        if not self._named or self._named[0].order > 1:
            return coordinates
        code = self.locate(self._named[0].features(coordinates).to(coordinates))
        return torch.where(torch.isfinite(coordinates).all(-1, keepdim=True), code, torch.nan)

    def unroll(self, points: Tensor) -> Tensor:
        if not self._named or self._named[0].order > 1:
            return points
        features = self.embed(points)
        return self._named[0].heads(
            torch.cat([features, features.new_zeros(*features.shape[:-1], self._named[0].scale_dim)], -1)
        )[0]

    def _ratios(self) -> tuple[Tensor, Tensor]:
        """Geodesic distance over chord between some images of codes (G, G), and these images (G, D)."""
        key = self.images.cpu().double().numpy()[: CODES[1]]
        return _graph_ratios(key.tobytes(), key.shape[1])


@cache
def _graph_ratios(images: bytes, columns: int) -> tuple[Tensor, Tensor]:
    """Of a cloud (G, columns) in double precision: ways in the graph of neighbours over chords, (G, G), and the cloud."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import shortest_path

    places = torch.as_tensor(np.frombuffer(images).reshape(-1, columns).copy())
    chords = torch.cdist(places, places)
    near = chords.topk(min(NEIGHBOURS + 1, len(places)), largest=False)
    rows = np.repeat(np.arange(len(places)), near.indices.shape[1])
    graph = csr_array((near.values.flatten().numpy() + 1e-12, (rows, near.indices.flatten().numpy())), shape=chords.shape)
    ways = torch.as_tensor(shortest_path(graph, directed=False))
    ratios = torch.where(torch.isfinite(ways) & (chords > 0), ways / chords, 1.0).clamp(min=1.0)
    return ratios.float(), places.float()


@cache
def _learned_from_space(name: str) -> dict[str, Tensor]:
    """The state of a map onto a space with a name: its points are drawn, so that there is one for all."""
    space = LatentSpace(NAMES[name])

    def draw(count: int) -> Tensor:
        with torch.no_grad():
            return space.features(space.sample_prior(count, torch.zeros(0)))

    made = Embedding(space.dim, of=name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)  # of points that are held out
        held, others = draw(DRAWN), draw(DRAWN)
    made.learn(draw, held, others)
    return made.state_dict()


def _learned_from_points(path: str, dim: int, columns: int) -> dict[str, Tensor]:
    """The state of a map onto what the points of a file lie on.

    Raises:
        InputError: there are too few, or they have other columns.
    """
    from topovae.data.readers.find import read

    data = read(path)
    x = data.rows(np.arange(data.n_samples)).reshape(data.n_samples, -1)
    if x.shape[1] != columns:
        raise InputError(
            f"{path} has {x.shape[1]} columns, and the latent expects {columns}; write "
            f"embedding({path},dim={dim},columns={x.shape[1]})"
        )
    if len(x) < LEAST_POINTS:
        raise InputError(f"{path} has {len(x)} points, and a map is learned from {LEAST_POINTS} at least; give more")
    return _learned(np.ascontiguousarray(x, dtype=np.float32).tobytes(), path, dim, columns)


@cache
def _learned(points: bytes, path: str, dim: int, columns: int) -> dict[str, Tensor]:
    x = torch.as_tensor(np.frombuffer(points, dtype=np.float32).reshape(-1, columns).copy())
    x = x[torch.as_tensor(np.random.default_rng(0).permutation(len(x)))]
    held, others = x[: int(HELD_OUT * len(x))], x[int(HELD_OUT * len(x)) :]
    made = Embedding(dim, of=path, columns=columns)
    count = min(PAIRED, len(others))
    made.learn(lambda _: others[torch.randperm(len(others))[:count]], held[:DRAWN], others[:DRAWN])
    return made.state_dict()
