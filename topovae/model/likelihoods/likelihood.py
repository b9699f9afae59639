"""The contract of a likelihood: p(x | z), given what the decoder makes of z."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.distributions import Distribution


@dataclass(frozen=True)
class Stated:
    """Parameters of likelihoods that are stated, None for those that are learned.

    Args:
        noise: standard deviation, or scale, in the data's units.
        dispersion: α of counts whose variance is μ + α μ².
        degrees_of_freedom: of Student's t.
        exposure: width of the bins in which counts were made; 1 when None.
    """

    noise: float | None = None
    dispersion: float | None = None
    degrees_of_freedom: float | None = None
    exposure: float | None = None


class Likelihood(nn.Module):
    """p(x | z), given the decoder's output for z.

    Args:
        shift, scale: the data's per-feature mean and overall standard deviation.
        stated: what is not learned.
    """

    takes: ClassVar[tuple[str, ...]] = ()
    """Names of the fields of `Stated` that have a meaning here."""
    support: ClassVar[str] = ""
    """What the data have to be, in words; "" for any numbers."""
    advice: ClassVar[str] = ""
    """What is to be done to data that are not so."""
    density: ClassVar[bool] = True
    """Whether log p(x | z) is of a density by the data's units; else of a probability, and the two cannot be compared."""

    def __init__(self, shift: Tensor, scale: Tensor, stated: Stated) -> None:
        super().__init__()

    @staticmethod
    def allows(x: Tensor) -> Tensor:
        """Which numbers the data may hold, of the shape of x."""
        return x.isfinite()

    @staticmethod
    def inputs(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
        """What the encoder reads of samples (B, *sample_shape), near 0 and of a spread near 1."""
        return (x - shift) / scale

    @abstractmethod
    def distribution(self, decoded: Tensor) -> Distribution:
        """p(x | z) of batch shape (B,) and event shape that of a sample."""

    def log_prob(self, x: Tensor, decoded: Tensor) -> Tensor:
        """log p(x | z) in nats, (B,)."""
        return self.distribution(decoded).log_prob(x)

    @abstractmethod
    def mean(self, decoded: Tensor) -> Tensor:
        """E[x | z] in the data's units."""
