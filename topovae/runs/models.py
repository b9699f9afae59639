"""Models of run files at work: encoding, decoding, sampling."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from math import prod

import numpy as np
import torch
from torch import Tensor

from topovae.data.dataset import Dataset
from topovae.errors import InputError, ResourceError, RunFileError, UsageError
from topovae.evaluation.metrics import measure
from topovae.model.likelihoods import LIKELIHOODS
from topovae.model.likelihoods.support import check_support
from topovae.model.vae import VAE, ModelConfig
from topovae.store.schema import Json, Member
from topovae.training.batches import Batches
from topovae.training.loop import load_weights

BATCH = 512
"""Samples that are decoded at once: a limit on memory, not tuned."""


def load_model(member: Member, device: torch.device | str = "cpu") -> VAE:
    """The model of a run file, with the weights of its best epoch.

    Raises:
        RunFileError: the weights do not fit the model that the file describes.
    """
    model = described(member.config)
    try:
        load_weights(model, dict(member.state))
    except (RuntimeError, KeyError) as error:
        raise RunFileError(
            f"the run file's weights do not fit the model it describes ({str(error).splitlines()[0]}); it is damaged or was "
            "edited; train again, or use an intact copy"
        ) from None
    return model.to(device).eval()


def described(config: Json) -> VAE:
    """The model that the configuration of a member describes, with weights of its own.

    Raises:
        RunFileError: it describes none.
    """
    try:
        return _blank(ModelConfig.from_dict(dict(config["model"])))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, UsageError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunFileError(
            f"the run file's model@config describes no model of topovae ({reason}); train again, or use an intact copy"
        ) from None


def _blank(config: ModelConfig) -> VAE:
    """A model whose weights are yet to be loaded; the random numbers of its own are not the caller's."""
    with torch.random.fork_rng(devices=[]):
        return VAE(config)


def revive(config: ModelConfig, weights: Mapping[str, torch.Tensor], device: torch.device) -> VAE:
    """A trained model from its configuration and `state_dict`."""
    model = _blank(config)
    model.load_state_dict(dict(weights))
    return model.to(device).eval()


def machine_memory() -> float:
    """Bytes of memory that this machine has; infinity where it does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return math.inf


@torch.no_grad()
def draw_samples(model: VAE, n: int, seed: int, noise: bool = False) -> dict[str, np.ndarray]:
    """n points of the prior and what they decode to: "coordinates" (n, k) and "x" (n, *sample_shape).

    Args:
        model: trained.
        n: how many.
        seed: of the points, and of the data there.
        noise: whether x is drawn from p(x | z), as data are; else it is their mean.

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
        decoded = in_batches(model.draw if noise else model.decode, coordinates)
    return {"coordinates": coordinates.cpu().numpy(), "x": decoded}


@torch.no_grad()
def decode(model: VAE, coordinates: np.ndarray, batch: int = BATCH) -> np.ndarray:
    """E[x | z] at coordinates (n, coordinate_dim), as (n, *sample_shape) in the data's units.

    Raises:
        InputError: a coordinate is no finite number in the precision of the model.
        UsageError: the coordinates have another number of columns.
    """
    if coordinates.ndim != 2 or coordinates.shape[1] != model.space.coordinate_dim:
        raise UsageError(
            f"coordinates of shape {coordinates.shape}: {model.space.signature} has {model.space.coordinate_dim} columns "
            "(an angle for S1, a height for I, k numbers for R^k, a unit vector of d + 1 for S^d; of a mixture first the "
            "number of the component)"
        )
    like = next(model.parameters())
    z = torch.as_tensor(coordinates, dtype=like.dtype, device=like.device)
    wrong = ~z.isfinite().all(1) | (model.space.component(z) < 0)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise InputError(
            f"{int(wrong.sum())} of {len(z)} rows of coordinates are no points of {model.space.signature}: row {row} is "
            f"{coordinates[row].tolist()} (counted from 0); expected finite numbers, of a mixture the number of a component "
            "first. Remove these rows."
        )
    return in_batches(model.decode, z, batch)


def in_batches(function: Callable[[Tensor], Tensor], rows: Tensor, batch: int = BATCH) -> np.ndarray:
    """What a function makes of rows (n, k), of few at a time, for networks take more memory than their results."""
    return torch.cat([function(part) for part in rows.split(batch)]).cpu().numpy()


@torch.no_grad()
def rates(model: VAE, decoded: np.ndarray) -> np.ndarray:
    """Counts for a unit of exposure, from decoded ones (n, *sample_shape).

    Raises:
        UsageError: the model is not of counts.
    """
    kind = model.config.likelihood
    if "exposure" not in LIKELIHOODS[kind].takes:
        raise UsageError(f"--rates is for models of counts, and this one has the likelihood {kind}; leave it out")
    return decoded / (model.config.exposure or 1.0)


@torch.no_grad()
def features(model: VAE, coordinates: np.ndarray) -> np.ndarray:
    """What the decoder reads at coordinates (n, coordinate_dim), (n, feature_dim): continuous, and equal on an orbit."""
    like = next(model.parameters())
    return model.space.features(torch.as_tensor(coordinates, dtype=like.dtype, device=like.device)).cpu().numpy()


def mean_elbo(model: VAE, data: Dataset, seed: int) -> float:
    """The mean ELBO of samples, nats a sample; `seed` is that of the posterior samples."""
    device = next(model.parameters()).device
    return measure(model, Batches(data, np.arange(data.n_samples), device), seed=seed, iwae=0).elbo


@torch.no_grad()
def log_densities(model: VAE, data: Dataset, k: int, seed: int) -> np.ndarray:
    """log p(x) of each sample, in nats, float64 (n,): the importance-weighted bound of `VAE.log_likelihood`.

    A density by the data's units where the likelihood has one, of counts a probability. The mean over many samples is below
    the true one by less the larger k is.

    Args:
        model: trained.
        data: samples as they were fitted.
        k: importance samples of each.
        seed: of these.

    Raises:
        UsageError: the posteriors have no density, and no law near them is known.
    """
    if not model.space.has_weights:
        raise UsageError(
            f"{model.space.signature}: its posteriors have no density, so that samples cannot be weighted; train with another "
            "--posterior"
        )
    check_support(model.config.likelihood, data)
    device = next(model.parameters()).device
    batches = Batches(data, np.arange(data.n_samples), device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.cat([model.log_likelihood(x, k).double() for x in batches.in_order(BATCH)]).cpu().numpy()


@torch.no_grad()
def reconstruct(model: VAE, x: np.ndarray) -> np.ndarray:
    """E[x | posterior location] of samples (n, *sample_shape), in the data's units."""
    like = next(model.parameters())
    batch = torch.as_tensor(x, dtype=like.dtype, device=like.device)
    return model.decode(model.encode(batch)[0]).cpu().numpy()


@torch.no_grad()
def encode(model: VAE, data: Dataset) -> dict[str, np.ndarray]:
    """Where all samples lie, by name.

    Returns:
        "z", posterior locations (n, coordinate_dim), and "scale" (n, scale_dim); of a mixture also "component" (n,), the most
        probable one, and "component_probability" (n, K).
    """
    device = next(model.parameters()).device
    batches = Batches(data, np.arange(data.n_samples), device)
    parts = []
    for x in batches.in_order():
        outputs = model.outputs(x)
        location, scale = model.space.heads(outputs)
        parts.append({"z": model.space.representative(location), "scale": scale} | model.space.memberships(outputs))
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}
