"""Data in: files of many kinds, checks, splits and synthetic spaces, all as one `Dataset`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from topovae.data.checks import check
    from topovae.data.dataset import Dataset
    from topovae.data.readers.find import read
    from topovae.data.splits import split
    from topovae.data.synthetic.spaces import generate

__all__ = ["Dataset", "check", "generate", "read", "split"]

_HOMES = {"Dataset": "dataset", "check": "checks", "generate": "synthetic.spaces", "read": "readers.find", "split": "splits"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
