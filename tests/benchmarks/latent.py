"""What a posterior costs: samples, divergence to the prior, and their gradients, against the normal's.

`python tests/benchmarks/latent.py [--batch 4096] [--repeats 20] [--seed 0]`, on one thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal, Uniform, kl_divergence
from torch.nn.functional import normalize, softplus

from topovae.distributions import (
    Beta,
    BrownianMotion,
    CircleUniform,
    Kumaraswamy,
    PowerSpherical,
    SphereUniform,
    TruncatedNormal,
    VonMises,
    VonMisesFisher,
    WrappedNormal,
)
from topovae.distributions.brownian import RoundSphere

REFERENCE = "Normal"

Pair = tuple[Distribution, Distribution]
"""A posterior and its prior."""


@dataclass(frozen=True)
class TimedFamily:
    """How a family is made of raw numbers, as an encoder gives them.

    Attributes:
        width: raw numbers of a sample.
        pair: (n, width) raw numbers to a posterior and a prior.
        default: whether it is the default of a factor.
    """

    width: int
    pair: Callable[[Tensor], Pair]
    default: bool = False


def _zeros(raw: Tensor) -> Tensor:
    return torch.zeros(len(raw), dtype=raw.dtype)


def _sphere(family: Callable[[Tensor, Tensor], Distribution], d: int) -> Callable[[Tensor], Pair]:
    return lambda raw: (family(normalize(raw[:, :-1], dim=-1), softplus(raw[:, -1]) + 1.0), SphereUniform(d, dtype=raw.dtype))


FAMILIES: Mapping[str, TimedFamily] = {
    REFERENCE: TimedFamily(2, lambda raw: (Normal(raw[:, 0], softplus(raw[:, 1])), Normal(_zeros(raw), _zeros(raw) + 1)), True),
    "WrappedNormal on S1": TimedFamily(
        2, lambda raw: (WrappedNormal(raw[:, 0], softplus(raw[:, 1])), CircleUniform(raw.shape[:1], raw.dtype)), True
    ),
    "VonMises on S1": TimedFamily(
        2, lambda raw: (VonMises(raw[:, 0], softplus(raw[:, 1])), CircleUniform(raw.shape[:1], raw.dtype))
    ),
    "TruncatedNormal on I": TimedFamily(
        2, lambda raw: (TruncatedNormal(raw[:, 0], softplus(raw[:, 1]), 0.0, 1.0), Uniform(_zeros(raw), _zeros(raw) + 1)), True
    ),
    "Kumaraswamy on I": TimedFamily(
        2, lambda raw: (Kumaraswamy(softplus(raw[:, 0]), softplus(raw[:, 1])), Uniform(_zeros(raw), _zeros(raw) + 1))
    ),
    "Beta on I": TimedFamily(
        2, lambda raw: (Beta(softplus(raw[:, 0]), softplus(raw[:, 1])), Uniform(_zeros(raw), _zeros(raw) + 1))
    ),
    "PowerSpherical on S2": TimedFamily(4, _sphere(PowerSpherical, 2), True),
    "PowerSpherical on S3": TimedFamily(5, _sphere(PowerSpherical, 3), True),
    "VonMisesFisher on S2": TimedFamily(4, _sphere(VonMisesFisher, 2)),
    "VonMisesFisher on S3": TimedFamily(5, _sphere(VonMisesFisher, 3)),
    "BrownianMotion on S2": TimedFamily(4, _sphere(lambda loc, time: BrownianMotion(RoundSphere(2), loc, 0.1 * time), 2)),
}


@dataclass(frozen=True)
class FamilyTime:
    """Milliseconds of one step of a family, and of the normal beside it in the same run.

    Attributes:
        family: its name.
        default: whether it is the default of a factor.
        milliseconds: median over the repeats.
        spread: half the range of their middle half.
        ratio: median over the normal's median.
    """

    family: str
    default: bool
    milliseconds: float
    spread: float
    ratio: float


def measure(batch: int = 4096, repeats: int = 20, seed: int = 0) -> tuple[FamilyTime, ...]:
    """Time samples and divergence, forward and backward, of every family, in turn so that all see the same machine.

    Args:
        batch: samples of a step.
        repeats: steps of each family that are timed.
        seed: of the raw numbers and samples.
    """
    torch.manual_seed(seed)
    raw = {name: torch.randn(batch, family.width) for name, family in FAMILIES.items()}
    seconds: dict[str, list[float]] = {name: [] for name in FAMILIES}
    for repeat in range(-2, repeats):  # the first rounds warm up
        for name, family in FAMILIES.items():
            leaf = raw[name].clone().requires_grad_()
            started = time.perf_counter()
            _step(family, leaf)
            if repeat >= 0:
                seconds[name].append(time.perf_counter() - started)
    usual = statistics.median(seconds[REFERENCE])
    return tuple(_cost(name, times, usual) for name, times in seconds.items())


def _step(family: TimedFamily, leaf: Tensor) -> None:
    posterior, prior = family.pair(leaf)
    (posterior.rsample().sum() + kl_divergence(posterior, prior).sum()).backward()


def _cost(name: str, seconds: list[float], usual: float) -> FamilyTime:
    middle = statistics.median(seconds)
    low, _, high = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else (middle, middle, middle)
    return FamilyTime(name, FAMILIES[name].default, 1000 * middle, 500 * (high - low), middle / usual)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4096, help="samples of a step")
    parser.add_argument("--repeats", type=int, default=20, help="steps of each family that are timed")
    parser.add_argument("--seed", type=int, default=0, help="of the raw numbers and samples")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"rsample, divergence and gradients, batch {options.batch}, one thread; * a default of its factor")
    for found in measure(options.batch, options.repeats, options.seed):
        name = f"{found.family} *" if found.default else found.family
        print(f"{name:24} {found.milliseconds:8.2f} ms ± {found.spread:.2f}, {found.ratio:5.1f} times the normal")


if __name__ == "__main__":
    main()
