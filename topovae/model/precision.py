"""The precision of the networks' products. Latent spaces, likelihoods and weights are in single precision whatever it is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor, nn

_BODIES: ContextVar[torch.dtype | None] = ContextVar("bodies", default=None)


@contextlib.contextmanager
def computing(precision: str) -> Iterator[None]:
    """A context in which networks work in a precision.

    Args:
        precision: "float32"; "tf32", which rounds the factors of products on CUDA; "bfloat16" products by autocast.
    """
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    bodies = _BODIES.set(torch.bfloat16 if precision == "bfloat16" else None)
    try:
        yield
    finally:
        _BODIES.reset(bodies)
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions


def apply(body: nn.Module, x: Tensor) -> Tensor:
    """What a network makes of its input, in the precision of the context, as a tensor of the input's kind."""
    dtype = _BODIES.get()
    if dtype is None:
        return body(x)
    with torch.autocast(x.device.type, dtype, cache_enabled=False):
        return body(x).to(x.dtype)
