"""The file of fitted numbers is whole, says how it came about, and is read without jumps."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import numpy as np
import pytest
from scipy.stats import genextreme
from support.places import ROOT

from topovae.homology.calibration import REGIMES
from topovae.homology.fitted import FILE, SCHEMA, document, law_of, standard_extreme

KEYS = "dimension", "degree", "prime"
BARS = document()["bars"]
LAWS = pytest.mark.parametrize("law", BARS["laws"], ids=lambda law: "-".join(str(law[key]) for key in KEYS))


def test_the_file_is_installed_with_the_package() -> None:
    with open(ROOT / "pyproject.toml", "rb") as file:
        data = tomllib.load(file)["tool"]["setuptools"]["package-data"]["topovae"]
    assert f"homology/{FILE}" in data


def test_the_file_says_how_it_came_about() -> None:
    assert document()["schema"] == SCHEMA
    said = BARS["provenance"]
    assert said["command"].startswith("topovae bench calibrate ")
    assert said["sets"] == said["seeds"][1] - said["seeds"][0]
    assert len(said["commit"]) == 40 and int(said["commit"], 16) and said["version"] and said["created"]


def test_the_file_is_as_the_command_writes_it() -> None:
    from topovae.benchmarks.calibrate import written

    text = (ROOT / "topovae" / "homology" / FILE).read_text()
    assert written(json.loads(text)) == text


def test_every_degree_that_is_computed_has_a_law() -> None:
    asked = {(min(dimension, 4), step.degree) for dimension, row in REGIMES.items() for step in row.passes}
    for prime in (2, 3):
        assert asked <= {(law["dimension"], law["degree"]) for law in BARS["laws"] if law["prime"] == prime}


def test_laws_hold_for_what_the_diagnosis_takes() -> None:
    low, high = BARS["landmarks"]
    assert low < 60 and high >= max(step.landmarks for row in REGIMES.values() for step in row.passes)
    least, most = BARS["samples_a_landmark"]
    assert least < 4 / 3 and most > 4


@LAWS
def test_parameters_are_what_can_be(law: dict[str, Any]) -> None:
    assert np.isfinite(law["noise"] + law["classes"]).all() and len(law["noise"]) == 3 and len(law["classes"]) == 5
    assert law["scale"] > 0 and law["spread"] > 0 and -0.5 <= law["shape"] <= 0
    assert law["sets"] > 0 and law["most_classes"] > 0
    _, by_landmarks, by_crowding, by_rank, by_number = law["classes"]
    # classes live the longer the more landmarks there are and the more samples each stands for; of several, each lives shorter
    assert by_landmarks > 0 and by_crowding > 0 and by_rank <= 0 and by_number <= 0


@LAWS
def test_laws_do_not_jump_and_stay_beyond_what_was_simulated(law: dict[str, Any]) -> None:
    counts = np.geomspace(20, 4000, 400).astype(int)
    found = [law_of(law["degree"], law["dimension"], m, 6 * m, law["prime"]) for m in counts]
    # successive numbers of landmarks differ by 1.4 %, or by one of 20 where they are few
    for values, slope in (
        ([one.location for one in found], law["noise"][1]),
        ([one.classes[0] for one in found], law["classes"][1]),
    ):
        assert np.abs(np.diff(values)).max() < 0.06 * abs(slope) + 1e-9
        assert values[0] == values[1] and values[-1] == values[-2]


@LAWS
def test_a_law_is_what_the_file_says(law: dict[str, Any]) -> None:
    found = law_of(law["degree"], law["dimension"], 100, 272, law["prime"])
    assert found.location == pytest.approx(law["noise"][0] + np.log(2.72) * law["noise"][2])
    assert (found.scale, found.shape, found.spread) == (law["scale"], law["shape"], law["spread"])
    mean = np.exp(law["classes"][0] + np.log(2.72) * law["classes"][2])
    assert found.class_below(np.array([mean]), 1, 1) == pytest.approx(0.5)


@LAWS
def test_densities_and_intensities_are_the_slopes_of_their_laws(law: dict[str, Any]) -> None:
    found = law_of(law["degree"], law["dimension"], 200, 1000, law["prime"])
    logs = np.linspace(0, 4, 200_001)
    steps, middles = np.diff(logs), np.exp((logs[1:] + logs[:-1]) / 2)
    below = found.class_below(np.exp(logs), 2, 2)
    assert found.class_density(middles, 2, 2) == pytest.approx(np.diff(below) / steps, abs=1e-4)
    assert found.noise_above(np.array([found.critical_ratio(0.01)])) == pytest.approx(0.01)
    # how many bars of noise lie above the critical ratio is −log of how often there is none
    above = middles > found.critical_ratio(0.01)
    assert (found.noise_intensity(middles) * steps)[above].sum() == pytest.approx(-np.log(0.99), rel=1e-2)


def test_an_unknown_dimension_reads_the_nearest() -> None:
    assert law_of(1, 9, 250, 2000) == law_of(1, 4, 250, 2000)
    assert law_of(2, 1, 250, 2000) == law_of(2, 2, 250, 2000)
    assert law_of(1, 2, 250, 2000, 47) == law_of(1, 2, 250, 2000, 3) != law_of(1, 2, 250, 2000)


def test_a_stricter_level_asks_for_longer_bars() -> None:
    law = law_of(1, 2, 300, 2000)
    assert law.critical_ratio(0.001) > law.critical_ratio(0.01) > law.critical_ratio(0.1) > 1


@pytest.mark.parametrize("shape", [0.0, -0.2, -0.5])
def test_quantiles_are_those_of_extreme_values(shape: float) -> None:
    for alpha in (0.001, 0.01, 0.1):
        assert standard_extreme(alpha, shape) == pytest.approx(genextreme.isf(alpha, -shape))
