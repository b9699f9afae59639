"""The file of fitted numbers is whole, says how it came about, and is read without jumps."""

from __future__ import annotations

import itertools
import json
import tomllib

import numpy as np
import pytest
from support.places import ROOT

from topovae.homology.calibration import REGIMES
from topovae.homology.fitted import FILE, LEVEL, SCHEMA, document, interpolate, null

LAWS = document()["bars"]["laws"]
AXES = document()["bars"]["landmarks"], document()["bars"]["samples_a_landmark"]


def test_the_file_is_installed_with_the_package() -> None:
    with open(ROOT / "pyproject.toml", "rb") as file:
        data = tomllib.load(file)["tool"]["setuptools"]["package-data"]["topovae"]
    assert f"homology/{FILE}" in data


def test_the_file_says_how_it_came_about() -> None:
    assert document()["schema"] == SCHEMA
    said = document()["bars"]["provenance"]
    assert said["command"].startswith("topovae bench calibrate ")
    assert said["sets"] == said["seeds"][1] - said["seeds"][0]
    assert len(said["commit"]) == 40 and int(said["commit"], 16) and said["version"] and said["created"]


def test_every_degree_that_is_computed_has_a_law() -> None:
    asked = {(min(dimension, 4), step.degree) for dimension, row in REGIMES.items() for step in row.passes}
    assert asked <= {(law["dimension"], law["degree"]) for law in LAWS}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"H{law['degree']} of dimension {law['dimension']}")
def test_tables_cover_the_grid_and_hold_what_can_be(law: dict) -> None:
    location, missed = np.array(law["location"]), np.array(law["missed"])
    assert location.shape == missed.shape == tuple(map(len, AXES))
    assert np.isfinite(location).all() and ((missed >= 0) & (missed <= 1)).all()
    assert law["scale"] > 0 and law["width"] > 0 and law["sets"] > 0
    # more landmarks never show less
    assert (np.diff(missed, axis=0) <= 0).all() and (np.diff(missed, axis=1) <= 0).all()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"H{law['degree']} of dimension {law['dimension']}")
def test_laws_are_what_the_file_says_at_its_places_and_the_nearest_beyond(law: dict) -> None:
    for (i, m), (j, q) in itertools.product(enumerate(AXES[0]), enumerate(AXES[1])):
        read = null(law["degree"], law["dimension"], m, m * q)
        assert read.location == pytest.approx(law["location"][i][j], abs=1e-9)
        assert read.missed == pytest.approx(law["missed"][i][j], abs=1e-9)
    far = null(law["degree"], law["dimension"], 10 * AXES[0][-1], 1000 * AXES[0][-1] * AXES[1][-1])
    assert (far.location, far.missed) == (law["location"][-1][-1], law["missed"][-1][-1])


@pytest.mark.parametrize("degree, dimension", [(law["degree"], law["dimension"]) for law in LAWS])
def test_laws_do_not_jump(degree: int, dimension: int) -> None:
    # in steps of 1 % nothing changes by more than the steepest slope between two places of the tables allows
    ratios = [null(degree, dimension, int(m), int(5 * m)).critical_ratio(LEVEL) for m in np.geomspace(40, 1000, 300)]
    steps = np.abs(np.diff(np.log(ratios)))
    law = next(law for law in LAWS if (law["degree"], law["dimension"]) == (degree, dimension))
    slope = np.abs(np.diff(law["location"], axis=0) / np.diff(np.log(AXES[0]))[:, None]).max()
    assert steps.max() <= slope * (1 / 40 + 0.011) + 1e-9


def test_an_unknown_dimension_reads_the_nearest() -> None:
    assert null(1, 9, 250, 2000) == null(1, 4, 250, 2000)
    assert null(2, 1, 250, 2000) == null(2, 2, 250, 2000)


def test_a_stricter_level_asks_for_longer_bars() -> None:
    law = null(1, 2, 300, 2000)
    assert law.critical_ratio(0.001) > law.critical_ratio(0.01) > law.critical_ratio(0.1) > 1


def test_tables_are_interpolated_in_the_logarithm() -> None:
    table, axes = [[0.0, 1.0], [2.0, 5.0]], ([10, 1000], [1, 16])
    assert interpolate(table, axes, (100, 4)) == pytest.approx(2.0)
    assert [interpolate(table, axes, place) for place in ((1, 1), (1e6, 1), (1, 1e6))] == [0.0, 2.0, 1.0]


def test_the_file_is_as_the_command_writes_it() -> None:
    from topovae.benchmarks.calibrate import written

    text = (ROOT / "topovae" / "homology" / FILE).read_text()
    assert written(json.loads(text)) == text
