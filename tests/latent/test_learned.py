"""Laws of learned priors: where they begin, what they cost, how they are followed."""

import math

import pytest
import torch

from topovae.errors import UsageError
from topovae.latent import LatentSpace, space_of
from topovae.latent.learned import LARGEST, NEEDED, Learned, nodes, parameter_counts
from topovae.latent.paths import operators, orbit
from topovae.signature import parse_latent


def circles(n=600):
    """Two concentric circles in the plane, (n, 2)."""
    torch.manual_seed(0)
    angle, radius = 2 * math.pi * torch.rand(n), torch.tensor([0.6, 1.3])[torch.arange(n) % 2]
    return radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1) + 0.01 * torch.randn(n, 2)


def begun(text="learned(R2)", cloud=None):
    space = LatentSpace(text)
    space.begin(circles() if cloud is None else cloud)
    return space


def test_a_prior_that_began_at_a_cloud_has_its_shape():
    cloud, space = circles(), begun()
    z = space.sample_prior(2000, torch.zeros(1))
    assert (torch.cdist(z, cloud).amin(1) < 0.1).double().mean() > 0.99
    assert (torch.cdist(cloud, z).amin(1) < 0.1).all()
    gaussian = torch.distributions.Normal(0.0, cloud.std()).log_prob(cloud).sum(1).mean()
    assert space.prior_log_prob(cloud).mean() > gaussian + 2
    (flow,) = space.factors[0].flows
    assert flow.period > 0 and flow.used


def test_angles_say_which_field_is_first():
    cloud = circles()
    space = LatentSpace("learned(R2,M=2)")
    space.begin(cloud, torch.atan2(cloud[:, 1], cloud[:, 0])[:, None])
    turn = space.factors[0].operators[0].detach()
    torch.testing.assert_close(turn / turn[1, 0], torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]), atol=0.02, rtol=0)


@pytest.mark.parametrize("text", ["learned(R,M=5)", "learned(R2,M=16,anchors=1)", "learned(R3)"])
@pytest.mark.parametrize("n", [1, 3, 40])
def test_few_samples_and_many_operators_begin_all_the_same(text, n):
    space = LatentSpace(text)
    torch.manual_seed(0)
    cloud = torch.randn(n, space.dim)
    space.begin(cloud, torch.randn(n, 1))
    assert all(torch.isfinite(value).all() for value in space.state_dict().values()) and space.fault() == ""
    assert torch.isfinite(space.prior_log_prob(cloud)).all()


def clouds():
    """Clouds, and how many fields are tangent to them."""
    torch.manual_seed(1)
    one, other, noise = (2 * math.pi * torch.rand(500) for _ in range(3))
    ring, across = torch.stack([one.cos(), one.sin()], 1), torch.stack([other.cos(), other.sin()], 1)
    return {
        "circle": (ring + 0.05 * torch.randn(500, 2), 1),
        "ellipse": (ring * torch.tensor([1.4, 0.6]) + 0.05 * torch.randn(500, 2), 1),
        "torus": (torch.cat([ring, across], 1) + 0.05 * torch.randn(500, 4), 2),
        "square": (torch.stack([one, other, 0.03 * noise], 1) / math.pi - 1, 2),
    }


@pytest.mark.parametrize("name", clouds())
def test_as_many_operators_begin_as_are_tangent(name):
    cloud, count = clouds()[name]
    space = begun(f"learned(R{cloud.shape[1]},M=3)", cloud)
    assert [flow.pruned for flow in space.factors[0].flows] == [False] * count + [True] * (3 - count)


def test_what_is_left_out_stays_out_while_the_others_are_trained():
    cloud = clouds()["circle"][0]
    space = begun("learned(R2,M=3)", cloud)
    factor = space.factors[0]
    first = factor.operators.detach().clone()
    optimizer = torch.optim.AdamW(space.parameters(), 1e-2)
    for _ in range(20):
        optimizer.zero_grad()
        (factor.penalty() - space.prior_log_prob(cloud).mean()).backward()
        optimizer.step()
    assert (factor.operators[0] != first[0]).any() and not factor.operators[1:].any()
    assert not factor.between(cloud[:5], cloud[5:10]).coefficients[:, 1:].any()
    assert space.path(cloud[0], cloud[1], torch.linspace(0, 1, 5)[:, None]).isfinite().all()
    with pytest.raises(UsageError, match=r"--operator 2: it was pruned .* still there: 0"):
        orbit(space, 2, cloud[0], 9)


@pytest.mark.parametrize("text", ["learned(R2,M=3)", "mixture(learned(R2,M=3),R2)", "S1xlearned(R2,M=3)"])
def test_pruning_costs_next_to_nothing_and_is_done_once(text):
    cloud, space = clouds()["circle"][0], space_of(parse_latent(text))
    padded = torch.cat([torch.zeros(len(cloud), space.coordinate_dim - 2), cloud], 1)
    space.begin(padded)
    factor = next(one for part in space.spaces for one in part.factors if one.flows)
    with torch.no_grad():  # they move hardly anything, but are there
        factor.operators[1:] = 1e-3 * torch.randn(2, 2, 3)
        factor.reach[1:] = 0.0

    def density():
        return factor.prior(cloud).log_prob(cloud).mean().item()

    before, needed = density(), factor.operators[0].detach().clone()
    space.prune(padded)
    assert [flow.pruned for flow in factor.flows] == [False, True, True] and density() >= before - 2 * NEEDED
    assert torch.equal(factor.operators[0], needed)
    state = {name: value.clone() for name, value in space.state_dict().items()}
    space.prune(padded)
    assert all(torch.equal(value, state[name]) for name, value in space.state_dict().items())


