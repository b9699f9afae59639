"""Laws of the pictures: identifications, translations, rotations, exemplars, and their options."""

import gzip
import struct

import numpy as np
import pytest

from topovae.data.synthetic import pictures
from topovae.data.synthetic.spaces import SPACES, generate
from topovae.errors import InputError, UsageError

TAU = 2 * np.pi
FAMILIES = {"klein-circles": (30, 30), "klein-filters": (9, 9), "fourier": (64, 64)}
RENDER = {"klein-circles": pictures.circle_images, "klein-filters": pictures.klein_filters}
ORBITS = ["rotated", "shifted", "shifted-pixels", "shifted-along"]


@pytest.fixture
def digits():
    """Forty smooth random images of four classes, uint8, with a dark rim."""
    rng = np.random.default_rng(0)
    window = np.outer(np.hanning(16), np.hanning(16))
    images = (255 * window * rng.random((40, 16, 16))).astype(np.uint8)
    return images, np.repeat(np.arange(4), 10)


@pytest.mark.parametrize("name", FAMILIES)
def test_shapes_ranges_and_repeatability(name):
    first, second, other = (generate(name, 20, seed=s) for s in (1, 1, 2))
    assert first.x.shape == (20, *FAMILIES[name]) and first.x.dtype == np.float32
    assert first.truth.shape == (20, 2) and first.group is None
    assert first.truth.min() >= 0 and first.truth.max() < TAU
    assert first.x.tobytes() == second.x.tobytes()
    assert not np.array_equal(first.x, other.x)
    assert generate(name, 3, size=12).x.shape == (3, 12, 12)


@pytest.mark.parametrize("name", RENDER)
@pytest.mark.parametrize("size", [3, 9, 30])
def test_klein_families_respect_the_identification(name, size):
    truth = np.random.default_rng(0).uniform(0, TAU, (700, 2))
    picture = RENDER[name](truth, size=size)
    for equal in (truth * [1, -1] + [np.pi, 0], truth + np.array([TAU, 0]), truth + np.array([0, TAU])):
        assert np.mean(np.abs(RENDER[name](equal, size=size) - picture) > 1e-6) < 1e-5


@pytest.mark.parametrize("name", RENDER)
def test_klein_families_are_injective(name):
    truth = np.random.default_rng(1).uniform(0, TAU, (300, 2))
    picture = RENDER[name](truth).reshape(300, -1).astype(float)
    apart = np.linalg.norm(picture[:, None] - picture[None], axis=2) / np.linalg.norm(picture, axis=1).mean()

    def wrapped(a, b):
        return np.linalg.norm((a[:, None] - b[None] + np.pi) % TAU - np.pi, axis=2)

    base = np.minimum(wrapped(truth, truth), wrapped(truth, truth * [1, -1] + [np.pi, 0]))
    far = base > 0.3
    assert np.min(apart[far] / base[far]) > 0.1


def test_circles_have_the_disc_s_area_and_place():
    picture = pictures.circle_images(np.array([[np.pi / 2, np.pi]]), size=60, radius=0.25)[0]
    assert set(np.unique(picture)) == {0.0, 1.0}
    assert abs(picture.mean() - np.pi * 0.25**2) < 0.01
    rows, columns = np.nonzero(picture)
    np.testing.assert_allclose([rows.mean(), columns.mean()], 29.5, atol=1e-9)


def test_circles_agree_with_the_published_construction():
    """Union over translates of the centre on a grid of the double cover, its second half folded back."""
    size, (u, v) = 30, (2.0, 5.0)
    x, y = (np.arange(size) + 0.5) / size, (np.arange(2 * size) + 0.5) / size
    strip = np.zeros((2 * size, size), dtype=bool)
    for a in (-1, 0, 1):
        for b in (-2, 0, 2):
            strip |= (x - v / TAU + a) ** 2 + (y[:, None] - u / np.pi + b) ** 2 < 0.09
    expected = strip[:size] | strip[size:, ::-1]
    np.testing.assert_array_equal(pictures.circle_images(np.array([[u, v]]))[0], expected)


