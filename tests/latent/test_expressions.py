"""Every small expression of the grammar works, or is refused: its features are invariant, and a step is finite."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from topovae.errors import ExpressionError, UsageError
from topovae.latent import LatentSpace
from topovae.latent.space import ENCODERS
from topovae.signature import parse

FACTORS = ("R", "R2", "I", "S1", "S2", "S3", "annulus", "embedded_torus")
ISOMETRIES = ("id", "flip", "anti", "rot(1/2)", "rot(1/3)")
MOVED = ("R2", "I", "S1", "S2")

SINGLE = [f"({factor})/<{g}>" for factor in FACTORS for g in ISOMETRIES]
PAIRS = [f"({a}x{b})/<{g},{h}>" for a, b in product(FACTORS, repeat=2) for g, h in product(ISOMETRIES, repeat=2)]
TWICE = [f"({factor})/<{g}>/<{h}>" for factor in FACTORS for g, h in product(ISOMETRIES, repeat=2)]
TWICE += [f"({a}x{b})/<{g},id>/<id,{h}>" for a, b in product(MOVED, repeat=2) for g, h in product(ISOMETRIES[1:], repeat=2)]


def steps(texts: list[str], allow_orbifold: bool) -> int:
    """How many spaces the expressions have, by each way to encode, after the laws of each; refusals have none."""
    n_spaces = 0
    for text, encoder in product(texts, ENCODERS):
        try:
            space = LatentSpace(parse(text, allow_orbifold), encoder=encoder)
        except UsageError:  # with the words for it: any other error is a fault
            continue
        torch.manual_seed(0)
        outputs = torch.randn(16, space.output_dim, requires_grad=True)
        posterior = space.posterior(*space.heads(outputs))
        z = posterior.rsample()
        (space.kl(posterior, z).sum() + space.features(z).sum()).backward()
        assert outputs.grad is not None and torch.isfinite(outputs.grad).all(), (text, encoder)
        exact = space.sample_prior(50, torch.zeros(0, dtype=torch.float64))
        features = space.features(exact)
        assert features.shape == (50, space.feature_dim) and space.feature_dim > 0, (text, encoder)
        images = space.features(space.orbit(exact))
        torch.testing.assert_close(images, features.expand_as(images), atol=1e-8, rtol=0, msg=f"{text}, {encoder}")
        n_spaces += 1
    return n_spaces


@pytest.mark.parametrize("allow_orbifold", [False, True])
@pytest.mark.parametrize("texts", [SINGLE, PAIRS, TWICE], ids=["single", "pairs", "twice"])
@pytest.mark.slow
def test_an_expression_works_or_is_refused(texts: list[str], allow_orbifold: bool) -> None:
    assert steps(texts, allow_orbifold) > 0


def test_orbifolds_need_the_word_for_them() -> None:
    with pytest.raises(ExpressionError, match="--allow-orbifold"):
        parse("(S1)/<flip>")


@pytest.mark.parametrize("text", ["(S1)/<flip>", "(S1)/<rot(1/2)>/<flip>", "(S1)/<rot(1/3)>/<flip>"])
def test_a_folded_circle_has_one_feature_that_separates_its_orbits(text: str) -> None:
    space = LatentSpace(parse(text, allow_orbifold=True))
    assert space.feature_dim == 1  # cos kθ: that of cos θ alone needs no further invariant
    turns = space.order // 2
    angles = torch.linspace(0, torch.pi / turns, 200, dtype=torch.float64)[:, None]  # one point of each orbit
    found = space.features(space.factors[0].locate(torch.cat([angles.cos(), angles.sin()], -1)))[:, 0]
    assert (found.diff() < 0).all() or (found.diff() > 0).all()
