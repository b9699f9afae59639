"""Ways through the latent space of a run, and what the model makes of the points on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from topovae.errors import InputError, UsageError
from topovae.latent import LatentSpace
from topovae.latent.paths import geodesic, loop
from topovae.model.vae import VAE
from topovae.runs.models import decode
from topovae.store.schema import Run


@dataclass(frozen=True)
class Traversal:
    """A path through a latent space.

    Args:
        coordinates: (n, coordinate_dim), in equal steps.
        x: (n, *sample_shape) what they decode to, in the data's units.
        lengths: (n,) how far along each point is, in radians and the latent's units.
    """

    coordinates: np.ndarray
    x: np.ndarray
    lengths: np.ndarray


def traverse(
    run: Run, model: VAE, *, start: int | None = None, end: int | None = None, around: int | None = None, n: int = 16
) -> Traversal:
    """Go from one sample to another on a shortest path, or once around a circle, in equal steps.

    Args:
        run: whose samples are named.
        model: of the run.
        start: row of the sample to begin at; of a loop, the first sample of the data when None.
        end: row of the sample to end at.
        around: the number of a loop instead, see `topovae.latent.paths.loops`.
        n: points.

    Raises:
        UsageError: there is no such sample or loop, or both or neither of end and loop are given.
        InputError: the run is not finished, so it has no latents.
    """
    if (end is None) == (around is None) or (around is None and start is None):
        raise UsageError("expected --from and --to, two samples to go between, or --loop with or without --from")
    space = LatentSpace(model.space.signature)
    begin = torch.as_tensor(located(run, start or 0, "from"), dtype=torch.float64)
    if around is not None:
        points = loop(space, around, begin, n)
    else:
        points = geodesic(space, begin, torch.as_tensor(located(run, end or 0, "to"), dtype=torch.float64), n)
    steps = space.cover_distance(points[:-1], points[1:])
    lengths = np.concatenate([[0.0], np.cumsum(steps.numpy())])
    return Traversal(points.numpy(), decode(model, points.numpy()), lengths)


def located(run: Run, row: int, option: str) -> np.ndarray:
    """Where a sample of a run lies, (coordinate_dim,).

    Raises:
        UsageError: there is no such sample.
        InputError: the run is not finished.
    """
    for arrays in run.model.latents.values():
        found = np.flatnonzero(arrays["index"] == row)
        if len(found):
            return arrays["location"][found[0]]
    if not run.model.latents:
        raise InputError(
            "the run is not finished, so it does not say where samples lie; `topovae train … --resume` goes on with it"
        )
    last = max(int(arrays["index"].max()) for arrays in run.model.latents.values())
    raise UsageError(f"--{option} {row}: the run has samples 0 to {last}")


def coordinate_names(space: LatentSpace) -> list[str]:
    """A name for each coordinate: of its factor, with a number where the factor has several."""
    found = []
    for number, (named, factor) in enumerate(zip(space.signature.factors, space.factors, strict=True)):
        words = f"{named} ({number})" if len(space.factors) > 1 else str(named)
        found += [words] if factor.coordinate_dim == 1 else [f"{words}, {i}" for i in range(factor.coordinate_dim)]
    return found
