"""Student's t of many numbers together: its density is scipy's, its samples follow it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from topovae.distributions.student import MultivariateStudentT

CASES = [(0.7, 0.3), (3.0, 2.5), (40.0, 1.0)]


def law(df: float, scale: float, shape: tuple[int, ...] = (6, 2, 2)) -> MultivariateStudentT:
    loc = torch.as_tensor(np.random.default_rng(0).normal(size=shape))
    return MultivariateStudentT(torch.tensor(df), loc, torch.tensor(scale))


@pytest.mark.parametrize(("df", "scale"), CASES)
def test_the_density_is_that_of_scipy(df: float, scale: float) -> None:
    found = law(df, scale)
    x = np.random.default_rng(1).normal(size=(6, 4))
    expected = [
        stats.multivariate_t.logpdf(row, loc, scale**2 * np.eye(4), df)
        for row, loc in zip(x, found.loc.reshape(6, 4).numpy(), strict=True)
    ]
    np.testing.assert_allclose(found.log_prob(torch.as_tensor(x).reshape(6, 2, 2)).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(("df", "scale"), CASES)
def test_samples_follow_the_density(df: float, scale: float) -> None:
    found = law(df, scale)
    torch.manual_seed(2)
    distance = ((found.sample((4000,)) - found.loc) / scale).square().sum((-2, -1))[:, 0] / 4
    assert stats.kstest(distance.numpy(), stats.f(4, df).cdf).pvalue > 1e-3  # ‖x − μ‖² / (d σ²) is F-distributed


def test_there_is_a_mean_where_the_degrees_of_freedom_are_above_one() -> None:
    assert torch.isnan(law(1.0, 1.0).mean).all()
    torch.testing.assert_close(law(1.1, 1.0).mean, law(1.1, 1.0).loc)
