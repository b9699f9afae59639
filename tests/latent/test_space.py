"""Laws of every latent space: orbits, features, distance, divergence, densities, shapes and precision."""

import json
import math

import pytest
import torch
from support.places import ORACLES

from topovae.errors import UsageError
from topovae.latent import LatentSpace
from topovae.signature import Signature, parse

DOUBLE = torch.float64

# expression: least ratio of feature distance to geodesic distance over pairs of points, log volume if compact
SPACES = {
    "S1": (0.6, math.log(2 * math.pi)),
    "I": (0.99, 0.0),
    "R3": (0.99, None),
    "S2": (0.6, math.log(4 * math.pi)),
    "S3": (0.6, math.log(2 * math.pi**2)),
    "T2": (0.6, 2 * math.log(2 * math.pi)),
    "S1xR2": (0.6, None),
    "klein": (0.2, math.log(2 * math.pi**2)),
    "mobius": (0.2, math.log(math.pi)),
    "rp2": (0.2, math.log(2 * math.pi)),
    "so3": (0.2, math.log(math.pi**2)),
    "(S1xS1xI)/<rot(1/3),id,id>": (0.2, 2 * math.log(2 * math.pi) - math.log(3)),
    "(S2xR3)/<anti,flip>": (0.1, None),
    "(S1xS1xI)/<rot(1/2),id,flip>/<id,rot(1/2),flip>": (0.05, 2 * math.log(2 * math.pi) - math.log(4)),
    "annulus": (0.3, math.log(2 * math.pi)),
    "(annulusxS1)/<id,rot(1/2)>": (0.2, 2 * math.log(2 * math.pi) - math.log(2)),
    "embedded_torus": (0.5, math.log(2 * math.pi**2)),
    "learned(R2)": (0.99, None),
    "S1xlearned(R3,M=2,anchors=3)": (0.6, None),
    "T2 ": (0.6, 2 * math.log(2 * math.pi)),
    "T3 ": (0.6, 3 * math.log(2 * math.pi)),
    "klein ": (0.2, math.log(2 * math.pi**2)),
    "(S1xS1)/<rot(1/3),id> ": (0.2, 2 * math.log(2 * math.pi) - math.log(3)),
}
# Spaces with a blank behind their names have other families than the default ones.
POSTERIORS = {name: ("full-wrapped-normal",) if name.endswith(" ") else () for name in SPACES}
QUOTIENTS = [name for name in SPACES if parse(name).order > 1]
each = pytest.mark.parametrize("name", SPACES)
each_quotient = pytest.mark.parametrize("name", QUOTIENTS)


def make(name, **choices):
    return LatentSpace(name, POSTERIORS[name], **choices)


each_with_density = pytest.mark.parametrize("name", [name for name in SPACES if make(name).has_density])


@pytest.fixture(scope="module")
def spaces():
    return {name: make(name) for name in SPACES}


def draw(space, n, seed=0, dtype=DOUBLE):
    torch.manual_seed(seed)
    return space.sample_prior(n, torch.zeros(0, dtype=dtype))


def scales(space, n, value):
    return torch.full((n, space.scale_dim), value, dtype=DOUBLE)


def within(samples, value, n_errors=4.0, tolerance=1e-9):
    error = samples.std().item() / math.sqrt(len(samples))
    return abs(samples.mean().item() - value) <= n_errors * error + tolerance


