"""Laws of normals revolved about an axis: a density by area, and samples that have it."""

import math

import pytest
import torch

from topovae.distributions import RevolvedNormal, TorusOfRevolution

DOUBLE = torch.float64
TORUS = TorusOfRevolution(1.0, 0.5)
each_scale = pytest.mark.parametrize("scale", [0.05, 0.4, 3.0])


def law(scale, angles=(0.7, 2.5)):
    return RevolvedNormal(TORUS, torch.tensor(angles, dtype=DOUBLE), torch.tensor(scale, dtype=DOUBLE))


def grid(n=400):
    """Points of the torus and the areas that they stand for."""
    turn = torch.arange(n, dtype=DOUBLE) * (2 * math.pi / n)
    u, v = torch.meshgrid(turn, turn, indexing="ij")
    rho = TORUS.major + TORUS.minor * torch.cos(v)
    return TORUS.at(torch.stack([u, v], -1)), TORUS.minor * rho * (2 * math.pi / n) ** 2


@each_scale
def test_the_density_integrates_to_one_and_samples_have_it(scale):
    q = law(scale)
    points, area = grid()
    mass = q.log_prob(points).exp() * area
    assert mass.sum().item() == pytest.approx(1, abs=1e-6)
    torch.manual_seed(0)
    z = q.sample((20_000,))
    torch.testing.assert_close(TORUS.project(z), z)
    function = [lambda p: p[..., 0] * p[..., 1], lambda p: p[..., 2] + p[..., 0]]
    for f in function:
        error = f(z).std().item() / math.sqrt(len(z))
        assert f(z).mean().item() == pytest.approx((f(points) * mass).sum().item(), abs=4 * error)


def test_narrow_laws_are_normals_of_the_tangent_plane():
    q, scale = law(0.01), 0.01
    assert q.log_prob(TORUS.at(q.angles)).item() == pytest.approx(-math.log(2 * math.pi * scale**2), abs=1e-6)
    torch.manual_seed(0)
    step = q.sample((20_000,)) - TORUS.at(q.angles)
    assert step.square().sum(-1).mean().item() == pytest.approx(2 * scale**2, rel=0.05)


def test_gradients_reach_the_angles_and_the_scale():
    angles, scale = torch.zeros(4, 2, requires_grad=True), torch.full((4,), 0.3, requires_grad=True)
    q = RevolvedNormal(TORUS, angles, scale).expand(torch.Size((3, 4)))
    assert q.batch_shape == (3, 4) and q.event_shape == (3,)
    q.log_prob(q.rsample()).sum().backward()
    for leaf in (angles, scale):
        assert leaf.grad is not None and torch.isfinite(leaf.grad).all() and leaf.grad.abs().max() > 0
