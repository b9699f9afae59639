"""Laws of models in the span of their training rows: distances, likelihoods and what is read are those of the samples."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from topovae.data.dataset import Dataset
from topovae.model.networks import NetworkConfig
from topovae.model.span import RowSpan, span_width
from topovae.model.vae import ModelConfig, build_model

N, D = 12, 40
DENSE = NetworkConfig("mlp", (16,), ())


def rows(n=N, seed=0):
    return np.random.default_rng(seed).normal(1.0, 2.0, (n, D))


def span(x):
    found = RowSpan(D, len(x)).double()
    found.fit(x)
    return found


def wide_model(latent="S1xI"):
    x = rows()
    config = ModelConfig(latent, (D,), DENSE, span=N)
    model = build_model(config, x.mean(0).tolist(), float(x.std()), seed=0).double()
    model.span.fit(x)
    return model


@pytest.mark.parametrize("repeated", [0, 5])
def test_narrow_samples_have_the_distances_of_the_wide_ones(repeated):
    """From what lies in the span, whatever the rank of the rows."""
    x = rows()
    x[:repeated] = x[-1]
    place, others = span(x), torch.as_tensor(rows(7, seed=1))
    inside, outside = place.narrow(torch.as_tensor(x)), place.narrow(others)
    assert outside.shape == (7, N + 1)
    torch.testing.assert_close(torch.cdist(inside, inside), torch.cdist(*[torch.as_tensor(x)] * 2), atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.cdist(outside, inside), torch.cdist(others, torch.as_tensor(x)))
    torch.testing.assert_close(place.widen(inside), torch.as_tensor(x))
    torch.testing.assert_close(inside[:, -1], torch.zeros(N, dtype=torch.float64), atol=1e-12, rtol=0)


def test_a_data_set_is_narrowed_row_by_row():
    x = rows(30, seed=2)
    place = span(x[:N])
    np.testing.assert_allclose(place.of_data(Dataset.of(x)).load(), place.narrow(torch.as_tensor(x)), atol=1e-12)


@torch.no_grad()
def test_the_likelihood_is_that_of_the_samples_themselves():
    model, x = wide_model(), torch.as_tensor(rows(9, seed=3))
    coordinates = model.space.sample_prior(9, x[:0])
    decoded = model.decoder(model.space.features(coordinates))
    found = model.likelihood.log_prob(model.seen(x), decoded)
    mean, noise = model.decode(coordinates), model.likelihood.noise
    assert mean.shape == (9, D)
    torch.testing.assert_close(found, Normal(mean, noise).log_prob(x).sum(1))


@torch.no_grad()
def test_samples_may_be_given_wide_or_narrow():
    model, x = wide_model(), torch.as_tensor(rows(9, seed=4))
    narrow = model.span.narrow(x)
    for method in (model.encode, lambda x: (model.elbo(x), model.log_likelihood(x, 3))):
        torch.manual_seed(0)
        wide = method(x)
        torch.manual_seed(0)
        torch.testing.assert_close(method(narrow), wide)


@torch.no_grad()
def test_what_lies_outside_the_span_is_not_read():
    model, x = wide_model(), torch.as_tensor(rows(9, seed=5))
    inside = model.span.widen(model.span.narrow(x))
    assert (inside - x).abs().max() > 1
    torch.testing.assert_close(model.encode(inside), model.encode(x))


@pytest.mark.parametrize(
    ("network", "likelihood", "shape", "n_train", "expected"),
    [
        (DENSE, "gaussian", (D,), 12, 12),
        (DENSE, "gaussian", (D,), D - 1, 0),  # no fewer numbers than the samples have
        (DENSE, "gaussian", (D,), 32, 32),
        (DENSE, "gaussian", (D,), 33, 0),  # a basis larger than the weights
        (DENSE, "bernoulli", (D,), 12, 0),  # features in [0, 1] cannot be turned
        (DENSE, "gaussian", (5, 8), 12, 0),  # images are moved
        (NetworkConfig("conv"), "gaussian", (D,), 12, 0),
    ],
)
def test_where_models_work_in_the_span(network, likelihood, shape, n_train, expected):
    assert span_width(network, likelihood, shape, n_train) == expected


def test_draws_scatter_by_the_noise_within_the_span_and_across_it():
    model = wide_model()
    torch.manual_seed(0)
    z = model.space.sample_prior(1, torch.zeros(0, dtype=torch.float64)).expand(4000, -1)
    rest = (model.draw(z) - model.decode(z)).detach()
    noise = float(model.likelihood.noise)
    assert rest.shape == (4000, D) and abs(float(rest.mean())) < 4 * noise / (4000 * D) ** 0.5
    torch.testing.assert_close(rest.std(0), torch.full((D,), noise, dtype=torch.float64), rtol=0.06, atol=0)
