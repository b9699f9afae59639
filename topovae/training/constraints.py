"""What a user asks of the latent space beside the data: samples pinned to coordinates, and places to be left empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topovae.distributions.draws import sampling
from topovae.errors import UsageError
from topovae.latent import Space, Terms
from topovae.model.vae import VAE
from topovae.training.batches import Batches

PINNED_BATCH = 64
"""Pinned samples that a step looks at."""


@dataclass(frozen=True)
class Pins:
    """Chosen samples held at chosen points of the latent space.

    Args:
        x: (m, *sample_shape) the samples.
        points: (m, coordinate_dim) where they belong, any point of each orbit.
    """

    x: Tensor
    points: Tensor

    def penalty(self, model: VAE, x: Tensor, terms: Terms) -> Tensor:
        """Mean squared geodesic distance of posterior locations from the points."""
        with sampling():
            chosen = torch.randint(len(self.x), (min(len(self.x), PINNED_BATCH),))
        locations, _ = model.encode(self.x[chosen.to(self.x.device)])
        return model.space.distance(locations, self.points[chosen.to(self.x.device)]).square().mean()


@dataclass(frozen=True)
class Repulsion:
    """Balls of the latent space that posterior locations are driven out of: a soft hole.

    Args:
        centres: (k, coordinate_dim).
        radii: (k,) in radians or the latent's units.
    """

    centres: Tensor
    radii: Tensor

    def penalty(self, model: VAE, x: Tensor, terms: Terms) -> Tensor:
        """Mean squared depth of posterior locations within the balls."""
        distances = model.space.distance(terms.coordinates[:, None], self.centres)
        return torch.relu(self.radii - distances).square().sum(-1).mean()


def pins(space: Space, anchors: np.ndarray, batches: Batches) -> Pins | None:
    """The pins of a table of anchors, of those that are in the training split; None where there are none.

    Args:
        space: the latent space.
        anchors: (m, 1 + coordinate_dim) row numbers of the data, and coordinates.
        batches: the training split.
    """
    places = {int(row): position for position, row in enumerate(batches.index)}
    kept = [i for i, row in enumerate(anchors[:, 0]) if int(row) in places]
    if not kept:
        return None
    positions = torch.tensor([places[int(anchors[i, 0])] for i in kept])
    points = torch.as_tensor(anchors[kept, 1:], dtype=torch.float32, device=batches.device)
    return Pins(batches.take(positions), points)


def check_anchors(space: Space, anchors: np.ndarray, n_samples: int) -> None:
    """Whether a table can be anchors.

    Raises:
        UsageError: its shape, its row numbers or its coordinates are wrong.
    """
    if len(space.spaces) > 1:
        raise UsageError(f"--anchors hold samples on one space, and {space.signature} has {len(space.spaces)} components")
    wanted = 1 + space.coordinate_dim
    if anchors.ndim != 2 or anchors.shape[1] != wanted:
        raise UsageError(
            f"--anchors holds a table of shape {anchors.shape}; {space.signature} needs {wanted} columns: the row number of a "
            f"sample (from 0) and its {space.coordinate_dim} coordinates"
        )
    rows = anchors[:, 0]
    wrong = np.flatnonzero((rows != np.rint(rows)) | (rows < 0) | (rows >= n_samples))
    if len(wrong):
        raise UsageError(
            f"--anchors: line {wrong[0]} (from 0) names the sample {rows[wrong[0]]:g}, and the data have rows 0 to "
            f"{n_samples - 1}"
        )
    points = torch.as_tensor(anchors[:, 1:])
    if not space.contains(points).all():
        line = int(torch.nonzero(~space.contains(points))[0, 0])
        raise UsageError(
            f"--anchors: line {line} (from 0) has coordinates {anchors[line, 1:].tolist()}, which are no point of "
            f"{space.signature} (an angle in radians for S1, a height in [0, 1] for I, a unit vector of d + 1 for S^d)"
        )


def parse_repulsion(space: Space, texts: Sequence[str], device: torch.device | str = "cpu") -> Repulsion | None:
    """The balls that `--repel` names, each as coordinates and a radius, "0,0:1.5".

    Raises:
        UsageError: a text is not of that form, or its point is not on the latent space.
    """
    centres, radii = [], []
    for text in texts:
        point, _, radius = text.partition(":")
        try:
            centre, reach = [float(number) for number in point.split(",")], float(radius)
        except ValueError:
            raise UsageError(f"--repel {text}: expected coordinates and a radius, such as 0,0:1.5") from None
        if len(centre) != space.coordinate_dim or not space.contains(torch.tensor(centre)) or not 0 < reach < np.inf:
            raise UsageError(
                f"--repel {text}: expected {space.coordinate_dim} coordinates of a point of {space.signature} and a positive "
                "radius"
            )
        centres.append(centre)
        radii.append(reach)
    return Repulsion(torch.tensor(centres, device=device), torch.tensor(radii, device=device)) if texts else None
