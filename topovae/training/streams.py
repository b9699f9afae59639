"""Random streams side by side: each model of an ensemble draws what it would draw if it were trained alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_CREATED: Mapping[Callable[..., Tensor], tuple[Callable[..., Tensor], str]] = {
    torch.rand: (torch.empty, "uniform_"),
    torch.randn: (torch.empty, "normal_"),
    torch.rand_like: (torch.empty_like, "uniform_"),
    torch.randn_like: (torch.empty_like, "normal_"),
}
"""Functions that make a random tensor: what makes an empty one, and what fills it."""

_FILLED: Mapping[Callable[..., Tensor], str] = {
    torch.Tensor.uniform_: "uniform_",
    torch.Tensor.normal_: "normal_",
    torch.Tensor.exponential_: "exponential_",
}
"""Methods that fill a tensor with random numbers, by their names."""


class Streams:
    """K random streams, each equal to the global one after `torch.manual_seed` of its seed.

    Args:
        seeds: one a stream.
        device: where samples are drawn; orders and choices of samples are drawn on the CPU.

    Example:
        >>> _ = torch.manual_seed(7)
        >>> streams = Streams([7, 8], torch.device("cpu"))
        >>> with streams.drawing():
        ...     drawn = torch.randn(2, 5)
        >>> torch.equal(drawn[0], torch.randn(5))
        True
    """

    def __init__(self, seeds: Sequence[int], device: torch.device) -> None:
        self.seeds = tuple(seeds)
        self._choices = [torch.Generator() for _ in self.seeds]
        self._samples = self._choices if device.type == "cpu" else [torch.Generator(device) for _ in self.seeds]
        self.restart()

    def restart(self) -> None:
        """Begin every stream anew."""
        for generators in (self._choices, self._samples):
            for generator, seed in zip(generators, self.seeds, strict=True):
                generator.manual_seed(seed)

    def permutations(self, n: int) -> Tensor:
        """An order of n things for each stream, (K, n)."""
        return torch.stack([torch.randperm(n, generator=generator) for generator in self._choices])

    def choices(self, n: int, count: int) -> Tensor:
        """Whole numbers below n, (K, count)."""
        return torch.stack([torch.randint(n, (count,), generator=generator) for generator in self._choices])

    def drawing(self) -> TorchFunctionMode:
        """A context in which torch draws tensors (K, ...) from the streams, one each.

        Tensors that are flattened to (K · m, ...) are parted alike. Others, as samplers by rejection need them once some of
        their proposals are accepted, come from the first stream: right in law, but not what single runs draw.
        """
        return _Drawing(self._samples)


class _Drawing(TorchFunctionMode):
    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        self.generators = generators

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in _CREATED:
            make, fill = _CREATED[func]
            return self._fill(make(*args, **options, memory_format=torch.contiguous_format), fill)
        if func in _FILLED:
            return self._fill(args[0], _FILLED[func], *args[1:], **options)
        if func is torch._standard_gamma:
            return self._standard_gamma(*args)
        return func(*args, **options)

    def _parts(self, tensor: Tensor) -> Sequence[Tensor]:
        """Equal parts of a tensor's memory, one a stream, or the whole for the first."""
        count = len(self.generators)
        return tensor.view(count, -1).unbind() if tensor.numel() % count == 0 and tensor.is_contiguous() else (tensor,)

    def _fill(self, tensor: Tensor, fill: str, *args: Any, **options: Any) -> Tensor:
        for part, generator in zip(self._parts(tensor), self.generators, strict=False):
            getattr(part, fill)(*args, **options, generator=generator)
        return tensor

    def _standard_gamma(self, concentration: Tensor) -> Tensor:
        parts = zip(self._parts(concentration.contiguous()), self.generators, strict=False)
        drawn = [torch._standard_gamma(part, generator=generator) for part, generator in parts]
        return torch.stack(drawn).reshape(concentration.shape)
