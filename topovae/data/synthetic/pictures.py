"""Families of pictures parametrised by a space, and orbits of given images under rotation and shift.

Image axes are numbered as array axes: angles of a translation come as (down the rows, along the columns).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from topovae.data.synthetic.draws import TAU, uniform_angles
from topovae.data.synthetic.labels import read_labels
from topovae.data.synthetic.options import one_of, real, whole, whole_list
from topovae.errors import InputError, UsageError

Array = np.ndarray
Orbit = Callable[[Array, Array], Array]

_ROWS_AT_ONCE = 512
DEFAULT_COPIES = 100
DTYPES = ("uint8", "float32")


def circle_images(truth: Array, *, size: int = 30, radius: float = 0.3) -> Array:
    """Draw a disc, centred at a point, on the Klein bottle (x, y) ~ (x + 1, y) ~ (1 − x, y + 1).

    Args:
        truth: (n, 2) coordinates (u, v) on the cover, radians; the centre is (v / 2π, u / π).
        size: pixels along each side.
        radius: radius of the disc, sides of the square being 1; below 0.5.

    Returns:
        (n, size, size) float32 of 0 and 1, rows along y. Points (u, v) and (u + π, −v) give the same picture.

    References:
        Klein-Circles of "Coverings of manifolds for variational autoencoders" (KleinVAE), arXiv 2604.23804.
    """
    pixel = (np.arange(size) + 0.5) / size
    pictures = np.zeros((len(truth), size, size), dtype=np.float32)
    for start in range(0, len(truth), _ROWS_AT_ONCE):
        u, v = truth[start : start + _ROWS_AT_ONCE].T[..., None]
        # The preimages of the centre in the torus of periods (1, 2) that covers the bottle.
        for x, y in ((v / TAU, u / math.pi), (-v / TAU, u / math.pi + 1)):
            across = _offset(pixel - x, 1.0)[:, None, :]
            along = _offset(pixel - y, 2.0)[:, :, None]
            pictures[start : start + _ROWS_AT_ONCE] += across**2 + along**2 < radius**2
    return pictures


def _offset(difference: Array, period: float) -> Array:
    """Wrap differences to [−period/2, period/2)."""
    return (difference + period / 2) % period - period / 2


def klein_filters(truth: Array, *, size: int = 9) -> Array:
    """Sample the quadratic patches sin φ · (a x + b y) + cos φ · Q(a x + b y), (a, b) = (cos θ, sin θ).

    Q is the square less its mean. Both terms have unit norm before they are mixed, and every
    patch has mean 0 and root mean square 1.

    Args:
        truth: (n, 2) coordinates (θ, φ), radians; (θ, φ) and (θ + π, −φ) give the same patch.
        size: pixels along each side of the grid on [−1, 1]², at least 3.

    Returns:
        (n, size, size) patches.

    References:
        G. Carlsson, T. Ishkhanov, V. de Silva, A. Zomorodian, "On the local behavior of spaces of natural
        images", International Journal of Computer Vision 76 (2008), section 5.
    """
    grid = np.linspace(-1, 1, size)
    theta, phi = truth.T[..., None, None]
    linear = np.cos(theta) * grid + np.sin(theta) * grid[:, None]
    quadratic = linear**2 - (linear**2).mean(axis=(1, 2), keepdims=True)
    patch = np.sin(phi) * _unit(linear) + np.cos(phi) * _unit(quadratic)
    return _unit(patch)


def _unit(pictures: Array) -> Array:
    return pictures / np.sqrt((pictures**2).mean(axis=(1, 2), keepdims=True))


def fourier_coefficients(rng: np.random.Generator, frequencies: int, discount: float) -> Array:
    """Draw the coefficients γ^(|k|+|l|−1) a_kl of a random periodic picture, for −N ≤ k, l ≤ N.

    The constant (k = l = 0) is left out, since translations do not move it; a_kl are complex standard normal.

    Args:
        rng: source of randomness.
        frequencies: N, the highest frequency along an axis.
        discount: γ in (0, 1]; small values make the picture smooth.

    Returns:
        (2N + 1, 2N + 1) complex array, row k + N and column l + N; the picture has unit standard deviation.

    References:
        "Diffusion Variational Autoencoders", arXiv 1901.08991, section 4.2.
    """
    k = np.abs(np.arange(-frequencies, frequencies + 1))
    order = k[:, None] + k
    normal = rng.normal(size=(2, *order.shape))
    coefficients = discount ** np.maximum(order - 1, 0) * (normal[0] + 1j * normal[1])
    coefficients[frequencies, frequencies] = 0
    return coefficients / _deviation(coefficients)


def _deviation(coefficients: Array) -> float:
    """Standard deviation of Re Σ c_kl exp(i(kθ + lφ)), in which (k, l) and (−k, −l) are one wave."""
    waves = (coefficients + coefficients[::-1, ::-1].conj()) / 2
    return float(np.sqrt((np.abs(waves) ** 2).sum()))


def cosine_coefficients() -> Array:
    """Give the coefficients of cos θ + cos φ, in the layout of `fourier_coefficients`."""
    return np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0]], dtype=complex)


def translated_pictures(coefficients: Array, truth: Array, *, size: int = 64) -> Array:
    """Sample a periodic picture on a size x size grid after moving it down by α and right by β.

    Args:
        coefficients: (2N + 1, 2N + 1) as of `fourier_coefficients`.
        truth: (n, 2) translations (α, β), radians.
        size: pixels along each side, which is one period.

    Returns:
        (n, size, size) float32.
    """
    k = np.arange(len(coefficients)) - len(coefficients) // 2
    wave = np.exp(1j * np.outer(np.arange(size) * TAU / size, k))
    pictures = np.empty((len(truth), size, size), dtype=np.float32)
    for start in range(0, len(truth), _ROWS_AT_ONCE):
        phase = np.exp(-1j * truth[start : start + _ROWS_AT_ONCE, :, None] * k)
        moved = coefficients * phase[:, 0, :, None] * phase[:, 1, None, :]
        pictures[start : start + _ROWS_AT_ONCE] = (wave @ moved @ wave.T).real
    return pictures


def rotate_images(images: Array, angles: Array) -> Array:
    """Turn every image counterclockwise by every angle about its centre, interpolating linearly, 0 outside.

    Args:
        images: (m, h, w) or (m, h, w, c).
        angles: (a,) radians.

    Returns:
        (m, a, h, w) or (m, a, h, w, c), of the images' dtype (whole numbers are rounded).
    """
    from scipy.ndimage import rotate

    source = images.astype(np.float64)

    def turned(angle: float) -> Array:
        degrees = math.degrees(angle)
        return rotate(source, degrees, axes=(2, 1), reshape=False, order=1, mode="constant")

    return np.stack([_as_dtype(turned(angle), images.dtype) for angle in angles], axis=1)


def shift_images(images: Array, angles: Array) -> Array:
    """Shift every image cyclically by every pair of angles, a full turn being the height and the width.

    Whole-pixel shifts are exact; between pixels the picture is the trigonometric interpolant.

    Args:
        images: (m, h, w) or (m, h, w, c).
        angles: (a, 2) radians, down the rows and along the columns.

    Returns:
        (m, a, h, w) or (m, a, h, w, c), of the images' dtype (whole numbers are rounded and clipped).
    """
    height, width = images.shape[1:3]
    spectrum = np.fft.fft2(images, axes=(1, 2))
    tail = (1,) * (images.ndim - 3)
    shifted = []
    for down, along in np.asarray(angles):
        rows = np.exp(-1j * down * np.fft.fftfreq(height, 1 / height)).reshape(-1, 1, *tail)
        columns = np.exp(-1j * along * np.fft.fftfreq(width, 1 / width)).reshape(1, -1, *tail)
        moved = np.fft.ifft2(spectrum * rows * columns, axes=(1, 2)).real
        shifted.append(_as_dtype(moved, images.dtype))
    return np.stack(shifted, axis=1)


def _as_dtype(values: Array, dtype: np.dtype) -> Array:
    if np.issubdtype(dtype, np.floating):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)


# ---------------------------------------------------------------- samplers, for the table of spaces


def sample_circles(rng: np.random.Generator, n: int, *, size: Any = 30, radius: Any = 0.3) -> tuple[Array, Array]:
    """Draw Klein-Circles images and their (u, v); options as of `circle_images`."""
    truth = uniform_angles(rng, (n, 2))
    return circle_images(truth, size=whole("size", size, 2), radius=real("radius", radius, 0, 0.49)), truth


def sample_filters(rng: np.random.Generator, n: int, *, size: Any = 9) -> tuple[Array, Array]:
    """Draw patches of the Klein bottle of natural images and their (θ, φ); options as of `klein_filters`."""
    truth = uniform_angles(rng, (n, 2))
    return klein_filters(truth, size=whole("size", size, 3)), truth


def sample_translations(
    rng: np.random.Generator,
    n: int,
    *,
    frequencies: Any = 3,
    discount: Any = 0.3,
    size: Any = 64,
    picture: str = "random",
) -> tuple[Array, Array]:
    """Draw translations of one periodic picture, and their two angles.

    Args:
        rng: source of randomness; the picture comes first, so that a seed's picture does not depend on n.
        n: number of pictures.
        frequencies: N, the highest frequency of the random picture along an axis.
        discount: γ in (0, 1], by which each further frequency is damped.
        size: pixels along each side.
        picture: `random`, or `cosine` for cos θ + cos φ.
    """
    frequencies, discount = whole("frequencies", frequencies, 1), real("discount", discount, 1e-6, 1)
    size = whole("size", size, 3)
    random = fourier_coefficients(rng, frequencies, discount)
    chosen = {"random": random, "cosine": cosine_coefficients()}[one_of("picture", picture, ("random", "cosine"))]
    if len(chosen) > size:
        raise UsageError(
            f"frequencies up to {frequencies} do not fit on {size} pixels; ask for frequencies of at most "
            f"{(size - 1) // 2}, or for a larger size."
        )
    truth = uniform_angles(rng, (n, 2))
    return translated_pictures(chosen, truth, size=size), truth


def orbit_sampler(draw: Callable[[np.random.Generator, int, Array], Array], act: Orbit) -> Callable[..., Any]:
    """Make the sampler of the orbits of given images under a group of angles.

    Args:
        draw: (rng, copies, images) to (copies, k) angles, radians, the same for every image.
        act: (images (m, ...), angles) to (m, copies, ...) images.
    """

    def sampler(
        rng: np.random.Generator,
        n: int | None,
        *,
        images: Any = None,
        labels: Any = None,
        classes: Any = None,
        exemplars: Any = 1,
        copies: Any = None,
        dtype: str | None = None,
    ) -> tuple[Array, ...]:
        """Transform chosen images; groups are the exemplars, if several, whose samples are adjacent.

        Args:
            rng: chooses the exemplars, as many from each class in the order of `classes`, then angles.
            n: number of pictures, exemplars times copies, or None.
            images: (m, h, w) or (m, h, w, c) array, or the path of one.
            labels: (m,) class of each image, or the path of them; needed with `classes`.
            classes: classes to choose from, as `4,7` or a sequence.
            exemplars: number of images to transform.
            copies: number of angles for each; None for n / exemplars.
            dtype: `uint8` or `float32`; None for that of the images.
        """
        exemplars = whole("exemplars", exemplars, 1)
        copies = _copies(n, exemplars, copies)
        chosen = _choose(rng, images, labels, classes, exemplars, dtype)
        angles = draw(rng, copies, chosen)
        truth = np.tile(angles, (exemplars, 1))
        moved = act(chosen, angles).reshape(-1, *chosen.shape[1:])
        # One group could not be shared by the parts of a split, so a single exemplar has none.
        return (moved, truth, np.repeat(np.arange(exemplars), copies)) if exemplars > 1 else (moved, truth)

    return sampler


def equal_angles(rng: np.random.Generator, copies: int, images: Array) -> Array:
    """Give the angles 2πj / copies, j = 0 … copies − 1, as (copies, 1)."""
    return np.arange(copies)[:, None] * TAU / copies


def random_shifts(rng: np.random.Generator, copies: int, images: Array) -> Array:
    """Draw (copies, 2) uniform angles."""
    return uniform_angles(rng, (copies, 2))


def pixel_shifts(rng: np.random.Generator, copies: int, images: Array) -> Array:
    """Draw (copies, 2) distinct angles that shift by whole pixels."""
    height, width = images.shape[1:3]
    if copies > height * width:
        raise UsageError(
            f"{copies} copies are asked for, but images of {height} x {width} pixels have {height * width} "
            "whole-pixel shifts; ask for fewer copies or for mode=both."
        )
    steps = np.divmod(rng.permutation(height * width)[:copies], width)
    return np.stack(steps, axis=1) * TAU / np.array([height, width])


def shift_along(images: Array, angles: Array) -> Array:
    """Shift every image cyclically along its rows by every one of (a, 1) angles, as `shift_images`."""
    return shift_images(images, np.hstack([np.zeros_like(angles), angles]))


def turn(images: Array, angles: Array) -> Array:
    """Turn every image by every one of (a, 1) angles, as `rotate_images`."""
    return rotate_images(images, angles[:, 0])


sample_rotations = orbit_sampler(equal_angles, turn)
sample_shifts = orbit_sampler(random_shifts, shift_images)
sample_pixel_shifts = orbit_sampler(pixel_shifts, shift_images)
sample_shifts_along = orbit_sampler(equal_angles, shift_along)


def _copies(n: int | None, exemplars: int, copies: Any) -> int:
    """Number of copies of each exemplar, from what was said of n and copies."""
    if copies is None:
        copies = DEFAULT_COPIES if n is None else n // exemplars
    copies = whole("copies", copies, 1)
    if n is not None and n != exemplars * copies:
        raise UsageError(
            f"n is {n}, but {exemplars} exemplars times {copies} copies are {exemplars * copies} pictures; "
            "leave n out or make them agree."
        )
    return copies


def _choose(rng: np.random.Generator, images: Any, labels: Any, classes: Any, exemplars: int, dtype: str | None) -> Array:
    """Choose exemplars at random, in equal numbers from each class, and give them in the dtype asked for."""
    if images is None:
        raise UsageError("no images are given to transform; name an image set with the option `images`.")
    source = _array(images)
    if len(source.shape) not in (3, 4):
        raise InputError(
            f"the images have shape {tuple(source.shape)}; expected (m, height, width) or (m, height, width, "
            "channels). Give an image set."
        )
    index = _choose_rows(rng, _pools(source.shape[0], labels, classes), exemplars)
    chosen = np.concatenate([source[row : row + 1] for row in index])
    if chosen.dtype.kind not in "biuf":
        raise InputError(f"the images have dtype {chosen.dtype}; expected numbers. Convert them first.")
    return _convert(chosen, dtype)


def _convert(images: Array, dtype: str | None) -> Array:
    """Convert images to the dtype asked for; truth values become 0 and 1 in float32."""
    if dtype is None:
        return images.astype(np.float32) if images.dtype.kind == "b" else images
    if one_of("dtype", dtype, DTYPES) == "uint8" and (images.min() < 0 or not 1 < images.max() <= 255):
        raise UsageError(
            f"dtype is uint8, but the images reach from {images.min():g} to {images.max():g}; expected a "
            "scale from 0 to 255. Rescale the images or leave dtype out."
        )
    return _as_dtype(images, np.dtype(dtype))


def _array(values: Any) -> Any:
    """Give an array, or the rows of a file by the readers of data sets."""
    if isinstance(values, np.ndarray):
        return values
    from topovae.data.readers.find import read

    return read(str(values)).x


def _pools(size: int, labels: Any, classes: Any) -> list[Array]:
    """Rows to choose from, class by class; all rows where no classes are named."""
    if classes is None:
        return [np.arange(size)]
    if labels is None:
        raise UsageError("classes are named, but no labels; give the labels of the images with the option `labels`.")
    values = labels.reshape(-1) if isinstance(labels, np.ndarray) else read_labels(str(labels))
    if len(values) != size:
        raise InputError(f"there are {len(values)} labels for {size} images; give one label for each image.")
    wanted = whole_list("classes", classes, 0)
    pools = [np.flatnonzero(values == label) for label in wanted]
    empty = [label for label, pool in zip(wanted, pools, strict=True) if not len(pool)]
    if empty:
        raise InputError(f"no image has the label {empty[0]}; name classes that occur.")
    return pools


def _choose_rows(rng: np.random.Generator, pools: list[Array], exemplars: int) -> Array:
    shares = [exemplars // len(pools) + (i < exemplars % len(pools)) for i in range(len(pools))]
    for pool, share in zip(pools, shares, strict=True):
        if share > len(pool):
            raise UsageError(f"{share} exemplars are asked for where there are {len(pool)} images; ask for fewer.")
    return np.concatenate([rng.permutation(pool)[:share] for pool, share in zip(pools, shares, strict=True)])
