"""How fast a step could be: its arithmetic and its traffic over what the processor was seen to do."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from topovae.model.precision import computing

_UPDATE_ARRAYS = 8
"""Arrays of the weights' size that AdamW moves: it reads weights, gradients and two moments, and writes all but gradients;
the clipping reads gradients once more."""

_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "convolution", "convolution_backward")


@dataclass(frozen=True)
class Work:
    """What a step does.

    Args:
        operations: floating-point ones of matrix products and convolutions.
        bytes: that these read and write, every tensor counted once in each, and the optimiser's.
    """

    operations: float
    bytes: float

    def __add__(self, other: Work) -> Work:
        return Work(self.operations + other.operations, self.bytes + other.bytes)


@dataclass(frozen=True)
class Ceilings:
    """What a processor was seen to do.

    Args:
        operations: a second, in a large matrix product.
        bytes: a second, in copies of a large array, reads and writes counted.
    """

    operations: float
    bytes: float

    def seconds(self, work: Work) -> float:
        """The least time for work: the longer of that for arithmetic and that for traffic."""
        return max(work.operations / self.operations, work.bytes / self.bytes)


class _Traffic(TorchDispatchMode):
    """Counts the bytes of the tensors that products take and give."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in _PRODUCTS:
            moved = [leaf for leaf in tree_leaves((args, result)) if isinstance(leaf, Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in moved)
        return result


def work_of(step: Callable[[], Any]) -> Work:
    """What a step does, its optimiser left out.

    Args:
        step: computes a loss and its gradients.
    """
    with FlopCounterMode(display=False) as counter, _Traffic() as traffic:
        step()
    return Work(counter.get_total_flops(), traffic.bytes)


def update_of(parameters: int) -> Work:
    """What clipping and AdamW do for so many weights in single precision."""
    return Work(0, 4 * _UPDATE_ARRAYS * parameters)


def ceilings(device: torch.device, precision: str = "float32", size: int = 1024, repeats: int = 7) -> Ceilings:
    """Measure the ceilings of a device, with the threads that torch has.

    Args:
        device: where.
        precision: of the products, a key of `PRECISIONS`.
        size: of the square matrices on a CPU; on CUDA eight times as large.
        repeats: of which the median counts.
    """
    on_cuda = device.type == "cuda"
    side = size * 8 if on_cuda else size
    with computing(precision):
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        product = _median_seconds(lambda: a @ b, device, repeats)
    # Larger than any cache.
    source = torch.zeros(2**26, device=device)
    target = torch.empty_like(source)
    copy = _median_seconds(lambda: target.copy_(source), device, repeats)
    return Ceilings(2 * side**3 / product, 2 * source.numel() * source.element_size() / copy)


def _median_seconds(work: Callable[[], Any], device: torch.device, repeats: int) -> float:
    seconds = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])
