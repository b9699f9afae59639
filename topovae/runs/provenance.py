"""How a file comes about: data, options, versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import torch

from topovae.data.dataset import Dataset
from topovae.model.networks import to_device
from topovae.store.schema import Header, Provenance
from topovae.version import __version__

RECORDED = ("torch", "numpy", "h5py", "ripser", "scikit-learn", "scipy")
"""Packages whose versions a file records."""


def make_header(data: Dataset | None, config: Mapping[str, Any], seed: int, device: str, command: tuple[str, ...]) -> Header:
    """How the file being made comes about.

    Args:
        data: what is read; None where nothing is, as data are drawn.
        config: every option with the value it has.
        seed: of every random number.
        device: "auto", "cpu" or "cuda".
        command: the argument vector, or the call.
    """
    place = to_device(device)
    return Header(
        command=command,
        config={**config, **({} if data is None else data.choices)},
        seed=seed,
        data=_provenance(data),
        device=torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu",
        versions={name: metadata.version(name) for name in RECORDED},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        topovae_version=__version__,
    )


def _provenance(data: Dataset | None) -> Provenance:
    if data is None:
        return Provenance(path="", shape=(), dtype="", sha256="")
    path, sha256 = (data.source.path, data.source.sha256) if data.source else ("", "")
    return Provenance(path=path, shape=tuple(data.x.shape), dtype=str(data.x.dtype), sha256=sha256)
