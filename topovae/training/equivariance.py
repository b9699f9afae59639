"""Angles of images that are closed under rotation or cyclic shifts, without labels: by a network that is equivariant.

Images pooled over many exemplars have no visible loop, but the group acts on each of them: a map e into circles with
e(g_α x) = e(x) + α for random α is a circle coordinate on every orbit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, normalize

from topovae.data.dataset import Dataset
from topovae.nn import BODIES, ImageLayout, NetworkConfig
from topovae.training.batches import Batches

STEPS, BATCH, RATE = 1000, 128, 2e-3


def rotate_planes(planes: Tensor, angles: Tensor) -> Tensor:
    """Turn images (B, c, h, w) counterclockwise by angles (B,) in radians, around their centre, zero outside."""
    height, width = planes.shape[-2:]
    c, s, zero = torch.cos(angles), torch.sin(angles), torch.zeros_like(angles)
    # affine_grid works in coordinates scaled to [−1, 1] on both axes, so a turn of an oblong picture is no turn there.
    first = torch.stack([c, -s * height / width, zero], -1)
    second = torch.stack([s * width / height, c, zero], -1)
    grid = affine_grid(torch.stack([first, second], 1), list(planes.shape), align_corners=False)
    return grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def shift_planes(planes: Tensor, angles: Tensor, axis: int) -> Tensor:
    """Shift images (B, c, h, w) cyclically along an axis by angles (B,) in radians, a full turn for the whole side.

    Angles are rounded to whole pixels.
    """
    side = planes.shape[axis]
    pixels = torch.round(angles * side / (2 * math.pi)).long()
    shape = [len(planes), 1, 1, 1]
    shape[axis] = side
    places = torch.remainder(torch.arange(side, device=planes.device) - pixels[:, None], side).reshape(shape)
    return torch.gather(planes, axis, places.expand(planes.shape))


ACTIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "rotation": rotate_planes,
    "shift-rows": lambda planes, angles: shift_planes(planes, angles, 3),
    "shift-columns": lambda planes, angles: shift_planes(planes, angles, 2),
}
"""Circle groups that act on images (B, c, h, w) by angles (B,), by the names of the diagnosis."""


def _random_angles(n: int, layout: ImageLayout, name: str) -> Tensor:
    """Angles (n,) that the action carries out exactly."""
    side = {"shift-rows": layout.width, "shift-columns": layout.height}.get(name)
    if side is None:
        return torch.rand(n) * 2 * math.pi
    return torch.randint(side, (n,)) * (2 * math.pi / side)


def equivariant_angles(
    data: Dataset, train: np.ndarray, actions: Sequence[str], network: NetworkConfig, device: torch.device, seed: int
) -> np.ndarray:
    """Angles of every sample of images that are closed under circle groups, (n, len(actions)) in radians.

    Args:
        data: images.
        train: rows of the training split, the only ones that the network sees.
        actions: keys of `ACTIONS`, an angle each.
        network: bodies; the encoder's is used.
        device: where to train.
        seed: of weights, batches and angles.
    """
    layout = ImageLayout.of(data.sample_shape)
    assert layout is not None
    batches = Batches(data, train, device)
    k = len(actions)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        make_encoder, _ = BODIES[network.kind]
        body = make_encoder(network, data.sample_shape, 2 * k).to(device)
        scale = batches.take(torch.randint(len(batches), (512,))).std()
        optimizer = torch.optim.Adam(body.parameters(), RATE)

        def directions(x: Tensor) -> Tensor:
            return normalize(body(x / scale).reshape(len(x), k, 2), dim=-1)

        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / STEPS)) / 2
            x = batches.take(torch.randint(len(batches), (BATCH,)))
            alpha = torch.stack([_random_angles(len(x), layout, name) for name in actions], -1).to(device)
            planes = layout.to_planes(x)
            for name, angles in zip(actions, alpha.T, strict=True):
                planes = ACTIONS[name](planes, angles)
            before, after = directions(x), directions(layout.from_planes(planes, data.sample_shape))
            c, s = torch.cos(alpha), torch.sin(alpha)
            turned = [c * before[..., 0] - s * before[..., 1], s * before[..., 0] + c * before[..., 1]]
            optimizer.zero_grad(set_to_none=True)
            (1 - (after * torch.stack(turned, -1)).sum(-1)).mean().backward()
            optimizer.step()
        body.eval()
        everything = Batches(data, np.arange(data.n_samples), device)
        with torch.no_grad():
            points = torch.cat([directions(x) for x in everything.in_order()])
    return torch.atan2(points[..., 1], points[..., 0]).double().cpu().numpy()
