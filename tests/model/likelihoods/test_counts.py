"""How counts are scaled: the decoder adds to the log of a column's mean, the encoder reads roots."""

from __future__ import annotations

import pytest
import torch

from topovae.model.likelihoods import LIKELIHOODS, Stated
from topovae.model.likelihoods.counts import LEAST_RATE

COUNTS = ("poisson", "negative-binomial")
each = pytest.mark.parametrize("name", COUNTS)


@each
def test_a_decoder_that_says_nothing_gives_the_means_of_the_columns(name: str) -> None:
    mean, spread = torch.tensor([0.0, 0.5, 300.0]), torch.tensor(2.0)
    likelihood = LIKELIHOODS[name](mean, spread, Stated())
    torch.testing.assert_close(likelihood.mean(torch.zeros(1, 3))[0], mean + LEAST_RATE * spread)
    doubled = likelihood.mean(torch.full((1, 3), 2.0).log())[0]
    torch.testing.assert_close(doubled, 2 * (mean + LEAST_RATE * spread))


@each
def test_the_mean_is_smooth_and_rises_where_its_exponential_would_overflow(name: str) -> None:
    likelihood = LIKELIHOODS[name](torch.ones(1), torch.ones(()), Stated())
    decoded = torch.linspace(-20, 200, 22001, dtype=torch.float64)[:, None]
    mean = likelihood.mean(decoded)[:, 0]
    steps = mean.diff() / mean[:-1]
    assert (steps > 0).all() and (steps < 0.0101).all()
    assert mean[-1] < 1e8


@each
@pytest.mark.parametrize("rate", [0.1, 3.0, 1000.0])
def test_the_encoder_reads_poisson_counts_of_any_rate_with_a_spread_near_1(name: str, rate: float) -> None:
    torch.manual_seed(0)
    rates = rate * torch.tensor([1.0, 4.0, 0.25])
    x = torch.poisson(rates.expand(5000, 3))
    mean = x.mean(0)
    read = LIKELIHOODS[name].inputs(x, mean, (x - mean).square().mean().sqrt())
    assert 0.3 < read.std() < 1.3 and read.mean().abs() < 0.3
    assert torch.isfinite(LIKELIHOODS[name].inputs(-x, mean, torch.ones(()))).all()


@each
def test_columns_far_busier_than_others_do_not_drown_them(name: str) -> None:
    torch.manual_seed(0)
    turn = torch.rand(4000, 1)
    rates = torch.tensor([5.0, 5000.0]) * (1 + 0.8 * torch.cos(6.28 * turn + torch.tensor([0.0, 1.0])))
    x = torch.poisson(rates)
    mean = x.mean(0)
    scale = (x - mean).square().mean().sqrt()
    plain, read = ((one.std(0)[0] / one.std(0)[1]).item() for one in (x, LIKELIHOODS[name].inputs(x, mean, scale)))
    assert plain < 0.002 and read > 0.02
