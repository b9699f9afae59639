"""Closure of image sets under rotation, shifts and reflections, over a table of sets."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from support.places import MNIST, SAMPLES

from topovae.data.readers.find import read
from topovae.data.synthetic.spaces import generate
from topovae.errors import InputError
from topovae.homology.features.symmetry import Symmetry, closed_under, find_symmetries, reduce_size, rotate_each

SIDE = 16
ROTATION, SHIFTS = {"rotation"}, {"shift-rows", "shift-columns"}

Draw = Callable[[np.random.Generator, int], np.ndarray]


def spots(places: np.ndarray) -> np.ndarray:
    """Draw four spots of falling brightness at places (n, 4, 2), in pixels from the centre, as (n, SIDE, SIDE) images."""
    grid = np.arange(SIDE) - (SIDE - 1) / 2
    down, along = np.moveaxis(places, -1, 0)
    squares = (grid[:, None] - down[..., None, None]) ** 2 + (grid - along[..., None, None]) ** 2
    return (np.exp(-squares / 3) * np.array([2.0, 1.6, 1.2, 0.8])[:, None, None]).sum(1)


def glyphs(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw constellations in upright pose, each a little different."""
    template = np.array([[-5.0, -2.0], [-1.0, -3.0], [2.0, 1.0], [1.0, 5.0]])
    return spots(template + 0.6 * rng.normal(size=(n, 4, 2)))


def turned(degrees: float) -> Draw:
    return lambda rng, n: rotate_each(glyphs(rng, n), rng.uniform(-degrees, degrees, n))


def quarter_turned(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.stack([np.rot90(x, k) for x, k in zip(glyphs(rng, n), rng.integers(4, size=n), strict=True)])


def shifted(*axes: int) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        moves = rng.integers(SIDE, size=(n, len(axes)))
        axis = tuple(a - 1 for a in axes)
        return np.stack([np.roll(x, tuple(m), axis) for x, m in zip(glyphs(rng, n), moves, strict=True)])

    return draw


def flipped(axis: int) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        x = glyphs(rng, n)
        return np.where(rng.random((n, 1, 1)) < 0.5, np.flip(x, axis), x)

    return draw


def noise(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=(n, 8, 8))


def fields(mode: str) -> Draw:
    from scipy.ndimage import gaussian_filter

    return lambda rng, n: gaussian_filter(rng.normal(size=(n, 12, 12)), (0, 2, 2), mode=mode)


def discs(rng: np.random.Generator, n: int) -> np.ndarray:
    grid = np.arange(SIDE) - (SIDE - 1) / 2
    radius = rng.uniform(2, 7, (n, 1, 1))
    return 1 / (1 + np.exp(2 * (np.hypot(grid[:, None], grid) - radius))) + 0.05 * rng.normal(size=(n, SIDE, SIDE))


def equal_rows(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.repeat(np.cumsum(rng.normal(size=(n, SIDE, 1)), axis=1), SIDE, axis=2)


SETS: dict[str, tuple[Draw, set[str]]] = {
    "upright": (glyphs, set()),
    "tilted": (turned(15), set()),
    "half turned": (turned(90), set()),
    "turned": (turned(180), ROTATION),
    "by right angles": (quarter_turned, set()),
    "shifted": (shifted(1, 2), SHIFTS),
    "shifted along rows": (shifted(2), {"shift-rows"}),
    "shifted along columns": (shifted(1), {"shift-columns"}),
    "flipped": (flipped(2), {"reflection-left-right"}),
    "upside down": (flipped(1), {"reflection-up-down"}),
    "noise": (noise, set()),
    "fields": (fields("reflect"), set()),
    "periodic fields": (fields("wrap"), set()),
    "discs": (discs, set()),
    "equal rows": (equal_rows, set()),
    "constant": (lambda rng, n: np.ones((n, 8, 8)), set()),
}


def closed(found: tuple[Symmetry, ...]) -> set[str]:
    return {symmetry.transformation for symmetry in found if symmetry.closed}


@pytest.mark.parametrize("name", SETS)
def test_sets_are_closed_under_what_made_them(name: str) -> None:
    draw, expected = SETS[name]
    found = find_symmetries(draw(np.random.default_rng(0), 800), seed=0)
    assert closed(found) == expected
    assert set(closed_under(found)) == {name for name in expected if not name.startswith("reflection")}


@pytest.mark.parametrize("name", ["turning_digit.h5", "rotated_digits.h5"])
def test_turned_digits_are_closed_under_rotation_alone(name: str) -> None:
    images = read(str(SAMPLES / name)).load()[::3]
    assert closed(find_symmetries(images)) == ROTATION


@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not beside the repository")
@pytest.mark.parametrize(("space", "expected"), [("rotated", ROTATION), ("shifted", SHIFTS), ("plain", set())])
def test_digits_of_many_hands(space: str, expected: set[str]) -> None:
    path = MNIST / "train-images-idx3-ubyte.gz"
    if space == "plain":
        images = read(str(path)).rows(np.random.default_rng(0).permutation(60_000)[:1000])
    else:
        images = generate(space, images=str(path), exemplars=50, copies=30, seed=0).x
    assert closed(find_symmetries(images)) == expected


def test_units_channels_and_size_do_not_matter() -> None:
    images = turned(180)(np.random.default_rng(1), 400)
    coloured = np.repeat(np.repeat(images, 4, axis=1), 4, axis=2)[..., None] * np.array([100.0, 50.0, 20.0]) + 7
    assert reduce_size(coloured).shape == (400, 32, 32, 3)
    assert closed(find_symmetries(coloured)) == ROTATION


def test_oblong_images_turn_within_their_centre() -> None:
    images = np.pad(turned(180)(np.random.default_rng(2), 400), ((0, 0), (0, 0), (3, 3)))
    assert "rotation" in closed(find_symmetries(images))


def test_few_images_say_nothing() -> None:
    images = glyphs(np.random.default_rng(0), 50)
    assert find_symmetries(images) == ()
    assert find_symmetries(np.ones((200, 4, 9))) == ()


def test_the_document_is_plain_and_repeatable() -> None:
    images = glyphs(np.random.default_rng(3), 200)
    found = find_symmetries(images, seed=5)
    assert found == find_symmetries(images.copy(), seed=5)
    document = json.loads(json.dumps([symmetry.to_dict() for symmetry in found], allow_nan=False))
    assert [entry["transformation"] for entry in document] == [
        "rotation",
        "shift-rows",
        "shift-columns",
        "reflection-left-right",
        "reflection-up-down",
    ]
    assert all(0 <= entry["probability"] <= 1 and entry["null"] == 0 for entry in document)


@pytest.mark.parametrize("images", [np.ones((100, 30)), np.full((100, 8, 8), "a")], ids=["points", "text"])
def test_what_are_no_images_is_refused(images: np.ndarray) -> None:
    with pytest.raises(InputError, match="images"):
        find_symmetries(images)
