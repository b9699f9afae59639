"""Products of classes and double covers of landmarks on spaces whose cohomology ring is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from topovae.data.synthetic.spaces import generate
from topovae.homology import analyze
from topovae.homology.cloud.landmarks import centres, self_tuned
from topovae.homology.complexes.bars import RANKS
from topovae.homology.features.double_covers import cup_matrix, find_classes, observe_double_covers
from topovae.homology.fitted import law_of
from topovae.homology.spaces.catalogue import find

CLASSES = {"cylinder": 1, "mobius": 1, "rp2": 1, "torus": 2, "klein": 2}

LAW = law_of(1, 2, 300, 2000, np.linspace(1.8, 1.4, RANKS))


def landmarks(space: str) -> np.ndarray:
    x = generate(space, 2000, seed=3).x.astype(float)
    centre = centres(x, 250, 0)
    return self_tuned(cdist(centre, centre))[0]


@pytest.fixture(scope="module", params=CLASSES)
def space(request: pytest.FixtureRequest) -> tuple[str, np.ndarray]:
    return request.param, landmarks(request.param)


def test_products_are_those_of_the_space(space: tuple[str, np.ndarray]) -> None:
    name, distances = space
    classes = find_classes(distances, CLASSES[name], 6.0)
    assert classes is not None
    cup, form = cup_matrix(classes), find([name])[0].cup_form
    assert np.array_equal(cup, cup.T)
    assert cup.any() == (form.products > 0)
    assert np.diag(cup).any() == (not form.alternating)


def test_double_covers_are_those_of_the_space(space: tuple[str, np.ndarray]) -> None:
    name, distances = space
    classes = find_classes(distances, CLASSES[name], 6.0)
    assert classes is not None
    found = sorted(cover.betti for cover in observe_double_covers(classes, LAW, 0.01))
    assert found == sorted((cover.betti(2, 1), cover.betti(3, 1)) for cover in find([name])[0].covers)


def test_a_wedge_has_a_torus_s_classes_and_no_products() -> None:
    classes = find_classes(landmarks("wedge"), 2, 6.0)
    assert classes is not None
    assert not cup_matrix(classes).any()
    assert {cover.betti for cover in observe_double_covers(classes, LAW, 0.01)} == {(3, 3)}


def test_cocycles_are_symmetric_and_closed_on_every_triangle() -> None:
    classes = find_classes(landmarks("torus"), 2, 6.0)
    assert classes is not None
    near = classes.distances <= classes.death
    for cocycle in classes.cocycles:
        assert np.array_equal(cocycle, cocycle.T)
        for i in range(0, len(near), 25):
            star = np.flatnonzero(near[i])
            around = cocycle[i, star][:, None] ^ cocycle[i, star][None] ^ cocycle[np.ix_(star, star)]
            assert not around[near[np.ix_(star, star)]].any()


def test_classes_that_do_not_meet_are_none() -> None:
    assert find_classes(landmarks("torus"), 4, 6.0) is None
    assert find_classes(cdist(*[np.linspace(0, 1, 30)[:, None]] * 2), 1, 6.0) is None


ORIENTATION = {"klein": [2, 2], "rp2": [0, 0], "mobius": [1, 1]}


@pytest.mark.parametrize("name", ORIENTATION)
@pytest.mark.slow
def test_the_double_cover_of_the_orientation_class_is_the_orientable_one(name: str) -> None:
    document = analyze(generate(name, 1500, ambient=20, noise=0.02, seed=1000).x).to_dict()
    turning = [cover for cover in document["covers"] if cover["orientation"]]
    assert [[cover["betti"][prime][1] for prime in "23"] for cover in turning] == [ORIENTATION[name]]
    assert document["orientable"] is False


@pytest.mark.slow
def test_an_orientable_space_has_no_orientation_class() -> None:
    document = analyze(generate("torus", 1500, ambient=20, noise=0.02, seed=1000).x).to_dict()
    assert document["orientable"] is True and not any(cover["orientation"] for cover in document["covers"])
