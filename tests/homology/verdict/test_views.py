"""Several views of one piece, and the answer that they give together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from topovae import analyze
from topovae.data import Dataset
from topovae.errors import ResourceError
from topovae.homology.cloud.presets import Preset
from topovae.homology.complexes import passes
from topovae.homology.coordinates.search import find_coordinates
from topovae.homology.verdict import views
from topovae.signature import parse


def phases(angle: np.ndarray) -> np.ndarray:
    """The currents (n, 3) of a motor."""
    return np.cos(angle[:, None] + np.arange(3) * 2 * np.pi / 3) * np.sqrt(2 / 3)


def turned(n: int, seed: int) -> tuple[np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 2 * np.pi, n), rng


@pytest.fixture(scope="module")
def thick() -> np.ndarray:
    angle, rng = turned(1200, 21)
    return phases(angle) + 0.2 * rng.standard_normal((1200, 3))


def test_a_thick_circle_is_a_circle_by_its_core(thick: np.ndarray) -> None:
    document = analyze(thick).to_dict()
    assert document["recommendation"]["name"] == "circle"
    (outlook,) = document["views"]
    assert outlook["rests_on"] == "core" and outlook["reason"] in document["summary"]
    assert [view["view"] for view in outlook["views"]][:2] == ["samples", "core"]


@pytest.mark.slow
def test_equal_seeds_give_equal_views(thick: np.ndarray) -> None:
    assert analyze(thick, seed=3).to_dict() == analyze(thick, seed=3).to_dict()


@pytest.mark.slow
def test_a_small_motor_beside_a_large_one_is_seen_when_the_large_one_is_peeled_off() -> None:
    angle, rng = turned(1500, 22)
    other = rng.uniform(0, 2 * np.pi, 1500)
    x = np.column_stack([phases(angle), 0.2 * phases(other)]) + 0.02 * rng.standard_normal((1500, 6))
    analysis = analyze(x)
    assert analysis.recommendation.name == "torus"
    assert analysis.skeleton.landmarks.points is not None
    assert analysis.skeleton.landmarks.points.shape[1] == next(analysis.skeleton.place_all(Dataset.of(x)))[1].shape[1]
    for latent in ("S1xS1", "klein"):
        assert np.isfinite(find_coordinates(x, analysis, parse(latent)).points).all(), "frames lie where the landmarks do"


def test_flat_data_need_no_other_view() -> None:
    rng = np.random.default_rng(23)
    (outlook,) = analyze(rng.uniform(size=(600, 2)) @ rng.standard_normal((2, 5))).to_dict()["views"]
    assert outlook["rests_on"] == "samples" and outlook["reason"] == ""


def test_an_interrupt_of_a_further_view_keeps_the_first(thick: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(views, "find_core", interrupted)
    analysis = analyze(thick)
    assert analysis.interrupted and analysis.recommendation.name != "circle"
    assert any("interrupted" in reason for reason in analysis.left_out)


def test_an_interrupt_of_a_view_that_the_answer_does_not_rest_on_is_told(
    thick: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, add = [0], passes._add

    def interrupted(*given: Any) -> None:
        computed[0] += 1
        if computed[0] == 10:  # a resample of the third view
            raise KeyboardInterrupt
        add(*given)

    monkeypatch.setattr(passes, "_add", interrupted)
    analysis = analyze(thick)
    (outlook,) = analysis.outlooks
    assert (outlook.rests_on, outlook.views[-1].kind, outlook.views[-1].piece.homology.interrupted) == ("core", "peeled", True)
    assert analysis.interrupted and analysis.recommendation.name == "circle"
    assert any("interrupted" in reason for reason in analysis.left_out)


def test_a_view_that_would_not_fit_keeps_the_first(thick: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    def costly(*_: object) -> None:
        raise ResourceError("too much")

    monkeypatch.setattr(views, "find_core", costly)
    analysis = analyze(thick)
    assert [view.kind for view in analysis.outlooks[0].views] == ["samples"]
    assert any("would not fit" in reason for reason in analysis.left_out) and not analysis.interrupted


def test_progress_goes_forward(thick: np.ndarray) -> None:
    shares: list[float] = []
    analyze(thick, progress=lambda _, share: shares.append(share))
    assert shares == sorted(shares) and shares[-1] <= 1


@pytest.mark.parametrize("options", [{"primes": (3,)}, {"max_dim": 1}])
def test_views_do_with_other_fields_and_degrees(thick: np.ndarray, options: dict[str, object]) -> None:
    assert analyze(thick, **options).recommendation.name == "circle"


def test_outliers_and_repeats_are_set_aside_and_said() -> None:
    angle, rng = turned(900, 24)
    x = phases(angle) + 0.03 * rng.standard_normal((900, 3))
    x[:30] += 3 * rng.standard_normal((30, 3))
    analysis = analyze(np.concatenate([x, np.repeat(x[-1:], 50, axis=0)]))
    assert analysis.recommendation.name == "circle"
    aside = analysis.to_dict()["set_aside"]
    assert aside["repeats"] == 50 and aside["outliers"] >= 20 and set(aside["outlying_rows"]) <= set(range(30))
    assert sum("set aside" in said or "counted once" in said for said in analysis.summary) == 2


def test_a_clock_is_left_out_and_said() -> None:
    angle, rng = turned(800, 25)
    x = np.column_stack([1.4e6 + 5.0 * np.arange(800), phases(angle) + 0.02 * rng.standard_normal((800, 3))])
    analysis = analyze(x)
    assert analysis.recommendation.name == "circle"
    assert analysis.preset is not None and analysis.preset.omitted == (0,)
    assert Preset.of(analysis.to_dict()) == analysis.preset
    assert any("column 0" in said for said in analysis.summary)


def test_a_position_that_rises_with_the_rest_is_no_clock() -> None:
    t = np.linspace(0, 1, 500)
    analysis = analyze(np.column_stack([t, np.sin(3 * t), np.cos(3 * t)]))
    assert analysis.preset is not None and analysis.preset.omitted == ()
    assert analysis.recommendation.name == "interval"


def test_few_rows_that_run_once_around_are_a_circle_by_their_order() -> None:
    t = 2 * np.pi * np.arange(72) / 72
    strands = np.column_stack([np.cos(2 * t), np.sin(2 * t), 0.3 * np.cos(t), 0.3 * np.sin(t)])
    x = strands + 0.01 * np.random.default_rng(26).standard_normal(strands.shape)
    assert analyze(x).recommendation.name == "circle"


def test_a_forked_curve_is_no_interval() -> None:
    rng = np.random.default_rng(27)
    arm, reach = rng.integers(0, 3, 1200) * 2 * np.pi / 3, rng.uniform(0, 1.4, 1200)
    x = np.column_stack([reach * np.cos(arm), reach * np.sin(arm), reach]) + 0.02 * rng.standard_normal((1200, 3))
    analysis = analyze(x)
    assert analysis.recommendation.name == "none"
    assert any("curves branch" in said for said in analysis.summary)
