"""A convolution whose filters have a trained latent space as their prior, beside one with a Gaussian prior, on few digits.

    topovae generate klein-filters -n 2000 --size 7 --noise 0.1 --seed 0 -o filters.h5
    topovae train filters.h5 --latent klein --epochs 40 -o filters_run.h5
    python sample_data/filter_prior.py filters_run.h5 FOLDER    # of MNIST's four files

Filters are decoded from points of the latent space, of which there are two numbers a filter in place of 49; what is learned
maximises the posterior, that is the likelihood and the prior of these points. In the other network weights are free, and their
prior is normal.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy, max_pool2d, relu

import topovae
from topovae.data.synthetic.labels import read_labels

FILTERS, STEPS, LEARNING_RATE = 16, 200, 0.01


class LatentFilters(nn.Module):
    """Filters decoded from points of the latent space of a run, each with an amplitude of its own."""

    def __init__(self, run: topovae.VAE, filters: int) -> None:
        super().__init__()
        self.run = run.requires_grad_(False)
        self.points = nn.Parameter(run.space.sample_prior(filters, torch.zeros(0)))
        self.amplitude = nn.Parameter(torch.ones(filters, 1, 1, 1))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Filters (filters, 1, h, w), and the logarithm of their prior density in nats."""
        decoded = self.run.decode(self.points).unsqueeze(1)
        density = self.run.space.prior_log_prob(self.points).sum() - self.amplitude.square().sum() / 2
        return self.amplitude * decoded, density


class GaussianFilters(nn.Module):
    """Free filters of a standard normal prior."""

    def __init__(self, size: int, filters: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.randn(filters, 1, size, size))

    def forward(self) -> tuple[Tensor, Tensor]:
        """As of `LatentFilters`."""
        return self.weights, -self.weights.square().sum() / 2


class Digits(nn.Module):
    """Filters of any prior with stride 3, ReLU, the largest of 2 x 2 places, and a linear layer of a normal prior."""

    def __init__(self, filters: nn.Module, count: int) -> None:
        super().__init__()
        self.filters, self.head = filters, nn.Linear(16 * count, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, 10) of digits (n, 1, 28, 28), and the logarithm of the prior density of all weights in nats."""
        filters, density = self.filters()
        seen = max_pool2d(relu(conv2d(x, filters / filters.shape[-1], stride=3)), 2).flatten(1)
        return self.head(seen), density - self.head.weight.square().sum() / 2


def accuracy(filters: nn.Module, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], steps: int = STEPS) -> float:
    """The share of test digits that is right after training to the largest posterior density."""
    model = Digits(filters, FILTERS)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=LEARNING_RATE)
    for _ in range(steps):
        logits, density = model(train[0])
        loss = cross_entropy(logits, train[1], reduction="sum") - density
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return float((model(test[0])[0].argmax(1) == test[1]).float().mean())


def digits(folder: str, part: str, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Some digits of MNIST, (n, 1, 28, 28) in [0, 1], and what they are."""
    images = topovae.read(f"{folder}/{part}-images-idx3-ubyte.gz").rows(rows).astype(np.float32) / 255
    return torch.as_tensor(images).unsqueeze(1), torch.as_tensor(read_labels(f"{folder}/{part}-labels-idx1-ubyte.gz")[rows])


def compare(run: topovae.VAE, folder: str, n: int, seed: int, steps: int = STEPS, tested: int = 2000) -> tuple[float, float]:
    """Accuracy on test digits after training on n others: of filters of the latent prior, and of the Gaussian one."""
    torch.manual_seed(seed)
    rows = np.sort(np.random.default_rng(seed).permutation(60_000)[:n])
    train, test = digits(folder, "train", rows), digits(folder, "t10k", np.arange(tested))
    size = run.config.sample_shape[0]
    return tuple(accuracy(f, train, test, steps) for f in (LatentFilters(run, FILTERS), GaussianFilters(size, FILTERS)))


if __name__ == "__main__":
    trained, mnist = topovae.load(sys.argv[1]).model_, sys.argv[2]
    for count in (20, 50, 100, 300):
        found = np.array([compare(trained, mnist, count, seed) for seed in range(5)])
        (latent, gauss), lead = found.mean(0), found[:, 0] - found[:, 1]
        error = lead.std(ddof=1) / len(lead) ** 0.5
        print(f"{count} digits: latent {latent:.3f}, Gaussian {gauss:.3f}, lead {lead.mean():.3f} (standard error {error:.3f})")
