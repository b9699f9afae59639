"""Laws of every elementary factor: embedding, location, isometries, distance, prior, heads at the extremes."""

import math

import pytest
import torch

from topovae.distributions.uniform import log_sphere_area
from topovae.latent import LatentSpace, submanifold
from topovae.latent.factor import FACTORS, build
from topovae.latent.submanifold import length, shorten
from topovae.signature import EMBEDDING, LEARNED, MODELS, Isometry, parse

RADII = (1.0, 0.5)

# expression: isometries, log volume of a compact factor
TABLE = {
    "S1": (["id", "rot(1/3)", "rot(1/2)", "flip"], math.log(2 * math.pi)),
    "I": (["id", "flip"], 0.0),
    "R": (["id", "flip"], None),
    "R3": (["id", "flip"], None),
    "S2": (["id", "anti"], log_sphere_area(2)),
    "S3": (["id", "anti"], log_sphere_area(3)),
    "S7": (["id", "anti"], log_sphere_area(7)),
    "annulus": (["id"], math.log(2 * math.pi)),
    "embedded_torus": (["id"], math.log(4 * math.pi**2 * math.prod(RADII))),
}
FAMILIES = [(name, family) for name in TABLE for family in build(parse(name).factors[0]).families]
each_family = pytest.mark.parametrize("name, family", FAMILIES)
# squared angle over scale², a tangent direction: the power spherical law, with κ = scale⁻², has twice the variance of a normal
SPREADS = {"PowerSpherical": 2.0}
each = pytest.mark.parametrize("name", TABLE)
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])


def make(name, family=None):
    return build(parse(name).factors[0], () if family is None else (family,))


