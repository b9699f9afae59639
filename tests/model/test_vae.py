"""Laws of the autoencoder: bounds on the likelihood, orbits, configuration, seeds, bad starts."""

import json
import math

import pytest
import torch

from topovae.errors import UsageError
from topovae.model.likelihoods import LIKELIHOODS
from topovae.model.networks import NetworkConfig, choose_network
from topovae.model.vae import VAE, ModelConfig, build_model

LATENTS = ["R2", "S1", "S1xI", "T2", "S2", "klein", "mobius", "rp2", "so3", "(S1xS1xI)/<rot(1/3),id,id>", "mixture(S2,2*S1)"]
each_latent = pytest.mark.parametrize("latent", LATENTS)
each_likelihood = pytest.mark.parametrize("likelihood", LIKELIHOODS)
SMALL = NetworkConfig("mlp", (16,), ())


def model(latent, shape=(6,), likelihood="gaussian", noise=None, network=SMALL, seed=0):
    config = ModelConfig(latent, shape, network, likelihood, noise)
    return build_model(config, torch.zeros(shape).flatten().tolist(), 1.0, seed)


def batch(n, shape=(6,), seed=1):
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))


@each_likelihood
@each_latent
def test_terms_and_gradients_are_finite(latent, likelihood):
    vae, x = model(latent, likelihood=likelihood), batch(9)
    torch.manual_seed(0)
    terms = vae(x)
    assert terms.nll.shape == (9,) and terms.kl.shape == (9, len(vae.space.kl_names))
    assert torch.isfinite(terms.nll).all() and torch.isfinite(terms.kl).all()
    (terms.nll.sum() + terms.kl.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in vae.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in (*vae.encoder.parameters(), *vae.decoder.parameters()))


@torch.no_grad()
@each_latent
def test_the_importance_weighted_bound_rises_from_the_elbo(latent):
    vae, x = model(latent, noise=0.3), batch(200)
    for parameter in vae.encoder.parameters():
        parameter.mul_(2)
    torch.manual_seed(0)
    repeated = [vae(x) for _ in range(20)]
    elbo = torch.stack([-(t.nll + t.kl.sum(-1)) for t in repeated])
    bounds = {k: torch.stack([vae.log_likelihood(x, k) for _ in range(5)]).mean(1) for k in (1, 8, 64)}
    errors = {k: 4 * b.std().item() / math.sqrt(5) for k, b in bounds.items()}
    means = {k: b.mean().item() for k, b in bounds.items()}
    elbo_error = 4 * elbo.mean(1).std().item() / math.sqrt(20)
    assert abs(means[1] - elbo.mean().item()) <= errors[1] + elbo_error  # one sample is the ELBO, also on a quotient
    assert means[1] < means[8] < means[64] + errors[64]
    assert means[64] > elbo.mean().item()


