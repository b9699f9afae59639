"""Laws of every elementary factor: embedding, location, isometries, distance, prior, heads at the extremes."""

import math

import pytest
import torch

from topovae import signature
from topovae.distributions.uniform import log_sphere_area
from topovae.latent.factor import FACTORS, build
from topovae.signature import Isometry, parse

# expression: isometries, log volume of a compact factor
TABLE = {
    "S1": (["id", "rot(1/3)", "rot(1/2)", "flip"], math.log(2 * math.pi)),
    "I": (["id", "flip"], 0.0),
    "R": (["id", "flip"], None),
    "R3": (["id", "flip"], None),
    "S2": (["id", "anti"], log_sphere_area(2)),
    "S3": (["id", "anti"], log_sphere_area(3)),
    "S7": (["id", "anti"], log_sphere_area(7)),
}
each = pytest.mark.parametrize("name", TABLE)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])


def make(name):
    return build(parse(name).factors[0])


def draw(factor, n, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    return factor.prior(torch.zeros(0, dtype=dtype)).sample((n,))


def isometries(name):
    for word in TABLE[name][0]:
        yield parse(f"({name})/<{word}>", allow_orbifold=True).group[-1][0]


def test_every_kind_of_the_grammar_has_a_factor():
    assert set(FACTORS) == {"R", "I", "S", "S1"}
    assert all(isinstance(build(f), object) for f in parse("RxIxS1xS2").factors)


@each
def test_shapes(name):
    factor = make(name)
    z = draw(factor, 5)
    assert z.shape == (5, factor.coordinate_dim)
    assert factor.embed(z).shape == (5, factor.embedding_dim)
    assert factor.dim == parse(name).dim
    q = factor.posterior(z, torch.ones(5, factor.scale_dim, dtype=torch.float64))
    assert q.batch_shape == (5,) and q.event_shape == (factor.coordinate_dim,)
    assert factor.distance(z, z[0]).shape == (5,)
    assert factor.prior_name and factor.posterior_name


@each
def test_isometries_act_linearly_on_the_embedding_and_keep_distances(name):
    factor = make(name)
    z, w = draw(factor, 200), draw(factor, 200, seed=1)
    for g in isometries(name):
        matrix = factor.isometry_matrix(g)
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(factor.embedding_dim, dtype=torch.float64))
        torch.testing.assert_close(factor.embed(factor.act(g, z)), factor.embed(z) @ matrix.T)
        torch.testing.assert_close(factor.distance(factor.act(g, z), factor.act(g, w)), factor.distance(z, w))
    torch.testing.assert_close(factor.act(Isometry(), z), z)


@each
def test_distance_is_a_metric_at_least_the_chord(name):
    factor = make(name)
    x, y, z = (draw(factor, 500, seed=seed) for seed in range(3))
    assert torch.equal(factor.distance(x, y), factor.distance(y, x))
    assert factor.distance(x, x).max() < 1e-7
    assert (factor.distance(x, z) <= factor.distance(x, y) + factor.distance(y, z) + 1e-9).all()
    chord = (factor.embed(x) - factor.embed(y)).norm(dim=-1)
    assert (factor.distance(x, y) >= chord - 1e-9).all()
    near = factor.locate(factor.embed(x) + 1e-4) if name != "I" else x * 0.999
    ratio = (factor.embed(x) - factor.embed(near)).norm(dim=-1) / factor.distance(x, near)
    torch.testing.assert_close(ratio, torch.ones_like(ratio), atol=1e-3, rtol=0)


@each
def test_locating_an_embedded_point_gives_it_back(name):
    factor = make(name)
    z = draw(factor, 100)
    located = factor.locate(factor.embed(z))
    if name == "I":  # a smooth increasing map onto the interval, the middle fixed
        order = z[:, 0].argsort()
        assert (located[order].diff(dim=0) > 0).all() and factor.locate(torch.zeros(1)).item() == 0.5
    else:
        assert factor.distance(located, z).max() < 1e-6