@each
def test_shapes(spaces, name):
    space = spaces[name]
    outputs = torch.randn(4, 3, space.output_dim)
    loc, scale = space.heads(outputs)
    assert loc.shape == (4, 3, space.coordinate_dim) and scale.shape == (4, 3, space.scale_dim)
    q = space.posterior(loc, scale)
    assert q.batch_shape == (4, 3) and q.event_shape == (space.coordinate_dim,)
    z = q.rsample()
    assert z.shape == loc.shape and q.rsample(torch.Size((2,))).shape == (2, *loc.shape)
    if space.has_density:
        assert q.log_prob(z).shape == q.log_prob(q.rsample(torch.Size((2,))))[0].shape == (4, 3)
        assert space.log_weights(q, z).shape == (4, 3)
    assert space.kl(q, z).shape == (4, 3, len(space.kl_names))
    assert space.features(z).shape == (4, 3, space.feature_dim)
    assert space.orbit(z).shape == (space.order, *z.shape)
    assert space.distance(z, z[:, :1]).shape == (4, 3)
    assert space.prior_log_prob(z).shape == (4, 3)
    wide = q.expand(torch.Size((5, 4, 3)))
    assert wide.batch_shape == (5, 4, 3)
    if not space.has_density:
        return
    torch.testing.assert_close(wide.log_prob(z), q.log_prob(z).expand(5, 4, 3))


@torch.no_grad()
@pytest.mark.parametrize("name", [*SPACES, "S5 brownian", "(S5)/<anti> brownian"])
def test_importance_weights_have_the_mean_one(name):
    latent, *family = name.split(" ") if "brownian" in name else (name,)
    space = LatentSpace(latent, family, divergence="cover") if family else make(name)
    outputs = torch.zeros(1, space.output_dim, dtype=DOUBLE)
    outputs[:, : space.location_dim] = space.targets(draw(space, 1, seed=5))
    outputs[:, space.location_dim :] = 1.0  # posteriors that are wide, so that weights vary little
    law = space.propose(outputs.expand(20_000, -1))
    torch.manual_seed(0)
    z = law.sample()
    assert space.contains(z).all()
    log_weights = space.log_weights(law, z)
    if space.has_density:
        posterior = space.read(outputs.expand(20_000, -1))
        torch.testing.assert_close(log_weights, space.log_weights(posterior, z))
    # Where the prior is wide, weights have a heavy tail, so a bounded part of the space is integrated: p(f) = E w f.
    centre = space.representative(z[:1])
    near = torch.exp(-space.distance(z, centre).square())
    prior = torch.exp(-space.distance(draw(space, 20_000, seed=3), centre).square())
    assert within(log_weights.exp() * near - prior, 0.0, tolerance=0.005)


@each
@pytest.mark.parametrize("n", [0, 1, 4096])
def test_batches_of_any_size(spaces, name, n):
    space = spaces[name]
    outputs = torch.randn(n, space.output_dim, requires_grad=True)
    q = space.posterior(*space.heads(outputs))
    z = q.rsample()
    (space.kl(q, z).sum() + space.features(z).sum() + space.distance(z, z.detach()).sum()).backward()
    assert outputs.grad.shape == (n, space.output_dim) and torch.isfinite(outputs.grad).all()


@each
def test_the_space_is_that_of_its_signature(spaces, name):
    space = spaces[name]
    assert space.signature == parse(name) and isinstance(space.signature, Signature)
    assert (space.dim, space.order) == (parse(name).dim, parse(name).order)
    assert len(space.kl_names) == len(space.blocks) + (space.order > 1)


@each
def test_the_orbit_is_that_of_a_group_action(spaces, name):
    space = spaces[name]
    z = draw(space, 50)
    images = space.orbit(z)
    assert torch.equal(images[0], z)
    embedded = space.embed(images)
    for k in range(space.order):  # the orbit of an image is the same set
        again = space.embed(space.orbit(images[k]))
        gaps = torch.cdist(again.movedim(0, 1), embedded.movedim(0, 1))
        assert gaps.amin(-1).max() < 1e-6 and gaps.amin(-2).max() < 1e-6
    if space.order > 1:  # and the action is free
        assert torch.pdist(embedded[:, 0]).min() > 1e-3


