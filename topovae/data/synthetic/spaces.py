"""Synthetic data with ground truth: the table of spaces and the one function that draws from it.

Conventions of `truth`: an S1 factor is an angle in radians in [0, 2π), an I factor a number in [0, 1], an S^d
factor a unit vector of d + 1 entries, SO3 a unit quaternion (w, x, y, z) up to sign, an R factor its
coordinate. A quotient is given by a point of its cover: (θ, h) ~ (θ + π, 1 − h) on the Möbius band,
(u, v) ~ (u + π, −v) on the Klein bottle, z ~ −z on RP^d.

Where there is no latent expression the truth is: (angle, circle) for concentric-circles, (angle, loop) for
figure-eight, (unit vector, piece) for wedge.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from topovae.data.synthetic import pictures
from topovae.data.synthetic.draws import TAU, uniform_angles, uniform_by_density, uniform_sphere
from topovae.data.synthetic.options import flag, one_of, real, whole
from topovae.errors import UsageError
from topovae.signature import NAMES
from topovae.store.documents import Brief

Array = np.ndarray
Sampler = Callable[..., tuple[Array, ...]]

DEFAULT_N = 2000
MOBIUS_WIDTH = 1.5
ANNULUS_INNER = 0.4
TORUS_RADII = (1.0, 0.5)
SPHERE_SHARE = 0.6  # of the wedge's points: a wedge of curves and a surface has no common volume
ROLL_TURNS, ROLL_HEIGHT, ROLL_SCALE = (0.75, 2.25), 2.1, 0.1

# Separate random streams, so that the map of a seed does not depend on how many points were drawn.
_POINTS, _MAP, _NOISE, _REFERENCE = range(4)
_REFERENCE_SIZE = 4096
_HIDDEN = 64
_GAINS = (1.2, 1.5, 1.0)


@dataclass(frozen=True, repr=False)
class Sample(Brief):
    """Points of a space with their ground truth.

    Args:
        x: (n, ...) data, float32, or the dtype of the image set they were made from.
        truth: (n, k) coordinates on the space, float32.
        group: (n,) int64 index of the exemplar that each picture was made from, or None.
        space: latent expression of the truth coordinates, or None where there is none.
        name: the entry of `SPACES` that was drawn from.
    """

    x: Array
    truth: Array | None
    group: Array | None
    space: str | None
    name: str


@dataclass(frozen=True)
class SyntheticSpace:
    """One space that can be generated.

    Args:
        name: what the user calls it.
        space: latent expression of the truth coordinates, or None.
        dimension: number of columns of x without `ambient`; None for pictures.
        sampler: (rng, n, **options) to (x, truth) or (x, truth, group).
        embed: (n, k) truth to (n, dimension) points, where truth alone decides x.
        variant: an option and the entry that each of its values selects.
        default_n: number of samples when none is asked for; None where other options decide it.
        other_names: words that ask for it too.
        parts: the name of each connected component, where there are several.
    """

    name: str
    space: str | None
    dimension: int | None
    sampler: Sampler
    embed: Callable[[Array], Array] | None = None
    variant: tuple[str, Callable[[Any], SyntheticSpace]] | None = None
    default_n: int | None = DEFAULT_N
    other_names: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options that this entry takes."""
        own = [p.name for p in inspect.signature(self.sampler).parameters.values() if p.kind is p.KEYWORD_ONLY]
        return tuple([*own, self.variant[0]] if self.variant else own)


@dataclass(frozen=True)
class SmoothMap:
    """A fixed smooth map to R^D: three linear layers, tanh after the first two, then centring and scaling.

    Args:
        shift: (d,) mean that is taken off the input.
        scale: root of the mean squared distance to that mean.
        layers: three pairs of weights (in, out) and biases (out,).
        offset: (D,) mean that is taken off the output.
        gain: factor on the output.
    """

    shift: Array
    scale: float
    layers: tuple[tuple[Array, Array], ...]
    offset: Array | float = field(default=0.0)
    gain: float = 1.0

    def __call__(self, x: Array) -> Array:
        """Map (n, d) points to (n, D)."""
        hidden = (x - self.shift) / self.scale
        for weight, bias in self.layers[:-1]:
            hidden = np.tanh(hidden @ weight + bias)
        weight, bias = self.layers[-1]
        return (hidden @ weight + bias - self.offset) * self.gain


# ---------------------------------------------------------------- random coordinates


