"""Maps from the synthetic spaces to latent spaces: homeomorphisms, and maps that are none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from topovae.data.synthetic.draws import uniform_angles, uniform_sphere
from topovae.data.synthetic.spaces import SyntheticSpace, circle_points, generate, random_map
from topovae.signature import parse

Array = np.ndarray
JITTER = 0.05
"""Radians by which latent points are moved at random, as posterior means are by the noise of the data."""


@dataclass(frozen=True)
class Case:
    """A map from a synthetic space to a latent space.

    Attributes:
        data: name of the space, as of `generate`, or `S2xS1`.
        name: of the map.
        latent: expression of the latent space.
        good: whether the map is a homeomorphism onto the latent space.
        map: truth (n, k) → coordinates (n, coordinate_dim).
    """

    data: str
    name: str
    latent: str
    good: bool
    map: Callable[[Array], Array]

    def __str__(self) -> str:
        return f"{self.data} → {self.latent}: {self.name}"


def linear(*rows: tuple[int, ...]) -> Callable[[Array], Array]:
    """The linear map of angles with these rows."""
    return lambda t: t @ np.array(rows, dtype=float).T


def unit(z: Array) -> Array:
    """Vectors scaled to length 1."""
    return z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)


def polar(z: Array) -> tuple[Array, Array]:
    """Longitude and colatitude of unit vectors (n, 3)."""
    return np.arctan2(z[:, 1], z[:, 0]), np.arccos(np.clip(z[:, 2], -1, 1))


def on_sphere(longitude: Array, colatitude: Array) -> Array:
    """Unit vectors (n, 3)."""
    flat = np.sin(colatitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.cos(colatitude)], 1)


def power(q: Array, k: int) -> Array:
    """k-th powers of unit quaternions."""
    angle = np.arccos(np.clip(q[:, 0], -1, 1))
    return np.hstack([np.cos(k * angle)[:, None], np.sin(k * angle)[:, None] * unit(q[:, 1:])])


def columns(*functions: Callable[..., Array]) -> Callable[[Array], Array]:
    """The map whose columns are functions of the truth's columns."""
    return lambda t: np.stack([f(*t.T) for f in functions], 1)


def first(u: Array, *_: Array) -> Array:
    return u


def second(u: Array, v: Array, *_: Array) -> Array:
    return v


def third(u: Array, v: Array, w: Array, *_: Array) -> Array:
    return w


def winding(k: int) -> Callable[..., Array]:
    return lambda u, *_: k * u


def back(u: Array, *_: Array) -> Array:
    """Degree one, with a stretch run through three times."""
    return u + 2.2 * np.sin(u)


def swing(u: Array, *_: Array) -> Array:
    """Degree zero: to and fro on the circle."""
    return 2.5 * np.sin(u)


def none(u: Array, *_: Array) -> Array:
    return np.zeros_like(u)


def _torus_in_space(t: Array) -> Array:
    u, v = t.T
    return np.stack([(1 + 0.5 * np.cos(v)) * np.cos(u), (1 + 0.5 * np.cos(v)) * np.sin(u), 0.5 * np.sin(v)], 1)


def _stretched_sphere(z: Array) -> Array:
    return unit(z * [1, 1, 2] + [0.3, 0, 0])


def _folded_back_sphere(z: Array) -> Array:
    longitude, colatitude = polar(z)
    return on_sphere(longitude, np.clip(colatitude + 0.9 * np.sin(3 * colatitude), 0, math.pi))