@each
def test_features_are_invariant_and_separate_orbits(spaces, name):
    space = spaces[name]
    z, w = draw(space, 4000), draw(space, 4000, seed=1)
    features = space.features(z)
    torch.testing.assert_close(space.features(space.orbit(z)), features.expand(space.order, *features.shape))
    least, _ = SPACES[name]
    # Far pairs, near pairs, and pairs near an image of each other.
    near = w.clone()
    loc, scale = z[:2000], scales(space, 2000, 0.01)
    near[:2000] = space.posterior(loc, scale).sample()
    for other in (w, near):
        ratio = (space.features(other) - features).norm(dim=-1) / space.distance(z, other)
        assert ratio.min() > least
        assert ratio.max() < 20


@each
def test_features_are_centred_and_of_the_size_of_a_unit_circle(spaces, name):
    space = spaces[name]
    if space.order > 1:
        invariants = space.features(draw(space, 20000))[:, -space.invariants.out_dim :]
        torch.testing.assert_close(invariants.mean(0), torch.zeros(space.invariants.out_dim).double(), atol=0.05, rtol=0)
        assert ((invariants.square().mean(0) - 0.5).abs() < 0.1).all()


@each
def test_distance_is_a_metric_on_orbits(spaces, name):
    space = spaces[name]
    x, y, z = (draw(space, 1000, seed=seed) for seed in range(3))
    torch.testing.assert_close(space.distance(x, y), space.distance(y, x))
    assert space.distance(space.orbit(x), x).max() < 1e-6
    assert space.distance(x, y).min() > 0
    slack = 0.05 if "embedded" in name else 1e-9
    assert (space.distance(x, z) <= space.distance(x, y) + space.distance(y, z) + slack).all()
    images = space.orbit(y)
    if "embedded" in name:  # distances are interpolated in a table
        return
    torch.testing.assert_close(space.distance(x, images), space.distance(x, y).expand(space.order, 1000))


@each
def test_prior_density_is_one_over_the_volume(spaces, name):
    space, (_, log_volume) = spaces[name], SPACES[name]
    z = draw(space, 500)
    log_density = space.prior_log_prob(z)
    if log_volume is not None:
        torch.testing.assert_close(log_density, torch.full_like(log_density, -log_volume))
    torch.testing.assert_close(space.prior_log_prob(space.orbit(z)), log_density.expand(space.order, 500))
    assert space.volume == pytest.approx(math.inf if log_volume is None else math.exp(log_volume))


@each_with_density
@pytest.mark.parametrize("scale", [0.5, 0.9])
def test_posterior_density_integrates_to_one_over_the_quotient(spaces, name, scale):
    space = spaces[name]
    loc = draw(space, 1)[0] * (0.3 if "R" in str(space.signature.factors[-1]) and space.order == 1 else 1)
    q = space.posterior(loc, scales(space, 1, scale)[0])
    z = draw(space, 40000, seed=1)
    weights = torch.exp(-space.log_weights(q, z))  # q over the prior, at points of the prior
    assert within(weights, 1.0)


@each_with_density
def test_divergence_equals_its_monte_carlo_estimate(spaces, name):
    space = spaces[name]
    # One law a sample, so that divergences that are estimates are so many independent ones.
    q = space.posterior(draw(space, 1).expand(20000, -1), scales(space, 20000, 0.6))
    torch.manual_seed(2)
    z = q.sample()
    kl = space.kl(q, z).sum(-1)
    difference = kl + space.log_weights(q, z)  # both estimate the divergence; log weights are minus theirs
    assert within(difference, 0.0)
    assert kl.mean() > 0


@each_quotient
def test_divergence_lies_below_that_of_the_cover(spaces, name):
    space = spaces[name]
    for scale in (0.1, 0.5, 2.0):
        q = space.posterior(draw(space, 1)[0], scales(space, 1, scale)[0])
        torch.manual_seed(0)
        kl = space.kl(q, q.sample(torch.Size((20000,))))
        correction = kl[:, -1]
        assert (correction >= -math.log(space.order) - 1e-9).all()
        assert correction.mean() <= 4 * correction.std() / math.sqrt(20000) + 1e-9
        narrow = correction.mean().item() == pytest.approx(-math.log(space.order), abs=1e-3)
        assert narrow or scale > 0.1


