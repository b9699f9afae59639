"""Homology within groups, and the dimension across orbits."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from support.places import MNIST, SAMPLES

from topovae.data.readers.find import read
from topovae.data.synthetic.spaces import generate
from topovae.homology.features.orbits import OrbitFinding, _longest, latent_of, measure_style, within_groups
from topovae.homology.features.symmetry import Symmetry, find_symmetries
from topovae.signature import parse

Shape = Callable[[np.random.Generator, int], np.ndarray]


def circle(rng: np.random.Generator, n: int) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def torus(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.hstack([circle(rng, n), circle(rng, n)])


def eight(rng: np.random.Generator, n: int) -> np.ndarray:
    x = circle(rng, n)
    x[:, 0] = (1 - x[:, 0]) * rng.choice([-1, 1], n)
    return x


def ball(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=(n, 3))


def sphere(rng: np.random.Generator, n: int) -> np.ndarray:
    x = ball(rng, n)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def arc(rng: np.random.Generator, n: int) -> np.ndarray:
    angle = rng.uniform(0, 4.5, n)
    return np.column_stack([np.cos(angle), np.sin(angle)])


GROUPS: dict[str, tuple[Shape, int, str]] = {
    "circles of 40": (circle, 40, "circle"),
    "circles of 120": (circle, 120, "circle"),
    "tori of 200": (torus, 200, "torus"),
    "figures of eight": (eight, 120, "none"),
    "clouds of 30": (ball, 30, "none"),
    "clouds of 150": (ball, 150, "none"),
    "spheres": (sphere, 100, "none"),
    "arcs": (arc, 60, "none"),
}


def many(shape: Shape, copies: int, count: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw `count` groups at random places in 12 dimensions, in their own frames and sizes, with noise, shuffled."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(count):
        x = shape(rng, copies)
        frame = np.linalg.qr(rng.normal(size=(12, 12)))[0][: x.shape[1]]
        parts.append(rng.uniform(1, 2) * x @ frame + rng.normal(size=12) + 0.03 * rng.normal(size=(copies, 12)))
    order = rng.permutation(count * copies)
    return np.concatenate(parts)[order], np.repeat(np.arange(count), copies)[order]


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.slow
def test_groups_are_what_they_were_made_of(name: str) -> None:
    shape, copies, kind = GROUPS[name]
    found = within_groups(*many(shape, copies))
    assert found is not None
    assert found.kind == kind
    assert found.probability > 0.8


def test_digits_turned_and_digits_of_a_class() -> None:
    data = read(str(SAMPLES / "rotated_digits.h5"))
    images, group = data.load(), data.group
    found = within_groups(images, group)
    assert found is not None and found.kind == "circle" and found.probability > 0.95
    # one angle of all the fours, and of all the sevens, is no orbit
    mixed = np.arange(len(images)) % 180 % 90 == 0
    nothing = within_groups(images[mixed], group[mixed] // 12)
    assert nothing is not None and nothing.kind == "none"


@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not beside the repository")
def test_thirty_copies_are_enough() -> None:
    path = MNIST / "train-images-idx3-ubyte.gz"
    sample = generate("rotated", images=str(path), exemplars=100, copies=30, seed=0)
    found = within_groups(sample.x, sample.group)
    assert found is not None and found.kind == "circle" and found.probability > 0.9


def test_small_or_single_groups_say_nothing() -> None:
    rng = np.random.default_rng(0)
    assert within_groups(rng.normal(size=(100, 3)), np.arange(100) // 20) is None
    assert within_groups(circle(rng, 100), np.zeros(100)) is None


def test_equal_samples_do_no_harm() -> None:
    found = within_groups(np.ones((90, 4)), np.arange(90) // 30)
    assert found is not None and found.kind == "none"


def test_the_document_is_plain_and_repeatable() -> None:
    x, group = many(circle, 40)
    found = within_groups(x, group, seed=3)
    assert found is not None and found == within_groups(x.copy(), group, seed=3)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (document["kind"], document["latent"], document["groups"], document["samples"]) == ("circle", "S1", 8, 40)


def test_equal_samples_have_as_many_bars_as_others() -> None:
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 60)
    plane = np.column_stack([np.cos(angle), np.sin(angle)])
    distances = np.linalg.norm(plane[:, None] - plane, axis=2)
    ratios, deaths = _longest(distances, 2)
    assert ratios.shape == deaths.shape == (3,) and ratios[0] == ratios.max() > 0
    assert [part.tolist() for part in _longest(np.zeros((60, 60)), 2)] == [[0.0] * 3] * 2


def test_one_orbit_has_no_style() -> None:
    images = read(str(SAMPLES / "turning_digit.h5")).load()
    symmetries = find_symmetries(images)
    assert measure_style(images, symmetries=symmetries).to_dict() == {"dimension": 0, "orbits": 1, "measured": True}
    assert latent_of(symmetries, measure_style(images, symmetries=symmetries).dimension) == "S1"


def test_few_orbits_have_the_usual_style() -> None:
    x, group = many(circle, 40)
    assert measure_style(x, group).to_dict() == {"dimension": 2, "orbits": 8, "measured": False}


@pytest.mark.parametrize("k", [1, 2])
def test_the_style_of_many_orbits_is_measured(k: int) -> None:
    rng = np.random.default_rng(0)
    style = np.repeat(rng.uniform(-9, 9, (90, k)), 30, axis=0)
    x = np.hstack([circle(rng, len(style)), style])
    found = measure_style(x, np.arange(len(x)) // 30)
    assert (found.dimension, found.orbits, found.measured) == (k, 90, True)


def symmetry(name: str, verdict: str = "closed") -> Symmetry:
    return Symmetry(name, 0.0, 1.0, 0.1, 0.9, verdict)


LATENTS: dict[str, tuple[OrbitFinding | tuple[Symmetry, ...], int, str | None]] = {
    "circle": (OrbitFinding("circle", 0.9, 9, 30, 9.0, (3.0, 1.1, 1.0), 0.0), 0, "S1"),
    "circle and style": (OrbitFinding("circle", 0.9, 9, 30, 9.0, (3.0, 1.1, 1.0), 0.0), 2, "S1xR2"),
    "torus and style": (OrbitFinding("torus", 0.9, 9, 30, 9.0, (3.0, 3.0, 1.0), 0.0), 1, "S1xS1xR"),
    "no orbit": (OrbitFinding("none", 0.9, 9, 30, 0.0, (1.0, 1.0, 1.0), 0.0), 2, None),
    "rotation": ((symmetry("rotation"),), 3, "S1xR3"),
    "shifts": ((symmetry("shift-rows"), symmetry("shift-columns")), 2, "S1xS1xR2"),
    "shifts and rotation": ((symmetry("rotation"), symmetry("shift-rows"), symmetry("shift-columns")), 2, "S1xS1xR2"),
    "reflection": ((symmetry("reflection-left-right"),), 2, None),
    "undetermined": ((symmetry("rotation", "undetermined"),), 2, None),
    "nothing": ((), 2, None),
}


@pytest.mark.parametrize(("found", "k", "expected"), LATENTS.values(), ids=LATENTS.keys())
def test_findings_name_a_latent_space(found: OrbitFinding | tuple[Symmetry, ...], k: int, expected: str | None) -> None:
    assert latent_of(found, k) == expected
    assert expected is None or parse(expected).dim == k + expected.count("S1")
