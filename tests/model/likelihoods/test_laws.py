"""Laws of every likelihood: densities and gradients against references, samples, and extremes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import torch
from torch import Tensor

from topovae.model.likelihoods import LIKELIHOODS, Likelihood, Stated

STATED = Stated(noise=0.3, dispersion=0.2, degrees_of_freedom=4.0, exposure=0.5)
MEAN, SPREAD = torch.tensor([2.0, 40.0, 5000.0]), torch.tensor(3.0)
COUNTS = ("poisson", "negative-binomial")
LARGE = torch.tensor([[0.0, 35.0, 4890.0], [7.0, 0.0, 5205.0], [1.0, 51.0, 16777216.0]])
SHARES = torch.tensor([[0.0, 1.0, 0.5], [1.0, 0.25, 0.0]])
each = pytest.mark.parametrize("name", LIKELIHOODS)


def make(name: str, stated: Stated = STATED, dtype: torch.dtype = torch.float32) -> Likelihood:
    return LIKELIHOODS[name](MEAN.to(dtype), SPREAD.to(dtype), stated).to(dtype)


def data_of(name: str) -> Tensor:
    if name in COUNTS:
        return LARGE
    return SHARES if name == "bernoulli" else MEAN + torch.tensor([[0.5, -2.0, 1.0], [-0.1, 3.0, 0.25]])


def decoded_of(name: str, rows: int) -> Tensor:
    return torch.randn(rows, 3, generator=torch.Generator().manual_seed(0)) * 0.3


def _student(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    laws = [scipy.stats.multivariate_t(loc, 0.3**2 * np.eye(3), 4.0) for loc in mean]
    return np.array([law.logpdf(row) for law, row in zip(laws, x, strict=True)])


REFERENCES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "gaussian": lambda x, mean: scipy.stats.norm(mean, 0.3).logpdf(x).sum(1),
    "bernoulli": lambda x, mean: (x * np.log(mean) + (1 - x) * np.log1p(-mean)).sum(1),
    "poisson": lambda x, mean: scipy.stats.poisson(mean).logpmf(x).sum(1),
    "negative-binomial": lambda x, mean: scipy.stats.nbinom(5.0, 1 / (1 + 0.2 * mean)).logpmf(x).sum(1),
    "student": _student,
}


@each
def test_densities_are_those_of_scipy(name: str) -> None:
    likelihood, x = make(name, dtype=torch.float64), data_of(name).double()
    decoded = decoded_of(name, len(x)).double()
    expected = REFERENCES[name](x.numpy(), likelihood.mean(decoded).detach().numpy())
    np.testing.assert_allclose(
        likelihood.log_prob(x, decoded).detach(), expected, rtol=1e-7
    )  # what is stated is in single precision
    # in single precision too, where large counts would lose all digits of a sum of large terms
    single = make(name).log_prob(x.float(), decoded.float()).detach()
    np.testing.assert_allclose(single, expected, rtol=2e-5, atol=2e-4)


@each
def test_densities_are_those_of_its_distribution(name: str) -> None:
    likelihood, x = make(name, dtype=torch.float64), data_of(name).double()
    decoded = decoded_of(name, len(x)).double()
    law = likelihood.distribution(decoded)
    assert law.batch_shape == (len(x),) and law.event_shape == (3,)
    torch.testing.assert_close(law.log_prob(x), likelihood.log_prob(x, decoded), rtol=1e-6, atol=1e-6)


@each
def test_samples_have_the_mean_and_the_density_of_the_distribution(name: str) -> None:
    torch.manual_seed(0)
    likelihood = make(name)
    decoded = decoded_of(name, 1).expand(20_000, 3)
    x = likelihood.distribution(decoded).sample().to(decoded.dtype)
    error = x.std(0) / np.sqrt(len(x))
    assert ((x.mean(0) - likelihood.mean(decoded)[0]).abs() < 4.5 * error).all()
    assert likelihood.allows(x).all()
    # the mean of the score is 0 for the parameters that made the samples
    moved = decoded[:1].clone().requires_grad_()
    log_prob = likelihood.log_prob(x, moved.expand_as(decoded))
    (score,) = torch.autograd.grad(log_prob.mean(), moved)
    score_of = torch.func.grad(lambda one, row: likelihood.log_prob(row[None], one[None])[0])
    spread = torch.func.vmap(score_of)(decoded[:2000], x[:2000]).std(0)
    assert (score[0].abs() < 4.5 * spread / np.sqrt(len(x)) + 1e-6).all()


@each
def test_gradients_are_numerical_ones(name: str) -> None:
    likelihood, x = make(name, Stated(), torch.float64), data_of(name)[:2].double()
    decoded = decoded_of(name, len(x)).double().requires_grad_()
    parameters = dict(likelihood.named_parameters())

    def log_prob(decoded: Tensor, *values: Tensor) -> Tensor:
        named = dict(zip(parameters, values, strict=True))
        buffers = dict(likelihood.named_buffers())
        return torch.func.functional_call(likelihood, {**named, **buffers}, (x, decoded))

    likelihood.forward = likelihood.log_prob  # type: ignore[method-assign]
    assert torch.autograd.gradcheck(log_prob, (decoded, *(p.detach().clone().requires_grad_() for p in parameters.values())))


@each
@pytest.mark.parametrize("size", [1e-30, 1.0, 100.0, 1e4, 1e30])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("parameter", [-60.0, 0.0, 60.0])
def test_extremes_give_no_nan(name: str, size: float, sign: float, parameter: float) -> None:
    likelihood = make(name, Stated())
    with torch.no_grad():
        for one in likelihood.parameters():
            one.fill_(parameter if name in (*COUNTS, "student") else 0.0)
        if name == "student":
            likelihood.get_parameter("log_noise").fill_(0.0)
    x = torch.tensor([[0.0, 1.0, 1.0]]) if name == "bernoulli" else torch.tensor([[0.0, 3.0, 1e6]])
    decoded = torch.full((1, 3), sign * min(size, 1e15 if name in ("gaussian", "student") else size), requires_grad=True)
    value = likelihood.log_prob(x, decoded)
    value.sum().backward()
    assert torch.isfinite(value).all() and value < 100 and torch.isfinite(likelihood.mean(decoded)).all()
    for one in (decoded, *likelihood.parameters()):
        assert one.grad is not None and torch.isfinite(one.grad).all()


@each
def test_what_is_stated_is_not_learned(name: str) -> None:
    learned = [p for p in make(name, Stated()).parameters() if p.requires_grad]
    assert len(learned) == len(set(LIKELIHOODS[name].takes) - {"exposure"})
    assert not [p for p in make(name).parameters() if p.requires_grad]
    # of two likelihoods, one that takes nothing else is the same whatever is stated
    foreign = Stated(**{one: 0.7 for one in vars(STATED) if one not in LIKELIHOODS[name].takes})
    ours, plain = make(name, foreign), make(name, Stated())
    x, decoded = data_of(name)[:2], decoded_of(name, 2)
    assert torch.equal(ours.log_prob(x, decoded), plain.log_prob(x, decoded))


@each
def test_empty_batches(name: str) -> None:
    assert make(name).log_prob(torch.zeros(0, 3), torch.zeros(0, 3)).shape == (0,)
