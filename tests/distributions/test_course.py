"""Computations of a fixed course: they give what those give that look at values."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import ks_2samp

from topovae.distributions import brownian, course, von_mises_fisher
from topovae.distributions.course import constant, first_accepted, fixed_course, matrix_exponential, take
from topovae.distributions.wrapped_multivariate_normal import WrappedMultivariateNormal

SAMPLERS = {
    **{f"vMF, S{d}, {k}": (lambda p, d=d: von_mises_fisher._draw(p, d), k) for d in (1, 3, 8) for k in (0.0, 0.5, 20.0, 1e6)},
    **{
        f"Brownian, S{d}, {t}": (lambda p, d=d: brownian._sample_angle(d, p), t)
        for d in (2, 3)
        for t in (0.01, 0.7, 1.0, 1.5, 5.0)
    },
}
N = 20_000


@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_at_once_and_one_by_one_have_one_law(name: str) -> None:
    sample, value = SAMPLERS[name]
    parameter = torch.full((N,), value, dtype=torch.float64)
    torch.manual_seed(5)
    one_by_one = sample(parameter)
    with fixed_course():
        at_once = sample(parameter)
    assert ks_2samp(at_once.numpy(), one_by_one.numpy()).pvalue > 1e-4


@pytest.mark.parametrize("name", SAMPLERS)
def test_proposals_are_accepted_as_often_as_is_said(name: str) -> None:
    _, value = SAMPLERS[name]
    dim = int(name.split(", ")[1][1:])
    torch.manual_seed(6)
    parameter = torch.full((1,), value, dtype=torch.float64)
    if name.startswith("vMF"):
        _, accepted = von_mises_fisher._propose(parameter, N, dim)
        least = von_mises_fisher._ACCEPTANCE
    else:
        _, accepted = brownian._propose(dim, parameter, N)
        least = brownian._PROPOSALS[dim][1]
    share = accepted.double().mean().item()
    assert share > least - 4 * math.sqrt(0.25 / N)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("time", [0.05, 0.79, 0.81, 1.05, 1.9])
def test_the_heat_kernel_over_the_flat_law_is_largest_at_the_start(dim: int, time: float) -> None:
    """Otherwise proposals by the flat law would be accepted too seldom somewhere."""
    if time > brownian._PROPOSALS[dim][0]:
        return
    r = torch.linspace(0, math.pi - 1e-4, 2001, dtype=torch.float64)
    t = torch.full_like(r, time)
    ratio = brownian._log_heat_kernel(dim, r, t) + r.square() / (2 * t) + (dim - 1) * torch.log(torch.sinc(r / math.pi))
    assert ratio.argmax() == 0


def test_the_first_accepted_is_taken() -> None:
    values = torch.arange(6.0).reshape(2, 3)
    accepted = torch.tensor([[False, True, True], [False, False, True]])
    assert first_accepted(lambda p, n: (values, accepted), torch.zeros(2), 0.5).tolist() == [1.0, 5.0]


def test_parameters_that_are_no_numbers_end() -> None:
    parameter = torch.full((course._FEW + 1,), math.nan, dtype=torch.float64)
    assert torch.isnan(von_mises_fisher._draw(parameter, 1)).all()
    assert brownian._sample_angle(2, parameter).shape == parameter.shape


@pytest.mark.parametrize("k", [2, 3])
def test_the_wrapped_normal_of_a_fixed_course_is_that_which_looks(k: int) -> None:
    """For scales of up to 1e4 to one another, and any correlation."""
    torch.manual_seed(k)
    tril = (torch.randn(4000, k, k, dtype=torch.float64) * 10 ** (2 * torch.rand(4000, k, 1, dtype=torch.float64) - 2)).tril(-1)
    tril = tril + torch.diag_embed(10 ** (4 * torch.rand(4000, k, dtype=torch.float64) - 3))
    tril.requires_grad_()
    q = WrappedMultivariateNormal(torch.randn(4000, k, dtype=torch.float64), tril)
    z = q.sample()

    def found() -> tuple[torch.Tensor, torch.Tensor]:
        density = q.log_prob(z)
        return density.detach(), torch.autograd.grad(density.sum(), tril)[0]

    expected = found()
    with fixed_course():
        values = found()
    torch.testing.assert_close(values[0], expected[0], rtol=1e-5, atol=1e-5)
    size = expected[1].abs().amax((-2, -1), keepdim=True).clamp(min=1.0)
    torch.testing.assert_close(values[1] / size, expected[1] / size, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("norm", [0.0, 1e-6, 0.3, 3.0, 60.0, 4000.0])
def test_the_matrix_exponential_of_a_fixed_course_is_that_which_looks(norm: float) -> None:
    """For turns, whose exponentials stay bounded, and beside them other fields of a norm that leaves them finite."""
    torch.manual_seed(0)
    field = torch.randn(50, 4, 4, dtype=torch.float64)
    turns = field - field.mT
    turns = norm * turns / turns.abs().sum(-2).amax(-1)[:, None, None]
    others = min(norm, 60.0) * field / field.abs().sum(-2).amax(-1)[:, None, None]
    for batch in (turns, others):
        batch.requires_grad_()

        def found(batch: torch.Tensor = batch) -> tuple[torch.Tensor, torch.Tensor]:
            moved = matrix_exponential(batch)
            return moved.detach(), torch.autograd.grad(moved.sum(), batch)[0]

        expected = found()
        with fixed_course():
            values = found()
        for value, known in zip(values, expected, strict=True):
            size = known.abs().amax((-2, -1), keepdim=True).clamp(min=1.0)
            torch.testing.assert_close(value / size, known / size, rtol=0, atol=1e-13 * max(1.0, norm))


def test_constants_are_made_once_and_entries_are_taken() -> None:
    like = torch.zeros(2, dtype=torch.float64)
    assert constant([1.0, 2.0], like) is constant([1.0, 2.0], like)
    assert constant([1.0], like).dtype is torch.float64 and constant([1], like, torch.int64).dtype is torch.int64
    x = torch.arange(12.0).reshape(3, 4)
    assert torch.equal(take(x, [3, 0]), x[:, [3, 0]])
    assert torch.equal(take(x, [[0, 1], [1, 2]]), x[:, [[0, 1], [1, 2]]])
    assert take(x, []).shape == (3, 0)