def draw(factor, n, dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    return factor.prior(torch.zeros(0, dtype=dtype)).sample((n,))


def isometries(name):
    for word in TABLE[name][0]:
        yield parse(f"({name})/<{word}>", allow_orbifold=True).group[-1][0]


def test_every_kind_of_the_grammar_has_a_factor():
    assert set(FACTORS) == {"R", "I", "S", "S1", LEARNED, EMBEDDING, *MODELS}
    assert [type(build(f)).__name__ for f in parse("RxIxS1xS2").factors] == ["Euclidean", "Interval", "Circle", "Sphere"]


@each_family
@pytest.mark.slow
def test_shapes(name, family):
    factor = make(name, family)
    z = draw(factor, 5)
    assert z.shape == (5, factor.coordinate_dim)
    assert factor.embed(z).shape == (5, factor.embedding_dim)
    assert factor.dim == parse(name).dim
    q = factor.posterior(z, torch.ones(5, factor.scale_dim, dtype=torch.float64))
    assert q.batch_shape == (5,) and q.event_shape == (factor.coordinate_dim,)
    assert factor.distance(z, z[0]).shape == (5,)
    assert factor.prior_name and factor.posterior_name == factor.families[family].name
    assert factor.spread(torch.zeros(5, factor.scale_dim)).shape == (5, factor.scale_dim)


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
    torch.testing.assert_close(factor.distance(x, y), factor.distance(y, x))
    assert factor.distance(x, x).max() < 1e-7
    slack = 0.05 if name == "embedded_torus" else 1e-9  # interpolated in a table
    assert (factor.distance(x, z) <= factor.distance(x, y) + factor.distance(y, z) + slack).all()
    chord = (factor.embed(x) - factor.embed(y)).norm(dim=-1)
    assert name == "annulus" or (factor.distance(x, y) >= chord - 1e-9).all()
    if name == "annulus":  # flat, though its embedding is not
        return
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
    elif name == "annulus":
        torch.testing.assert_close(located[:, 0], z[:, 0])
        assert (located[z[:, 1].argsort(), 1].diff() > 0).all()
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


@each_family
def test_posteriors_of_closed_families_move_with_the_isometries(name, family):
    factor = make(name, family)
    if not (factor.family.closed and factor.family.density):
        return
    loc, z = draw(factor, 100), draw(factor, 100, seed=1)
    scale = torch.full((100, factor.scale_dim), 0.7, dtype=torch.float64)
    for g in isometries(name):
        moved = factor.posterior(factor.act(g, loc), scale).log_prob(factor.act(g, z))
        torch.testing.assert_close(moved, factor.posterior(loc, scale).log_prob(z))


@each_family
def test_scales_are_positive_increasing_and_proportional_to_the_spread(name, family):
    factor = make(name, family)
    if family in ("full-normal", "kumaraswamy", "beta"):  # of which the next laws say what their numbers mean
        return
    raw = torch.linspace(-10, 5, 50, dtype=torch.float64)[:, None].expand(50, factor.scale_dim)
    scales = factor.spread(raw)
    assert factor.spread(raw - 50).min() > 0 and (scales.diff(dim=0) > 0).all()
    loc = factor.locate(torch.full((4000, factor.embedding_dim), 0.2 if name == "I" else 1.0, dtype=torch.float64))
    narrow = torch.full((4000, factor.scale_dim), 0.02, dtype=torch.float64)
    torch.manual_seed(0)
    distance = factor.distance(factor.posterior(loc, narrow).sample(), loc)
    per_direction = distance.square().mean().item() / factor.dim / 0.02**2
    assert per_direction == pytest.approx(SPREADS.get(factor.posterior_name, 1.0), rel=0.1)


@each_family
def test_scales_that_fell_find_back_and_slopes_above_are_true(name, family):
    factor = make(name, family)
    raw = torch.full((1, factor.scale_dim), -60.0, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.5)
    for _ in range(200):
        optimiser.zero_grad()
        (-torch.log(factor.spread(raw)[..., : factor.dim]).sum()).backward()
        optimiser.step()
    assert factor.spread(raw)[..., : factor.dim].min() > 0.1
    above = torch.linspace(-4, 4, 9, dtype=torch.float64)[:, None].repeat(1, factor.scale_dim).requires_grad_()
    assert all(torch.autograd.gradcheck(lambda x, sign=sign: sign * factor.spread(x), above) for sign in (1, -1))


@pytest.mark.parametrize("median", [0.02, 0.4, 0.97])
@pytest.mark.parametrize("scale", [0.02, 0.3, 1.0])
def test_interval_families_have_the_location_asked_for(median, scale):
    loc = torch.full((20000, 1), median, dtype=torch.float64)
    torch.manual_seed(0)
    z = make("I", "kumaraswamy").posterior(loc, torch.full_like(loc, scale)).sample()
    assert (z < median).double().mean().item() == pytest.approx(0.5, abs=0.02)
    q = make("I", "beta").posterior(loc, torch.full_like(loc, scale))
    z = q.sample()
    assert z.mean().item() == pytest.approx(median, abs=4 * z.std().item() / 20000**0.5 + 1e-3)
    assert z.std().item() == pytest.approx((median * (1 - median) / (scale**-2 + 1)) ** 0.5, rel=0.05)


def test_a_full_normal_has_the_cholesky_factor_asked_for():
    factor = make("R3", "full-normal")
    scale = torch.tensor([0.5, 1.0, 2.0, 0.3, -0.4, 0.7], dtype=torch.float64)
    q = factor.posterior(torch.zeros(3, dtype=torch.float64), scale)
    expected = torch.tensor([[0.5, 0, 0], [0.3, 1.0, 0], [-0.4, 0.7, 2.0]], dtype=torch.float64)
    torch.testing.assert_close(q.scale_tril, expected)
    z = q.sample((200000,))
    estimate = (q.log_prob(z) - factor.prior(z).log_prob(z)).mean()
    exact = torch.distributions.kl_divergence(q, factor.prior(z))
    torch.testing.assert_close(exact, estimate, atol=0.03, rtol=0)
    standard = torch.distributions.MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double())
    torch.testing.assert_close(exact, torch.distributions.kl_divergence(q, standard))


