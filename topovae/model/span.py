"""Samples of more features than there are samples, by their coordinates in the span of the training rows.

From the training rows a network learns nothing outside their affine span: gradients of its first layer lie in it, and the mean
that a Gaussian likelihood asks for does too. So the networks of wide data read and write coordinates in an orthonormal basis of
it. The basis is an isometry, and the distance from the span stays beside the coordinates, so the likelihood is that of the
samples themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from topovae.data.dataset import Dataset
from topovae.model.likelihoods.gaussian import GaussianLikelihood
from topovae.model.likelihoods.likelihood import Stated
from topovae.model.networks import NetworkConfig


def span_width(network: NetworkConfig, likelihood: str, sample_shape: Sequence[int], n_train: int) -> int:
    """Columns of the basis in which a model of so many training rows works; 0 where it works in the features themselves.

    It must be a model of vectors, with dense layers and Gaussian noise, for which all directions are alike; and the basis must
    have fewer numbers than the weights of the two widest layers, which it takes the place of.

    Args:
        network: the bodies.
        likelihood: a key of `LIKELIHOODS`.
        sample_shape: of one sample.
        n_train: rows of the training split.
    """
    turnable = network.kind == "mlp" and likelihood == "gaussian" and len(sample_shape) == 1
    return n_train if turnable and n_train + 1 < sample_shape[0] and n_train <= 2 * network.hidden[0] else 0


class RowSpan(nn.Module):
    """The affine span of training rows, and the samples as they lie to it.

    Args:
        n_features: numbers of a sample.
        width: columns of the basis.
    """

    centre: Tensor
    basis: Tensor

    def __init__(self, n_features: int, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(n_features))
        self.register_buffer("basis", torch.zeros(n_features, width))

    def fit(self, rows: np.ndarray) -> None:
        """Take the span of some rows (width, n_features), with axes that are turned at random, but always alike.

        In principal axes Adam's steps, of one size in all columns, learn the noise of training rows as fast as what they share.
        """
        rows = rows.astype(np.float64)
        centre, width = rows.mean(0), len(rows)
        axes, _ = np.linalg.qr((rows - centre).T)  # orthonormal whatever the rank
        turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((width, width)))
        self.centre.copy_(torch.as_tensor(centre))
        self.basis.copy_(torch.as_tensor(axes @ turn))

    def narrow(self, x: Tensor) -> Tensor:
        """Coordinates in the basis and, last, the distance from the span, (B, width + 1), of samples (B, n_features)."""
        centred = x - self.centre
        coordinates = centred @ self.basis
        rest = centred - coordinates @ self.basis.T
        return torch.cat([coordinates, torch.linalg.vector_norm(rest, dim=1, keepdim=True)], 1)

    def widen(self, narrow: Tensor) -> Tensor:
        """The samples (B, n_features) within the span, of coordinates (B, width + 1)."""
        return self.centre + narrow[:, :-1] @ self.basis.T

    def scattered(self, narrow: Tensor, noise: Tensor) -> Tensor:
        """Samples (B, n_features) of coordinates (B, width + 1), with noise of a standard deviation across the span."""
        across = noise * torch.randn(len(narrow), len(self.basis), dtype=narrow.dtype, device=narrow.device)
        return self.widen(narrow) + across - (across @ self.basis) @ self.basis.T

    @torch.no_grad()
    def of_data(self, data: Dataset) -> Dataset:
        """All samples of a data set as `narrow` gives them."""
        parts = [self.narrow(torch.as_tensor(rows).to(self.basis)).cpu().numpy() for _, rows in data.chunks()]
        return Dataset.of(np.concatenate(parts))


def in_span(span: RowSpan | None, data: Dataset, index: np.ndarray) -> Dataset:
    """The data as a model in a span is trained on them, the span fitted to some rows; as they are where it is in none.

    Args:
        span: of the model.
        data: all samples.
        index: (width,) rows of the training split.
    """
    if span is None:
        return data
    span.fit(data.rows(index))
    return span.of_data(data)


class SpanEncoder(nn.Module):
    """A body that reads coordinates in a span, and not the distance from it, which is 0 of every training row.

    Args:
        make: constructor of the body itself.
        config: of the bodies.
        n_features, width: of the span; features of a sample have unit variance on the mean, and so have the body's inputs.
        out_dim: outputs.
    """

    def __init__(
        self, make: Callable[..., nn.Module], config: NetworkConfig, n_features: int, width: int, out_dim: int
    ) -> None:
        super().__init__()
        self.unit = math.sqrt(n_features / width)
        self.body = make(config, (width,), out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x[:, :-1] / self.unit)


class SpanDecoder(nn.Module):
    """A body that writes coordinates in a span, at no distance from it; Args as of `SpanEncoder`."""

    def __init__(self, make: Callable[..., nn.Module], config: NetworkConfig, n_features: int, width: int, in_dim: int) -> None:
        super().__init__()
        self.unit = math.sqrt(n_features / width)
        self.body = make(config, (width,), in_dim)

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.pad(self.body(features) * self.unit, (0, 1))


class SpanLikelihood(GaussianLikelihood):
    """Normal noise of samples as `RowSpan.narrow` gives them: fewer numbers with the same distances.

    Args:
        shift, scale, stated: of a `GaussianLikelihood` of those numbers.
        n_features: numbers of a sample itself.
    """

    def __init__(self, shift: Tensor, scale: Tensor, stated: Stated, n_features: int) -> None:
        super().__init__(shift, scale, stated)
        self.left_out = n_features - shift.numel()

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        return super().log_prob(x, decoded) - self.left_out * (torch.log(self.noise) + 0.5 * math.log(2 * math.pi))