def _interval(rng: np.random.Generator, n: int) -> Array:
    return rng.random((n, 1))


def _disk(rng: np.random.Generator, n: int) -> Array:
    radius = np.sqrt(rng.random((n, 1)))
    return radius * circle_points(uniform_angles(rng, (n, 1)))


def _band(rng: np.random.Generator, n: int) -> Array:
    return np.hstack([uniform_angles(rng, (n, 1)), rng.random((n, 1))])


def _annulus(rng: np.random.Generator, n: int) -> Array:
    radius = np.sqrt(ANNULUS_INNER**2 + (1 - ANNULUS_INNER**2) * rng.random((n, 1)))
    return np.hstack([uniform_angles(rng, (n, 1)), (radius - ANNULUS_INNER) / (1 - ANNULUS_INNER)])


def _mobius(rng: np.random.Generator, n: int) -> Array:
    def area(truth: Array) -> Array:
        r = MOBIUS_WIDTH * (truth[:, 1] - 0.5)
        return np.sqrt((4 + r**2) / (4 + MOBIUS_WIDTH**2 / 4))

    return uniform_by_density(rng, n, _band, area)


def _klein(rng: np.random.Generator, n: int) -> Array:
    return uniform_by_density(rng, n, _angles(2), lambda truth: np.sqrt((4 + np.sin(truth[:, 1]) ** 2) / 5))


def _embedded_torus(rng: np.random.Generator, n: int) -> Array:
    major, minor = TORUS_RADII
    return uniform_by_density(rng, n, _angles(2), lambda truth: (major + minor * np.cos(truth[:, 1])) / (major + minor))


def _patch(rng: np.random.Generator, n: int) -> Array:
    return np.hstack([uniform_angles(rng, (n, 1)), rng.uniform(-1, 1, (n, 2))])


def _roll(rng: np.random.Generator, n: int) -> Array:
    t = TAU * np.array(ROLL_TURNS)
    first, last = _roll_length(t)
    return np.hstack([(last - first) * rng.random((n, 1)), ROLL_HEIGHT * rng.random((n, 1))])


def _angles(k: int) -> Callable[[np.random.Generator, int], Array]:
    return lambda rng, n: uniform_angles(rng, (n, k))


def _sphere(d: int) -> Callable[[np.random.Generator, int], Array]:
    return lambda rng, n: uniform_sphere(rng, n, d)


# ---------------------------------------------------------------- embeddings of the coordinates


def circle_points(angle: Array) -> Array:
    """Map (n, k) angles to the flat torus (cos, …, cos, sin, …, sin) of R^2k, the unit circle when k = 1."""
    return np.hstack([np.cos(angle), np.sin(angle)])


def arc_points(truth: Array) -> Array:
    """Map h in [0, 1] to an arc of 2 radians of the unit circle, by length."""
    return circle_points(2 * truth - 1)


def cylinder_points(truth: Array) -> Array:
    """Map (θ, h) to (cos θ, sin θ, 2h − 1)."""
    return np.hstack([circle_points(truth[:, :1]), 2 * truth[:, 1:] - 1])


def annulus_points(truth: Array) -> Array:
    """Map (θ, h) to the plane, h = 0 being the inner circle and h = 1 the unit circle."""
    return (ANNULUS_INNER + (1 - ANNULUS_INNER) * truth[:, 1:]) * circle_points(truth[:, :1])


def mobius_points(truth: Array) -> Array:
    """Map (θ, h) to (cos 2θ, sin 2θ, r cos θ, r sin θ) with r = width · (h − 1/2)."""
    r = MOBIUS_WIDTH * (truth[:, 1:] - 0.5)
    return np.hstack([circle_points(2 * truth[:, :1]), r * circle_points(truth[:, :1])])


def klein_points(truth: Array) -> Array:
    """Map (u, v) to (cos 2u, sin 2u, cos v, cos u sin v, sin u sin v)."""
    u, v = truth[:, :1], truth[:, 1:]
    return np.hstack([circle_points(2 * u), np.cos(v), circle_points(u) * np.sin(v)])


def embedded_torus_points(truth: Array) -> Array:
    """Map (θ, φ) to the torus of revolution in R^3, φ going around the tube."""
    major, minor = TORUS_RADII
    around, tube = truth[:, :1], truth[:, 1:]
    return np.hstack([(major + minor * np.cos(tube)) * circle_points(around), minor * np.sin(tube)])


