"""Evidence: the likelihood is right, the verdict is cautious, and spaces that cannot match are turned down."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data
from topovae.data.synthetic.spaces import generate
from topovae.errors import ExpressionError, UsageError
from topovae.runs.evidence import (
    LEAST_MARGIN,
    Effort,
    Fit,
    GenerativeMap,
    Trial,
    compare,
    decide,
    fit,
    held_out_log_likelihood,
    run_candidate,
)

SMALL = Effort(seeds=2, starts=1, start_steps=1, steps=80, batch_size=128, prior_points=200, draws=48)
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
    ],
    ids=["runs disagree", "too near", "one good rival", "alone"],
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


def test_a_sphere_is_no_circle() -> None:
    sphere = generate("sphere", 400, ambient=8, noise=0.1, seed=1000).x
    found = compare(
        sphere, ["S1", "sphere"], effort=Effort(seeds=2, starts=1, start_steps=1, steps=150, batch_size=128, prior_points=200)
    )
    assert found.winner.name == "sphere" and found.decided
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert {"candidates", "winner", "margin", "decided"} <= document.keys()
    assert {"latent", "name", "log_likelihood", "se", "runs"} <= document["candidates"][0].keys()


def test_equal_arguments_give_equal_runs_and_the_global_state_stays(circle: Dataset) -> None:
    x = torch.as_tensor(circle.rows(np.arange(200)), dtype=torch.float32)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, second = (run_candidate("S1", x[:150], x[150:], 3, SMALL) for _ in range(2))
    np.testing.assert_array_equal(first.held_out, second.held_out)
    assert torch.equal(state, torch.get_rng_state())


def test_the_test_split_is_never_read(circle: Dataset) -> None:
    x = np.array(circle.rows(np.arange(circle.n_samples)))
    spoilt = x.copy()
    spoilt[split_data(circle, 0).test] = 1e6
    effort = Effort(seeds=1, starts=1, start_steps=1, steps=5, prior_points=50)
    found = [compare(Dataset.of(rows), ["S1"], effort=effort).winner.log_likelihood for rows in (x, spoilt)]
    assert found[0] == found[1]


def test_many_features_and_images_are_projected() -> None:
    images = np.random.default_rng(0).random((60, 16, 16), dtype=np.float32)
    found = compare(images, ["R2"], effort=Effort(seeds=1, starts=1, start_steps=1, steps=3, prior_points=30, most_features=8))
    assert math.isfinite(found.winner.log_likelihood) and found.margin is None and not found.decided


def test_the_same_space_twice_is_one_candidate(circle: Dataset) -> None:
    stages: list[tuple[str, float]] = []
    effort = Effort(seeds=1, starts=1, start_steps=1, steps=2, prior_points=30)
    found = compare(circle, ["circle", "S1"], effort=effort, progress=lambda *stage: stages.append(stage))
    assert len(found.trials) == 1 and stages == [("evidence of S1", 0.0)]


@pytest.mark.parametrize("candidates, error", [([], UsageError), (["S1xx"], ExpressionError)])
def test_candidates_without_meaning(circle: Dataset, candidates: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        compare(circle, candidates)


def test_a_budget_without_meaning() -> None:
    with pytest.raises(UsageError, match="starts"):
        Effort(starts=0)