@each
@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-5])
def test_paths_are_shortest_and_even(apart, name):
    """Also those between points so near that an angle between them cannot be divided by."""
    factor = make(name)
    a, b = draw(factor, 200), draw(factor, 200, seed=1)
    b = factor.path(a, b, torch.full((200, 1), apart, dtype=torch.float64))
    shares = torch.linspace(0, 1, 65, dtype=torch.float64)[:, None, None]
    points = factor.path(a, b, shares)
    steps = factor.distance(points[1:], points[:-1])
    near = 1e-4 * apart
    assert factor.distance(points[0], a).max() < near and factor.distance(points[-1], b).max() < near
    if name == "embedded_torus":  # as far as polylines of few chords and a table of distances go
        torch.testing.assert_close(factor.locate(factor.embed(points)), points)
        torch.testing.assert_close(steps.sum(0), factor.distance(a, b), rtol=0.03, atol=1e-3)
        torch.testing.assert_close(steps, steps.mean(0).expand_as(steps), rtol=0.03, atol=1e-3)
        return
    torch.testing.assert_close(steps.sum(0), factor.distance(a, b), rtol=1e-4, atol=1e-6 * apart)
    torch.testing.assert_close(steps, steps.mean(0).expand_as(steps), rtol=1e-3, atol=1e-6 * apart)


@pytest.mark.slow
def test_distance_on_the_embedded_torus_is_the_length_of_relaxed_paths(monkeypatch):
    monkeypatch.setattr(submanifold, "_LEVELS", 6)
    monkeypatch.setattr(submanifold, "_SWEEPS", 300)
    torus = make("embedded_torus")
    a, b = draw(torus, 300), draw(torus, 300, seed=1)
    shares = torch.linspace(0, 1, 5, dtype=torch.float64)[:, None, None]
    first, second = torus.unroll(a), torus.unroll(b)
    lengths = []
    for u in (-1, 0, 1):
        for v in (-1, 0, 1):
            image = second + 2 * math.pi * torch.tensor([u, v])
            lengths.append(length(shorten(torus.parametrise(first + shares * (image - first)), torus.manifold.project)))
    relative = torus.distance(a, b) / torch.stack(lengths).amin(0) - 1
    assert relative.abs().max() < 0.03 and relative.abs().mean() < 0.003
    # about the axis and around the tube, geodesics of known length
    around = torus.parametrise(torch.tensor([[0.0, math.pi], [1.0, math.pi], [0.0, 0.0], [0.0, 1.5]], dtype=torch.float64))
    torch.testing.assert_close(torus.distance(around[0], around[1]), torch.tensor(0.5).double(), rtol=3e-3, atol=0)
    torch.testing.assert_close(torus.distance(around[2], around[3]), torch.tensor(0.75).double(), rtol=3e-3, atol=0)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_the_points_of_the_expression_it_is_homeomorphic_to(name):
    factor, like = make(name), LatentSpace(MODELS[name])
    z = draw(like, 500)
    points = factor.parametrise(z)
    assert factor.contains(points).all()
    near = like.posterior(z, torch.full((500, like.scale_dim), 1e-3, dtype=torch.float64)).sample()
    moved = factor.distance(factor.parametrise(near), points) / like.distance(near, z)
    assert moved.max() < 3 and moved.min() > 0.1
    assert like.distance(factor.unroll(points), z).max() < 1e-6


@each
def test_only_points_of_the_factor_are_contained(name):
    factor = make(name)
    z = draw(factor, 50)
    assert factor.contains(z).all()
    assert not factor.contains(z * math.nan).any()
    if factor.posterior_name != "Normal" and name != "S1":
        assert not factor.contains(z + 3).any()


EXTREMES = [0.0, 1e-45, 1e-38, 1e-30, 1e-20, 1e-12, 1e-6, 1.0, 1e6, 1e12, 1e20, 1e30, 1e38, 1e-300, 1e300]


@each_dtype
@each_family
def test_heads_are_finite_on_any_input(name, family, dtype):
    factor = make(name, family)
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
            assert torch.isfinite(loc).all() and torch.isfinite(scale).all() and (scale[:, : factor.dim] > 0).all()
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
            log_density = q.log_prob(z) if factor.family.density else torch.zeros(2)
            assert torch.isfinite(z).all() and torch.isfinite(kl).all() and torch.isfinite(log_density).all()
            gradients = torch.autograd.grad(kl.sum() + z.sum() + log_density.sum(), [embedded, raw])
            assert all(torch.isfinite(g).all() for g in gradients)
