"""Models of run files at work: encoding, decoding, sampling."""

from __future__ import annotations

import math
import os
from math import prod

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.errors import InputError, ResourceError, RunFileError, UsageError
from topovae.model.networks import to_device
from topovae.model.vae import VAE, ModelConfig
from topovae.store.reader import read_run
from topovae.store.schema import Member
from topovae.training.batches import Batches
from topovae.training.loop import load_weights


def load_model(member: Member, device: torch.device | str = "cpu") -> VAE:
    """The model of a run file, with the weights of its best epoch.

    Raises:
        RunFileError: the weights do not fit the model that the file describes.
    """
    config = ModelConfig.from_dict(dict(member.config["model"]))
    model = VAE(config)
    try:
        load_weights(model, dict(member.state))
    except (RuntimeError, KeyError) as error:
        raise RunFileError(
            f"the run file's weights do not fit the model it describes ({str(error).splitlines()[0]}); it is damaged or was "
            "edited; train again, or use an intact copy"
        ) from None
    return model.to(device).eval()


def open_model(path: str, device: str) -> VAE:
    """The model of a run file, on a device that a user names."""
    return load_model(read_run(path).model, to_device(device))


def machine_memory() -> float:
    """Bytes of memory that this machine has; infinity where it does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return math.inf


@torch.no_grad()
def draw_samples(model: VAE, n: int, seed: int) -> dict[str, np.ndarray]:
    """n points of the prior and what they decode to: "coordinates" (n, k) and "x" (n, *sample_shape).

    Raises:
        ResourceError: they would take more memory than the machine has.
    """
    needed = 3 * 4 * n * (model.space.coordinate_dim + prod(model.config.sample_shape))  # drawn, put together, written
    if needed > machine_memory():
        raise ResourceError(
            f"{n} samples take about {needed / 2**30:.3g} GiB, and this machine has {machine_memory() / 2**30:.3g} GiB; draw "
            "fewer at a time, with another --seed each time."
        )
    like = next(model.parameters())
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        coordinates = model.space.sample_prior(n, like)
    return {"coordinates": coordinates.cpu().numpy(), "x": decode(model, coordinates.cpu().numpy())}


@torch.no_grad()
def decode(model: VAE, coordinates: np.ndarray, batch: int = 512) -> np.ndarray:
    """E[x | z] at coordinates (n, coordinate_dim), as (n, *sample_shape) in the data's units.

    Raises:
        InputError: a coordinate is no finite number in the precision of the model.
        UsageError: the coordinates have another number of columns.
    """
    if coordinates.ndim != 2 or coordinates.shape[1] != model.space.coordinate_dim:
        raise UsageError(
            f"coordinates of shape {coordinates.shape}: {model.space.signature} has {model.space.coordinate_dim} columns "
            "(an angle for S1, a height for I, k numbers for R^k, a unit vector of d + 1 for S^d)"
        )
    like = next(model.parameters())
    z = torch.as_tensor(coordinates, dtype=like.dtype, device=like.device)
    wrong = ~z.isfinite().all(1)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise InputError(
            f"{int(wrong.sum())} of {len(z)} rows of coordinates are no points of {model.space.signature}: row {row} is "
            f"{coordinates[row].tolist()} (counted from 0); expected finite numbers. Remove these rows."
        )
    return torch.cat([model.decode(part) for part in z.split(batch)]).cpu().numpy()


@torch.no_grad()
def reconstruct(model: VAE, x: np.ndarray) -> np.ndarray:
    """E[x | posterior location] of samples (n, *sample_shape), in the data's units."""
    like = next(model.parameters())
    batch = torch.as_tensor(x, dtype=like.dtype, device=like.device)
    return model.decode(model.encode(batch)[0]).cpu().numpy()


@torch.no_grad()
def encode(model: VAE, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Posterior locations (n, coordinate_dim) and scales (n, scale_dim) of all samples."""
    device = next(model.parameters()).device
    batches = Batches(data, np.arange(data.n_samples), device)
    pairs = [model.encode(x) for x in batches.in_order()]
    locations, scales = (torch.cat(column) for column in zip(*pairs, strict=True))
    return model.space.representative(locations).cpu().numpy(), scales.cpu().numpy()
