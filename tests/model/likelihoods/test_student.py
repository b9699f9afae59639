"""Student's t of a row: what outliers do to it."""

from __future__ import annotations

import torch

from topovae.model.likelihoods import LIKELIHOODS, Stated


def test_a_row_that_is_far_off_hardly_pulls() -> None:
    pulls = {}
    for name in ("gaussian", "student"):
        likelihood = LIKELIHOODS[name](torch.zeros(50), torch.ones(()), Stated(noise=0.1))
        decoded = torch.zeros(2, 50, requires_grad=True)
        x = torch.stack([torch.full((50,), 0.1), torch.full((50,), 10.0)])
        (gradient,) = torch.autograd.grad(likelihood.log_prob(x, decoded).sum(), decoded)
        near, far = gradient.norm(dim=1)
        pulls[name] = (far / near).item()
    assert pulls["gaussian"] > 99 and pulls["student"] < 0.02


def test_many_degrees_of_freedom_are_a_gaussian() -> None:
    x, decoded = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).split(5)[0], torch.zeros(5, 4)
    laws = [
        LIKELIHOODS[name](torch.zeros(4), torch.ones(()), Stated(noise=0.8, degrees_of_freedom=1e4))
        for name in ("gaussian", "student")
    ]
    torch.testing.assert_close(*(law.log_prob(x, decoded) for law in laws), atol=5e-3, rtol=0)
