"""Training from the worst starts of an encoder stays finite on every closed factor."""

import math

import pytest
import torch
from torch import nn

from topovae.model.networks import NetworkConfig
from topovae.model.vae import ModelConfig, build_model

STEPS, BATCH = 1000, 16


def scaled(factor):
    def start(layer, location_dim):
        layer.weight.mul_(factor)
        layer.bias.mul_(factor)

    return start


def at_the_origin(layer, location_dim):
    """The location is 0 exactly for every sample, where angles and directions do not exist; scales are not."""
    layer.weight[:location_dim] = 0
    layer.bias[:location_dim] = 0


STARTS = {"zero": scaled(0.0), "huge": scaled(1e4), "tiny": scaled(1e-8), "origin": at_the_origin}


def samples(n=256):
    """Points near an S^3 in R^5, (n, 5)."""
    generator = torch.Generator().manual_seed(0)
    z = nn.functional.normalize(torch.randn(n, 4, generator=generator), dim=-1)
    return nn.functional.pad(z, (0, 1)) + 0.05 * torch.randn(n, 5, generator=generator)


# The factors side by side, each with a location and a divergence of its own, take less time than one by one.
@pytest.mark.parametrize(("latent", "start"), [*(("S1xS2xS3", start) for start in STARTS), ("so3", "zero"), ("so3", "huge")])
@pytest.mark.slow
def test_training_from_a_bad_start_stays_finite(latent, start):
    x = samples()
    model = build_model(ModelConfig(latent, (5,), NetworkConfig("mlp", (16,), ())), x.mean(0), x.std().item(), seed=0)
    last = [m for m in model.encoder.modules() if isinstance(m, nn.Linear)][-1]
    with torch.no_grad():
        STARTS[start](last, model.space.location_dim)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    torch.manual_seed(0)
    losses = []
    for batch in x.repeat(math.ceil(STEPS * BATCH / len(x)), 1).split(BATCH)[:STEPS]:
        terms = model(batch)
        loss = terms.nll.mean() + terms.kl.sum(-1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    history = torch.stack(losses)
    assert len(history) == STEPS and torch.isfinite(history).all()
    # A gradient that is not finite once stays in the optimiser's averages, and so in the weights.
    averages = [value for state in optimizer.state.values() for value in state.values()]
    for tensor in (*model.parameters(), *(p.grad for p in model.parameters() if p.grad is not None), *averages):
        assert torch.isfinite(tensor).all()
    assert history[-100:].mean() < history[:100].mean()
