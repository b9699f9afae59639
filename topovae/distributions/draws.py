"""Random numbers as inputs: what a computation asks torch for, and where it is drawn instead.

Posterior samples are drawn deep inside distributions. A computation that is traced, repeated on a device or shared among
processes needs them from outside, so that it is a function of its inputs alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
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


@dataclass(frozen=True)
class Draw:
    """Random numbers that a computation asks for.

    Args:
        empty: a tensor of the shape, kind and device that are wanted; its values mean nothing.
        fill: the method that draws them, "normal_" say.
        args, options: of the method.
    """

    empty: Tensor
    fill: str
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] | None = None

    def again(self) -> Draw:
        """An equal one, with a tensor of its own."""
        return replace(self, empty=torch.empty_like(self.empty))

    def constant(self) -> Tensor:
        """Numbers that any distribution may draw, where only their shape matters."""
        return torch.full_like(self.empty, 0 if self.fill == "random_" else 0.5)

    def draw(self, into: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Fill a tensor, from the global random state unless a generator is given."""
        filled: Tensor = getattr(into, self.fill)(*self.args, **(self.options or {}), generator=generator)
        return filled


class Noise(TorchFunctionMode):
    """A context in which torch's random tensors come from a supply.

    Args:
        supply: gives the numbers of a draw.
        gamma: in place of `torch._standard_gamma`, whose numbers depend on values and have gradients by them.
    """

    def __init__(self, supply: Callable[[Draw], Tensor], gamma: Callable[[Tensor], Tensor] = torch._standard_gamma) -> None:
        super().__init__()
        self.supply, self.gamma = supply, gamma

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in _CREATED:
            make, fill = _CREATED[func]
            return self.supply(Draw(make(*args, **options, memory_format=torch.contiguous_format), fill))
        if func in _FILLED:
            tensor = args[0]
            drawn = self.supply(Draw(tensor, _FILLED[func], args[1:], options))
            return drawn if drawn is tensor else tensor.copy_(drawn)
        if func is torch.randint:
            *bounds, size = args
            empty = torch.empty(size, dtype=torch.int64, **options)
            return self.supply(Draw(empty, "random_", tuple(bounds) if len(bounds) == 2 else (0, *bounds)))
        if func is torch._standard_gamma:
            return self.gamma(*args)
        return func(*args, **options)


_SOURCE: ContextVar[Noise | None] = ContextVar("source", default=None)


def sampling(draws: bool = True) -> AbstractContextManager[Any]:
    """The context in which models draw random numbers: from torch, or from what `drawing_from` says.

    Args:
        draws: whether anything is drawn in it at all.
    """
    return (_SOURCE.get() if draws else None) or contextlib.nullcontext()


@contextlib.contextmanager
def drawing_from(noise: Noise | None) -> Iterator[None]:
    """A context in which models draw from a supply, or from torch where there is none.

    Looking at every call of torch takes longer than most of these calls, so that only `sampling` parts are looked at.
    """
    token = _SOURCE.set(noise)
    try:
        yield
    finally:
        _SOURCE.reset(token)


@contextlib.contextmanager
def forked(device: torch.device) -> Iterator[None]:
    """A context after which the global random states of the CPU and of a device are what they were before."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield


def random_state(device: torch.device) -> dict[str, np.ndarray]:
    """The global random states of the CPU and of a device, by their kind, uint8."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return {name: state.numpy().copy() for name, state in states.items()}


def set_random_state(states: Mapping[str, np.ndarray], device: torch.device) -> None:
    """Put global random states back; what is not known of a device stays."""
    torch.set_rng_state(torch.as_tensor(states["cpu"]))
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(torch.as_tensor(states["cuda"]), device)


def seeded_state(seed: int, device: torch.device) -> dict[str, np.ndarray]:
    """The states after `torch.manual_seed`, without setting them."""
    with forked(device):
        torch.manual_seed(seed)
        return random_state(device)