def projective_points(z: Array) -> Array:
    """Map ±z to the upper triangle of z zᵀ, off-diagonal entries times √2, which keeps angles."""
    i, j = np.triu_indices(z.shape[1])
    return z[:, i] * z[:, j] * np.where(i == j, 1.0, math.sqrt(2))


def rotation_points(quaternion: Array) -> Array:
    """Map unit quaternions (w, x, y, z) to the 9 entries of their rotation matrices, row by row."""
    w, x, y, z = quaternion.T
    entries = [
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return np.stack([entry for row in entries for entry in row], axis=1)


def patch_points(truth: Array) -> Array:
    """Map (θ, a, b) to (cos θ, sin θ, a, b)."""
    return np.hstack([circle_points(truth[:, :1]), truth[:, 1:]])


def _roll_length(t: Array) -> Array:
    """Length of the spiral ROLL_SCALE · t (cos t, sin t) from its centre to angle t."""
    return ROLL_SCALE * (t * np.sqrt(1 + t**2) + np.arcsinh(t)) / 2


def roll_points(truth: Array) -> Array:
    """Map (length along the roll, height) to (t cos t, height, t sin t), isometrically."""
    grid = np.linspace(TAU * ROLL_TURNS[0], TAU * ROLL_TURNS[1], 20_001)
    length = _roll_length(grid)
    t = np.interp(truth[:, :1], length - length[0], grid)
    return np.hstack([ROLL_SCALE * t * np.cos(t), truth[:, 1:], ROLL_SCALE * t * np.sin(t)])


def concentric_points(truth: Array) -> Array:
    """Map (angle, circle 0 or 1) to circles of radius 1 and 2."""
    return (1 + truth[:, 1:]) * circle_points(truth[:, :1])


def figure_eight_points(truth: Array) -> Array:
    """Map (angle, loop 0 or 1) to Bernoulli's lemniscate, the angle measuring length from the crossing."""
    t = np.linspace(-math.pi / 2, math.pi / 2, 20_001)
    loop = np.stack([np.cos(t), np.sin(t) * np.cos(t)], axis=1) / (1 + np.sin(t) ** 2)[:, None]
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(loop, axis=0), axis=1))])
    angle = TAU * length / length[-1]
    points = np.stack([np.interp(truth[:, 0], angle, column) for column in loop.T], axis=1)
    return points * (1 - 2 * truth[:, 1:])


def wedge_points(truth: Array) -> Array:
    """Map (unit vector, piece) to the unit sphere (piece 0) or circles of radius 0.7 that touch it (1, 2)."""
    direction, piece = truth[:, :3], truth[:, 3].astype(int)
    centres = np.array([[0.0, 0.0, 0.0], [1.7, 0.0, 0.0], [0.0, 1.7, 0.0]])
    return centres[piece] + np.array([1.0, 0.7, 0.7])[piece][:, None] * direction


def _concentric(rng: np.random.Generator, n: int) -> Array:
    return np.hstack([uniform_angles(rng, (n, 1)), rng.random((n, 1)) < 2 / 3])


def _figure_eight(rng: np.random.Generator, n: int) -> Array:
    return np.hstack([uniform_angles(rng, (n, 1)), rng.random((n, 1)) < 1 / 2])


def _wedge(rng: np.random.Generator, n: int) -> Array:
    piece = np.searchsorted([SPHERE_SHARE, (1 + SPHERE_SHARE) / 2], rng.random((n, 1)), side="right")
    circle = np.hstack([circle_points(uniform_angles(rng, (n, 1))), np.zeros((n, 1))])
    return np.hstack([np.where(piece == 0, uniform_sphere(rng, n, 2), circle), piece])


# ---------------------------------------------------------------- the table


