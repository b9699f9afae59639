"""Random streams side by side: each model of an ensemble draws what it would draw if it were trained alone."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import torch
from torch import Tensor

from topovae.distributions.draws import Draw, Noise


class Streams:
    """K random streams, each equal to the global one after `torch.manual_seed` of its seed.

    Args:
        seeds: one a stream.
        device: where samples are drawn; orders and choices of samples are drawn on the CPU.

    Attributes:
        noise: a context in which torch draws tensors (K, ...) from the streams, one each.

    Example:
        >>> _ = torch.manual_seed(7)
        >>> streams = Streams([7, 8], torch.device("cpu"))
        >>> with streams.noise:
        ...     drawn = torch.randn(2, 5)
        >>> torch.equal(drawn[0], torch.randn(5))
        True
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.seeds = tuple(seeds)
        self._choices = [torch.Generator() for _ in self.seeds]
        self._samples = self._choices if device.type == "cpu" else [torch.Generator(device) for _ in self.seeds]
        self.noise = Noise(self.draw, self._draw_gamma)
        self.restart()

    def of(self, rows: Sequence[int]) -> Streams:
        """Some of the streams, each from where it is; the same generators."""
        some = copy(self)
        some.seeds = tuple(self.seeds[row] for row in rows)
        some._choices = [self._choices[row] for row in rows]
        some._samples = some._choices if self._samples is self._choices else [self._samples[row] for row in rows]
        some.noise = Noise(some.draw, some._draw_gamma)
        return some

    def restart(self) -> None:
        """Begin every stream anew."""
        for generators in (self._choices, self._samples):
            for generator, seed in zip(generators, self.seeds, strict=True):
                generator.manual_seed(seed)

    @property
    def on_device(self) -> Sequence[torch.Generator]:
        """The generators of samples, where they are not the CPU's."""
        return [] if self._samples is self._choices else self._samples

    def permutations(self, n: int) -> Tensor:
        """An order of n things for each stream, (K, n)."""
        return torch.stack([torch.randperm(n, generator=generator) for generator in self._choices])

    def choices(self, n: int, count: int) -> Tensor:
        """Whole numbers below n, (K, count)."""
        return torch.stack([torch.randint(n, (count,), generator=generator) for generator in self._choices])

    def draw(self, asked: Draw) -> Tensor:
        """Random numbers of a shape (K, ...) from the streams, a row of it from each.

        Tensors that are flattened to (K · m, ...) are parted alike. Others, as samplers by rejection need them once some of
        their proposals are accepted, come from the first stream: right in law, but not what single runs draw.
        """
        for part, generator in zip(self._parts(asked.empty), self._samples, strict=False):
            asked.draw(part, generator)
        return asked.empty

    def _parts(self, tensor: Tensor) -> Sequence[Tensor]:
        """Equal parts of a tensor's memory, one a stream, or the whole for the first."""
        count = len(self._samples)
        return tensor.view(count, -1).unbind() if tensor.numel() % count == 0 and tensor.is_contiguous() else (tensor,)

    def _draw_gamma(self, concentration: Tensor) -> Tensor:
        parts = zip(self._parts(concentration.contiguous()), self._samples, strict=False)
        drawn = [torch._standard_gamma(part, generator=generator) for part, generator in parts]
        return torch.stack(drawn).reshape(concentration.shape)