REFERENCES = {
    "klein": ("klein: wrapped_normal x wrapped_normal / ((u,v)->(u+pi,-v)) || uniform", ("mu_u", "mu_v")),
    "rp2": ("real_projective: power_spherical / (z->-z) || uniform", 2),
    "so3": ("real_projective: power_spherical / (z->-z) || uniform", 3),
}


@pytest.mark.skipif(not ORACLES.exists(), reason="the reference divergences are not beside the repository")
@pytest.mark.parametrize("name", REFERENCES)
def test_divergences_equal_the_reference_values(spaces, name):
    space, (kind, where) = spaces[name], REFERENCES[name]
    rows = [row for row in json.loads(ORACLES.read_text())["rows"] if row["kl"] == kind and row.get("d", where) == where]
    assert rows
    for row in rows:
        if name == "klein":
            loc, scale = [row["mu_u"], row["mu_v"]], [row["sigma_u"], row["sigma_v"]]
        else:
            loc, scale = [1.0] + [0.0] * where, [row["kappa"] ** -0.5]
        q = space.posterior(torch.tensor(loc, dtype=DOUBLE), torch.tensor(scale, dtype=DOUBLE))
        torch.manual_seed(0)
        z = q.sample(torch.Size((100000,)))
        assert within(space.kl(q, z).sum(-1), row["value"], tolerance=1e-6), row


@each
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE], ids=["single", "double"])
def test_heads_and_divergence_are_finite_on_any_input(spaces, name, dtype):
    space = spaces[name]
    euclidean = any(f.volume == math.inf for f in space.factors)
    for value in (0.0, 1e-45, 1e-30, 1e-12, 1.0, 1e4, 1e12, 1e30):
        if euclidean and value > 1e4:  # the divergence of a normal law far out overflows, as it should
            continue
        for sign in (1, -1):
            outputs = torch.full((3, space.output_dim), sign * value, dtype=dtype, requires_grad=True)
            loc, scale = space.heads(outputs)
            q = space.posterior(loc, scale)
            torch.manual_seed(0)
            z = q.rsample()
            loss = space.kl(q, z).sum() + space.features(z).sum()
            (gradient,) = torch.autograd.grad(loss, outputs)
            assert all(torch.isfinite(t).all() for t in (loc, scale, z, loss, gradient))


@each
def test_distance_has_finite_gradients_at_zero(spaces, name):
    space = spaces[name]
    z = draw(space, 10).requires_grad_()
    (gradient,) = torch.autograd.grad(space.distance(z, space.orbit(z.detach())[-1]).sum(), z)
    assert torch.isfinite(gradient).all()


@each
def test_precision_follows_the_points(spaces, name):
    space = spaces[name]
    z = draw(space, 100)
    features = space.features(z)
    assert features.dtype == DOUBLE and space.features(z.float()).dtype == torch.float32
    torch.testing.assert_close(space.features(z.float()).double(), features, atol=1e-4, rtol=1e-4)
    moved = make(name).to(torch.float64)
    torch.testing.assert_close(moved.features(z), features)
    outputs = torch.randn(3, space.output_dim, dtype=DOUBLE)
    loc, scale = moved.heads(outputs)
    assert moved.posterior(loc, scale).rsample().dtype == loc.dtype == scale.dtype == DOUBLE
    single = make(name).float()
    assert single.features(z.float()).dtype == torch.float32


@each_quotient
def test_construction_is_deterministic_and_leaves_the_random_state(name):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, second = make(name), make(name)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.invariants.coefficients, second.invariants.coefficients)
    assert not first.state_dict()


@each
def test_samples_of_the_prior_repeat_with_the_seed(spaces, name):
    assert torch.equal(draw(spaces[name], 5, seed=3), draw(spaces[name], 5, seed=3))
    assert not torch.equal(draw(spaces[name], 5, seed=3), draw(spaces[name], 5, seed=4))


