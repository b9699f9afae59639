"""Laws of transport operators: flows, tangent fields, fields along angles, and the coefficients between two points."""

import math

import pytest
import torch

from topovae.latent.operators import (
    AT_RIGHT_ANGLES,
    THIN,
    Flow,
    bounds,
    eigenvalues,
    fields_along,
    homogeneous,
    infer,
    tangent_fields,
    transport,
)

DOUBLE = torch.float64
TURN = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]], dtype=DOUBLE)
AWAY = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]], dtype=DOUBLE)


def ring(n, centre=(0.0, 0.0), radius=1.0, seed=0):
    """Angles (n,) and points (n, 2) of a circle."""
    torch.manual_seed(seed)
    angle = 2 * math.pi * torch.rand(n, dtype=DOUBLE)
    return angle, torch.tensor(centre, dtype=DOUBLE) + radius * torch.stack([angle.cos(), angle.sin()], 1)


def spiral(n):
    torch.manual_seed(0)
    angle = 2 * math.pi * torch.rand(n, dtype=DOUBLE)
    return torch.exp(0.2 * angle)[:, None] * torch.stack([angle.cos(), angle.sin()], 1)


CLOUDS = {  # points, and a field that is tangent to them everywhere
    "circle": (ring(400)[1], TURN),
    "concentric circles": (torch.cat([ring(400)[1], ring(400, radius=0.5)[1]]), TURN),
    "circle off the origin": (ring(400, (3.0, -1.0))[1], TURN - torch.tensor([[0, 0, 1.0], [0, 0, 3.0]], dtype=DOUBLE)),
    "logarithmic spiral": (spiral(600), TURN + 0.2 * torch.eye(2, 3, dtype=DOUBLE)),
}


def test_flows_are_turns_translations_and_groups():
    _, points = ring(20)
    c = torch.linspace(-2, 2, 20, dtype=DOUBLE)[:, None]
    moved = transport(TURN[None], c, points)
    angle = torch.atan2(points[:, 1], points[:, 0]) + c[:, 0]
    torch.testing.assert_close(moved, torch.stack([angle.cos(), angle.sin()], 1))
    torch.testing.assert_close(transport(AWAY[None], c, points), points + torch.cat([c, 0 * c], 1))
    both = torch.stack([TURN, AWAY])
    together = torch.cat([c, c], 1)
    torch.testing.assert_close(transport(both, -together, transport(both, together, points)), points)


@pytest.mark.parametrize("name", CLOUDS)
def test_the_most_tangent_field_is_the_one_along_the_data(name):
    cloud, along = CLOUDS[name]
    fields, residual = tangent_fields(cloud, 3)
    found, true = (torch.einsum("ab,ib->ia", field, homogeneous(cloud)) for field in (fields[0], along))
    cosine = (found * true).sum(1) / (found.norm(dim=1) * true.norm(dim=1))
    assert cosine.abs().min() > 0.99
    assert 1 <= residual[0] < 1.1 and (residual.diff() >= 0).all() and residual[-1] <= 1 + 1 / THIN
    assert residual[1] > 4


@pytest.mark.parametrize("beside", [False, True])
def test_tangent_fields_have_unit_speed_and_are_uncorrelated(beside):
    cloud = torch.cat([ring(300)[1], torch.rand(300, 1, dtype=DOUBLE)], 1)
    taken = torch.zeros(1, 3, 4, dtype=DOUBLE)
    taken[0, 0, 1], taken[0, 1, 0] = -1, 1
    fields = tangent_fields(cloud, 4, taken if beside else None)[0]
    speeds = torch.einsum("mab,ib->mia", torch.cat([taken, fields])[0 if beside else 1 :], homogeneous(cloud)).flatten(1)
    torch.testing.assert_close(speeds @ speeds.mT / len(cloud), torch.eye(len(speeds), dtype=DOUBLE), atol=1e-2, rtol=0)


def test_directions_without_data_are_left_alone():
    cloud = torch.cat([ring(400)[1], torch.zeros(400, 2, dtype=DOUBLE)], 1)
    fields, residual = tangent_fields(cloud, 3)
    turn = fields[0] / fields[0, 1, 0]
    torch.testing.assert_close(turn[:2, :2], TURN[:, :2], atol=0.02, rtol=0)
    assert residual[0] < 1.1 and residual[1] > 4 and fields.abs().max() < 10


def test_fields_along_angles_turn_about_the_middle_of_each_loop():
    """On a figure eight no one field turns about both middles, and each angle has its own."""
    (one, left), (other, right) = ring(500, (-1.2, 0.0), seed=1), ring(500, (1.2, 0.0), seed=2)
    still = torch.zeros(500, dtype=DOUBLE)
    angles = torch.cat([torch.stack([one, still], 1), torch.stack([still, other], 1)])
    fields = fields_along(torch.cat([left, right]), angles)
    for field, x in zip(fields, (-1.2, 1.2), strict=True):
        about = TURN.clone()
        about[1, 2] = -x
        torch.testing.assert_close(field / field[1, 0], about, atol=0.02, rtol=0)


CASES = [(2, 1), (3, 2), (5, 3)]