def _cloud(
    name: str,
    space: str | None,
    dimension: int,
    draw: Callable[[np.random.Generator, int], Array],
    embed: Callable[[Array], Array],
    **more: Any,
) -> SyntheticSpace:
    """Return a row for points that their truth decides; its space is an expression, or a name that stands for one."""

    def sampler(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
        truth = draw(rng, n)
        return embed(truth), truth

    return SyntheticSpace(name, space and NAMES.get(space, space), dimension, sampler, embed, **more)


def _pictures(name: str, space: str, sampler: Sampler, **more: Any) -> SyntheticSpace:
    """Return a row for pictures."""
    return SyntheticSpace(name, NAMES.get(space, space), None, sampler, **more)


def _sphere_entry(d: int) -> SyntheticSpace:
    return _cloud(f"S{d}", f"S{d}", d + 1, _sphere(d), lambda z: z) if d > 1 else SPACES["circle"]


def _projective_entry(d: int) -> SyntheticSpace:
    return _cloud(f"RP{d}", f"RP{d}", (d + 1) * (d + 2) // 2, _sphere(d), projective_points)


def _torus_entry(k: int) -> SyntheticSpace:
    return _cloud(f"T{k}", "x".join(["S1"] * k), 2 * k, _angles(k), circle_points)


def _choose_sphere(d: Any) -> SyntheticSpace:
    return _sphere_entry(whole("d", d, 1))


def _choose_torus(embedded: Any) -> SyntheticSpace:
    return SPACES["embedded-torus" if flag("embedded", embedded) else "torus"]


def _choose_shift(mode: Any) -> SyntheticSpace:
    names = {"both": "shifted", "pixels": "shifted-pixels", "along": "shifted-along"}
    return SPACES[names[one_of("mode", mode, names)]]


_TABLE = (
    _cloud("circle", "circle", 2, _angles(1), circle_points, other_names=("s1",)),
    _cloud("interval", "interval", 2, _interval, arc_points, other_names=("i",)),
    _cloud("disk", "plane", 2, _disk, lambda truth: truth),
    _cloud("cylinder", "cylinder", 3, _band, cylinder_points, other_names=("s1xi",)),
    _cloud("annulus", "cylinder", 2, _annulus, annulus_points),
    _cloud("mobius", "mobius", 4, _mobius, mobius_points),
    _cloud("torus", "torus", 4, _angles(2), circle_points, variant=("embedded", _choose_torus), other_names=("s1xs1",)),
    _cloud("embedded-torus", "torus", 3, _embedded_torus, embedded_torus_points),
    _cloud("klein", "klein", 5, _klein, klein_points),
    _cloud("sphere", "sphere", 3, _sphere(2), lambda z: z, variant=("d", _choose_sphere)),
    _cloud("rp2", "RP2", 6, _sphere(2), projective_points),
    _cloud("so3", "SO3", 9, _sphere(3), rotation_points),
    _cloud("T3", "S1xS1xS1", 6, _angles(3), circle_points),
    _cloud("r2xs1", "S1xR2", 4, _patch, patch_points, other_names=("s1xr2",)),
    _cloud("swiss-roll", "plane", 3, _roll, roll_points),
    _cloud("concentric-circles", None, 2, _concentric, concentric_points, parts=("circle", "circle")),
    _cloud("figure-eight", None, 2, _figure_eight, figure_eight_points),
    _cloud("wedge", None, 3, _wedge, wedge_points),
    _pictures("klein-circles", "klein", pictures.sample_circles),
    _pictures("klein-filters", "klein", pictures.sample_filters),
    _pictures("fourier", "torus", pictures.sample_translations),
    _pictures("rotated", "circle", pictures.sample_rotations, default_n=None),
    _pictures("shifted", "torus", pictures.sample_shifts, default_n=None, variant=("mode", _choose_shift)),
    _pictures("shifted-pixels", "torus", pictures.sample_pixel_shifts, default_n=None),
    _pictures("shifted-along", "circle", pictures.sample_shifts_along, default_n=None),
)

SPACES: dict[str, SyntheticSpace] = {entry.name: entry for entry in _TABLE}
_WORDS = {word.lower(): entry for entry in _TABLE for word in (entry.name, *entry.other_names)}
FAMILIES: dict[str, Callable[[int], SyntheticSpace]] = {
    "S": _sphere_entry,
    "T": _torus_entry,
    "RP": _projective_entry,
}


def find_space(name: str) -> SyntheticSpace:
    """Find the entry of a space by one of its names, or as a member S<d>, T<k>, RP<d> of a family.

    Raises:
        UsageError: there is no such space.
    """
    key = name.strip().lower().replace("_", "-")
    if key in _WORDS:
        return _WORDS[key]
    member = re.fullmatch(r"(s|t|rp)([1-9]\d{0,2})", key)
    if member:
        return FAMILIES[member[1].upper()](int(member[2]))
    raise UsageError(
        f"there is no space {name!r} to generate; expected one of {', '.join(SPACES)}, or S<d>, T<k>, RP<d> "
        "such as S3. Choose one of these names."
    )


# ---------------------------------------------------------------- generation


def generate(
    space: str,
    n: int | None = None,
    *,
    ambient: int | None = None,
    noise: float = 0.0,
    seed: int = 0,
    **options: Any,
) -> Sample:
    """Draw samples uniformly by volume from a space, with ground truth; equal arguments give equal bytes.

    Args:
        space: a name of `SPACES`, or S<d>, T<k>, RP<d>.
        n: number of samples; None for 2000, or exemplars times copies for orbits of images.
        ambient: dimension to which a random smooth map takes the points; it depends on the seed, not on n,
            and is scaled so that the mean standard deviation of a coordinate is 0.5. Well above the space's
            own dimension it is injective in practice; close to it, it may not be.
        noise: standard deviation of Gaussian noise on each coordinate, in the units of x, added last.
        seed: non-negative seed of the points, the map and the noise.
        **options: options of the entry; `find_space(name).options` names them.

    Raises:
        UsageError: an unknown space or option, or a value out of its range.

    Examples:
        >>> sample = generate("torus", 100, ambient=50, noise=0.1, seed=3)
        >>> sample.x.shape, sample.truth.shape, sample.space
        ((100, 50), (100, 2), 'S1xS1')
    """
    entry, options = _select(find_space(space), options)
    n = entry.default_n if n is None else whole("n", n, 1)
    seed = whole("seed", seed, 0)
    noise = real("noise", noise)
    x, truth, *group = entry.sampler(_stream(seed, _POINTS), n, **options)
    if ambient is not None:
        x = random_map(entry, _ambient(entry, ambient), seed)(x)
    if noise > 0:
        x = x + noise * _stream(seed, _NOISE).standard_normal(x.shape)
    if np.issubdtype(x.dtype, np.floating):
        x = x.astype(np.float32)
    return Sample(x, truth.astype(np.float32), group[0] if group else None, entry.space, entry.name)


def random_map(entry: SyntheticSpace, ambient: int, seed: int) -> SmoothMap:
    """Draw the smooth map of a seed that takes a space to R^ambient.

    Its input and output are standardised on a sample of the space that is the same for every seed and n.

    Args:
        entry: the space, a point cloud.
        ambient: dimension D of the output.
        seed: seed of the Gaussian weights.
    """
    reference, *_ = entry.sampler(np.random.default_rng(_REFERENCE), _REFERENCE_SIZE)
    shift = reference.mean(axis=0)
    scale = float(np.sqrt(((reference - shift) ** 2).sum(axis=1).mean()))
    rng = _stream(seed, _MAP)
    sizes = (reference.shape[1], _HIDDEN, _HIDDEN, ambient)
    first, second, third = _GAINS
    layers = (
        (rng.normal(size=sizes[:2]) * first, rng.normal(size=_HIDDEN) * 0.5),
        (rng.normal(size=sizes[1:3]) * second / math.sqrt(_HIDDEN), np.zeros(_HIDDEN)),
        (rng.normal(size=sizes[2:]) * third / math.sqrt(_HIDDEN), np.zeros(ambient)),
    )
    raw = SmoothMap(shift, scale, layers)
    image = raw(reference)
    return replace(raw, offset=image.mean(axis=0), gain=0.5 / float(image.std(axis=0).mean()))


def _stream(seed: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, purpose])


def _select(entry: SyntheticSpace, options: dict[str, Any]) -> tuple[SyntheticSpace, dict[str, Any]]:
    """Follow the option that selects a variant, and refuse options that the entry does not take."""
    unknown = sorted(set(options) - set(entry.options))
    if unknown:
        takes = ", ".join(entry.options) or "no options of its own"
        raise UsageError(f"{entry.name} has no option {unknown[0]!r}; it takes {takes}. Leave that option out.")
    if entry.variant and entry.variant[0] in options:
        key, choose = entry.variant
        return choose(options[key]), {k: v for k, v in options.items() if k != key}
    return entry, options


def _ambient(entry: SyntheticSpace, ambient: int) -> int:
    if entry.dimension is None:
        raise UsageError(f"{entry.name} makes pictures, which `ambient` cannot map; leave `ambient` out.")
    ambient = whole("ambient", ambient, 1)
    if ambient < entry.dimension:
        raise UsageError(
            f"ambient is {ambient}, but {entry.name} needs {entry.dimension} coordinates to be embedded; ask "
            f"for at least {entry.dimension}, or leave `ambient` out."
        )
    return ambient
