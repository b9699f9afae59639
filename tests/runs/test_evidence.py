"""Evidence: the likelihood is right, the verdict is cautious, and spaces that cannot match are turned down."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data
from topovae.data.synthetic.spaces import generate
from topovae.errors import ExpressionError, UsageError
from topovae.homology.spaces.catalogue import catalogue, find
from topovae.homology.verdict.settling import SURE
from topovae.runs.evidence import (
    LEAST_MARGIN,
    MOST_COMPARED,
    MOST_DIMENSION,
    Effort,
    Evidence,
    Fit,
    Fitting,
    GenerativeMap,
    Trial,
    compare,
    decide,
    fit,
    held_out_log_likelihood,
    possible,
    weigh,
)
from topovae.signature import parse

SMALL = Effort(seeds=2, starts=1, start_steps=1, steps=80, doublings=0, batch_size=128, prior_points=200, draws=48)
SPACES = ("S1", "I", "R", "S1xI", "S1xS1", "S2", "mobius", "klein", "rp2")


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def model_on(latent: str, noise: float) -> tuple[GenerativeMap, torch.Tensor]:
    """A model with wide images, and 40 samples of it."""
    torch.manual_seed(0)
    model = GenerativeMap(latent, torch.randn(200, 6))
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(2.0)
        model.likelihood.log_noise.fill_(math.log(noise))
        images = model.images(model.space.sample_prior(40, torch.zeros(1)))
    return model, images + noise * torch.randn_like(images)


@pytest.mark.parametrize("latent", SPACES)
def test_the_importance_weighted_likelihood_is_that_of_many_points_of_the_prior(latent: str) -> None:
    model, x = model_on(latent, 0.3)
    with torch.no_grad():
        images = model.images(model.space.sample_prior(60_000, x))
        exact = torch.logsumexp(model.log_kernel(x, images), 1) - math.log(len(images))
        found = held_out_log_likelihood(model, x, Effort(draws=400, prior_points=500, components=32))
    assert abs(float((found - exact).mean())) < 0.05
    assert float((found - exact).abs().max()) < 0.6


@pytest.mark.parametrize("latent", ["S1", "klein"])
def test_fitting_raises_the_likelihood_of_what_was_not_fitted(latent: str) -> None:
    _, x = model_on(latent, 0.1)
    x = x.repeat(5, 1) + 0.05 * torch.randn(200, 6)
    model = GenerativeMap(latent, x)
    before = held_out_log_likelihood(model, x[100:], SMALL).mean()
    fit(model, x[:100], 60, SMALL)
    assert held_out_log_likelihood(model, x[100:], SMALL).mean() > before + 0.5


def trial(latent: str, *means: float, spread: float = 0.5) -> Trial:
    noise = np.random.default_rng(0).normal(size=200)
    noise = (noise - noise.mean()) * spread
    wobble = np.random.default_rng(1).normal(size=200) * 0.1
    runs = [Fit(i, m, m, 0.1, m + noise + (wobble - wobble.mean()) * i) for i, m in enumerate(means)]
    return Trial(latent, latent, tuple(runs))


def test_a_clear_margin_decides() -> None:
    found = decide([trial("S2", 10.0, 9.0), trial("S1xS1", 20.0, 19.5)])
    assert (found.winner.latent, found.decided) == ("S1xS1", True)
    assert found.margin == pytest.approx(10.0)


@pytest.mark.parametrize(
    "trials",
    [
        [trial("klein", 20.0, 8.0), trial("S1xS1", 10.0, 9.0)],  # runs disagree
        [trial("S1xS1", 20.0, 20.0), trial("klein", 20.0 - 0.9 * LEAST_MARGIN)],  # too near
        [trial("S1xS1", 20.0, 20.0), trial("S2", 5.0, 19.9)],  # a rival has one good run
        [trial("S1xS1", 20.0)],  # no rival
        [trial("S1xS1", 20.0, 19.5), replace(trial("S2", 10.0), converged=False)],  # a rival may catch up
    ],
    ids=["runs disagree", "too near", "one good rival", "alone", "on its way"],
)
def test_doubt_leaves_it_undecided(trials: list[Trial]) -> None:
    assert not decide(trials).decided


def test_noisy_samples_leave_it_undecided() -> None:
    first, second = trial("S1xS1", 22.0), trial("S2", 20.0)
    noisy = Fit(0, 20.0, 20.0, 0.1, second.runs[0].held_out[::-1] * 40 - 780.0)
    assert not decide([first, Trial("S2", "S2", (noisy,))]).decided


@pytest.fixture(scope="module")
def circle() -> Dataset:
    return Dataset.of(generate("circle", 400, ambient=8, noise=0.1, seed=1000).x)


@pytest.mark.slow
def test_a_sphere_is_no_circle() -> None:
    sphere = generate("sphere", 400, ambient=8, noise=0.1, seed=1000).x
    found = compare(sphere, ["S1", "sphere"], effort=replace(SMALL, steps=150, draws=64, doublings=3))
    assert found.winner.name == "sphere" and found.decided
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {"candidates", "winner", "margin", "decided"} <= document.keys()
    assert {"latent", "name", "log_likelihood", "se", "runs"} <= document["candidates"][0].keys()


def test_equal_arguments_give_equal_runs_and_the_global_state_stays(circle: Dataset) -> None:
    x = torch.as_tensor(circle.rows(np.arange(200)), dtype=torch.float32)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, second = (Fitting("S1", x[:150], x[150:], 3, SMALL).advance(80) for _ in range(2))
    np.testing.assert_array_equal(first.held_out, second.held_out)
    assert torch.equal(state, torch.get_rng_state())


def test_the_test_split_is_never_read(circle: Dataset) -> None:
    x = np.array(circle.rows(np.arange(circle.n_samples)))
    spoilt = x.copy()
    spoilt[split_data(circle, 0).test] = 1e6
    effort = Effort(seeds=1, starts=1, start_steps=1, steps=5, doublings=0, prior_points=50)
    found = [compare(Dataset.of(rows), ["S1"], effort=effort).winner.log_likelihood for rows in (x, spoilt)]
    assert found[0] == found[1]


def test_many_features_and_images_are_projected() -> None:
    images = np.random.default_rng(0).random((60, 16, 16), dtype=np.float32)
    found = compare(
        images, ["R2"], effort=Effort(seeds=1, starts=1, start_steps=1, steps=3, doublings=0, prior_points=30, most_features=8)
    )
    assert math.isfinite(found.winner.log_likelihood) and found.margin is None and not found.decided


def test_the_same_space_twice_is_one_candidate(circle: Dataset) -> None:
    stages: list[tuple[str, float]] = []
    effort = Effort(seeds=1, starts=1, start_steps=1, steps=2, doublings=0, prior_points=30)
    found = compare(circle, ["circle", "S1"], effort=effort, progress=lambda *stage: stages.append(stage))
    assert len(found.trials) == 1 and stages == [("evidence of S1", 0.0)]


@pytest.mark.parametrize("candidates, error", [([], UsageError), (["S1xx"], ExpressionError)])
def test_candidates_without_meaning(circle: Dataset, candidates: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        compare(circle, candidates)


def test_a_budget_without_meaning() -> None:
    with pytest.raises(UsageError, match="starts"):
        Effort(starts=0)


def test_a_budget_without_doublings_is_one() -> None:
    assert Effort(doublings=0).doublings == 0
    with pytest.raises(UsageError, match="doublings"):
        Effort(doublings=-1)


def test_steps_are_doubled_while_that_gains(circle: Dataset) -> None:
    found = compare(circle, ["S1"], effort=replace(SMALL, seeds=1, steps=10, doublings=2))
    assert found.winner.runs[0].steps == 40 and not found.winner.converged and found.stopped is not None


@pytest.mark.slow
def test_what_has_converged_or_lags_goes_no_further(circle: Dataset) -> None:
    found = compare(circle, ["S1", "I", "sphere"], effort=replace(SMALL, seeds=1, steps=100, doublings=4))
    steps = {trial.name: trial.runs[0].steps for trial in found.trials}
    assert min(steps.values()) < 1600 and all(trial.converged or trial.runs[0].steps == 1600 for trial in found.trials)


class Interrupting:
    """A report of progress that an interrupt follows after some calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, stage: str, share: float) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def test_an_interrupt_keeps_what_was_compared(circle: Dataset) -> None:
    effort = replace(SMALL, seeds=1, steps=10, doublings=2)
    found = compare(circle, ["S1", "I"], effort=effort, progress=Interrupting(3))
    assert found.interrupted and found.stopped is not None
    assert [trial.runs[0].steps for trial in found.trials] == [10, 10]
    with pytest.raises(KeyboardInterrupt):
        compare(circle, ["S1", "I"], effort=effort, progress=Interrupting(1))


