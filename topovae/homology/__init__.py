"""Diagnosis: which space the data lies on, by persistent homology and local geometry.

The names below are imported when first used, so that importing this package stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Analysis": "verdict.analysis",
    "Bar": "verdict.analysis",
    "Candidate": "verdict.scores",
    "Coordinates": "coordinates.search",
    "Dimension": "cloud.tangents",
    "Recommendation": "verdict.scores",
    "analyze": "verdict.analyze",
    "find_coordinates": "coordinates.search",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
