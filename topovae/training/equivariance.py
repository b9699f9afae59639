"""Angles of images that are closed under rotation or cyclic shifts, without labels: by maps that are equivariant.

Images pooled over many exemplars have no visible loop, but the group acts on each of them: a map e into circles with
e(g_α x) = e(x) + α is a circle coordinate on every orbit. For shifts the phase of a Fourier coefficient is one; for rotations a
network learns to be one, from random α. (The direction of an image's centre of mass is one too, but nearly symmetric digits
have hardly any, and it jumps between digits that look alike.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, normalize

from topovae.data.dataset import Dataset
from topovae.distributions.draws import sampling
from topovae.latent import Space, Terms
from topovae.model.networks import BODIES, ImageLayout, NetworkConfig
from topovae.model.vae import VAE
from topovae.training.adam import Adam
from topovae.training.batches import Batches

STEPS, BATCH, RATE = 1000, 128, 2e-3

CONVERGED, COOLING = 0.01, 100
"""Misfit 1 − cos, as of 8 degrees, below which a network's angles are finer than what homology gives, so that the learning rate
falls to 0 at once; and the steps in which it does. Not tuned: `python tests/benchmarks/angles.py` compares with all steps."""


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


def shift_coefficients(planes: Tensor, axis: int) -> Tensor:
    """The first Fourier coefficients along an axis of images (B, c, h, w) summed over the others, (B,) complex.

    A shift by an angle α multiplies them by e^{iα}.
    """
    profile = planes.sum(tuple({1, 2, 3} - {axis}))
    turns = torch.arange(planes.shape[axis], device=planes.device, dtype=profile.dtype) / planes.shape[axis]
    return (profile * torch.exp(2j * math.pi * turns)).sum(-1)


COEFFICIENTS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "shift-rows": lambda planes: shift_coefficients(planes, 3),
    "shift-columns": lambda planes: shift_coefficients(planes, 2),
}
"""Complex functions of images that an action by α multiplies by e^{iα}, where there are simple ones."""

MOST_MISFIT = 0.3
"""Mean 1 − cos of the angle between what a network says of a turned image and what it should, from which on it has not learned
to be equivariant; of random directions it is 1."""

HELD = 0.001
"""Weight of equivariance as a share of the weight of anchors. Turning digits again blurs them: with 0.02 a tenth of the
reconstruction is given up for it, and with nothing their style turns with them."""

FIRM = 0.4
"""A phase is used where the 5 % quantile of its coefficient's size is this share of the median or more; in noise it is 0.27."""


def random_angles(shape: Sequence[int], layout: ImageLayout, name: str, device: torch.device | None = None) -> Tensor:
    """Angles that an action carries out exactly."""
    share = torch.rand(tuple(shape), device=device)
    side = {"shift-rows": layout.width, "shift-columns": layout.height}.get(name)
    return 2 * math.pi * (share if side is None else (share * side).floor() / side)


@dataclass(frozen=True)
class Equivariance:
    """Holds encoders equivariant under circle groups that the images are closed under.

    A sample and its transform by α are of one orbit: their coordinates on that group's circle differ by α, all others agree.

    Args:
        actions: keys of `ACTIONS`.
        columns: of the coordinates on the circle of each.
        layout: how samples hold images.
    """

    actions: tuple[str, ...]
    columns: tuple[int, ...]
    layout: ImageLayout

    @classmethod
    def of(cls, symmetries: np.ndarray, sample_shape: Sequence[int]) -> Equivariance | None:
        """From a table with the number of an action and a column in each row; None from an empty one."""
        layout = ImageLayout.of(sample_shape)
        if layout is None or not len(symmetries):
            return None
        actions = tuple(tuple(ACTIONS)[number] for number, _ in symmetries)
        return cls(actions, tuple(int(column) for _, column in symmetries), layout)

    def squares(self, space: Space, encode: Callable[[Tensor], Tensor], x: Tensor, coordinates: Tensor) -> Tensor:
        """Squared geodesic distances of transforms from where they belong, (..., B).

        Args:
            space: the latent space, without a group.
            encode: gives posterior locations, (..., B, coordinate_dim).
            x: (..., B, *sample_shape).
            coordinates: the posterior locations of x.
        """
        lead = coordinates.shape[:-1]
        images = x.flatten(0, len(lead) - 1)
        planes, expected = self.layout.to_planes(images), list(coordinates.unbind(-1))
        for action, column in zip(self.actions, self.columns, strict=True):
            with sampling():
                angles = random_angles(lead, self.layout, action, x.device)
            planes = ACTIONS[action](planes, angles.flatten())
            expected[column] = expected[column] + angles
        found = encode(self.layout.from_planes(planes, images.shape[1:]).reshape(x.shape))
        return space.distance(found, torch.stack(expected, -1)).square()

    def penalty(self, model: VAE, x: Tensor, terms: Terms) -> Tensor:
        """Mean squared distance for a batch, as a share `HELD` of a constraint's weight."""
        return HELD * self.squares(model.space, lambda y: model.encode(y)[0], x, terms.coordinates).mean()


