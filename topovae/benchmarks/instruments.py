"""Data as instruments give it: models of measurements of known topology, apart from what the diagnosis was tuned on.

Each stresses what textbook sets lack: harmonics, uneven density, outliers, duplicates, dropouts, occlusion, counts, few rows,
slow sensors, rows in order of time, a clock among the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from topovae.data.synthetic.draws import TAU, uniform_angles, uniform_sphere
from topovae.data.synthetic.spaces import rotation_points

Array = np.ndarray
Draw = Callable[[np.random.Generator, int], Array]


@dataclass(frozen=True)
class Instrument:
    """A model of a measurement.

    Attributes:
        name: of the instrument.
        draw: takes a generator of random numbers and a number of rows, gives the rows.
        n: usual number of rows.
        space: a name of the catalogue, or None where no one manifold describes the data.
        kind: what sort of measurement it is.
        parts: space of each component, where there are several.
        fair: other names that are no mistake.
    """

    name: str
    draw: Draw
    n: int
    space: str | None
    kind: str
    parts: tuple[str, ...] = ()
    fair: tuple[str, ...] = ()

    def rows(self, seed: int, n: int | None = None) -> Array:
        """Measure n times (None: the usual number), as (n, features) or as pictures (n, height, width)."""
        return self.draw(np.random.default_rng([seed, *self.name.encode()]), n or self.n).astype(np.float32)


def wind_vane(rng: np.random.Generator, n: int) -> Array:
    """Four Hall sensors around a magnet on a vane: a prevailing wind, third harmonics, 3 % of readings jolted by gusts."""
    angle = rng.vonmises(0.7, 0.8, n)
    seen = angle[:, None] - TAU / 4 * np.arange(4) - rng.normal(0, 0.06, 4)
    field = np.cos(seen) + 0.15 * np.cos(3 * seen + 0.4) + rng.normal(0, 0.1, 4)
    gusts = (rng.random(n) < 0.03)[:, None] * rng.standard_t(2, (n, 4))
    return field + 0.08 * rng.normal(size=(n, 4)) + gusts


def polarimeter(rng: np.random.Generator, n: int) -> Array:
    """Two turning polarisers, each behind analysers at 0, 60 and 120 degrees, and the beat of both; 1 % of values drop to 0."""
    turn = uniform_angles(rng, (n, 2)) / 2
    arms = [np.cos(turn[:, [arm]] - TAU / 6 * np.arange(3)) ** 2 for arm in range(2)]
    beat = np.cos(turn[:, 0] - turn[:, 1])[:, None] ** 2
    light = np.concatenate([*arms, beat], 1) * rng.uniform(0.8, 1.2, 7) + 0.04 * rng.normal(size=(n, 7))
    return np.where(rng.random(light.shape) < 0.01, 0, light)


def pipe_scan(rng: np.random.Generator, n: int) -> Array:
    """Points on the wall of a bent, slightly oval pipe from a sensor at one end: the farther, the fewer and the noisier."""
    depth, angle = 4 * rng.beta(1, 1.6, n), uniform_angles(rng, n)
    radius = 1 + 0.08 * np.cos(2 * angle) + (0.03 + 0.01 * depth) * rng.normal(size=n)
    bend = depth / 6
    across, up = radius * np.cos(angle), radius * np.sin(angle)
    return np.stack([(6 + across) * np.cos(bend), (6 + across) * np.sin(bend), up], 1)


def plane_of(size: int) -> tuple[Array, Array]:
    """Coordinates in [-1, 1] of the pixels of a square picture, as two (size, size) arrays."""
    side = np.linspace(-1, 1, size)
    across, up = np.meshgrid(side, side)
    return across, up


def lit_ball(rng: np.random.Generator, n: int) -> Array:
    """Pictures of a matt ball under a soft lamp that may stand anywhere around it; a thin twig crosses every third of them."""
    x, y = plane_of(16)
    inside = x**2 + y**2 < 0.95
    normals = np.stack([x, y, np.sqrt(np.clip(1 - x**2 - y**2, 0, None))], -1)
    lamp = uniform_sphere(rng, n, 2)
    pictures = ((1 + np.einsum("hwk,nk->nhw", normals, lamp)) / 2) ** 2 * inside
    twig = np.abs(x - rng.uniform(-0.8, 0.8, n)[:, None, None]) < 0.07
    pictures[twig & (rng.random(n) < 1 / 3)[:, None, None]] = 0
    return pictures + 0.05 * rng.normal(size=pictures.shape)


def fibre(rng: np.random.Generator, n: int) -> Array:
    """Pictures of a straight fibre across a round aperture, at any angle and up to 0.7 radii off its centre (a Möbius band)."""
    x, y = plane_of(16)
    angle, offset = uniform_angles(rng, n)[:, None, None], rng.uniform(-0.7, 0.7, n)[:, None, None]
    distance = x * np.cos(angle) + y * np.sin(angle) - offset
    pictures = np.exp(-(distance**2) / (2 * 0.2**2)) * (x**2 + y**2 < 1)
    return pictures + 0.08 * rng.normal(size=pictures.shape)


def tomograph(rng: np.random.Generator, n: int) -> Array:
    """Projections of a body of nine blobs onto a line of 48 detectors, one full turn in n steps, photon noise."""
    centres, weights = rng.uniform(-0.6, 0.6, (9, 2)), rng.uniform(0.3, 1, 9)
    angle = TAU * np.arange(n)[:, None] / n
    shadow = centres[:, 0] * np.cos(angle) + centres[:, 1] * np.sin(angle)
    depth = (weights * np.exp(-((np.linspace(-1, 1, 48)[:, None, None] - shadow) ** 2) / (2 * 0.12**2))).sum(-1).T
    return -np.log((rng.poisson(3000 * np.exp(-depth)) + 1) / 3000)


def diffusion(rng: np.random.Generator, n: int) -> Array:
    """Diffusion-weighted signals of one bundle of nerve fibres in a voxel, along 30 gradients (a direction without sign)."""
    gradients, direction = uniform_sphere(rng, 30, 2), uniform_sphere(rng, n, 2)
    signal = np.exp(-0.3 - 1.7 * (direction @ gradients.T) ** 2)
    return np.hypot(signal + 0.04 * rng.normal(size=signal.shape), 0.04 * rng.normal(size=signal.shape))


def calcium_ring(rng: np.random.Generator, n: int) -> Array:
    """Fluorescence of 40 head-direction cells frame after frame: spikes, an indicator that fades in 6 frames, camera noise."""
    heading = np.cumsum(0.12 * rng.normal(size=n)) + TAU * rng.random()
    rate = 0.03 + rng.uniform(0.5, 1.5, 40) * np.exp(3 * (np.cos(heading[:, None] - uniform_angles(rng, 40)) - 1))
    spikes = rng.poisson(rate).astype(float)
    for frame in range(1, n):
        spikes[frame] += np.exp(-1 / 6) * spikes[frame - 1]
    return spikes + 0.3 * rng.normal(size=spikes.shape)


def fates(rng: np.random.Generator, n: int) -> Array:
    """Transcripts of 50 genes while stem cells become one of three types: three arms that meet, no manifold."""
    arm, progress = rng.integers(0, 3, n), rng.random(n)
    stem, ends = rng.normal(2, 0.5, 50), rng.normal(0, 1.2, (3, 50))
    return rng.poisson(np.exp(stem + progress[:, None] * ends[arm])).astype(float)


def cycling_types(rng: np.random.Generator, n: int) -> Array:
    """Transcripts of 60 genes in dividing cells of two types: two circles, one of them with a third of the cells."""
    phase, kind = uniform_angles(rng, n), (rng.random(n) < 1 / 3).astype(int)
    marks, peaks, depth = rng.normal(2.5, 0.7, (2, 60)), uniform_angles(rng, 60), rng.uniform(0.3, 1.2, 60)
    return rng.poisson(np.exp(marks[kind] + depth * np.cos(phase[:, None] - peaks))).astype(float)


def bands(rng: np.random.Generator, channels: int, count: int) -> Array:
    """Absorption bands at random places of a spectrum, as (count, channels)."""
    places, widths = rng.uniform(0.1, 0.9, (count, 1)), rng.uniform(0.05, 0.15, (count, 1))
    return np.exp(-((np.linspace(0, 1, channels) - places) ** 2) / (2 * widths**2))


def dyes(rng: np.random.Generator, n: int) -> Array:
    """Light that passes mixtures of two dyes at 64 wavelengths (Beer and Lambert), amounts uneven, a hair of stray light."""
    amounts = np.stack([rng.beta(1.2, 2, n), rng.beta(2, 1.2, n)], 1)
    passed = np.exp(-1.5 * amounts @ np.stack([bands(rng, 64, 2).sum(0), bands(rng, 64, 2).sum(0)])) + 0.01
    return passed + 0.01 * rng.normal(size=passed.shape)


def flame_line(rng: np.random.Generator, n: int) -> Array:
    """A spectral line that shifts and broadens as a flame heats up, photon counts; a tenth of the rows are logged twice."""
    heat = rng.beta(1.5, 1, n)
    place, width = 0.25 + 0.5 * heat, 0.05 + 0.06 * heat
    light = np.exp(-((np.linspace(0, 1, 50) - place[:, None]) ** 2) / (2 * width[:, None] ** 2))
    counts = rng.poisson(2 + 40 * light).astype(float)
    again = rng.random(n) < 0.1
    counts[again] = np.roll(counts, 1, 0)[again]
    return counts


def gait(rng: np.random.Generator, n: int) -> Array:
    """Eight joint angles of a walker in order of time, stride by stride a little different, beside a clock in seconds."""
    phase = np.cumsum(TAU / 90 * (1 + 0.15 * np.repeat(rng.normal(size=n // 90 + 1), 90)[:n]))
    harmonics = np.stack([np.cos(k * phase + s) for k in (1, 2, 3) for s in (0, TAU / 4)], 1)
    loads = rng.normal(size=(6, 8)) / np.array([1, 1, 2, 2, 4, 4])[:, None]
    stride = 1 + np.repeat(0.08 * rng.normal(size=n // 90 + 1), 90)[:n, None]
    joints = 20 * (stride * (harmonics @ loads) + 0.12 * rng.normal(size=(n, 8)))
    return np.column_stack([np.arange(n) / 100, joints])


def wrist(rng: np.random.Generator, n: int) -> Array:
    """Gravity and the magnetic field (60 degrees of dip) in the axes of a wrist that turns anywhere: all rotations."""
    frames = rotation_points(uniform_sphere(rng, n, 3)).reshape(n, 3, 3)
    fields = np.array([[0, 0, -1], [0.5, 0, -np.sqrt(0.75)]])
    seen = (fields @ frames).reshape(n, 6) * rng.uniform(0.9, 1.1, 6) + rng.normal(0, 0.05, 6)
    return seen + 0.04 * rng.normal(size=seen.shape)


def seen(rng: np.random.Generator, points: Array, noise: float = 0.03) -> Array:
    """See points (n, p), about 1 in size, in 20 readings that are bent a little, with noise."""
    n, p = points.shape
    first, second = rng.normal(size=(2, p, 20)) / np.sqrt(p)
    return points @ first + 0.3 * np.tanh(points @ second) + noise * rng.normal(size=(n, 20))


def tree(rng: np.random.Generator, n: int) -> Array:
    """A tree whose three boughs each fork into two twigs."""
    bough, twig, along = rng.integers(0, 3, n), rng.integers(0, 2, n), rng.uniform(0, 2, n)
    points = np.zeros((n, 9))
    points[np.arange(n), bough] = np.minimum(along, 1)
    points[np.arange(n), 3 + 2 * bough + twig] = np.maximum(along - 1, 0)
    return seen(rng, points)


def theta(rng: np.random.Generator, n: int) -> Array:
    """A ring with a bridge across it."""
    angle, bridge = uniform_angles(rng, n), rng.random(n) < 0.25
    across = rng.uniform(-1, 1, n)
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    return seen(rng, np.where(bridge[:, None], np.stack([across, 0 * across, 0.6 * (1 - across**2)], 1), ring))


def lemniscate(rng: np.random.Generator, n: int) -> Array:
    """A course in the shape of an eight, walked unevenly."""
    angle = rng.vonmises(1.0, 0.5, n)
    return seen(rng, np.stack([np.sin(angle), np.sin(angle) * np.cos(angle), 0.1 * np.cos(angle) ** 2], 1))


def balloon(rng: np.random.Generator, n: int) -> Array:
    """A sphere on a string."""
    string, along = rng.random(n) < 0.25, rng.uniform(1, 3, n)
    line = np.stack([0 * along, 0.1 * along**2 - 0.1, -along], 1)
    return seen(rng, np.where(string[:, None], line, uniform_sphere(rng, n, 2)))


def crossed_discs(rng: np.random.Generator, n: int) -> Array:
    """Two discs through each other."""
    radius, angle = np.sqrt(rng.random(n)), uniform_angles(rng, n)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    return seen(rng, np.where((rng.random(n) < 0.5)[:, None], np.stack([x, y, 0 * x], 1), np.stack([x, 0 * x, y], 1)))


def ring_on_ball(rng: np.random.Generator, n: int) -> Array:
    """A sphere that a ring touches."""
    ring, angle = rng.random(n) < 0.3, uniform_angles(rng, n)
    touching = np.stack([1.8 + 0.8 * np.cos(angle), 0 * angle, 0.8 * np.sin(angle)], 1)
    return seen(rng, np.where(ring[:, None], touching, uniform_sphere(rng, n, 2)))


def blobs(rng: np.random.Generator, n: int) -> Array:
    """Seven normal clouds of uneven size and width in six dimensions, one in the other."""
    which = rng.choice(7, n, p=rng.dirichlet(np.full(7, 3.0)))
    places, widths = 0.6 * rng.normal(size=(7, 6)), rng.uniform(0.3, 0.8, (7, 6))
    return seen(rng, places[which] + widths[which] * rng.normal(size=(n, 6)))


def heavy_tails(rng: np.random.Generator, n: int) -> Array:
    """Returns of ten shares: Student's t of three degrees, correlated."""
    return 0.3 * rng.standard_t(3, (n, 10)) @ rng.normal(size=(10, 10))