@torch.no_grad()
def test_the_bound_converges_to_the_likelihood():
    # A quotient of a circle, integrated over its angle; posteriors are wide, so that the weights have a small variance.
    vae, x = model("(S1)/<rot(1/3)>", noise=0.5), batch(5)
    vae.encoder.layers[-1].bias[-1] = 2.0
    angles = (torch.arange(600) / 600 * 2 * math.pi)[:, None]
    decoded = vae.decoder(vae.space.features(angles))
    log_p = torch.stack([vae.likelihood.log_prob(row.expand(600, 6), decoded) for row in x])
    exact = torch.logsumexp(log_p, 1) - math.log(600)
    torch.manual_seed(0)
    torch.testing.assert_close(vae.log_likelihood(x, 4000), exact, atol=0.03, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize(
    ("latent", "likelihood"),
    [(latent, "gaussian") for latent in (*LATENTS, "embedded_torus", "annulus")] + [("klein", name) for name in LIKELIHOODS],
)
def test_the_bound_converges_to_the_mean_over_the_prior(latent, likelihood):
    noise = 0.7 if "noise" in LIKELIHOODS[likelihood].takes else None
    vae, x = model(latent, likelihood=likelihood, noise=noise), batch(4).round()
    # Posteriors that are wide, so that their weights have a small variance.
    vae.encoder.layers[-1].bias[vae.space.location_dim :] = 2.5
    torch.manual_seed(0)
    z = vae.space.sample_prior(20_000, vae.shift)
    decoded = vae.decoder(vae.space.features(z))
    log_p = torch.stack([vae.likelihood.log_prob(row.expand(len(z), -1), decoded) for row in x])
    exact = torch.logsumexp(log_p, 1) - math.log(len(z))
    found = vae.log_likelihood(x.repeat(5000, 1), 4).reshape(5000, 4)  # of 20,000 draws, most of them at once
    torch.testing.assert_close(torch.logsumexp(found, 0) - math.log(5000), exact, atol=0.08, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("latent", LATENTS[:-1])  # not the mixture, whose components have orbits of their own
def test_decoding_depends_on_the_orbit_alone(latent):
    vae = model(latent).double()
    torch.manual_seed(0)
    z = vae.space.sample_prior(50, vae.shift)
    decoded = vae.decode(z)
    for image in vae.space.orbit(z):
        torch.testing.assert_close(vae.decode(image), decoded)
    assert (decoded[1:] - decoded[0]).norm(dim=-1).min() > 0


@pytest.mark.parametrize("shape", [(50,), (28, 28), (30, 30), (64, 64), (3, 32, 32), (17, 33, 3), (8, 8)], ids=str)
def test_samples_of_any_shape(shape):
    vae = model("S1xR", shape, network=choose_network(shape))
    x = batch(2, shape)
    loc, scale = vae.encode(x)
    assert loc.shape == (2, vae.space.coordinate_dim) and scale.shape == (2, vae.space.scale_dim)
    assert vae.decode(loc).shape == x.shape
    assert vae(x).nll.shape == vae.log_likelihood(x, 2).shape == (2,)


def test_an_empty_batch_is_encoded_and_decoded():
    vae = model("klein")
    loc, _ = vae.encode(torch.zeros(0, 6))
    assert loc.shape == (0, 2) and vae.decode(loc).shape == (0, 6)
    assert vae.likelihood.log_prob(torch.zeros(0, 6), torch.zeros(0, 6)).shape == (0,)


def test_the_model_works_in_the_data_units():
    config = ModelConfig("S1", (2,), SMALL)
    plain = build_model(config, [0.0, 0.0], 1.0, 0)
    moved = build_model(config, [100.0, -100.0], 50.0, 0)
    x = batch(4, (2,))
    shift = torch.tensor([100.0, -100.0])
    torch.testing.assert_close(moved.encode(50 * x + shift)[0], plain.encode(x)[0], atol=1e-4, rtol=0)
    z = plain.encode(x)[0]
    torch.testing.assert_close(moved.decode(z), 50 * plain.decode(z) + shift)
    torch.testing.assert_close(moved.likelihood.noise, 50 * plain.likelihood.noise)
    assert build_model(config, [0.0, 0.0], 0.0, 0).scale == 1  # constant data


@each_likelihood
@pytest.mark.parametrize("shape", [(6,), (28, 28)], ids=str)
def test_configurations_round_trip_through_json(shape, likelihood):
    config = ModelConfig("klein", shape, choose_network(shape), likelihood, 0.1)
    again = ModelConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    vae, copy = VAE(config), VAE(again)
    copy.load_state_dict(vae.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(vae.state_dict().values(), copy.state_dict().values(), strict=True))


def test_seeds_repeat_and_leave_the_random_state():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second, other = (model("S1", seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.values(), second.values(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.values(), other.values(), strict=True))
    vae, x = model("S2"), batch(3)
    torch.manual_seed(1)
    nll = vae(x).nll
    torch.manual_seed(1)
    assert torch.equal(vae(x).nll, nll)


def test_misuse_is_refused_in_words():
    with pytest.raises(UsageError, match=r"cauchy.*poisson"):
        VAE(ModelConfig("S1", (2,), SMALL, "cauchy"))


@pytest.mark.parametrize("latent", ["S1", "S2", "so3"])
@pytest.mark.slow
def test_a_bad_start_never_gives_nan(latent):
    vae = model(latent, (4,))
    with torch.no_grad():
        for parameter in (*vae.encoder.parameters(), *vae.decoder.parameters()):
            parameter.mul_(10)
    torch.manual_seed(0)
    data = torch.nn.functional.normalize(torch.randn(256, 4), dim=-1)
    optimiser = torch.optim.Adam(vae.parameters(), 1e-2)
    losses = []
    for _ in range(1000):
        terms = vae(data[torch.randint(256, (32,))])
        loss = terms.nll.mean() + terms.kl.sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())
    assert torch.isfinite(torch.stack(losses)).all()
    assert all(torch.isfinite(p).all() for p in vae.parameters())
    assert sum(losses[-100:]) < sum(losses[:100])