@pytest.mark.parametrize("k, m", CASES)
def test_coefficients_that_moved_points_are_found_again(k, m):
    torch.manual_seed(k)
    fields, points, reach = (
        0.4 * torch.randn(m, k, k + 1, dtype=DOUBLE),
        torch.randn(60, k, dtype=DOUBLE),
        torch.ones(m, dtype=DOUBLE),
    )
    ends = transport(fields, 2 * torch.rand(60, m, dtype=DOUBLE) - 1, points)
    found = infer(fields, points, ends, bounds(fields, reach), 2 * torch.rand(64, m, dtype=DOUBLE) - 1)
    # several ways may lead near, and the one that is nearest at first need not be the right one
    assert found.converged.all() and (found.left < 1e-4).double().mean() > 0.75
    torch.testing.assert_close(
        transport(fields, found.coefficients, points).sub(ends).norm(dim=1), found.left, atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("k, m", CASES)
def test_what_is_left_is_at_right_angles_to_every_way_on(k, m):
    torch.manual_seed(k)
    fields, reach = 0.4 * torch.randn(m, k, k + 1, dtype=DOUBLE), torch.ones(m, dtype=DOUBLE)
    points, ends = torch.randn(2, 60, k, dtype=DOUBLE)
    bound = bounds(fields, reach)
    found = infer(fields, points, ends, bound, 2 * torch.rand(64, m, dtype=DOUBLE) - 1)
    assert (found.coefficients.abs() <= bound + 1e-9).all() and found.converged.double().mean() > 0.95
    for i in range(m):
        eps = torch.zeros(m, dtype=DOUBLE)
        eps[i] = 1e-5
        ahead, behind = (transport(fields, found.coefficients + s * eps, points) for s in (1, -1))
        slope, left = ahead - behind, transport(fields, found.coefficients, points) - ends
        cosine = (slope * left).sum(1) / (slope.norm(dim=1) * left.norm(dim=1).clamp(min=1e-6))
        inside = found.converged & (found.coefficients[:, i].abs() < bound[i] - 1e-6) & (found.left > 1e-4)
        assert (cosine[inside].abs() < 2 * AT_RIGHT_ANGLES).all()


@pytest.mark.parametrize("k, m", [*CASES, (2, 4)])
@pytest.mark.parametrize("cost", [1e-3, 0.3])
def test_where_sizes_cost_something_no_way_on_is_cheaper(k, m, cost):
    torch.manual_seed(k)
    fields, reach = 0.4 * torch.randn(m, k, k + 1, dtype=DOUBLE), torch.ones(m, dtype=DOUBLE)
    points, ends = torch.randn(2, 40, k, dtype=DOUBLE)
    nodes, weights = 2 * torch.rand(64, m, dtype=DOUBLE) - 1, torch.full((m,), cost, dtype=DOUBLE)
    bound = bounds(fields, reach)

    def objective(c):
        return (transport(fields, c, points) - ends).square().sum(-1) / 2 + (weights * c.abs()).sum(-1)

    found = infer(fields, points, ends, bound, nodes, weights)
    assert found.converged.double().mean() > 0.8
    reached = objective(found.coefficients)
    free = infer(fields, points, ends, bound, nodes)
    assert (objective(free.coefficients) >= reached - 1e-3).double().mean() > 0.9
    for step in 1e-2 * torch.cat([torch.eye(m, dtype=DOUBLE), -torch.eye(m, dtype=DOUBLE)]):
        other = (found.coefficients + step).clamp(-bound, bound)
        assert (objective(other) >= reached - 1e-3 * cost)[found.converged].all()
    still = infer(fields, points, ends, bound, nodes, 1e6 * weights)
    assert still.coefficients.abs().max() < 1e-3


def test_points_of_one_circle_are_joined_and_those_of_two_are_not():
    _, inner = ring(50, radius=0.5)
    _, outer = ring(50, seed=1)
    bound = bounds(TURN[None], torch.tensor([0.3], dtype=DOUBLE))
    assert bound.item() == pytest.approx(math.pi)  # however little the prior turns, a half turn either way is looked at
    nodes = torch.linspace(-1, 1, 16, dtype=DOUBLE)[:, None]
    same, across = infer(TURN[None], outer, outer.flip(0), bound, nodes), infer(TURN[None], inner, outer, bound, nodes)
    assert same.converged.all() and same.left.max() < 1e-4
    assert across.converged.all()
    torch.testing.assert_close(across.left, torch.full_like(across.left, 0.5))


def test_orbits_close_where_the_real_parts_of_eigenvalues_are_0():
    start = torch.tensor([0.5, 0.2], dtype=DOUBLE)
    shares = torch.linspace(0, 1, 9, dtype=DOUBLE)[:, None]
    closed, open_ = Flow(TURN, 0.3, True), Flow(TURN + torch.eye(2, 3, dtype=DOUBLE), 0.3, True)
    assert closed.period == pytest.approx(2 * math.pi) and open_.period == 0 and Flow(AWAY, 0.3, True).period == 0
    torch.testing.assert_close(eigenvalues(TURN).real, torch.zeros(2, dtype=DOUBLE))
    orbit = closed.orbit(start, shares)
    torch.testing.assert_close(orbit[0], start)
    torch.testing.assert_close(orbit[-1], start)
    torch.testing.assert_close(open_.orbit(start, shares)[4], start)  # in the middle