def test_unknown_samples_and_other_factors_have_no_say():
    cloud = circles()
    alone, space = begun(cloud=cloud), LatentSpace("S1xlearned(R2)")
    known = torch.cat([torch.full((600, 1), 0.3), cloud], 1)
    space.begin(torch.cat([known, torch.full((5, 3), math.nan)]))
    for name, value in alone.factors[0].state_dict().items():
        torch.testing.assert_close(space.factors[1].state_dict()[name], value)
    mixed = space_of(parse_latent("mixture(S1,learned(R2))"))
    mixed.begin(torch.cat([torch.ones(600, 1), cloud], 1))
    torch.testing.assert_close(mixed.spaces[1].factors[0].anchors, alone.factors[0].anchors)


def test_a_space_without_a_learned_prior_is_left_as_it_is():
    space = LatentSpace("S1xR2")
    space.begin(torch.randn(10, 3))
    assert not list(space.parameters()) and space.fault() == "" and operators(space) == ()


def test_building_one_leaves_the_random_state():
    before = torch.get_rng_state()
    assert torch.equal(Learned(3, M=2).anchors, Learned(3, M=2).anchors) and torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("count", [1, 2, 5])
def test_nodes_are_fixed_and_lie_around_0(count):
    found = nodes(count)
    assert found.shape[1] == count and abs(found).max() < 4 and abs(found.mean(0)).max() < 0.1


def test_large_operators_cost_more_and_are_a_fault():
    space = begun()
    factor = space.factors[0]
    outputs = torch.zeros(4, space.output_dim)
    cost = space(outputs, lambda features: features.sum(-1)).penalty.item()
    with torch.no_grad():
        factor.operators.mul_(2)
    assert space(outputs, lambda features: features.sum(-1)).penalty.item() == pytest.approx(4 * cost)
    assert space.fault() == ""
    with torch.no_grad():
        factor.operators.mul_(10 * LARGEST)
    assert "norm" in space.fault()


def test_paths_follow_the_circle_and_join_other_points_all_the_same():
    space, cloud = begun(), circles()
    t = torch.linspace(0, 1, 21)[:, None]
    same = space.path(cloud[0], cloud[2], t)
    torch.testing.assert_close(same.norm(dim=1), torch.full((21,), 0.6), atol=0.08, rtol=0)
    for end in (cloud[2], cloud[1], torch.tensor([5.0, -3.0])):
        path = space.path(cloud[0], end, t)
        torch.testing.assert_close(path[0], cloud[0])
        torch.testing.assert_close(path[-1], end, atol=1e-5, rtol=1e-5)
    assert "converged" in space.lead(cloud[0], cloud[1]) and LatentSpace("R2").lead(cloud[0], cloud[1]) == ""


def test_orbits_go_around_in_equal_steps_and_leave_the_rest():
    space = LatentSpace("S1xlearned(R2)")
    cloud = circles()
    space.begin(torch.cat([torch.zeros(600, 1), cloud], 1))
    points = orbit(space, 0, torch.cat([torch.tensor([0.4]), cloud[0]]), 33)
    assert (points[:, 0] == 0.4).all()
    torch.testing.assert_close(points[-1, 1:], points[0, 1:], atol=0.05, rtol=0)
    steps = points[:, 1:].diff(dim=0).norm(dim=1)
    torch.testing.assert_close(steps, steps.mean().expand_as(steps), rtol=0.02, atol=0)


@pytest.mark.parametrize("far", [1.0, 1e4, 1e8, 1e12])
def test_rounding_is_no_density_however_far_the_operators_lead(far):
    space = LatentSpace("learned(R3,M=2,anchors=1)")
    factor = space.factors[0]
    with torch.no_grad():
        factor.operators[..., :-1] = 0.0
        factor.operators[..., -1] *= far
        factor.width.fill_(-20.0)
    law = space.prior(torch.zeros(1)).marginals[0]
    most = -3 * (law.scale.double().log() + 0.5 * math.log(2 * math.pi))
    for share in (0.0, 0.3, 1.0):
        between = law.centres + share * law.factors.sum(-1)
        assert (space.prior_log_prob(between) <= most + 0.01).all()


@pytest.mark.parametrize("dim, count, anchors", [(1, 1, 1), (2, 1, 6), (3, 4, 5)])
def test_free_parameters_are_counted(dim, count, anchors):
    alone, each = parameter_counts(dim, count)
    factor = Learned(dim, M=count, anchors=anchors)
    assert sum(p.numel() for p in factor.parameters()) == alone + anchors * each