@each
def test_prior_density_is_one_over_the_volume(name):
    factor, (_, log_volume) = make(name), TABLE[name]
    z = draw(factor, 1000)
    log_density = factor.prior(z).log_prob(z)
    assert log_density.shape == (1000,)
    if log_volume is None:
        expected = -0.5 * z.square().sum(-1) - 0.5 * factor.dim * math.log(2 * math.pi)
        torch.testing.assert_close(log_density, expected)
    else:
        torch.testing.assert_close(log_density, torch.full_like(log_density, -log_volume))


@each
def test_posteriors_move_with_the_isometries(name):
    factor = make(name)
    loc, z = draw(factor, 100), draw(factor, 100, seed=1)
    scale = torch.full((100, factor.scale_dim), 0.7, dtype=torch.float64)
    for g in isometries(name):
        moved = factor.posterior(factor.act(g, loc), scale).log_prob(factor.act(g, z))
        torch.testing.assert_close(moved, factor.posterior(loc, scale).log_prob(z))


@each
def test_scales_are_positive_increasing_and_proportional_to_the_spread(name):
    factor = make(name)
    raw = torch.linspace(-40, 5, 50, dtype=torch.float64)[:, None].expand(50, factor.scale_dim)
    scales = factor.spread(raw)
    assert scales.min() > 0 and (scales.diff(dim=0) > 0).all()
    loc = factor.locate(torch.ones(4000, factor.embedding_dim, dtype=torch.float64) / 4)
    narrow = torch.full((4000, factor.scale_dim), 0.02, dtype=torch.float64)
    torch.manual_seed(0)
    distance = factor.distance(factor.posterior(loc, narrow).sample(), loc)
    # Normal of that scale in each tangent direction; the power spherical law, with κ = scale⁻², has twice the variance.
    per_direction = distance.square().mean().item() / factor.dim / 0.02**2
    assert per_direction == pytest.approx(2.0 if factor.posterior_name == "PowerSpherical" else 1.0, rel=0.1)


EXTREMES = [0.0, 1e-45, 1e-38, 1e-30, 1e-20, 1e-12, 1e-6, 1.0, 1e6, 1e12, 1e20, 1e30, 1e38, 1e-300, 1e300]


@each_dtype
@each
def test_heads_are_finite_on_any_input(name, dtype):
    factor = make(name)
    largest = torch.finfo(dtype).max
    for value in {s * v for v in EXTREMES for s in (1, -1) if v < largest}:
        for pattern in ("all", "first"):
            embedded = torch.full((2, factor.embedding_dim), value, dtype=dtype)
            if pattern == "first":
                embedded[:, 1:] = 0
            embedded.requires_grad_()
            raw = torch.full((2, factor.scale_dim), value, dtype=dtype, requires_grad=True)
            loc, scale = factor.locate(embedded), factor.spread(raw)
            assert loc.dtype == scale.dtype == dtype
            assert torch.isfinite(loc).all() and torch.isfinite(scale).all() and (scale > 0).all()
            gradients = torch.autograd.grad(loc.sum() + scale.sum(), [embedded, raw], retain_graph=True)
            assert all(torch.isfinite(g).all() for g in gradients)
            if name.startswith("S") and name != "S1":
                torch.testing.assert_close(loc.norm(dim=-1), torch.ones(2, dtype=dtype))
            if name.startswith("R"):  # the divergence of a normal law far out overflows, as it should
                continue
            torch.manual_seed(0)
            q = factor.posterior(loc, scale)
            z = q.rsample()
            kl = torch.distributions.kl_divergence(q, factor.prior(z))
            assert torch.isfinite(z).all() and torch.isfinite(kl).all() and torch.isfinite(q.log_prob(z)).all()
            gradients = torch.autograd.grad(kl.sum() + z.sum() + q.log_prob(z).sum(), [embedded, raw])
            assert all(torch.isfinite(g).all() for g in gradients)


def test_a_new_kind_needs_one_entry(monkeypatch):
    monkeypatch.setitem(FACTORS, "R", lambda dim: f"line {dim}")
    assert build(signature.Factor("R", 4)) == "line 4"
