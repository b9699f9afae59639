"""Where training starts from: coordinates for the circle factors, found without labels.

A continuous encoder has a winding number on every loop of the data, and gradient descent does not repair a wrong one. So the
encoder is first regressed on circle coordinates, and held near them by an anchor that fades while beta rises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from topovae.data.dataset import Dataset
from topovae.nn import BODIES, ImageLayout, NetworkConfig
from topovae.training.loop import Batches
from topovae.vae import VAE

REGRESSION_STEPS, REGRESSION_BATCH, REGRESSION_RATE = 300, 256, 2e-3
ORIENTATION_STEPS, ORIENTATION_BATCH, ORIENTATION_RATE = 1000, 128, 2e-3


@dataclass(frozen=True)
class Start:
    """Targets for the circle factors of a product.

    Args:
        columns: columns of the encoder's location outputs that embed the circles, two a circle.
        targets: (n_train, 2k) their values (cos θ, sin θ) in the order of the training split.
    """

    columns: tuple[int, ...]
    targets: Tensor

    @classmethod
    def at(cls, model: VAE, angles: np.ndarray) -> Start:
        """The start at circle coordinates.

        Args:
            model: whose latent space is a product with k circles.
            angles: (n_train, k) in radians.
        """
        offsets = np.cumsum([0, *(f.embedding_dim for f in model.space.factors)])
        circles = [i for i, f in enumerate(model.space.signature.factors) if f.is_circle]
        columns = tuple(int(offsets[i]) + j for i in circles for j in (0, 1))
        points = np.stack([np.cos(angles), np.sin(angles)], -1).reshape(len(angles), -1)
        device = next(model.parameters()).device
        return cls(columns, torch.as_tensor(points, dtype=torch.float32, device=device))

    def misfit(self, embedded: Tensor, positions: Tensor) -> Tensor:
        """Mean squared distance of location outputs (B, embedding_dim) from the targets of those samples."""
        return (embedded[:, self.columns] - self.targets[positions]).square().sum(-1).mean()

    def regress(self, model: VAE, batches: Batches) -> None:
        """Bring the encoder onto the targets; draws from the global random state."""
        optimizer = torch.optim.Adam(model.encoder.parameters(), REGRESSION_RATE)
        model.train()
        for _ in range(REGRESSION_STEPS):
            positions = torch.randint(len(batches), (REGRESSION_BATCH,))
            embedded = model.outputs(batches.take(positions))[:, : model.space.embedding_dim]
            optimizer.zero_grad(set_to_none=True)
            self.misfit(embedded, positions).backward()
            optimizer.step()


def rotate_planes(planes: Tensor, angles: Tensor) -> Tensor:
    """Turn images (B, c, h, w) counterclockwise by angles (B,) in radians, around their centre, zero outside."""
    height, width = planes.shape[-2:]
    c, s, zero = torch.cos(angles), torch.sin(angles), torch.zeros_like(angles)
    # affine_grid works in coordinates scaled to [−1, 1] on both axes, so a turn of an oblong picture is no turn there.
    first = torch.stack([c, -s * height / width, zero], -1)
    second = torch.stack([s * width / height, c, zero], -1)
    grid = affine_grid(torch.stack([first, second], 1), list(planes.shape), align_corners=False)
    return grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def rotation_angles(data: Dataset, train: np.ndarray, network: NetworkConfig, device: torch.device, seed: int) -> np.ndarray:
    """An orientation for every sample of images that are closed under rotation, without labels, (n, 1) in radians.

    A network e into the circle is trained to be equivariant, e(R_α x) = e(x) + α for random α, on the training split.

    Args:
        data: images.
        train: rows of the training split.
        network: bodies; the encoder's is used.
        device: where to train.
        seed: of weights, batches and angles.
    """
    layout = ImageLayout.of(data.sample_shape)
    assert layout is not None
    batches = Batches(data, train, device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        make_encoder, _ = BODIES[network.kind]
        body = make_encoder(network, data.sample_shape, 2).to(device)
        scale = batches.take(torch.randint(len(batches), (512,))).std()
        optimizer = torch.optim.Adam(body.parameters(), ORIENTATION_RATE)
        for step in range(ORIENTATION_STEPS):
            optimizer.param_groups[0]["lr"] = ORIENTATION_RATE * (1 + math.cos(math.pi * step / ORIENTATION_STEPS)) / 2
            x = batches.take(torch.randint(len(batches), (ORIENTATION_BATCH,))) / scale
            alpha = (torch.rand(len(x)) * 2 * math.pi).to(device)
            turned = layout.from_planes(rotate_planes(layout.to_planes(x), alpha), data.sample_shape)
            before, after = (torch.nn.functional.normalize(body(y), dim=-1) for y in (x, turned))
            c, s = torch.cos(alpha), torch.sin(alpha)
            expected = torch.stack([c * before[:, 0] - s * before[:, 1], s * before[:, 0] + c * before[:, 1]], -1)
            optimizer.zero_grad(set_to_none=True)
            (1 - (after * expected).sum(-1)).mean().backward()
            optimizer.step()
        body.eval()
        everything = Batches(data, np.arange(data.n_samples), device)
        with torch.no_grad():
            points = torch.cat([body(x / scale) for x in everything.in_order()])
    return torch.atan2(points[:, 1], points[:, 0])[:, None].double().cpu().numpy()
