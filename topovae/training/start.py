"""Where training starts from: coordinates of the data on the latent space, found without labels.

A continuous encoder has a winding number on every loop of the data, and gradient descent does not repair a wrong one. So the
encoder is first regressed on the coordinates, and held near them by an anchor that fades while beta rises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topovae.model.vae import VAE
from topovae.training.adam import Adam
from topovae.training.batches import Batches

REGRESSION_STEPS, REGRESSION_BATCH, REGRESSION_RATE = 300, 256, 2e-3


@dataclass(frozen=True)
class Start:
    """Targets for the encoder's location outputs.

    Args:
        columns: the location outputs that have targets.
        targets: (n_train, len(columns)) their values in the order of the training split; NaN leaves a sample's output free.
    """

    columns: tuple[int, ...]
    targets: Tensor

    @classmethod
    def at(cls, model: VAE, coordinates: np.ndarray) -> Start | None:
        """The start at coordinates on the cover; None where they decide no output.

        Args:
            model: whose encoder starts there.
            coordinates: (n_train, coordinate_dim), any point of each orbit; what is NaN is left free.
        """
        targets = model.space.targets(torch.as_tensor(coordinates, dtype=torch.float64)).float()
        known = torch.isfinite(targets).any(0)
        if not known.any():
            return None
        device = next(model.parameters()).device
        columns = tuple(int(i) for i in torch.nonzero(known)[:, 0])
        return cls(columns, targets[:, known].to(device))

    def misfit(self, location: Tensor, positions: Tensor) -> Tensor:
        """Mean squared distance of location outputs (B, location_dim) from the targets of those samples."""
        return torch.nan_to_num(location[:, self.columns] - self.targets[positions]).square().sum(-1).mean()

    def regress(self, model: VAE, batches: Batches) -> None:
        """Bring the encoder onto the targets; draws from the global random state."""
        leaves = list(model.encoder.parameters())
        optimizer = Adam(leaves, REGRESSION_RATE)
        model.train()
        for _ in range(REGRESSION_STEPS):
            positions = torch.randint(len(batches), (REGRESSION_BATCH,))
            location = model.outputs(batches.take(positions))[:, : model.space.location_dim]
            optimizer.descend(self.misfit(location, positions), leaves)


def begin(model: VAE, coordinates: np.ndarray, angles: np.ndarray | None = None) -> Start | None:
    """Begin a model at coordinates: priors that are learned in place, and its encoder by the start that is returned.

    Args:
        model: with weights as they were drawn.
        coordinates: (n_train, coordinate_dim) as for `Start.at`.
        angles: (n_train, c) circular coordinates of the data, in radians.
    """
    like = next(model.parameters())
    turns = None if angles is None else torch.as_tensor(angles).to(like)
    model.space.begin(torch.as_tensor(coordinates).to(like), turns)
    return Start.at(model, coordinates)
