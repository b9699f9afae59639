"""Ways through the latent space of a run, and what the model makes of the points on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topovae.errors import InputError, UsageError
from topovae.latent import LatentSpace
from topovae.latent.paths import geodesic, loop, orbit
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
        names: of the coordinates.
        told: what is to be known of the path beside; empty of a geodesic, a loop or an orbit.
    """

    coordinates: np.ndarray
    x: np.ndarray
    lengths: np.ndarray
    names: tuple[str, ...] = ()
    told: str = ""


def traverse(
    run: Run,
    model: VAE,
    *,
    start: int | None = None,
    end: int | None = None,
    around: int | None = None,
    operator: int | None = None,
    component: int | None = None,
    n: int = 16,
) -> Traversal:
    """Go from one sample to another, once around a circle, or along the orbit of an operator, in equal steps.

    From a sample to another it is a shortest path, or where the prior is learned the one that its operators lead.

    Args:
        run: whose samples are named.
        model: of the run.
        start: row of the sample to begin at; of a loop or an orbit, the first sample when None.
        end: row of the sample to end at.
        around: the number of a loop instead, see `topovae.latent.paths.loops`.
        operator: the number of an operator instead, see `topovae.latent.paths.operators`.
        component: of a mixture, the component whose first sample is begun at.
        n: points.

    Raises:
        UsageError: there is no such sample, loop, operator or component; not one of end, loop and operator is given, or both
            component and start; or there is no path, between components.
        InputError: the run is not finished, so it has no latents.
    """
    given = [one for one in (end, around, operator) if one is not None]
    if len(given) != 1 or (end is not None and start is None) or None not in (start, component):
        raise UsageError(
            "expected --from and --to, two samples to go between, or one of --loop and --operator, with --from or --component "
            "where it does not begin at the first sample"
        )
    space = model.space
    begin = located(run, start or 0, "from") if component is None else _first(run, model, component)
    number = int(space.component(begin))
    part, own = space.spaces[number], space.split(begin)[number]
    told = ""
    if around is not None:
        found = loop(part, around, own, n)
    elif operator is not None:
        found = orbit(part, operator, own, n)
    else:
        goal = located(run, end or 0, "to")
        if int(space.component(goal)) != number:
            raise UsageError(
                f"sample {start} lies on component {number} and sample {end} on component {int(space.component(goal))}, and "
                "there is no path between components; choose two of one"
            )
        ahead = space.split(goal)[number]
        found, told = geodesic(part, own, ahead, n), part.lead(own, ahead)
    lengths = np.concatenate([[0.0], np.cumsum(part.cover_distance(found[:-1], found[1:]).numpy())])
    parts = [found.new_zeros(n, one.coordinate_dim) for one in space.spaces]
    parts[number] = found
    points = space.points(torch.full((n,), number), parts).numpy()
    return Traversal(points, decode(model, points), lengths, coordinate_names(part, len(space.spaces) > 1), told)


def _first(run: Run, model: VAE, component: int) -> Tensor:
    """Where the first sample of a component lies.

    Raises:
        UsageError: there is no such component, or no sample on it.
    """
    rows = np.concatenate([np.empty(0, dtype=np.int64), *(arrays["index"] for arrays in run.model.latents.values())])
    for row in np.sort(rows):
        point = located(run, int(row), "from")
        if int(model.space.component(point)) == component:
            return point
    last = len(model.space.spaces) - 1
    raise UsageError(
        f"--component {component}: no sample lies on it; the components of {model.space.signature} are 0 to {last}"
    )


def located(run: Run, row: int, option: str) -> Tensor:
    """Where a sample of a run lies, (coordinate_dim,).

    Raises:
        UsageError: there is no such sample.
        InputError: the run is not finished.
    """
    for arrays in run.model.latents.values():
        found = np.flatnonzero(arrays["index"] == row)
        if len(found):
            return torch.as_tensor(arrays["location"][found[0]], dtype=torch.float64)
    if not run.model.latents:
        raise InputError(
            "the run is not finished, so it does not say where samples lie; `topovae train … --resume` goes on with it"
        )
    last = max(int(arrays["index"].max()) for arrays in run.model.latents.values())
    raise UsageError(f"--{option} {row}: the run has samples 0 to {last}")


def coordinate_names(space: LatentSpace, is_component: bool = False) -> tuple[str, ...]:
    """A name for each coordinate: of its factor, with a number where the factor has several; first that of the component."""
    found = ["component"] if is_component else []
    for number, (named, factor) in enumerate(zip(space.signature.factors, space.factors, strict=True)):
        words = f"{named} ({number})" if len(space.factors) > 1 else str(named)
        found += [words] if factor.coordinate_dim == 1 else [f"{words}, {i}" for i in range(factor.coordinate_dim)]
    return tuple(found)
