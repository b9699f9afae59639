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
from topovae.homology.complexes.bars import RANKS
from topovae.homology.fitted import FILE, REST, SCHEMA, Law, document, law_of, rest_of, standard_extreme

KEYS = "pulled", "dimension", "degree", "prime"
BARS = document()["bars"]
TYPICAL = np.linspace(1.6, 1.1, RANKS)
LAWS = pytest.mark.parametrize("law", BARS["laws"], ids=lambda law: "-".join(str(law[key]) for key in KEYS))


def read(law: dict[str, Any], landmarks: int, samples: int, ratios: np.ndarray = TYPICAL) -> Law:
    """What is read of a law of the file."""
    return law_of(law["degree"], law["dimension"], landmarks, samples, ratios, law["prime"], pulled=law["pulled"])


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
        laws = [law for law in BARS["laws"] if law["prime"] == prime]
        assert asked <= {(law["dimension"], law["degree"]) for law in laws if not law["pulled"]}
        # cores are curves or surfaces
        cores = {(dimension, degree) for dimension, degree in asked if dimension < 3}
        assert cores <= {(law["dimension"], law["degree"]) for law in laws if law["pulled"]}


def test_laws_hold_for_what_the_diagnosis_takes() -> None:
    low, high = BARS["landmarks"]
    assert low < 60 and high >= max(step.landmarks for row in REGIMES.values() for step in row.passes)
    least, most = BARS["samples_a_landmark"]
    assert least < 4 / 3 and most > 4


@LAWS
def test_parameters_are_what_can_be(law: dict[str, Any]) -> None:
    assert np.isfinite(law["noise"] + law["classes"]).all() and len(law["noise"]) == 4 and len(law["classes"]) == 6
    assert law["scale"] > 0 and law["spread"] > 0 and -0.5 <= law["shape"] <= 0
    assert law["sets"] > 0 and law["most_classes"] > 0
    _, by_landmarks, by_crowding, _, by_rank, by_number = law["classes"]
    assert by_rank <= 0
    # classes live the longer the more landmarks there are and the more samples each stands for; of several, each lives shorter
    assert law["pulled"] or (by_landmarks > 0 and by_crowding > 0 and by_number <= 0)


@LAWS
def test_laws_do_not_jump_and_stay_beyond_what_was_simulated(law: dict[str, Any]) -> None:
    counts = np.geomspace(20, 4000, 400).astype(int)
    found = [read(law, m, 6 * m) for m in counts]
    # successive numbers of landmarks differ by 1.4 %, or by one of 20 where they are few
    for values, slope in (
        ([one.location for one in found], law["noise"][1]),
        ([one.classes[0] for one in found], law["classes"][1]),
    ):
        assert np.abs(np.diff(values)).max() < 0.06 * abs(slope) + 1e-9
        assert values[0] == values[1] and values[-1] == values[-2]


@LAWS
def test_a_law_is_what_the_file_says(law: dict[str, Any]) -> None:
    found, rest = read(law, 100, 272), np.clip(rest_of(TYPICAL), *law["rests"])
    assert found.location == pytest.approx(law["noise"][0] + np.log(2.72) * law["noise"][2] + rest * law["noise"][3])
    assert (found.scale, found.shape, found.spread) == (law["scale"], law["shape"], law["spread"])
    mean = np.exp(law["classes"][0] + np.log(2.72) * law["classes"][2] + rest * law["classes"][3])
    assert found.class_below(np.array([mean]), 1, 1) == pytest.approx(0.5)


@LAWS
def test_densities_and_intensities_are_the_slopes_of_their_laws(law: dict[str, Any]) -> None:
    found = read(law, 200, 1000)
    logs = np.linspace(0, 4, 200_001)
    steps, middles = np.diff(logs), np.exp((logs[1:] + logs[:-1]) / 2)
    below = found.class_below(np.exp(logs), 2, 2)
    assert found.class_density(middles, 2, 2) == pytest.approx(np.diff(below) / steps, abs=1e-4)
    assert found.noise_above(np.array([found.critical_ratio(0.01)])) == pytest.approx(0.01)
    # how many bars of noise lie above the critical ratio is −log of how often there is none
    above = middles > found.critical_ratio(0.01)
    assert (found.noise_intensity(middles) * steps)[above].sum() == pytest.approx(-np.log(0.99), rel=1e-2)


def test_an_unknown_dimension_reads_the_nearest() -> None:
    assert law_of(1, 9, 250, 2000, TYPICAL) == law_of(1, 4, 250, 2000, TYPICAL)
    assert law_of(2, 1, 250, 2000, TYPICAL) == law_of(2, 2, 250, 2000, TYPICAL)
    assert law_of(1, 2, 250, 2000, TYPICAL, 47) == law_of(1, 2, 250, 2000, TYPICAL, 3) != law_of(1, 2, 250, 2000, TYPICAL)


@LAWS
def test_noise_lives_the_longer_the_longer_the_shorter_bars_do(law: dict[str, Any]) -> None:
    ranges = np.exp(np.linspace(-0.5, 2, 9))  # beyond what was simulated on both sides
    locations = [read(law, 300, 2000, np.full(RANKS, ratio)).location for ratio in ranges]
    assert (np.diff(locations) >= 0).all() and locations[0] == locations[1]
    longer = np.r_[np.full(RANKS - REST, 9.0), TYPICAL[-REST:]]
    assert read(law, 300, 2000, longer) == read(law, 300, 2000), "the longest, which may be classes, say nothing"


def test_a_stricter_level_asks_for_longer_bars() -> None:
    law = law_of(1, 2, 300, 2000, TYPICAL)
    assert law.critical_ratio(0.001) > law.critical_ratio(0.01) > law.critical_ratio(0.1) > 1


@pytest.mark.parametrize("shape", [0.0, -0.2, -0.5])
def test_quantiles_are_those_of_extreme_values(shape: float) -> None:
    for alpha in (0.001, 0.01, 0.1):
        assert standard_extreme(alpha, shape) == pytest.approx(genextreme.isf(alpha, -shape))
