"""Maps that are homeomorphisms but for a fault of known share, on the data or in the encoder.

Each family takes a share s and gives data (n, 50) and latent points (n, k); s = 0 is the homeomorphism. Where the fault is of
the data (whisker, island, gap, hole), s of the samples, or of the space, are not what the latent space has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from support.maps import Array, draw, jittered, on_sphere, polar

from topovae.latent import LatentSpace
from topovae.signature import parse

JITTER = 0.25
"""Radians by which latent points are moved at random, over the standard deviation of the noise: about what the noise of the
data does to a good encoder, as the synthetic spaces have 3 to 7 of their units in a radian."""

CENTRE = (2.0, 1.2)
"""Angles about which a fault lies."""


@dataclass(frozen=True)
class Family:
    """Maps with one kind of fault.

    Attributes:
        space: name of the synthetic space.
        name: of the fault.
        latent: expression of the latent space.
        tuned: whether the certificate's limits were chosen on it; the other families are for the claim alone.
        encode: truth (n, k), share → coordinates (n, coordinate_dim).
        lacks: truth, share → which samples (n,) are missing in the data.
        adds: places (n, 50), share and generator → s of them moved off the space, and the sample (n,) in whose place each lies.
    """

    space: str
    name: str
    latent: str
    tuned: bool
    encode: Callable[[Array, float], Array] = lambda t, s: t
    lacks: Callable[[Array, float], Array] | None = None
    adds: Callable[[Array, float, np.random.Generator], tuple[Array, Array]] | None = None

    def __str__(self) -> str:
        return f"{self.space} {self.name}"


def encoded(family: Family, share: float, n: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Data (n, 50) and latent points (n, coordinate_dim) of a family."""
    x, truth = sampled(family, share, n, noise, seed)
    return x, jittered(family.latent, family.encode(truth, share), JITTER * noise, seed)


