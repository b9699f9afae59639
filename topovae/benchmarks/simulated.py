"""Simulated sets of known Betti numbers, on which the diagnosis is calibrated: as many kinds of data as can be drawn cheaply.

A set is a space, drawn at an uneven density, taken through a random map (none, a smooth one, receptive fields, or counts of
them), with noise and a few outliers. Neither the sets that the benchmarks count on nor their maps are among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from topovae.data.synthetic.spaces import SyntheticSpace, find_space, random_map

Array = np.ndarray

SMALLEST, LARGEST = 60, 5000
"""Samples of a set, drawn evenly in the logarithm: the range that the fit is for, chosen and not tuned."""

MOST_UNEVEN = 8.0
"""Largest ratio of densities: what the fit is for, not tuned."""

NOISE = 0.02, 0.4
"""Standard deviation of the noise, in those of a coordinate, drawn evenly in the logarithm: what the fit is for, not tuned."""

MOST_OUTLIERS = 0.04
"""Largest share of the rows that are outliers, in a quarter of the sets: what the fit is for, not tuned."""

DRAWN: Mapping[str, tuple[int, ...]] = {
    "interval": (1,),
    "circle": (1, 1),
    "figure-eight": (1, 2),
    "disk": (1, 0),
    "cylinder": (1, 1),
    "annulus": (1, 1),
    "mobius": (1, 1),
    "torus": (1, 2, 1),
    "embedded-torus": (1, 2, 1),
    "klein": (1, 2, 1),
    "sphere": (1, 0, 1),
    "rp2": (1, 1, 1),
    "so3": (1, 1, 1, 1),
    "S3": (1, 0, 0, 1),
    "S4": (1, 0, 0, 0, 1),
}
"""What sets are made of, with the Betti numbers over Z/2."""

TORSION: Mapping[str, tuple[int, ...]] = {"klein": (1, 1), "rp2": (1,), "so3": (1, 0, 0, 1)}
"""Those with other Betti numbers over Z/3."""

DIMENSIONS: Mapping[int, tuple[tuple[str, ...], ...]] = {
    1: (("interval",), ("circle",), ("figure-eight",)),
    2: (
        ("disk",),
        ("interval", "interval"),
        ("cylinder",),
        ("annulus",),
        ("mobius",),
        ("torus",),
        ("embedded-torus",),
        ("klein",),
        ("sphere",),
        ("rp2",),
    ),
    3: (
        ("disk", "interval"),
        ("disk", "circle"),
        ("sphere", "interval"),
        ("mobius", "interval"),
        ("torus", "interval"),
        ("sphere", "circle"),
        ("torus", "circle"),
        ("so3",),
        ("S3",),
    ),
    4: (("disk", "disk"), ("disk", "torus"), ("sphere", "disk"), ("circle", "disk", "interval"), ("S4",)),
}
"""Products that are drawn, by their dimension."""

TURNS = (1, 2, 3, 2, 4)
"""Dimensions of sets of successive seeds: surfaces twice, as most spaces are told apart there. Chosen, not tuned."""


@dataclass(frozen=True)
class SimulatedSet:
    """A set of known topology.

    Attributes:
        space: what it was drawn from, factors with `*` between them.
        expression: the space in the latent grammar, None where no one manifold describes it.
        dimension: of the space.
        betti: for each prime 2 and 3 its Betti numbers, degree 0 first.
        map: how it was taken to features, a name of `MAPS`.
        uneven: ratio of the largest density to the least.
        noise: standard deviation in those of a coordinate; that of counts is their own.
        outliers: share of the rows.
        x: (n, features) the samples.
    """

    space: str
    expression: str | None
    dimension: int
    betti: Mapping[int, tuple[int, ...]]
    map: str
    uneven: float
    noise: float
    outliers: float
    x: Array


def betti_numbers(factors: tuple[str, ...], prime: int) -> tuple[int, ...]:
    """Return the Betti numbers over Z/2 or Z/3 of a product (Künneth: polynomials multiply)."""
    known = DRAWN if prime == 2 else {**DRAWN, **TORSION}
    numbers = np.array([1])
    for factor in factors:
        numbers = np.convolve(numbers, known[factor])
    return tuple(map(int, numbers))


def expression_of(factors: tuple[str, ...]) -> str | None:
    """Return the latent expression of a product, None where a factor has none."""
    spaces = [find_space(factor).space for factor in factors]
    return None if None in spaces else "x".join(f"({space})" if "/" in str(space) else str(space) for space in spaces)


def product_of(factors: tuple[str, ...]) -> SyntheticSpace:
    """Return a product as something that can be drawn, its points side by side."""
    entries = [find_space(factor) for factor in factors]

    def sampler(rng: np.random.Generator, n: int) -> tuple[Array, ...]:
        return (np.hstack([entry.sampler(rng, n)[0] for entry in entries]),)

    return SyntheticSpace("*".join(factors), None, sum(entry.dimension or 0 for entry in entries), sampler)


def simulate(seed: int, dimension: int | None = None, n: int | None = None) -> SimulatedSet:
    """Draw a set of a seed.

    Args:
        seed: of everything.
        dimension: of the space, a key of `DIMENSIONS`; that of the seed's turn by default.
        n: number of samples; one between `SMALLEST` and `LARGEST` by default.
    """
    rng = np.random.default_rng([20_26, seed])
    dimension = dimension or TURNS[seed % len(TURNS)]
    choices = DIMENSIONS[dimension]
    factors = choices[rng.integers(len(choices))]
    n = n or int(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
    uneven = float(np.exp(rng.uniform(0, np.log(MOST_UNEVEN)))) if rng.random() < 0.5 else 1.0
    name = list(MAPS)[rng.integers(len(MAPS))]
    noise = float(np.exp(rng.uniform(*np.log(NOISE))))
    outliers = float(rng.uniform(0, MOST_OUTLIERS)) if rng.random() < 0.25 else 0.0
    space = product_of(factors)
    points = _unevenly(rng, space.sampler(rng, 6 * n if uneven > 1 else n)[0], n, uneven)
    x = MAPS[name](rng, space, points, noise)
    x = _with_outliers(rng, x, outliers)
    betti = {prime: betti_numbers(factors, prime) for prime in (2, 3)}
    return SimulatedSet(space.name, expression_of(factors), dimension, betti, name, uneven, noise, outliers, x)


def _unevenly(rng: np.random.Generator, points: Array, n: int, ratio: float) -> Array:
    """Keep n of more points, those at one end of a random direction so many times as likely as those at the other."""
    if len(points) == n:
        return points
    along = points @ rng.normal(size=points.shape[1])
    weight = ratio ** ((along - along.min()) / np.ptp(along))
    return points[rng.choice(len(points), n, replace=False, p=weight / weight.sum())]


def _with_outliers(rng: np.random.Generator, x: Array, share: float) -> Array:
    """Push a share of the rows (n, p) away by one to four times the usual distance to the mean."""
    count = int(share * len(x))
    hit = rng.choice(len(x), count, replace=False)
    push = rng.normal(size=(count, x.shape[1]))
    size = np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean()) * rng.uniform(1, 4, (count, 1))
    x = x.astype(float)
    x[hit] += size * push / np.linalg.norm(push, axis=1, keepdims=True)
    return x


# ---------------------------------------------------------------- maps


def _noisy(rng: np.random.Generator, x: Array, noise: float) -> Array:
    return x + noise * x.std(axis=0).mean() * rng.normal(size=x.shape)


def _plain(rng: np.random.Generator, space: SyntheticSpace, points: Array, noise: float) -> Array:
    """The space's own coordinates."""
    return _noisy(rng, points, noise)


