"""Laws of the calibration: simulated sets are what they say, and a fit recovers the law that rows were drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import genextreme

from topovae.benchmarks import calibrate
from topovae.benchmarks.calibrate import (
    fit_confidence,
    fit_extremes,
    fit_laws,
    observe_all,
    observe_answer,
    observe_bars,
    saved_rows,
    section_of,
    written,
)
from topovae.benchmarks.simulated import DIMENSIONS, DRAWN, MAPS, TURNS, betti_numbers, product_of, simulate
from topovae.errors import InputError, UsageError
from topovae.homology.spaces.catalogue import known

EXPRESSIONS = {"disk": "R2", "annulus": "cylinder", "embedded-torus": "torus", "interval": "I"}


PRODUCTS = [factors for row in DIMENSIONS.values() for factors in row if "figure-eight" not in factors]


@pytest.mark.parametrize("factors", PRODUCTS, ids="*".join)
def test_betti_numbers_are_those_of_the_space(factors: tuple[str, ...]) -> None:
    space = known("x".join(EXPRESSIONS.get(factor, factor) for factor in factors))
    for prime in (2, 3):
        expected = [space.betti(prime, degree) for degree in range(space.dimension + 1)]
        found = betti_numbers(factors, prime)
        assert list(found) + [0] * (len(expected) - len(found)) == expected
    assert factors in DIMENSIONS[space.dimension]


def test_every_factor_is_drawn() -> None:
    assert set(DRAWN) == {factor for row in DIMENSIONS.values() for one in row for factor in one}


@pytest.mark.parametrize("seed", range(12))
def test_a_set_is_that_of_its_seed(seed: int) -> None:
    first, again = simulate(seed, n=80), simulate(seed, n=80)
    assert np.array_equal(first.x, again.x) and np.isfinite(first.x).all()
    assert len(first.x) == 80 and first.map in MAPS and first.dimension == TURNS[seed % 5]
    assert not np.array_equal(first.x, simulate(seed + 5, n=80).x)


@pytest.mark.parametrize("name", MAPS)
def test_maps_keep_points_of_a_space_apart(name: str) -> None:
    # an injective map sends opposite points of a circle apart, wherever they are
    space = product_of(("circle",))
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = np.stack([np.cos(angle), np.sin(angle)], 1)
    x = MAPS[name](np.random.default_rng(3), space, points, 0.0)
    apart = np.linalg.norm(x - np.roll(x, 100, axis=0), axis=1)
    near = np.linalg.norm(x - np.roll(x, 1, axis=0), axis=1)
    assert apart.min() > (2 if name == "counts" else 5) * np.median(near) / (3 if name == "counts" else 1)


def test_density_is_uneven_where_it_is_said_to_be() -> None:
    sets = [simulate(seed, n=400) for seed in range(0, 200, 4)]
    assert {one.uneven > 1 for one in sets} == {True, False}
    assert max(one.uneven for one in sets) <= 8


def row(seed: int, rng: np.random.Generator, location: float, scale: float) -> dict[str, Any]:
    """A row of a surface with one class that shows, whose longest spurious bar is longer than the others by a Gumbel law.

    The law falls with the crowding. The core is like it, and twice as far from the others.
    """
    landmarks = int(np.exp(rng.uniform(np.log(60), np.log(800))))
    crowding = float(np.exp(rng.uniform(0.2, 2.8)))
    rest = rng.uniform(0.1, 0.5)

    def bars(apart: float) -> dict[str, Any]:
        spurious = np.exp(apart + rest - 0.1 * np.log(crowding) + scale * rng.gumbel())
        ratios = [8 * np.exp(rng.logistic(scale=0.1)), spurious, *[float(np.exp(rest))] * 6]
        return {"asked": None, "prime": 2, "degree": 1, "landmarks": landmarks, "ratios": ratios}

    n = int(landmarks * crowding)
    core = {"n": n, "dimension": 2, "bars": [bars(2 * location)]}
    shown = {"components": 1, "dimension": 2, "found": 2, "betti": {"2": [1, 1], "3": [1, 1]}}
    return {"seed": seed, **shown, "n": n, "bars": [bars(location)], "core": core}


def test_a_fit_recovers_the_law_that_rows_were_drawn_from() -> None:
    rng = np.random.default_rng(0)
    fitted = fit_laws([row(seed, rng, 0.6, 0.07) for seed in range(1500)])
    law, odd, core, odd_core = fitted["laws"]
    assert {**odd, "prime": 2} == law and {**odd_core, "prime": 2} == core  # without torsion one field is like the other
    assert law["noise"] == pytest.approx([0.6, 0.0, -0.1, 1.0], abs=0.03) and not law["pulled"]
    assert core["noise"] == pytest.approx([1.2, 0.0, -0.1, 1.0], abs=0.03) and core["pulled"]
    assert law["scale"] == pytest.approx(0.07, rel=0.1) and law["shape"] == pytest.approx(0, abs=0.05)
    # the slopes' standard errors: 0.04 of the rest's, which varies by 0.12
    assert law["classes"] == pytest.approx([np.log(8), 0, 0, 0, 0, 0], abs=0.12) and law["spread"] == pytest.approx(
        0.1, rel=0.1
    )
    assert (law["most_classes"], law["sets"]) == (1, 1500)
    assert law["rests"] == pytest.approx([0.1, 0.5], abs=0.01)
    assert fitted["landmarks"][0] >= 60 and fitted["landmarks"][1] <= 800


def test_rows_of_another_dimension_or_in_pieces_are_not_fitted() -> None:
    rng = np.random.default_rng(1)
    good = [row(seed, rng, 0.6, 0.07) for seed in range(200)]
    others = ({"found": 3, "core": {"dimension": 1}}, {"components": 2}, {"components": None})
    bad = [{**row(seed, rng, 3.0, 0.5), **change} for seed in range(50) for change in others]
    assert fit_laws(good + bad) == fit_laws(good)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="too few"):
        fit_laws([row(seed, np.random.default_rng(seed), 0.6, 0.07) for seed in range(calibrate.FEWEST - 1)])


@pytest.mark.parametrize("shape", [0.0, -0.1, -0.3])
def test_a_fit_recovers_the_extreme_values_that_were_drawn(shape: float) -> None:
    rng = np.random.default_rng(2)
    terms = np.column_stack([np.ones(4000), rng.normal(size=4000)])
    drawn = genextreme.rvs(-shape, scale=0.1, size=4000, random_state=rng)
    law = fit_extremes(terms, terms @ [0.5, -0.2] + drawn)
    assert law.slopes == pytest.approx([0.5, -0.2], abs=0.01)
    assert law.scale == pytest.approx(0.1, rel=0.05) and law.shape == pytest.approx(shape, abs=0.05)
    for alpha in (0.1, 0.01):
        assert np.mean(drawn > law.slopes[0] - 0.5 + law.quantile(alpha)) == pytest.approx(alpha, rel=0.4)


def test_what_is_observed_of_a_set_is_saved_and_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "rows.jsonl")
    monkeypatch.setattr(calibrate, "in_processes", lambda work, seeds, jobs: ({"seed": s, "bars": []} for s in seeds))
    first = list(observe_all(observe_bars, range(3), 1, path, None))
    monkeypatch.setattr(calibrate, "in_processes", lambda work, seeds, jobs: (pytest.fail("done again") for s in seeds))
    assert list(observe_all(observe_bars, range(3), 1, path, None)) == first == saved_rows(path)


def test_no_more_is_begun_when_the_minutes_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "in_processes", lambda work, seeds, jobs: ({"seed": s, "bars": []} for s in seeds))
    assert len(list(observe_all(observe_bars, range(9), 1, None, 0.0))) == 1


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"space": "torus"}\n')
    for key in ("bars", "answer"):
        with pytest.raises(InputError, match="other things"):
            saved_rows(str(path), key)


def test_bars_of_a_small_set_are_observed() -> None:
    seed = next(seed for seed in range(1, 500, 5) if len(simulate(seed).x) < 90)
    seen = observe_bars(seed)
    assert seen["dimension"] == 2 and seen["drawn"] < 90 and seen["n"] <= seen["drawn"]
    assert {bars["asked"] for bars in seen["bars"]} == {None, int(0.75 * seen["n"])}
    for bars in seen["bars"]:
        assert bars["landmarks"] < seen["n"] and bars["ratios"] == sorted(bars["ratios"], reverse=True)


def answer(rng: np.random.Generator, named: bool, **changed: Any) -> dict[str, Any]:
    """A row of an answer that is right as often as its score and the number of samples have it."""
    score, n = float(rng.uniform(0.05, 0.95)), int(np.exp(rng.uniform(np.log(60), np.log(5000))))
    dimension = int(rng.integers(1, 5))
    odds = -0.5 + 1.5 * np.log(score / (1 - score)) + 0.4 * np.log(n / 1000) - 0.3 * dimension * named
    right = bool(rng.random() < 1 / (1 + np.exp(-odds)))
    row = {"named": named, "score": score if named else 1 - score, "n": n, "dimension": dimension, "right": right}
    return {**row, "components": 1, "source": "homology", "rests_on": "samples", **changed}


def test_a_fit_recovers_how_often_answers_are_right() -> None:
    rng = np.random.default_rng(3)
    rows = [answer(rng, named) for named in (True, False) for _ in range(6000)]
    fitted = fit_confidence(rows)
    assert fitted["named"] == pytest.approx([-0.5, 1.5, 0.4, -0.3], abs=0.2)
    assert fitted["none"] == pytest.approx([-0.5, 1.5, 0.4], abs=0.15)
    assert fitted["answers"] == 12_000 and fitted["samples"][0] >= 60 and fitted["samples"][1] <= 5000
    others = ({"components": 2}, {"source": "order"}, {"rests_on": "core"})
    assert fit_confidence([*rows, *(answer(rng, True, **change) for change in others for _ in range(500))]) == fitted


def test_answers_that_are_all_right_fit_nothing() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(UsageError, match="too few"):
        fit_confidence([answer(rng, True, right=True) for _ in range(100)])


def test_an_answer_is_observed_as_users_get_it() -> None:
    from topovae.homology import analyze

    seed = next(seed for seed in range(0, 500, 5) if len(simulate(seed).x) < 90)
    row, given = observe_answer(seed), analyze(simulate(seed).x.astype(np.float32), seed=seed).recommendation
    assert (row["answer"], row["confidence"], row["named"]) == (given.name, given.confidence, given.latent is not None)
    assert 0 <= row["score"] <= 1 and row["n"] <= row["drawn"]


def test_the_document_says_how_it_came_about() -> None:
    found = section_of({"laws": [{"noise": [0.5, -1.0]}]}, [{"seed": 5}, {"seed": 4}], "topovae bench calibrate", "abc")
    said = found["provenance"]
    assert (said["seeds"], said["sets"], said["commit"]) == ([4, 6], 2, "abc")
    assert "[ 0.5, -1.0 ]" in written(found)