def test_no_time_leaves_one_round(circle: Dataset) -> None:
    found = compare(circle, ["S1"], effort=replace(SMALL, seeds=1, steps=10, doublings=2, seconds=1e-9))
    assert found.winner.runs[0].steps == 10 and not found.interrupted and "1e-09 s" in str(found.stopped)


def diagnosed(interval: tuple[float, float], value: int, classes: int, named: str | None = None) -> dict[str, Any]:
    """The part of a diagnosis that says what is sure."""
    return {
        "intrinsic_dimension": {"value": value, "estimate": interval[0], "interval": interval},
        "betti": {"2": [1, classes, 0], "3": [1, classes, 0]},
        "candidates": [],
        "views": [],
        "recommendation": {"latent": named, "name": "none" if named is None else named, "confidence": 0.5},
    }


def test_all_surfaces_with_the_classes_that_were_found_are_possible() -> None:
    names = {parse(latent).name for latent in possible(diagnosed((1.9, 2.2), 2, 1), catalogue())}
    assert names >= {"cylinder", "mobius", "torus", "klein"} and not names & {"plane", "sphere", "circle"}


def test_a_class_that_is_missing_may_be_there() -> None:
    left = possible(diagnosed((1.9, 2.2), 2, 0), catalogue())
    assert {"plane", "sphere"} <= {parse(latent).name for latent in left} and len(left) <= MOST_COMPARED


def test_few_dimensions_are_tried_and_what_the_diagnosis_names() -> None:
    left = possible(diagnosed((3.6, 6.0), 6, 2, "S1xS1xR4"), find("T2xR4,T4,T2xR3"))
    assert all(parse(latent).dim <= MOST_DIMENSION or parse(latent) == parse("T2xR4") for latent in left)


@pytest.mark.parametrize(("decided", "sure", "name"), [(True, 0.5, "torus"), (False, 0.5, "none"), (True, SURE, "none")])
def test_evidence_answers_where_it_is_decided_and_the_diagnosis_is_not(decided: bool, sure: float, name: str) -> None:
    document = diagnosed((1.9, 2.2), 2, 1)
    document["recommendation"]["confidence"] = sure
    winner = Trial("S1xS1", "torus", trial("S1xS1", 20.0).runs)
    found = weigh(document, Evidence((winner,), None, None, decided))["recommendation"]
    assert found["name"] == name and (found.get("source") == "evidence") == (name == "torus")
