"""Laws of mixtures: the exact sum over components, densities, prior, points, and what a start knows of them."""

import math

import numpy as np
import pytest
import torch

from topovae.errors import UsageError
from topovae.latent import LatentSpace, MixtureSpace, space_of
from topovae.signature import parse, parse_latent

MIXTURES = ["mixture(2*circle)", "mixture(sphere,circle)", "mixture(klein,R2,S1xI)", "mixture(so3,I)"]
each = pytest.mark.parametrize("text", MIXTURES)
DOUBLE = torch.float64


def make(text):
    torch.manual_seed(3)
    space = space_of(parse_latent(text)).double()
    torch.nn.init.normal_(space.weights, std=0.1)
    return space


def outputs_of(space, n=50, seed=0):
    outputs = torch.randn(n, space.output_dim, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))
    outputs[:, : len(space.spaces)] *= 0.1  # so that no component is certain
    return outputs


def test_one_component_is_a_space_by_itself():
    assert isinstance(space_of(parse_latent("mixture(klein)")), LatentSpace)
    assert isinstance(space_of(parse_latent("mixture(2*klein)")), MixtureSpace)


@each
def test_shapes(text):
    space = make(text)
    outputs = outputs_of(space)
    terms = space(outputs, lambda features: features.sum(-1))
    n, count = len(outputs), len(space.spaces)
    assert terms.nll.shape == (n,) and terms.kl.shape == (n, len(space.kl_names))
    assert terms.location.shape == (n, space.location_dim) and terms.coordinates.shape == (n, space.coordinate_dim)
    location, scale = space.heads(outputs)
    assert location.shape == (n, space.coordinate_dim) and scale.shape == (n, space.scale_dim)
    torch.testing.assert_close(location, terms.coordinates)
    assert space.features(location).shape == (n, space.feature_dim)
    assert space.memberships(outputs)["component_probability"].shape == (n, count)
    assert space.contains(space.sample_prior(40, outputs)).all()


@pytest.mark.parametrize(
    "text", ["S1", "S1xS1", "mixture(circle,torus)", "S1xR2", "S1xI", "sphere", "klein", "mixture(circle,R2)"]
)
def test_a_periodic_space_is_read_by_cosines_and_sines_alone(text):
    space = space_of(parse_latent(text))
    torch.manual_seed(0)
    features = space.features(space.sample_prior(200, torch.zeros(1)))
    features = features[:, : space.feature_dim - (len(space.spaces) if len(space.spaces) > 1 else 0)]
    lengths = features[:, : features.shape[1] // 2 * 2].unflatten(1, (-1, 2)).square().sum(-1)
    pairs = features.shape[1] % 2 == 0 and bool(((lengths - 1).abs() < 1e-5).logical_or(lengths == 0).all())
    assert space.periodic == pairs


@each
def test_the_elbo_is_the_sum_over_components_weighted_by_their_probabilities(text):
    # A loss that the number of the component alone decides, so that the sum is known.
    space = make(text)
    outputs, costs = outputs_of(space), torch.arange(1.0, 1 + len(space.spaces), dtype=DOUBLE)
    terms = space(outputs, lambda features: features[..., -len(space.spaces) :] @ costs)
    shares = space.memberships(outputs)["component_probability"]
    torch.testing.assert_close(terms.nll, shares @ costs)
    weights = space.log_weights_of_components.exp()
    torch.testing.assert_close(terms.kl[:, -1], (shares * (shares / weights).log()).sum(-1))
    assert (terms.kl[:, -1] >= 0).all()


@torch.no_grad()
@pytest.mark.parametrize("text", ["mixture(2*circle)", "mixture(sphere,circle)", "mixture(S1xI,I)"])
def test_the_divergence_equals_its_monte_carlo_estimate(text):
    space = make(text)
    outputs = outputs_of(space, 4)
    exact = space(outputs, lambda features: features.sum(-1)).kl.sum(-1)
    posterior = space.read(outputs)
    z = posterior.rsample(torch.Size((20000,)))
    ratio = -space.log_weights(posterior, z)
    error = 4 * ratio.std(0) / math.sqrt(len(z))
    assert ((ratio.mean(0) - exact).abs() <= error).all()


@torch.no_grad()
@each
def test_samples_lie_on_components_as_often_as_their_weights_say(text):
    space = make(text)
    z = space.sample_prior(20000, torch.zeros(1, dtype=DOUBLE))
    weights = space.log_weights_of_components.exp()
    found = torch.bincount(space.component(z), minlength=len(weights)) / len(z)
    assert ((found - weights).abs() <= 4 * (weights * (1 - weights) / len(z)).sqrt()).all()


@each
def test_a_point_is_read_on_its_component_alone(text):
    space = make(text)
    z = space.sample_prior(60, torch.zeros(1, dtype=DOUBLE))
    count = len(space.spaces)
    features = space.features(z)
    assert (features[:, -count:].argmax(1) == space.component(z)).all()
    for k, (part, own) in enumerate(zip(space.spaces, space.split(z), strict=True)):
        here = space.component(z) == k
        torch.testing.assert_close(space.distance(z[here][:1], z[here]), part.distance(own[here][:1], own[here]))
        padding = z[here][:, 1 + part.coordinate_dim :]
        assert (padding == 0).all()
    one, other = z[space.component(z) == 0][0], z[space.component(z) == 1][0]
    assert space.distance(one, other) == math.inf


@each
def test_targets_bring_the_heads_to_their_points(text):
    space = make(text)
    z = space.representative(space.sample_prior(80, torch.zeros(1, dtype=DOUBLE)))
    targets = space.targets(z)
    assert (torch.isfinite(targets).sum(1) < targets.shape[1]).all()  # outputs of other components are left free
    outputs = torch.cat([targets.nan_to_num(0.3), torch.zeros(len(z), space.output_dim - targets.shape[1])], -1)
    location = space.heads(outputs)[0]
    assert (space.component(location) == space.component(z)).all()
    own = [part._locate(part.lift(part.targets(points))) for part, points in zip(space.spaces, space.split(z), strict=True)]
    torch.testing.assert_close(location, space.points(space.component(z), own))
    unknown = z.clone()
    unknown[:, 0] = math.nan
    assert torch.isnan(space.targets(unknown)).all()


@pytest.mark.parametrize("first", [-1.0, 0.5, 2.0, math.nan])
def test_there_are_no_points_beside_the_components(first):
    space = make("mixture(2*circle)")
    point = torch.tensor([[first, 0.3]], dtype=DOUBLE)
    assert space.component(point).item() == -1 and not space.contains(point).any()


def test_families_go_to_the_components_that_have_them():
    space = space_of(parse_latent("mixture(circle,interval)"), ("von-mises",))
    assert [part.factors[0].posterior_name for part in space.spaces] == ["VonMises", "TruncatedNormal"]
    with pytest.raises(UsageError, match="--posterior nonsense: no factor"):
        space_of(parse_latent("mixture(circle,interval)"), ("nonsense",))


@pytest.mark.parametrize("latent", ["klein", "S1xR2"])
def test_a_single_space_answers_what_a_mixture_is_asked(latent):
    space = space_of(parse(latent))
    z = space.sample_prior(7, torch.zeros(1))
    assert space.component(z).tolist() == [0] * 7 and space.memberships(z) == {}
    assert space.spaces == [space] and torch.equal(space.points(space.component(z), [z]), z)
    assert np.array_equal(space.split(z)[0], z)