def _product(first_map: Callable[[Array], Array], second_map: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda t: np.hstack([first_map(t[:, :3]), second_map(t[:, 3:])])


def same(t: Array) -> Array:
    return t


KLEIN = "klein"

_TABLE: tuple[tuple[str, str, bool, str, Callable[[Array], Array]], ...] = (
    ("circle", "S1", True, "identity", same),
    ("circle", "S1", True, "reflected and warped", lambda t: -t - 0.6 * np.sin(t)),
    ("circle", "S1", False, "degree 0", columns(swing)),
    ("circle", "S1", False, "degree 2", linear((2,))),
    ("circle", "S1", False, "degree 3", linear((3,))),
    ("circle", "S1", False, "folded back", columns(back)),
    ("circle", "S1", False, "constant", columns(none)),
    ("circle", "I", False, "cut open", lambda t: t % (2 * math.pi) / (2 * math.pi)),
    ("circle", "I", False, "projected", lambda t: 0.5 + 0.5 * np.cos(t)),
    ("circle", "R2", False, "in the plane", lambda t: circle_points(t)),
    ("circle", "S1xS1", False, "a curve", linear((1,), (1,))),
    ("interval", "I", True, "identity", same),
    ("interval", "I", True, "reversed, shortened", lambda t: 0.8 - 0.6 * t**1.3),
    ("interval", "R", True, "line", lambda t: 3 * (t - 0.5)),
    ("interval", "I", False, "folded", lambda t: np.abs(2 * t - 1)),
    ("interval", "I", False, "folded back", lambda t: 0.5 + 0.4 * np.sin(6 * t)),
    ("interval", "S1", False, "an arc", lambda t: 4 * t),
    ("interval", "S1", False, "closed up", lambda t: 2 * math.pi * t),
    ("interval", "I", False, "torn", lambda t: (t + 0.5) % 1),
    ("disk", "R2", True, "identity", same),
    ("disk", "R2", True, "sheared", lambda t: 1.5 * t @ np.array([[1, 0.7], [0, 0.8]])),
    ("disk", "IxI", True, "square", lambda t: 0.5 + 0.4 * t),
    ("disk", "R2", False, "folded", lambda t: np.abs(t) * [1, 0] + t * [0, 1]),
    ("disk", "R2", False, "flattened", lambda t: t * [1, 0]),
    ("disk", "R2", False, "squared", lambda t: np.stack([t[:, 0] ** 2 - t[:, 1] ** 2, 2 * t[:, 0] * t[:, 1]], 1)),
    ("disk", "S1xI", False, "bent to a strip", lambda t: np.stack([2 * t[:, 0], 0.5 + 0.45 * t[:, 1]], 1)),
    ("disk", "I", False, "projected", lambda t: 0.5 + 0.5 * t[:, :1]),
    ("disk", "R2", False, "torn", lambda t: t + np.sign(t[:, :1]) * [1.0, 0.0]),
    ("cylinder", "S1xI", True, "identity", same),
    ("cylinder", "S1xI", True, "flipped", lambda t: np.stack([t[:, 0], 0.9 - 0.8 * t[:, 1]], 1)),
    ("cylinder", "S1xR", True, "line", lambda t: np.stack([t[:, 0], 3 * t[:, 1] - 1.5], 1)),
    ("cylinder", "S1xI", True, "twisted", lambda t: np.stack([t[:, 0] + 2 * t[:, 1], t[:, 1]], 1)),
    ("cylinder", "S1xI", False, "degree 2", lambda t: t * [2, 1]),
    ("cylinder", "S1xI", False, "degree 0", columns(swing, second)),
    ("cylinder", "S1xI", False, "folded height", lambda t: np.stack([t[:, 0], np.abs(2 * t[:, 1] - 1)], 1)),
    ("cylinder", "S1xI", False, "height lost", lambda t: t * [1, 0] + [0, 0.5]),
    ("cylinder", "I", False, "height alone", lambda t: t[:, 1:]),
    ("cylinder", "R2", False, "annulus", lambda t: (0.6 + t[:, 1:]) * circle_points(t[:, :1])),
    ("cylinder", "mobius", False, "doubly wound", lambda t: np.stack([t[:, 0], np.full(len(t), 0.5) + 0.5 * t[:, 1]], 1)),
    ("mobius", "mobius", True, "identity", same),
    ("mobius", "mobius", True, "warped", lambda t: np.stack([t[:, 0] + 0.25 * np.sin(2 * t[:, 0]), t[:, 1]], 1)),
    ("mobius", "mobius", True, "reflected", lambda t: np.stack([-t[:, 0], 0.1 + 0.8 * t[:, 1]], 1)),
    ("mobius", "mobius", False, "degree 3", lambda t: t * [3, 1]),
    ("mobius", "mobius", False, "height lost", lambda t: t * [1, 0] + [0, 0.5]),
    ("mobius", "mobius", False, "folded", lambda t: np.stack([t[:, 0], 0.5 + 0.5 * np.sin(5.2 * (t[:, 1] - 0.5))], 1)),
    ("mobius", "S1xI", False, "core circle, |height|", lambda t: np.stack([2 * t[:, 0], np.abs(2 * t[:, 1] - 1)], 1)),
    ("mobius", "S1xI", False, "cut open", lambda t: np.stack(_cut(t), 1)),
    ("torus", "S1xS1", True, "identity", same),
    ("torus", "S1xS1", True, "sheared", linear((1, 1), (0, 1))),
    ("torus", "S1xS1", True, "determinant −1", linear((2, 1), (1, 0))),
    ("torus", "S1xS1", True, "warped", lambda t: t + 0.5 * np.sin(t)),
    ("torus", "S1xS1", False, "determinant 0", linear((1, 1), (1, 1))),
    ("torus", "S1xS1", False, "one angle lost", linear((1, 0), (0, 0))),
    ("torus", "S1xS1", False, "determinant 2", linear((2, 0), (0, 1))),
    ("torus", "S1xS1", False, "determinant 2, sheared", linear((1, 1), (-1, 1))),
    ("torus", "S1xS1", False, "determinant 3", linear((2, 1), (1, 2))),
    ("torus", "S1xS1", False, "to and fro", columns(swing, second)),
    ("torus", "S1xS1", False, "folded back", columns(back, second)),
    ("torus", "S2", False, "seen from its centre", lambda t: unit(_torus_in_space(t))),
    ("torus", "S2", False, "in the sphere's middle", lambda t: unit(_torus_in_space(t) - [1.0, 0, 0])),
    ("torus", "klein", False, "covering", linear((1, 0), (0, 1))),
    ("torus", "S1xI", False, "flattened", lambda t: np.stack([t[:, 0], 0.5 + 0.5 * np.cos(t[:, 1])], 1)),
    ("torus", "S1xI", False, "cut open", lambda t: np.stack([t[:, 0], t[:, 1] % (2 * math.pi) / (2 * math.pi)], 1)),
    ("torus", "S1", False, "one angle", lambda t: t[:, :1]),
    ("torus", "R2", False, "seen from above", lambda t: _torus_in_space(t)[:, :2]),
    ("klein", KLEIN, True, "identity", same),
    (
        "klein",
        KLEIN,
        True,
        "warped",
        lambda t: np.stack([t[:, 0] + 0.25 * np.sin(2 * t[:, 0]), t[:, 1] - 0.4 * np.sin(t[:, 1])], 1),
    ),
    ("klein", KLEIN, False, "u tripled", lambda t: t * [3, 1]),
    ("klein", KLEIN, False, "v doubled", lambda t: t * [1, 2]),
    ("klein", KLEIN, False, "v tripled", lambda t: t * [1, 3]),
    ("klein", KLEIN, False, "v lost", lambda t: t * [1, 0]),
    ("klein", KLEIN, False, "v folded back", lambda t: np.stack([t[:, 0], back(t[:, 1])], 1)),
    ("klein", "S1xS1", False, "2u and v to and fro", lambda t: np.stack([2 * t[:, 0], 2.2 * np.cos(t[:, 1])], 1)),
    ("klein", "S1xS1", False, "2u and v cut", lambda t: np.stack(_cut_circle(t), 1)),
    ("klein", "S2", False, "2u and cos v", lambda t: on_sphere(2 * t[:, 0], np.arccos(np.cos(t[:, 1])))),
    ("sphere", "S2", True, "identity", same),
    ("sphere", "S2", True, "antipodes", lambda z: -z),
    ("sphere", "S2", True, "warped", _stretched_sphere),
    ("sphere", "S2", False, "folded", lambda z: z * np.stack([np.ones(len(z)), np.ones(len(z)), np.sign(z[:, 2])], 1)),
    ("sphere", "S2", False, "degree 2", lambda z: on_sphere(2 * polar(z)[0], polar(z)[1])),
    ("sphere", "S2", False, "degree 3", lambda z: on_sphere(3 * polar(z)[0], polar(z)[1])),
    ("sphere", "S2", False, "folded back", _folded_back_sphere),
    ("sphere", "S2", False, "folded thrice", lambda z: unit(np.abs(z) - 0.4)),
    ("sphere", "S1xS1", False, "longitude and colatitude", lambda z: np.stack([polar(z)[0], 2 * polar(z)[1]], 1)),
    ("sphere", "S1xS1", False, "two heights", lambda z: np.stack([2.5 * z[:, 2], 2.5 * z[:, 0]], 1)),
    ("sphere", "R2", False, "flattened", lambda z: z[:, :2]),
    ("sphere", "R2", False, "stereographic", lambda z: z[:, :2] / np.maximum(1.02 - z[:, 2:], 0.05)),
    ("sphere", "rp2", False, "covering", same),
    ("rp2", "rp2", True, "identity", same),
    ("rp2", "rp2", True, "warped", lambda z: unit(z * [1, 1.5, 0.8])),
    ("rp2", "rp2", False, "degree 3", lambda z: on_sphere(3 * polar(z)[0], polar(z)[1])),
    (
        "rp2",
        "rp2",
        False,
        "through the sphere",
        lambda z: np.stack([2 * z[:, 0] * z[:, 2], 2 * z[:, 1] * z[:, 2], 2 * z[:, 2] ** 2 - 1], 1),
    ),
    ("rp2", "rp2", False, "folded", lambda z: unit(z[:, :1] * z + [0.3, 0, 0])),
    ("rp2", "S2", False, "folded", lambda z: unit(z[:, 2:] * z + [0.0, 0, 0.05])),
    ("rp2", "R2", False, "flattened", lambda z: z[:, 2:] * z[:, :2]),
    ("so3", "SO3", True, "identity", same),
    ("so3", "SO3", True, "inverse", lambda q: q * [1, -1, -1, -1]),
    ("so3", "SO3", True, "warped", lambda q: unit(q * [1, 1.4, 0.9, 1.1])),
    ("so3", "SO3", False, "cubes", lambda q: power(q, 3)),
    ("so3", "SO3", False, "squares", lambda q: power(q, 2)),
    ("so3", "SO3", False, "folded", lambda q: unit(np.hstack([q[:, :1] ** 2 + 0.1, q[:, :1] * q[:, 1:]]))),
    ("so3", "S2", False, "axis of a vector", lambda q: _rotated_axis(q)),
    ("r2xs1", "S1xR2", True, "identity", same),
    ("r2xs1", "S1xR2", True, "turned", lambda t: np.hstack([-t[:, :1], _turned(t)])),
    ("r2xs1", "S1xR2", False, "degree 2", lambda t: t * [2, 1, 1]),
    ("r2xs1", "S1xR2", False, "folded", lambda t: np.hstack([t[:, :2], np.abs(t[:, 2:])])),
    ("r2xs1", "S1xR2", False, "one column lost", lambda t: t * [1, 1, 0]),
    ("r2xs1", "S1xR", False, "projected", lambda t: t[:, :2]),
    ("T3", "T3", True, "identity", same),
    ("T3", "T3", True, "sheared", linear((1, 1, 0), (0, 1, 0), (0, 0, -1))),
    ("T3", "T3", False, "determinant 2", linear((2, 0, 0), (0, 1, 0), (0, 0, 1))),
    ("T3", "T3", False, "determinant 0", linear((1, 0, 0), (0, 1, 0), (1, 1, 0))),
    ("T3", "T3", False, "folded back", columns(back, second, third)),
    ("T3", "S1xS1", False, "two angles", linear((1, 0, 0), (0, 1, 0))),
    ("S2xS1", "S2xS1", True, "identity", same),
    ("S2xS1", "S2xS1", True, "warped", _product(_stretched_sphere, lambda t: -t)),
    ("S2xS1", "S2xS1", False, "degree 2 of the circle", _product(same, lambda t: 2 * t)),
    ("S2xS1", "S2xS1", False, "degree 2 of the sphere", _product(lambda z: on_sphere(2 * polar(z)[0], polar(z)[1]), same)),
    ("S2xS1", "S2xS1", False, "sphere folded", _product(lambda z: np.abs(z), same)),
    ("S2xS1", "T3", False, "angles", lambda t: np.stack([polar(t[:, :3])[0], 2 * polar(t[:, :3])[1], t[:, 3]], 1)),
)


def _cut(t: Array) -> tuple[Array, Array]:
    """The band's cover over half a turn, closed to a cylinder with a tear."""
    angle = t[:, 0] % (2 * math.pi)
    return 2 * angle, np.where(angle < math.pi, t[:, 1], 1 - t[:, 1])


def _cut_circle(t: Array) -> tuple[Array, Array]:
    """The Klein bottle's cover over half a turn, closed to a torus with a tear."""
    angle = t[:, 0] % (2 * math.pi)
    return 2 * angle, np.where(angle < math.pi, t[:, 1], -t[:, 1])


def _turned(t: Array) -> Array:
    """The plane turned once while the circle runs around."""
    c, s = np.cos(t[:, 0]), np.sin(t[:, 0])
    return np.stack([c * t[:, 1] - s * t[:, 2], s * t[:, 1] + c * t[:, 2]], 1)


def _rotated_axis(q: Array) -> Array:
    w, x, y, z = q.T
    return np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], 1)