CLOUDS = ("plane", *(f"R{k}" for k in range(1, 11)))
"""What is no mistake of a cloud without holes."""

INSTRUMENTS: Mapping[str, Instrument] = {
    instrument.name: instrument
    for instrument in (
        Instrument("wind-vane", wind_vane, 1500, "circle", "sensors"),
        Instrument("polarimeter", polarimeter, 2500, "torus", "sensors"),
        Instrument("pipe-scan", pipe_scan, 2000, "cylinder", "sensors"),
        Instrument("lit-ball", lit_ball, 1500, "sphere", "pictures"),
        Instrument("fibre", fibre, 2000, "mobius", "pictures"),
        Instrument("tomograph", tomograph, 90, "circle", "pictures"),
        Instrument("diffusion", diffusion, 2000, "rp2", "pictures"),
        Instrument("calcium-ring", calcium_ring, 2500, "circle", "cells"),
        Instrument("fates", fates, 1500, None, "cells"),
        Instrument("cycling-types", cycling_types, 1800, None, "cells", ("circle", "circle")),
        Instrument("dyes", dyes, 1500, "plane", "spectra"),
        Instrument("flame-line", flame_line, 800, "interval", "spectra"),
        Instrument("gait", gait, 1800, "circle", "motion"),
        Instrument("wrist", wrist, 3000, "so3", "motion"),
        Instrument("tree", tree, 1500, None, "no manifold"),
        Instrument("theta", theta, 1200, None, "no manifold"),
        Instrument("lemniscate", lemniscate, 1200, None, "no manifold"),
        Instrument("balloon", balloon, 2000, None, "no manifold"),
        Instrument("crossed-discs", crossed_discs, 2000, None, "no manifold"),
        Instrument("ring-on-ball", ring_on_ball, 2000, None, "no manifold"),
        Instrument("blobs", blobs, 1500, None, "no manifold", fair=CLOUDS),
        Instrument("heavy-tails", heavy_tails, 1500, None, "no manifold", fair=CLOUDS),
    )
}
"""Every instrument by its name, kinds together."""
