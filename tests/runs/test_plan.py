"""Planning a run: where the latent comes from, where its circles start, and that the test split has no say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data
from topovae.data.synthetic.spaces import generate
from topovae.errors import UsageError
from topovae.evaluation import circular_agreement
from topovae.runs.plan import Plan, plan
from topovae.training import equivariance


def dataset(space: str, n: int = 400, **options: object) -> Dataset:
    drawn = generate(space, n, seed=5, **options)
    return Dataset.of(drawn.x, truth=drawn.truth, space=drawn.space)


@pytest.fixture(scope="module")
def circle() -> Dataset:
    return dataset("circle", ambient=10, noise=0.05)


def test_auto_takes_the_recommendation_and_starts_from_its_circle(circle: Dataset) -> None:
    planned = plan(circle, "auto", {"seed": 0})
    assert planned.options.latent == "S1"
    assert planned.analysis is not None and planned.analysis["recommendation"]["name"] == "circle"
    assert circle.truth is not None
    assert circular_agreement(planned.coordinates["start"][:, 0], circle.truth[:, 0]) > 0.9
    assert any("cohomology" in reason for reason in planned.reasons)


def test_a_plan_goes_to_other_processes_whole(circle: Dataset) -> None:
    planned = plan(circle, "S1xR", {"seed": 3, "repel": ("0,0:1.5",), "hidden": "8"})
    told = Plan.from_bytes(planned.to_bytes())
    assert told.options == planned.options and told.reasons == planned.reasons
    assert told.analysis == json.loads(json.dumps(planned.analysis))
    assert told.coordinates.keys() == planned.coordinates.keys() >= {"start"}
    for name, array in planned.coordinates.items():
        np.testing.assert_array_equal(told.coordinates[name], array)


def test_the_test_split_has_no_say(circle: Dataset) -> None:
    rows = split_data(circle, 0)
    spoiled = np.array(circle.load())
    spoiled[np.concatenate([rows.valid, rows.test])] = np.random.default_rng(0).normal(size=spoiled.shape[1])
    before, after = plan(circle, "auto", {"seed": 0}), plan(replace(circle, x=spoiled), "auto", {"seed": 0})
    assert before.analysis == after.analysis and before.options == after.options
    for name, angles in before.coordinates.items():
        np.testing.assert_array_equal(angles[rows.train], after.coordinates[name][rows.train])


@pytest.mark.parametrize("latent", ["R2", "IxI", "IxR"])
def test_without_topology_there_is_nothing_to_diagnose(circle: Dataset, latent: str) -> None:
    planned = plan(circle, latent, {"seed": 0})
    assert planned.analysis is None and planned.coordinates == {} and planned.reasons == ()


def test_random_weights_are_left_alone(circle: Dataset) -> None:
    assert plan(circle, "S1", {"seed": 0, "init": "random"}).coordinates == {}


@pytest.mark.parametrize("latent", ["torus", "klein"])
def test_circles_that_the_data_lack_are_said(circle: Dataset, latent: str) -> None:
    planned = plan(circle, latent, {"seed": 0})
    assert any("the data show 1 classes in H1 over Z/2" in reason and "has 2" in reason for reason in planned.reasons)


def test_no_match_is_an_error_that_names_the_nearest(circle: Dataset) -> None:
    analysis = {
        "recommendation": {"latent": None, "name": "none", "confidence": 0.9},
        "candidates": [{"latent": "S1xI", "name": "cylinder", "score": 0.3, "reasons": []}],
    }
    with pytest.raises(UsageError, match=r"S1xI \(0\.30\)"):
        plan(circle, "auto", {"seed": 0, "strict": True}, analysis=analysis)
    planned = plan(circle, "auto", {"seed": 0}, analysis=analysis)
    assert planned.options.latent == "learned(R,M=1,anchors=3)"  # of 49 free parameters each: what 320 rows carry
    assert any("none (confidence 0.90), so the latent is learned" in reason for reason in planned.reasons)


def test_images_closed_under_rotation_start_from_equivariance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equivariance, "STEPS", 300)
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    rng = np.random.default_rng(0)
    angles, widths = rng.uniform(0, 2 * np.pi, 600), rng.uniform(0.05, 0.3, 600)
    shifted = (x[None] - 0.4 * np.cos(angles)[:, None, None]) ** 2 + (y[None] - 0.4 * np.sin(angles)[:, None, None]) ** 2
    images = np.exp(-shifted / widths[:, None, None]).astype(np.float32)
    style = rng.normal(size=(600, 1, 1)).astype(np.float32) * 0.3
    data = Dataset.of(images * (1 + style), truth=angles[:, None], space="S1")
    analysis = plan(data, "S1", {"seed": 0, "network": "mlp"})
    assert circular_agreement(analysis.coordinates["start"][:, 0], angles) > 0.9
    # Rotation turns the angle, in column 0.
    assert analysis.coordinates["symmetries"].tolist() == [[0, 0]]