CASES = tuple(Case(data, name, latent, good, f) for data, latent, good, name, f in _TABLE)


def draw(space: str, n: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Draw data (n, 50) and truth (n, k) of a synthetic space."""
    if space != "S2xS1":
        sample = generate(space, n, ambient=50, noise=noise, seed=seed)
        assert sample.truth is not None
        return np.asarray(sample.x, dtype=np.float64), np.asarray(sample.truth, dtype=np.float64)
    rng = np.random.default_rng([seed, 4])
    points, truth = _sphere_by_circle(rng, n)
    x = random_map(SyntheticSpace("S2xS1", "S2xS1", 5, _sphere_by_circle), 50, seed)(points)
    return x + noise * rng.standard_normal(x.shape), truth


def _sphere_by_circle(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Points (n, 5) and truth (n, 4) of S2xS1."""
    direction, angle = uniform_sphere(rng, n, 2), uniform_angles(rng, (n, 1))
    return np.hstack([direction, circle_points(angle)]), np.hstack([direction, angle])


def jittered(latent: str, coordinates: Array, amount: float, seed: int) -> Array:
    """Move latent points at random, angles and unit vectors by radians, heights and numbers by half as much."""
    signature, rng = parse(latent), np.random.default_rng([seed, 5])
    parts, start = [], 0
    for factor in signature.factors:
        width = factor.dim + (factor.kind == "S" and factor.dim > 1)
        part = coordinates[:, start : start + width]
        moved = part + amount * rng.standard_normal(part.shape) * (1.0 if factor.kind == "S" else 0.5)
        if factor.kind == "I":
            moved = 1 - np.abs(1 - np.abs(moved))  # reflected, as clipping would take many to one point
        parts.append(unit(moved) if width > factor.dim else moved)
        start += width
    return np.hstack(parts)


def encoded(case: Case, n: int, noise: float, seed: int, amount: float = JITTER) -> tuple[Array, Array]:
    """Data (n, 50) and the case's latent points of them (n, coordinate_dim)."""
    x, truth = draw(case.data, n, noise, seed)
    return x, jittered(case.latent, case.map(truth), amount, seed)