def _smooth(rng: np.random.Generator, space: SyntheticSpace, points: Array, noise: float) -> Array:
    """A random smooth map to 12 to 100 features."""
    ambient = int(np.exp(rng.uniform(np.log(max(12, points.shape[1])), np.log(100))))
    return _noisy(rng, random_map(space, ambient, int(rng.integers(2**31)))(points), noise)


def _fields_of(rng: np.random.Generator, space: SyntheticSpace, points: Array) -> Array:
    """Responses of receptive fields of unequal gain and width, centred on the space."""
    count = int(rng.integers(25, 40)) * points.shape[1]
    centres = space.sampler(rng, count)[0]
    spread = np.sqrt(points.var(axis=0).sum())
    width = spread * rng.uniform(0.4, 0.8) * rng.uniform(0.8, 1.25, count)
    square = ((points[:, None] - centres) ** 2).sum(2)
    return np.asarray(rng.uniform(0.4, 1.6, count) * np.exp(-square / (2 * width**2)))


def _fields(rng: np.random.Generator, space: SyntheticSpace, points: Array, noise: float) -> Array:
    return _noisy(rng, _fields_of(rng, space, points), noise)


def _counts(rng: np.random.Generator, space: SyntheticSpace, points: Array, _: float) -> Array:
    """Counts of such responses, a few to a dozen at most."""
    return rng.poisson(0.1 + np.exp(rng.uniform(np.log(3), np.log(15))) * _fields_of(rng, space, points)).astype(float)


MAPS: Mapping[str, Callable[[np.random.Generator, SyntheticSpace, Array, float], Array]] = {
    "plain": _plain,
    "smooth": _smooth,
    "fields": _fields,
    "counts": _counts,
}
"""How points become features, by name."""