def sampled(family: Family, share: float, n: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Data (n, 50) of a family and their truth (n, k), without the encoder's fault."""
    rng = np.random.default_rng([seed, 6])
    x, truth = draw(family.space, 2 * n if family.lacks else n, 0.0, seed)
    if family.lacks:
        kept = np.flatnonzero(~family.lacks(truth, share))[:n]
        x, truth = x[kept], truth[kept]
    if family.adds and share > 0:
        x, place = family.adds(x, share, rng)
        truth = truth[place]
    return x + noise * rng.standard_normal(x.shape), truth


def zigzag(t: Array, reach: float = 1.0) -> Array:
    """[0, 1] onto itself, [1 − reach, reach] three times: up to `reach`, back to 1 − reach, and on."""
    return np.interp(t, [0, 1 / 3, 2 / 3, 1], [0, reach, 1 - reach, 1])


def wrapped(angle: Array) -> Array:
    """Angles in (−π, π]."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def within(start: float, length: float, angle: Array) -> tuple[Array, Array]:
    """Which angles lie in an arc, and how far along it, from 0 to 1."""
    along = (angle - start) % (2 * math.pi) / max(length, 1e-12)
    return along < 1, along


def folded_arc(t: Array, s: float) -> Array:
    """An arc of the first angle folded: it is covered three times."""
    inside, along = within(CENTRE[0], 2 * math.pi * s, t[:, 0])
    result = t.copy()
    result[inside, 0] = CENTRE[0] + 2 * math.pi * s * zigzag(along[inside])
    return result


def swapped_arcs(t: Array, s: float) -> Array:
    """Two arcs of half the share on opposite sides, each in the other's place."""
    result = t.copy()
    for start in (CENTRE[0], CENTRE[0] + math.pi):
        result[within(start, math.pi * s, t[:, 0])[0], 0] += math.pi
    return result


def folded_end(t: Array, s: float) -> Array:
    """The end of an interval folded back."""
    span = t[:, 0].max() - t[:, 0].min()
    edge = t[:, 0].max() - s * span
    return np.where(t > edge, 2 * edge - t, t)


def about(t: Array, centre: Array) -> tuple[Array, Array]:
    """Differences (n, 2) of angles from a centre, and their lengths."""
    away = wrapped(t - centre)
    return away, np.linalg.norm(away, axis=1)


def folded_disc(t: Array, s: float) -> Array:
    """A disc of the torus of which the middle third of the radii is covered three times."""
    away, radius = about(t, np.array(CENTRE))
    most = max(2 * math.sqrt(math.pi * s), 1e-12)
    along = np.minimum(radius / most, 1)
    return np.array(CENTRE) + away * (zigzag(along, 2 / 3) / np.maximum(along, 1e-12))[:, None]


def swapped_discs(t: Array, s: float) -> Array:
    """Two discs of the torus, each in the other's place."""
    result = t.copy()
    for turn in (0, math.pi):
        _, radius = about(t, np.array(CENTRE) + turn)
        result[radius < 2 * math.sqrt(math.pi * s / 2)] += math.pi
    return result


def missing_arc(t: Array, s: float) -> Array:
    return within(CENTRE[0], 2 * math.pi * s, t[:, 0])[0]


def missing_disc(t: Array, s: float) -> Array:
    return about(t, np.array(CENTRE))[1] < 2 * math.sqrt(math.pi * s)


def missing_cap(z: Array, s: float) -> Array:
    return polar(z)[1] < math.acos(1 - 2 * s)


def folded_cap(z: Array, s: float) -> Array:
    """A cap of the sphere turned outwards over its edge: it is not reached, and the ring beside it is covered twice."""
    longitude, colatitude = polar(z)
    edge = math.acos(1 - 2 * s)
    return on_sphere(longitude, np.where(colatitude < edge, 2 * edge - colatitude, colatitude))


def folded_band(z: Array, s: float) -> Array:
    """A band about the equator, folded: it is covered three times."""
    longitude, colatitude = polar(z)
    half = max(math.asin(s), 1e-12)
    along = np.clip((colatitude - math.pi / 2 + half) / (2 * half), 0, 1)
    inside = (along > 0) & (along < 1)
    return on_sphere(longitude, np.where(inside, math.pi / 2 - half + 2 * half * zigzag(along), colatitude))


def pinched_cap(z: Array, s: float) -> Array:
    """A cap of the sphere taken to one point."""
    longitude, colatitude = polar(z)
    edge = math.acos(1 - 2 * s)
    return on_sphere(longitude, math.pi * np.maximum(colatitude - edge, 0) / (math.pi - edge))


def swapped_klein(t: Array, s: float) -> Array:
    """Two discs of the Klein bottle, half a turn apart along the circle that the group turns, each in the other's place."""
    space, result = LatentSpace(parse("klein")), t.copy()
    images = space.orbit(torch.as_tensor(t)).numpy()
    for u in (CENTRE[0], CENTRE[0] + math.pi):
        lengths = np.stack([about(image, np.array([u, math.pi / 2]))[1] for image in images])
        inside = lengths.min(0) < math.sqrt(math.pi * s)
        nearest = images[lengths.argmin(0), np.arange(len(t))]
        result[inside] = nearest[inside] + [math.pi, 0]
    return result


def swapped_rp2(z: Array, s: float) -> Array:
    """Two discs of the projective plane, a quarter turn apart, each in the other's place."""
    inside = np.abs(z[:, :2]).max(1) > 1 - s / 2
    return np.where(inside[:, None], np.stack([z[:, 1], z[:, 0], -z[:, 2]], 1), z)


def whisker(x: Array, s: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """A straight line of samples, as dense as a circle's, that begins at a sample, in whose latent place all of it lies."""
    return _attach(x, s, rng, line, 0.0)


def island(x: Array, s: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Such a line, apart from the circle by its radius."""
    return _attach(x, s, rng, line, float(np.linalg.norm(x - x.mean(0), axis=1).mean()))


def loop(x: Array, s: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """A round circle of samples, as dense, through a sample, in whose latent place all of it lies."""
    return _attach(x, s, rng, ring, 0.0)


def line(along: Array, length: float, axes: Array) -> Array:
    """Points (n, 50) at shares (n, 1) of a line."""
    return length * along * axes[:, 0]


def ring(along: Array, length: float, axes: Array) -> Array:
    """Points (n, 50) at shares (n, 1) of a circle through the origin."""
    turn = 2 * math.pi * along
    return length / (2 * math.pi) * ((1 - np.cos(turn)) * axes[:, 0] + np.sin(turn) * axes[:, 1])


def _attach(
    x: Array, s: float, rng: np.random.Generator, curve: Callable[[Array, float, Array], Array], gap: float
) -> tuple[Array, Array]:
    n, count = len(x), round(s * len(x))
    axes = np.linalg.qr(rng.standard_normal((x.shape[1], 2)))[0]
    # From sample to nearest sample a circle of n random ones has half of their mean step.
    steps = np.sort(np.linalg.norm(x[:, None, :] - x[None, : min(n, 100)], axis=2), axis=0)[1]
    length = 2 * float(steps.mean()) * count
    moved, place, chosen = x.copy(), np.arange(n), rng.choice(n, count, replace=False)
    foot = int(np.setdiff1d(np.arange(n), chosen)[0])
    moved[chosen] = x[foot] + gap * axes[:, 0] + curve(rng.random((count, 1)), length, axes)
    place[chosen] = foot
    return moved, place


FAMILIES = (
    Family("circle", "whisker", "S1", True, adds=whisker),
    Family("circle", "fold", "S1", True, encode=folded_arc),
    Family("circle", "swapped arcs", "S1", False, encode=swapped_arcs),
    Family("circle", "gap", "S1", False, lacks=missing_arc),
    Family("circle", "island", "S1", False, adds=island),
    Family("circle", "loop", "S1", False, adds=loop),
    Family("interval", "end fold", "I", False, encode=folded_end),
    Family("torus", "strip", "S1xS1", False, encode=folded_arc),
    Family("torus", "disc", "S1xS1", True, encode=folded_disc),
    Family("torus", "swapped discs", "S1xS1", True, encode=swapped_discs),
    Family("torus", "hole", "S1xS1", True, lacks=missing_disc),
    Family("sphere", "cap", "S2", True, encode=folded_cap),
    Family("sphere", "band", "S2", False, encode=folded_band),
    Family("sphere", "hole", "S2", False, lacks=missing_cap),
    Family("sphere", "pinched", "S2", True, encode=pinched_cap),
    Family("klein", "sheet swap", "klein", True, encode=swapped_klein),
    Family("rp2", "sheet swap", "rp2", False, encode=swapped_rp2),
)
