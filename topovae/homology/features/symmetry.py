"""Symmetries of image data: whether a set of images is closed under a transformation.

Pixel space does not show the circle in rotated images of many things: what the things differ by is as wide as the orbit. But a
set that is closed under rotation is a union of circles. So the nearest neighbour of a transformed image, among images held out,
is compared with that of the image itself. How much further is far, is learnt from the data: superpositions of an image and its
transformed self lie between the sheets of the data, where there are sheets. Where superpositions are no further than images
(noise, smooth random fields, images that the transformation leaves alone), orbits can be filled in, and are no circles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from topovae.errors import InputError
from topovae.homology.calibration import tuned
from topovae.store.documents import Document

Array = np.ndarray

QUERIES, REFERENCES = 300, 3000
LEAST_IMAGES, LEAST_SIDE = tuned("symmetry_images"), tuned("symmetry_side")

USUAL_SIDE, COARSE_SIDE = int(tuned("usual_side")), int(tuned("shift_side"))
BLUR, COARSE_BLUR = tuned("symmetry_blur") / USUAL_SIDE, tuned("shift_blur") / USUAL_SIDE
FLOOR = tuned("distance_floor")

HALFWAY = {"rotation": tuned("rotation_halfway"), "shift": tuned("shift_halfway"), "reflection": tuned("reflection_halfway")}
HALFWAY_WIDTH = {"rotation": tuned("rotation_width"), "shift": tuned("shift_width"), "reflection": tuned("reflection_width")}
VISIBLE, VISIBLE_WIDTH = tuned("visible"), tuned("visible_width")
PLAIN_EXCESS = tuned("plain_excess")
SILENT_ERRORS = tuned("silent_errors")
MOST_CONTRAST = tuned("most_contrast")

SLIGHT_TURN = (tuned("slight_turn_least"), tuned("slight_turn_most"))
EIGHTH_TURN = (tuned("eighth_turn_least"), tuned("eighth_turn_most"))
FRACTIONS, JITTER = (0.25, 0.5, 0.75), tuned("shift_jitter")
"""Shifts, in sides."""

CIRCLES = ("rotation", "shift-rows", "shift-columns")
"""Transformations that form a circle; the others are finite."""


@dataclass(frozen=True)
class Symmetry(Document):
    """Whether a set of images is closed under a transformation.

    Attributes:
        transformation: `rotation`; `shift-rows`, the cyclic shift along each row (to the right); `shift-columns`, along each
            column (down); `reflection-left-right`, `reflection-up-down`.
        statistic: mean log ratio of the nearest-neighbour distances of transformed and plain images, for the worst
            transformation tried, in units of `scale` (for shifts, of 1 at most): 0 for closed sets (less if orbits are
            sampled at equal steps), about 1 for others.
        scale: the same log ratio for superpositions of plain and transformed images; near 0 or below where orbits can be
            filled in, so that closure means nothing.
        error: standard error of the statistic.
        probability: that the set is closed under the transformation and its orbits cannot be filled in.
        verdict: `closed`, `not closed`, or `undetermined` where closure would mean nothing or the data are too few to tell.
    """

    keys: ClassVar = ("transformation", "statistic", "null", "error", "scale", "probability", "closed", "verdict")

    transformation: str
    statistic: float
    scale: float
    error: float
    probability: float
    verdict: str
    null: float = field(default=0.0, init=False)

    @property
    def closed(self) -> bool:
        return self.verdict == "closed"

    @property
    def circle(self) -> bool:
        """Whether the set is a union of circles by this symmetry."""
        return self.closed and self.transformation in CIRCLES


def find_symmetries(images: Array, seed: int = 0) -> tuple[Symmetry, ...]:
    """Test whether a set of images is closed under rotation, cyclic shifts and reflections.

    Rotations by right angles, shifts by whole pixels and reflections are exact, so that no interpolation tells transformed
    images from plain ones; rotation by about half a right angle is compared with rotation by about 5°, interpolated likewise.
    Shifts are judged up to a tenth of the side, as orbits may be sampled at few places. In a set closed under shifts the
    other symmetries are tested once more on what shifts leave alone, the spectrum's modulus.

    Args:
        images: (n, h, w) or (n, h, w, c); only some thousands of them are read.
        seed: of the subsample and the transformations.

    Returns:
        One entry for each transformation; empty for fewer than 80 images or sides below 5 pixels.

    Raises:
        InputError: these are no images.
    """
    _check(images)
    if len(images) < LEAST_IMAGES or min(images.shape[1:3]) < LEAST_SIDE:
        return ()
    queries, references = _halves(images, seed)
    found = [
        _rotation(queries, references, seed),
        _shift("shift-rows", 2, queries, references, seed),
        _shift("shift-columns", 1, queries, references, seed),
        *(_reflection(name, queries, references, plain_features(wrap=False)) for name in _REFLECTIONS),
    ]
    if found[1].closed and found[2].closed:
        found[0] = _stricter(found[0], _quarter_turn(queries, references))
        found[3:] = [_stricter(f, _reflection(f.transformation, queries, references, fourier_modulus)) for f in found[3:]]
    return tuple(found)


def closed_under(symmetries: Sequence[Symmetry]) -> tuple[str, ...]:
    """Names of the transformations that make circles of the data."""
    return tuple(s.transformation for s in symmetries if s.circle)


# ---------------------------------------------------------------- reading


def _check(images: Array) -> None:
    if images.ndim not in (3, 4) or images.dtype.kind not in "fiub":
        raise InputError(
            f"Symmetries are looked for in images, (n, height, width) or (n, height, width, channels) of real numbers; this "
            f"array has the shape {images.shape} and the type {images.dtype}."
        )


def _halves(images: Array, seed: int) -> tuple[Array, Array]:
    """Draw queries and references, disjoint, of moderate size."""
    chosen = np.random.default_rng(seed).permutation(len(images))[: QUERIES + REFERENCES]
    queries, references = np.split(chosen, [min(QUERIES, len(chosen) // 4)])
    return reduce_size(images[queries]), reduce_size(images[references])


def reduce_size(images: Array) -> Array:
    """Average images (n, h, w, …) over blocks, to sides of about 28 pixels, as float64."""
    factor = max(1, round(min(images.shape[1:3]) / USUAL_SIDE))
    if factor == 1:
        return images.astype(np.float64)
    height, width = (side // factor for side in images.shape[1:3])
    top, left = ((side % factor) // 2 for side in images.shape[1:3])
    kept = images[:, top : top + height * factor, left : left + width * factor]
    blocks = kept.reshape(len(images), height, factor, width, factor, *images.shape[3:])
    return blocks.mean(axis=(2, 4), dtype=np.float64)


def central_square(images: Array) -> Array:
    """Cut images (n, h, w, …) to their central square."""
    height, width = images.shape[1:3]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, top : top + side, left : left + side]


# ---------------------------------------------------------------- features


def low_pass(images: Array, sigma: float, mode: str = "nearest") -> Array:
    """Low-pass filter images (n, h, w, …); sigma in sides of the smaller edge."""
    from scipy.ndimage import gaussian_filter

    width = sigma * min(images.shape[1:3])
    return gaussian_filter(images, (0, width, width, *(0,) * (images.ndim - 3)), mode=mode)


def plain_features(wrap: bool) -> Callable[[Array], Array]:
    """Filtered pixels (n, p), periodic or not."""
    mode = "wrap" if wrap else "nearest"
    return lambda images: low_pass(images, BLUR, mode).reshape(len(images), -1)


def disc_features(images: Array) -> Array:
    """Filtered pixels (n, p) of square images within the inscribed disc, which rotation maps to itself."""
    place = np.arange(images.shape[1]) - (images.shape[1] - 1) / 2
    inside = np.hypot(place[:, None], place) <= images.shape[1] / 2
    return low_pass(images, BLUR)[:, inside].reshape(len(images), -1)


def fourier_modulus(images: Array) -> Array:
    """Modulus of the Fourier transform (n, p) of filtered images, which cyclic shifts leave alone."""
    modulus = np.abs(np.fft.fft2(low_pass(images, BLUR, "wrap"), axes=(1, 2)))
    return modulus.reshape(len(images), -1)


def _coarse(images: Array) -> Array:
    """Filtered pixels (n, p) of periodic images, at about 14 pixels a side."""
    step = max(1, min(images.shape[1:3]) // COARSE_SIDE)
    return low_pass(images, COARSE_BLUR, "wrap")[:, ::step, ::step].reshape(len(images), -1)


# ---------------------------------------------------------------- transformations


def rotate_each(images: Array, degrees: Array) -> Array:
    """Turn each of the images (n, h, w, …) by its own angle about the centre, interpolating linearly."""
    from scipy.ndimage import rotate

    return np.stack([rotate(x, a, reshape=False, order=1) for x, a in zip(images, degrees, strict=True)])


def shift_each(images: Array, axis: int, pixels: Array) -> Array:
    """Shift each of the images (n, h, w, …) cyclically by its own number of pixels along axis 1 or 2."""
    return np.stack([np.roll(x, k, axis=axis - 1) for x, k in zip(images, pixels, strict=True)])


_REFLECTIONS = {"reflection-left-right": 2, "reflection-up-down": 1}


def _rotation(queries: Array, references: Array, seed: int) -> Symmetry:
    plain, rng = central_square(queries), np.random.default_rng((seed, 1))
    view = _View(plain, central_square(references), disc_features)
    sign = rng.choice([-1, 1], len(plain))
    slightly = rotate_each(plain, sign * rng.uniform(*SLIGHT_TURN, len(plain)))
    between = rotate_each(plain, sign * rng.uniform(*EIGHTH_TURN, len(plain)))
    turned = [np.rot90(plain, k, (1, 2)) for k in (1, 2, 3)]
    return _judge("rotation", view, turned, view.reach(between) - view.reach(slightly))


def _quarter_turn(queries: Array, references: Array) -> Symmetry:
    plain = central_square(queries)
    return _judge("rotation", _View(plain, central_square(references), fourier_modulus), [np.rot90(plain, 1, (1, 2))])


def _shift(name: str, axis: int, queries: Array, references: Array, seed: int) -> Symmetry:
    rng = np.random.default_rng((seed, 1 + axis))
    step = round(min(queries.shape[1:3]) / COARSE_SIDE)
    nearby = tuple((i, j) for i in (-step, 0, step) for j in (-step, 0, step)) if step else ((0, 0),)
    shifted = []
    for fraction in FRACTIONS:
        part = fraction + rng.uniform(-JITTER, JITTER, len(queries))
        shifted.append(shift_each(queries, axis, np.rint(part * queries.shape[axis]).astype(int)))
    return _judge(name, _View(queries, references, _coarse, nearby), shifted)


def _reflection(name: str, queries: Array, references: Array, features: Callable[[Array], Array]) -> Symmetry:
    return _judge(name, _View(queries, references, features), [np.flip(queries, _REFLECTIONS[name])])


# ---------------------------------------------------------------- the test


class _View:
    """Queries (q, h, w, …) and references seen through features; the former may be moved a little towards the latter."""

    def __init__(
        self,
        queries: Array,
        references: Array,
        features: Callable[[Array], Array],
        nearby: tuple[tuple[int, int], ...] = ((0, 0),),
    ) -> None:
        self.queries, self.features, self.nearby = queries, features, nearby
        self.known = features(references)
        self.search = self.known.astype(np.float32)
        self.half = (self.search**2).sum(1) / 2
        some = self.known[: 2 * (min(len(self.known), 400) // 2)]
        usual = np.linalg.norm(some[::2] - some[1::2], axis=1)
        self.floor = max(FLOOR * float(np.median(usual)), 1e-12 * max(float(np.abs(some).max()), 1e-288))

    def reach(self, images: Array) -> Array:
        """Log distance (q,) of images to the nearest reference."""
        squares = np.full(len(images), np.inf)
        for offset in self.nearby:
            asked = self.features(np.roll(images, offset, (1, 2)) if any(offset) else images)
            nearest = self.known[(self.half - asked.astype(np.float32) @ self.search.T).argmin(1)]
            squares = np.minimum(squares, ((asked - nearest) ** 2).sum(1))
        return np.log(squares + self.floor**2) / 2


def _judge(name: str, view: _View, transformed: list[Array], confirmation: Array | None = None) -> Symmetry:
    """Compare transformed queries with plain ones, and both with superpositions.

    Args:
        name: of the transformation.
        view: of the plain queries.
        transformed: the queries under several elements of the group; the worst counts.
        confirmation: (q,) log ratios of one more comparison.
    """
    base = view.reach(view.queries)
    excess = [view.reach(images) - base for images in transformed]
    scale = _superposition_excess(view, transformed, base)
    if confirmation is not None:
        excess.append(confirmation)
    worst = max(excess, key=lambda ratios: float(ratios.mean()))
    kind = name.partition("-")[0]
    # shifts are judged up to a tenth of the side, so that an excess that is plain in itself is no matter of sampling
    unit = max(min(scale, PLAIN_EXCESS) if kind == "shift" else scale, VISIBLE)
    statistic, error = float(worst.mean()) / unit, float(worst.std()) / unit / np.sqrt(len(worst))
    near = _logistic((HALFWAY[kind] - statistic) / np.hypot(HALFWAY_WIDTH[kind], error))
    probability = near * _logistic((scale - VISIBLE) / VISIBLE_WIDTH)
    silent = near > 0.5 or statistic < SILENT_ERRORS * error
    verdict = "closed" if probability > 0.5 else "undetermined" if silent else "not closed"
    return Symmetry(name, statistic, scale, float(error), probability, verdict)


def _superposition_excess(view: _View, transformed: list[Array], base: Array) -> float:
    """Mean log ratio of the nearest-neighbour distances of superpositions of images and their transforms, and of images.

    Both the mean of the two and its multiple with the image's own contrast are tried, and the further counts: a Gaussian
    cloud holds the one, noise and random fields both, and the circle of a single wave the other.
    """
    plain = view.queries
    mean = np.mean([plain.mean(0), *(images.mean(0) for images in transformed)], axis=0)
    contrast = _norms(plain - mean)
    mixed, raised = [], []
    for images in transformed:
        average = (plain + images) / 2 - mean
        gain = np.minimum(MOST_CONTRAST, contrast / np.maximum(_norms(average), 1e-300))
        mixed.append(float((view.reach(mean + average) - base).mean()))
        raised.append(float((view.reach(mean + gain * average) - base).mean()))
    return max(float(np.mean(mixed)), float(np.mean(raised)))


def _norms(images: Array) -> Array:
    return np.sqrt((images**2).sum(axis=tuple(range(1, images.ndim)), keepdims=True))


def _logistic(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(x, -50, 50))))


def _stricter(one: Symmetry, other: Symmetry) -> Symmetry:
    return min(one, other, key=lambda s: s.probability)