def equivariant_angles(
    data: Dataset, train: np.ndarray, actions: Sequence[str], network: NetworkConfig, device: torch.device, seed: int
) -> np.ndarray | None:
    """Angles of every sample of images that are closed under circle groups, (n, len(actions)) in radians.

    None where there are none that the groups turn: the orbit of an image with a symmetry of its own closes too early.

    Args:
        data: images.
        train: rows of the training split, the only ones that decide anything.
        actions: keys of `ACTIONS`, an angle each.
        network: bodies; the encoder's is used where angles are to be learned.
        device: where to train.
        seed: of weights, batches and angles.
    """
    angles = np.empty((data.n_samples, len(actions)))
    learned = []
    for column, action in enumerate(actions):
        found = coefficients(data, action) if action in COEFFICIENTS else None
        if found is not None and is_firm(found[train]):
            angles[:, column] = np.angle(found)
        else:
            learned.append(column)
    if learned:
        found, misfit = learn_angles(data, train, [actions[column] for column in learned], network, device, seed)
        if misfit > MOST_MISFIT:
            return None
        angles[:, learned] = found
    return angles


def coefficients(data: Dataset, action: str) -> np.ndarray:
    """The coefficient of every image for an action, a key of `COEFFICIENTS`, (n,) complex."""
    layout = ImageLayout.of(data.sample_shape)
    assert layout is not None
    everything = Batches(data, np.arange(data.n_samples), torch.device("cpu"))
    return torch.cat([COEFFICIENTS[action](layout.to_planes(x)) for x in everything.in_order()]).numpy()


def is_firm(found: np.ndarray) -> bool:
    """Whether hardly any coefficient is so small that its phase would be noise."""
    low, middle = np.quantile(np.abs(found), [0.05, 0.5])
    return bool(low >= FIRM * middle > 0)


def learning_rates(converged: Callable[[], bool]) -> Iterator[float]:
    """Half a wave of a cosine over `STEPS`; once it has converged, as is asked now and then, from there to 0 in `COOLING`."""
    rate, step = RATE, 0
    while step < STEPS and not (step % 10 == 0 and converged()):
        rate = RATE * (1 + math.cos(math.pi * step / STEPS)) / 2
        yield rate
        step += 1
    for cooled in range(1, min(COOLING, STEPS - step) + 1):
        yield rate * (1 + math.cos(math.pi * cooled / COOLING)) / 2


def learn_angles(
    data: Dataset, train: np.ndarray, actions: Sequence[str], network: NetworkConfig, device: torch.device, seed: int
) -> tuple[np.ndarray, float]:
    """Angles by a network that is trained to be equivariant, and the misfit 1 − cos of the worst of them at the end.

    The arguments are those of `equivariant_angles`.
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
        leaves = list(body.parameters())
        optimizer = Adam(leaves, RATE)

        def directions(x: Tensor) -> Tensor:
            return normalize(body(x / scale).reshape(len(x), k, 2), dim=-1)

        lately = torch.ones(k, device=device)
        for rate in learning_rates(lambda: float(lately.max()) < CONVERGED):
            optimizer.rate = rate
            x = batches.take(torch.randint(len(batches), (BATCH,)))
            alpha = torch.stack([random_angles([len(x)], layout, name) for name in actions], -1).to(device)
            planes = layout.to_planes(x)
            for name, angles in zip(actions, alpha.T, strict=True):
                planes = ACTIONS[name](planes, angles)
            before, after = directions(x), directions(layout.from_planes(planes, data.sample_shape))
            c, s = torch.cos(alpha), torch.sin(alpha)
            turned = [c * before[..., 0] - s * before[..., 1], s * before[..., 0] + c * before[..., 1]]
            misfits = (1 - (after * torch.stack(turned, -1)).sum(-1)).mean(0)
            optimizer.descend(misfits.mean(), leaves)
            lately.mul_(0.9).add_(0.1 * misfits.detach())
        body.eval()
        everything = Batches(data, np.arange(data.n_samples), device)
        with torch.no_grad():
            points = torch.cat([directions(x) for x in everything.in_order()])
    return torch.atan2(points[..., 1], points[..., 0]).double().cpu().numpy(), float(lately.max())
