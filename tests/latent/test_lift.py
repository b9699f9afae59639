"""Laws of lifts: they bring an orbit back from its targets, are continuous on orbits, and never blow up."""

import math

import pytest
import torch

from topovae.latent import LatentSpace
from topovae.latent.lift import InvolutionLift, Lift, NearestOrbitLift

DOUBLE = torch.float64
KINDS = {
    "S1xR2": Lift,
    "klein": InvolutionLift,
    "mobius": InvolutionLift,
    "rp2": InvolutionLift,
    "so3": InvolutionLift,
    "(S1xR2)/<rot(1/2),flip>": InvolutionLift,
    "(S2xS1)/<anti,rot(1/2)>": InvolutionLift,
    "(S1xS1xI)/<rot(1/3),id,id>": NearestOrbitLift,
    "(S1xR3)/<rot(1/4),id>": NearestOrbitLift,
    "(S1xS1)/<rot(1/2),flip>/<id,rot(1/2)>": NearestOrbitLift,
    "(S1xI)/<rot(1/4),flip>": NearestOrbitLift,
}
QUOTIENTS = [name for name in KINDS if KINDS[name] is not Lift]
each = pytest.mark.parametrize("name", KINDS)
each_quotient = pytest.mark.parametrize("name", QUOTIENTS)


def draw(space, n, seed=0):
    torch.manual_seed(seed)
    z = space.sample_prior(n, torch.zeros(0, dtype=DOUBLE))
    if "I" in space.signature.canonical:  # heights are squashed into the interval, so only the middle comes back as it was
        z[:, -1] = 0.5 + 0.05 * (z[:, -1] - 0.5)
    return z


def lifted(space, location):
    raw = torch.zeros(*location.shape[:-1], space.scale_dim, dtype=location.dtype)
    return space.heads(torch.cat([location, raw], -1))[0]


@each
def test_a_lift_undoes_its_targets_up_to_the_group(name):
    space = LatentSpace(name)
    z = draw(space, 1000)
    assert type(space.lift) is KINDS[name]
    assert space.distance(lifted(space, space.targets(z)), z).max() < 1e-3


@each
def test_targets_are_the_same_on_an_orbit(name):
    space = LatentSpace(name)
    z = draw(space, 200)
    targets = space.targets(z)
    assert targets.shape == (200, space.location_dim)
    torch.testing.assert_close(space.targets(space.orbit(z)), targets.expand(space.order, *targets.shape), atol=1e-6, rtol=0)


@each_quotient
def test_orbits_move_no_further_than_the_outputs(name):
    """On the cover no encoder is continuous; from outputs near the targets to orbits the lift is."""
    space = LatentSpace(name)
    targets = space.targets(draw(space, 2000))
    torch.manual_seed(1)
    targets = targets + 0.02 * torch.randn_like(targets)
    step = 1e-4 * torch.randn_like(targets)
    moved = space.distance(lifted(space, targets + step), lifted(space, targets))
    assert (moved / step.norm(dim=-1)).max() < 30


@each_quotient
def test_the_nearest_orbit_is_found(name):
    """A lift of disturbed targets is no further from them than the point they came from."""
    space = LatentSpace(name)
    z = draw(space, 500)
    torch.manual_seed(1)
    wanted = space.targets(z) + 0.1 * torch.randn(500, space.location_dim, dtype=DOUBLE)
    found, first = (space.targets(w) - wanted for w in (lifted(space, wanted), z))
    assert (found.norm(dim=-1) <= first.norm(dim=-1) + 0.1).all()


@each_quotient
def test_gradients_equal_numerical_ones_near_the_targets(name):
    space = LatentSpace(name)
    targets = space.targets(draw(space, 50)).requires_grad_()
    torch.manual_seed(1)
    weights = torch.randn(space.feature_dim, dtype=DOUBLE)
    direction = torch.randn_like(targets)

    def value(location):
        return space.features(lifted(space, location)) @ weights

    (gradient,) = torch.autograd.grad(value(targets).sum(), targets)
    with torch.no_grad():
        numerical = (value(targets + 1e-5 * direction) - value(targets - 1e-5 * direction)) / 2e-5
    torch.testing.assert_close((gradient * direction).sum(-1), numerical, rtol=0.05, atol=0.05)


@each
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE], ids=["single", "double"])
def test_locations_and_gradients_are_finite_on_any_input(name, dtype):
    space = LatentSpace(name)
    for value in (0.0, 1e-30, 1e-8, 1.0, 1e8, 1e30):
        for pattern in (torch.ones, torch.randn):
            torch.manual_seed(0)
            location = (value * pattern(5, space.location_dim, dtype=dtype)).requires_grad_()
            z = lifted(space, location)
            (gradient,) = torch.autograd.grad(space.features(z.clamp(-1e3, 1e3)).sum(), location)
            assert torch.isfinite(z).all() and torch.isfinite(gradient).all()


@each_quotient
def test_what_is_not_known_stays_free(name):
    space = LatentSpace(name)
    z = draw(space, 3)
    z[:, 0] = math.nan
    targets = space.targets(z)
    assert torch.isnan(targets).any() and (torch.isnan(targets) == torch.isnan(targets[:1])).all()


@each
def test_leading_axes_are_kept(name):
    space = LatentSpace(name)
    targets = space.targets(draw(space, 12))
    together = lifted(space, targets.reshape(3, 4, -1))
    torch.testing.assert_close(together.reshape(12, -1), lifted(space, targets))


@each_quotient
def test_an_encoder_onto_the_cover_is_at_hand_for_comparison(name):
    space = LatentSpace(name, encoder="cover")
    z = draw(space, 100)
    assert space.location_dim == space.embedding_dim
    assert space.distance(lifted(space, space.targets(z)), z).max() < 1e-3
