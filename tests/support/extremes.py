"""Posteriors at extreme outputs of an encoder: what is no number though one exists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from topovae.latent import LatentSpace

EXPONENTS = (-15.0, 15.0)
"""Powers of ten of the outputs, drawn uniformly, of either sign: nothing bounds what a network puts out, and squares of the
largest are still numbers in single precision. Not tuned."""

FAMILIES = {
    "normal": "R3",
    "full-normal": "R3",
    "wrapped-normal": "S1",
    "von-mises": "S1",
    "full-wrapped-normal": "S1xS1xS1",
    "truncated-normal": "I",
    "kumaraswamy": "I",
    "beta": "I",
    **{f"power-spherical, S{d}": f"S{d}" for d in (2, 3, 5)},
    **{f"von-mises-fisher, S{d}": f"S{d}" for d in (2, 3, 5)},
    **{f"brownian, S{d}": f"S{d}" for d in (2, 3, 5)},
    "annulus": "annulus",
    "embedded_torus": "embedded_torus",
    **{f"{name}, learned": "learned(R3,M=1,anchors=6)" for name in ("normal", "full-normal")},
    **{f"{name}, embedding": "embedding(circle)" for name in ("truncated-normal", "kumaraswamy", "beta")},
}
"""Every posterior family, with a latent space whose factors have it."""

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


def space_of(name: str) -> LatentSpace:
    """The latent space of an entry of `FAMILIES`, with the posteriors of that entry."""
    family, latent = name.split(",")[0], FAMILIES[name]
    return LatentSpace(latent, () if family == latent else (family,))


def draw(n: int, width: int, seed: int) -> Tensor:
    """Outputs of either sign whose magnitudes are log-uniform, float64 (n, width)."""
    generator = torch.Generator().manual_seed(seed)
    low, high = EXPONENTS
    magnitudes = 10.0 ** (low + (high - low) * torch.rand(n, width, generator=generator, dtype=torch.float64))
    return magnitudes * (2.0 * torch.randint(0, 2, (n, width), generator=generator) - 1)


def evaluate(space: LatentSpace, outputs: Tensor, seed: int, at: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """All that training and evaluation take from posteriors, and the gradients by the outputs, each (n, ...).

    Args:
        space: whose posteriors.
        outputs: (n, output_dim) of an encoder.
        seed: of the draws.
        at: location, scale and draw as another precision rounded them, taken here with the gradients of one's own.
    """
    torch.manual_seed(seed)
    leaf = outputs.clone().requires_grad_()
    loc, scale = space.heads(leaf)
    if at is not None:
        loc, scale = _moved(loc, at["location"]), _moved(scale, at["scale"])
    posterior = space.posterior(loc, scale)
    z = posterior.rsample()
    if at is not None:
        z = _moved(z, at["draw"])
    found = {"location": loc, "scale": scale, "draw": z, "divergence": space.kl(posterior, z), "features": space.features(z)}
    if space.has_density:
        found["log density"] = posterior.log_prob(z)
        found["entropy"] = posterior.cover.entropy()
    gradients = {
        f"gradient of {name}": torch.autograd.grad(value.sum(), leaf, retain_graph=True)[0] for name, value in found.items()
    }
    return {name: value.detach() for name, value in (found | gradients).items()}


def faults(name: str, dtype: torch.dtype, n: int, seed: int, batch: int = 10_000) -> Counter[str]:
    """How many of n posteriors of a family give NaN or infinity, by quantity.

    In single precision what is no number counts unless the exact value, by double precision at the same law and point, is
    beyond the largest number of single precision.

    Args:
        name: of `FAMILIES`.
        dtype: precision.
        n: posteriors.
        seed: of all draws.
        batch: posteriors at a time.
    """
    space, counts = space_of(name), Counter[str]()
    for first, size in _batches(n, batch):
        outputs = draw(size, space.output_dim, seed + first).to(dtype)
        values = evaluate(space, outputs, seed + first)
        for quantity, value in values.items():
            wrong = _rows(~torch.isfinite(value))
            if wrong.any() and dtype == torch.float32:
                rounded = {name: values[name][wrong].double() for name in ("location", "scale", "draw")}
                exact = evaluate(space, outputs[wrong].double(), seed + first, rounded)[quantity]
                beyond = _rows(torch.isfinite(exact) & (exact.abs() > torch.finfo(dtype).max))
                wrong = wrong.clone()
                wrong[wrong.nonzero()[beyond]] = False
            if wrong.any():
                counts[quantity] += int(wrong.sum())
    return counts


def _moved(value: Tensor, place: Tensor) -> Tensor:
    """The place, with the gradient of the value."""
    return place + (value - value.detach())


def _batches(n: int, batch: int) -> Iterator[tuple[int, int]]:
    return ((first, min(batch, n - first)) for first in range(0, n, batch))


def _rows(mask: Tensor) -> Tensor:
    """Which rows have an entry in the mask."""
    return mask.reshape(len(mask), -1).any(1)