@each_quotient
def test_the_bound_on_the_cover_leaves_the_correction_out(spaces, name):
    space, bound = spaces[name], make(name, divergence="cover")
    z = draw(space, 20)
    q = space.posterior(z, scales(space, 20, 0.7))
    columns = []
    for one in (space, bound):  # from the same noise, where there is any
        torch.manual_seed(0)
        columns.append(one.kl(q, z))
    torch.testing.assert_close(columns[1], columns[0][:, :-1])
    assert bound.kl_names == space.kl_names[:-1]


@each
def test_paths_end_at_the_orbits_they_join_and_are_as_long_as_their_distance(spaces, name):
    space = spaces[name]
    a, b = draw(space, 100), draw(space, 100, seed=1)
    points = space.path(a, b, torch.linspace(0, 1, 33, dtype=DOUBLE)[:, None, None])
    assert space.distance(points[0], a).max() < 1e-4 and space.distance(points[-1], b).max() < 1e-4
    if "embedded" not in name and not space.signature.is_learned:
        lengths = space.distance(points[1:], points[:-1]).sum(0)
        torch.testing.assert_close(lengths, space.distance(a, b), rtol=1e-4, atol=1e-6)


@each
def test_points_are_contained_and_others_are_not(spaces, name):
    space = spaces[name]
    z = draw(space, 20)
    assert space.contains(z).all() and not space.contains(z + math.nan).any()


WRONG = [
    ("S1", {"posteriors": ("beta",)}, "no factor of S1 has it; expected some of wrapped-normal, von-mises"),
    ("mobius", {"posteriors": ("kumaraswamy",)}, "do not take its members to members"),
    (
        "(S1xS1xS1)/<rot(1/2),id,flip>/<id,rot(1/2),id>",
        {"posteriors": ("full-wrapped-normal",)},
        "--posterior WrappedMultivariateNormal: .* more than two elements",
    ),
    ("klein", {"encoder": "none"}, "expected one of lift, cover"),
    ("klein", {"divergence": "none"}, "expected one of orbit, cover"),
    ("(embedded_torusxS1)/<id,rot(1/2)>", {}, "--divergence cover"),
]


@pytest.mark.parametrize("name, choices, message", WRONG)
def test_choices_that_do_not_fit_are_refused(name, choices, message):
    with pytest.raises(UsageError, match=message):
        LatentSpace(name, **choices)


JOINT = {"T2 ": 2 + 1, "T3 ": 3 + 3, "klein ": 2 + 3, "(S1xS1)/<rot(1/3),id> ": 2 + 1}


@pytest.mark.parametrize("name", JOINT)
def test_joint_posteriors_move_with_the_group_at_one_scale(spaces, name):
    space = spaces[name]
    assert (len(space.blocks), space.scale_dim) == (1, JOINT[name])
    loc, z = draw(space, 200), draw(space, 200, seed=1)
    scale = torch.cat([scales(space, 200, 0.8)[:, : space.dim], torch.randn(200, JOINT[name] - space.dim, dtype=DOUBLE)], -1)
    q = space.posterior(loc, scale)
    tril = q.cover.marginals[0].scale_tril
    assert (tril[:, 1, 0].abs() > 0.01).double().mean() > 0.9  # the angles are correlated, on the Klein bottle too
    for image, moved in zip(space.orbit(loc), space.orbit(z), strict=True):
        there = space.posterior(image, scale)
        torch.testing.assert_close(there.cover.log_prob(moved), q.cover.log_prob(z), atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(there.log_prob(z), q.log_prob(z), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in JOINT if make(name).order > 1])
def test_the_law_of_an_encoder_s_outputs_does_not_jump_where_the_lift_does(spaces, name):
    space = spaces[name]
    turn = torch.linspace(-math.pi, math.pi, 2001, dtype=DOUBLE)
    location = space.targets(torch.stack([turn, 0.7 + torch.sin(turn)], -1))
    outputs = torch.cat([location, torch.full((2001, space.scale_dim), 0.8, dtype=DOUBLE)], -1)
    loc, scale = space.heads(outputs)
    assert space.embed(loc).diff(dim=0).abs().max() > 0.5  # the lift jumps
    density = space.posterior(loc, scale).log_prob(draw(space, 20)[:, None])
    assert density.diff(dim=-1).abs().max() < 0.1


