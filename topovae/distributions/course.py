"""Computations whose course no value decides, so that they can be traced, recorded as CUDA graphs, or run without values."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import cache

import numpy as np
import torch
from torch import Tensor

_FIXED: ContextVar[bool] = ContextVar("fixed", default=False)

# A draw goes wrong less often than this many nats say: a double-precision number cannot tell. No tuning.
_NEVER = 53 * math.log(2)
# Taylor terms and squarings of a matrix exponential: right to double precision for fields of a norm up to 4096. Not tuned.
_TERMS, _SMALL, _SQUARINGS = 13, 0.5, 13
# So many draws at once cost a CPU hardly more than one: then all their proposals are made together. Not tuned.
_FEW = 4096


@contextlib.contextmanager
def fixed_course() -> Iterator[None]:
    """A context in which no value decides what is computed next."""
    token = _FIXED.set(True)
    try:
        yield
    finally:
        _FIXED.reset(token)


def may_look(tensor: Tensor) -> bool:
    """Whether values may decide what is computed next: on a CPU, where nothing waits for them, and out of `fixed_course`."""
    return tensor.device.type == "cpu" and not _FIXED.get()


def first_accepted(propose: Callable[[Tensor, int], tuple[Tensor, Tensor]], parameter: Tensor, least: float) -> Tensor:
    """Sampling by rejection: the first proposal that is accepted, for each parameter.

    So many proposals are made at once that in double precision none of them being accepted does not happen. Many draws on a
    CPU are made one by one instead, for those that wait.

    Args:
        propose: takes parameters (..., 1) and a number n, and returns independent proposals and whether each is accepted,
            (..., n).
        parameter: of any shape, that of the result.
        least: a bound on the probability of acceptance.
    """
    if not may_look(parameter) or parameter.numel() <= _FEW:
        values, accepted = propose(parameter[..., None], math.ceil(_NEVER / -math.log1p(-least)))
        return values.gather(-1, accepted.to(torch.uint8).argmax(-1, keepdim=True))[..., 0]
    flat = parameter.flatten()
    result, waiting = torch.empty_like(flat), torch.arange(len(flat))
    while len(waiting):
        values, accepted = (part[:, 0] for part in propose(flat[waiting][:, None], 1))
        result[waiting[accepted]] = values[accepted]
        waiting = waiting[~accepted]
    return result.reshape(parameter.shape)


def constant(values: np.ndarray | Sequence[float], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Numbers as a tensor on the device of `like` and in its dtype unless another is given; not to be written to.

    Each is brought to a device once: a step recorded as a CUDA graph may not copy to it.
    """
    array = np.ascontiguousarray(values)
    return _constant(array.tobytes(), array.shape, array.dtype.str, dtype or like.dtype, like.device)


@cache
def _constant(content: bytes, shape: tuple[int, ...], kind: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(np.frombuffer(content, kind).reshape(shape), dtype=dtype, device=device)


def take(x: Tensor, entries: Sequence[int] | Sequence[Sequence[int]]) -> Tensor:
    """Entries of the last axis of x, (..., *shape of entries)."""
    at = np.asarray(entries, dtype=np.int64)
    return x.index_select(-1, constant(at.ravel(), x, torch.int64)).reshape(*x.shape[:-1], *at.shape)


def matrix_exponential(field: Tensor) -> Tensor:
    """The exponentials of square matrices (..., k, k); PyTorch's own looks at norms to choose how each is computed.

    Where no value may decide, each is scaled down by a power of two, summed as a Taylor series, and squared so often.

    References:
        Higham, The scaling and squaring method for the matrix exponential revisited (2005).
    """
    if may_look(field):
        return torch.linalg.matrix_exp(field)
    halvings = torch.log2(field.detach().abs().sum(-2).amax(-1) / _SMALL).ceil().clamp(0, _SQUARINGS)[..., None, None]
    eye, small = torch.eye(field.shape[-1], dtype=field.dtype, device=field.device), field * torch.exp2(-halvings)
    total = eye
    for k in range(_TERMS, 0, -1):
        total = eye + small @ total / k
    for k in range(_SQUARINGS):
        total = torch.where(k < halvings, total @ total, total)
    return total