def test_filters_are_normalised_and_quadratic():
    patches = generate("klein-filters", 200).x.astype(float)
    np.testing.assert_allclose(patches.mean(axis=(1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose((patches**2).mean(axis=(1, 2)), 1, atol=1e-5)
    assert np.linalg.matrix_rank(patches.reshape(200, -1), tol=1e-3) == 5


def test_fourier_picture_is_translated_by_its_truth():
    coefficients = pictures.fourier_coefficients(np.random.default_rng(0), 4, 0.5)
    steps = np.array([[0, 0], [3, 0], [0, 5], [63, 17]])
    moved = pictures.translated_pictures(coefficients, steps * TAU / 64)
    for picture, (down, along) in zip(moved, steps, strict=True):
        np.testing.assert_allclose(picture, np.roll(moved[0], (down, along), axis=(0, 1)), atol=1e-5)
    assert abs(moved[0].std() - 1) < 1e-5 and abs(moved[0].mean()) < 1e-6


def test_fourier_spectrum_ends_at_n_and_is_discounted():
    coefficients = pictures.fourier_coefficients(np.random.default_rng(0), 6, 0.1)
    picture = pictures.translated_pictures(coefficients, np.zeros((1, 2)))[0]
    spectrum = np.abs(np.fft.fft2(picture))
    assert spectrum[7:-6].max() < 1e-3 and spectrum[:, 7:-6].max() < 1e-3
    assert spectrum[1, 0] + spectrum[0, 1] > 20 * (spectrum[3, 0] + spectrum[0, 3])


def test_fourier_picture_of_a_seed_does_not_depend_on_n():
    few, many = generate("fourier", 2, seed=3), generate("fourier", 40, seed=3)
    for sample in (few, many):
        spectra = np.abs(np.fft.fft2(sample.x.astype(float)))
        np.testing.assert_allclose(spectra, np.broadcast_to(spectra[:1], spectra.shape), atol=1e-2)
    np.testing.assert_allclose(np.abs(np.fft.fft2(few.x[0])), np.abs(np.fft.fft2(many.x[0])), atol=1e-2)


def test_cosine_picture():
    sample = generate("fourier", 5, picture="cosine", size=32)
    grid = np.arange(32) * TAU / 32
    rows = np.cos(grid[None, :] - sample.truth[:, :1])
    columns = np.cos(grid[None, :] - sample.truth[:, 1:])
    np.testing.assert_allclose(sample.x, rows[:, :, None] + columns[:, None, :], atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_quarter_turns_and_whole_pixel_shifts_are_exact(digits, dtype):
    images = digits[0][:5].astype(dtype)
    quarter = np.arange(4) * np.pi / 2
    turned = pictures.rotate_images(images, quarter)
    assert turned.dtype == dtype and turned.shape == (5, 4, 16, 16)
    for k in range(4):
        np.testing.assert_allclose(turned[:, k], np.rot90(images, k, axes=(1, 2)), atol=1e-3)
    steps = np.array([[0, 0], [1, 0], [0, 3], [15, 8]])
    shifted = pictures.shift_images(images, steps * TAU / 16)
    assert shifted.dtype == dtype
    for k, step in enumerate(steps):
        np.testing.assert_allclose(shifted[:, k], np.roll(images, step, axis=(1, 2)), atol=1e-3)


def test_colour_images_turn_channel_by_channel(digits):
    colour = np.stack([digits[0][:2]] * 3, axis=-1)
    angles = np.array([0.3, 2.0])
    for act in (
        lambda x: pictures.rotate_images(x, angles),
        lambda x: pictures.shift_images(x, angles[:, None] + [0, 1]),
    ):
        np.testing.assert_array_equal(act(colour)[..., 1], act(digits[0][:2]))


def test_shifts_between_pixels_compose(digits):
    images = digits[0][:3].astype(np.float64)[:, :15, :15]  # odd sides: no Nyquist term, so the action is a group's
    half = np.array([[0.123, 0.4]])
    twice = pictures.shift_images(pictures.shift_images(images, half)[:, 0], half)
    np.testing.assert_allclose(twice, pictures.shift_images(images, 2 * half), atol=1e-9)


def test_a_turned_picture_has_no_values_that_the_picture_has_not():
    spots = np.random.default_rng(3).random((2, 15, 15))
    turned = pictures.rotate_images(spots, np.array([0.3, 1.0, 2.0]))
    assert turned.min() >= 0 and turned.max() <= spots.max()


@pytest.mark.parametrize("name", ORBITS)
def test_orbits_carry_truth_and_group(name, digits):
    images, labels = digits
    options = {"images": images, "labels": labels, "classes": "1,3", "exemplars": 5, "copies": 8}
    sample, again = generate(name, seed=2, **options), generate(name, seed=2, **options)
    assert sample.x.tobytes() == again.x.tobytes() and sample.x.dtype == np.uint8
    assert sample.x.shape == (40, 16, 16)
    np.testing.assert_array_equal(sample.group, np.repeat(np.arange(5), 8))
    assert sample.truth.shape == (40, len(SPACES[name].space.split("x")))
    assert sample.truth.min() >= 0 and sample.truth.max() < TAU
    np.testing.assert_array_equal(sample.truth[:8], sample.truth[8:16])
    assert generate(name, seed=2, dtype="float32", **options).x.dtype == np.float32
    assert generate(name, seed=2, noise=1.0, **options).x.dtype == np.float32


def test_exemplars_are_images_of_their_classes_in_equal_numbers(digits):
    images, labels = digits
    sample = generate("rotated", images=images, labels=labels, classes=(3, 1), exemplars=6, copies=4, seed=1)
    first = sample.x[sample.truth[:, 0] == 0]
    source = [int(np.flatnonzero((images == picture).all(axis=(1, 2)))[0]) for picture in first]
    assert len(set(source)) == 6
    np.testing.assert_array_equal(labels[source], [3, 3, 3, 1, 1, 1])


def test_n_says_the_copies(digits):
    assert generate("rotated", 30, images=digits[0], exemplars=3).x.shape[0] == 30
    assert generate("rotated", images=digits[0]).x.shape[0] == pictures.DEFAULT_COPIES
    assert generate("rotated", images=digits[0]).group is None  # a split could not part one group
    assert generate("shifted", 9, images=digits[0], exemplars=3, mode="along").space == "S1"


def test_truth_values_become_numbers(digits):
    sample = generate("rotated", images=digits[0] > 100, copies=4)
    assert sample.x.dtype == np.float32 and set(np.unique(sample.x.round(3))) <= {0.0, 1.0}


def test_pixel_shifts_are_distinct(digits):
    sample = generate("shifted", images=digits[0], copies=256, mode="pixels")
    assert len(np.unique(sample.truth, axis=0)) == 256
    np.testing.assert_array_equal(sample.x.sum(axis=(1, 2)), sample.x[0].sum())


def test_images_may_be_files(digits, tmp_path):
    images, labels = digits
    np.save(tmp_path / "images.npy", images)
    for name, array in (("images", images), ("labels", labels.astype(np.uint8))):
        head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
    options = {"classes": 2, "exemplars": 2, "copies": 3}
    expected = generate("rotated", images=images, labels=labels, **options)
    for file in ("images.npy", "images.gz"):
        paths = {"images": str(tmp_path / file), "labels": str(tmp_path / "labels.gz")}
        np.testing.assert_array_equal(generate("rotated", **paths, **options).x, expected.x)


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        ({"copies": 7, "n": 20, "exemplars": 2}, UsageError, "14 pictures"),
        ({"n": 21, "exemplars": 2}, UsageError, "20 pictures"),
        ({"exemplars": 50}, UsageError, "40 images"),
        ({"exemplars": 0}, UsageError, "exemplars"),
        ({"classes": "1"}, UsageError, "labels"),
        ({"classes": "one", "labels": np.zeros(40)}, UsageError, "classes"),
        ({"classes": "9", "labels": np.zeros(40)}, InputError, "label 9"),
        ({"classes": "9", "labels": np.zeros(39)}, InputError, "39 labels"),
        ({"dtype": "complex"}, UsageError, "dtype"),
        ({"images": np.zeros((4, 9))}, InputError, "shape"),
        ({"images": np.full((4, 9, 9), "a")}, InputError, "dtype"),
        ({"images": np.eye(9)[None], "dtype": "uint8"}, UsageError, "uint8"),
        ({"turns": 3}, UsageError, "turns"),
    ],
)
def test_wrong_orbit_options_are_named(digits, options, error, word):
    with pytest.raises(error, match=word):
        generate("rotated", **{"images": digits[0], **options})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fourier", {"frequencies": 40}),
        ("fourier", {"discount": 2}),
        ("fourier", {"picture": "sine"}),
        ("klein-filters", {"size": 2}),
        ("klein-circles", {"radius": 0.7}),
    ],
)
def test_wrong_picture_options_are_named(name, options):
    with pytest.raises(UsageError, match=next(iter(options))):
        generate(name, 5, **options)


def test_too_many_pixel_shifts_are_refused(digits):
    with pytest.raises(UsageError, match="256"):
        generate("shifted-pixels", images=digits[0], copies=257)