@pytest.mark.parametrize("name", JOINT)
def test_gradients_of_joint_posteriors_equal_numerical_ones(spaces, name):
    space = spaces[name]
    torch.manual_seed(0)
    loc, scale = draw(space, 3), torch.rand(3, space.scale_dim, dtype=DOUBLE) + 0.2

    def terms(loc, scale):
        torch.manual_seed(1)
        q = space.posterior(loc, scale)
        z = q.rsample()
        return space.features(z), q.log_prob(z)  # of the divergence, the slope is right in the mean alone

    assert torch.autograd.gradcheck(terms, (loc.requires_grad_(), scale.requires_grad_()), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", [name for name in JOINT if make(name).order == 1])
def test_joint_posteriors_have_shapes_where_there_are_no_values(name):
    space = make(name).to("meta")
    q = space.posterior(*space.heads(torch.zeros(7, space.output_dim, device="meta")))
    z = q.rsample()
    assert z.is_meta and space.kl(q, z).shape == (7, 1) and q.log_prob(z).shape == (7,)
    assert space.log_weights(q, z).shape == (7,)


def test_a_joint_density_broadcasts_against_values(spaces):
    space = spaces["klein "]
    q = space.posterior(draw(space, 12).reshape(4, 1, 3, 2), torch.rand(4, 1, 3, space.scale_dim, dtype=DOUBLE) + 0.3)
    z = draw(space, 20, seed=1).reshape(4, 5, 1, 2)
    expected = q.expand(torch.Size((4, 5, 3))).log_prob(z.expand(4, 5, 3, 2))
    torch.testing.assert_close(q.log_prob(z), expected)


def test_joint_posteriors_span_at_most_three_neighbours():
    space = LatentSpace("T4xR2xS1", ("full-wrapped-normal",))
    assert [len(block.factors) for block in space.blocks] == [3, 1, 1, 1]
    assert space.kl_names == ("S1xS1xS1", "S1", "R2", "S1") and space.scale_dim == 6 + 1 + 2 + 1
    z, apart = draw(space, 5), LatentSpace("T4xR2xS1")
    torch.testing.assert_close(space.prior_log_prob(z), apart.prior_log_prob(z))


def test_families_go_to_the_factors_that_have_them():
    space = LatentSpace("S1xIxS2xR2", ("von-mises-fisher", "beta", "full-normal"))
    assert [f.posterior_name for f in space.factors] == ["WrappedNormal", "Beta", "VonMisesFisher", "MultivariateNormal"]
    assert space.scale_dim == 1 + 1 + 1 + 3


def test_models_are_placed_and_unrolled_and_the_rest_is_kept():
    space = LatentSpace("S1xembedded_torusxannulus")
    like = torch.tensor([[0.3, 0.0, math.pi, 1.0, math.nan]], dtype=DOUBLE)
    expected = torch.tensor([[0.3, 0.5, 0.0, 0.0, 1.0, 0.5]], dtype=DOUBLE)
    torch.testing.assert_close(space.parametrise(like), expected)
    torch.testing.assert_close(space.unroll(expected), torch.nan_to_num(like, nan=0.5))
    torch.testing.assert_close(LatentSpace("S1xI").parametrise(like[:, :2]), like[:, :2])


@each
def test_an_orbit_has_one_representative(spaces, name):
    space = spaces[name]
    z = draw(space, 500)
    chosen = space.representative(z)
    assert space.distance(chosen, z).max() < 1e-6
    again = space.embed(space.representative(space.orbit(z)))
    torch.testing.assert_close(again, space.embed(chosen).expand_as(again))
