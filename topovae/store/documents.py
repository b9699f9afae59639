"""Results as JSON: what a dataclass has, in plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar

MOST_CHARACTERS = 160
"""Of one field in a `repr`: two lines of a terminal, not tuned."""


class Document:
    """A dataclass with a JSON document: its fields, or the attributes that its class lists in `keys`."""

    keys: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, texts, lists and dicts."""
        return {name: plain(getattr(self, name)) for name in self.keys or [field.name for field in fields(self)]}


class Brief:
    """A dataclass whose `repr` fits a screen: arrays by their shape, what holds much by its kind and length."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __repr__(self) -> str:
        shown = (f"{field.name}={_brief(getattr(self, field.name))}" for field in fields(self))
        return f"{type(self).__name__}({', '.join(shown)})"


def _brief(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"<{type(value).__name__} {tuple(shape)}>"
    words = repr(value) if not isinstance(value, Mapping) else f"<{', '.join(map(str, value))}>"
    if len(words) <= MOST_CHARACTERS:
        return words
    length = f" of {len(value)}" if hasattr(value, "__len__") else ""
    return f"<{type(value).__name__}{length}>"


def plain(value: Any) -> Any:
    """A value as JSON has it: documents and mappings as dicts, tuples and arrays as lists, others as they are.

    Example:
        >>> plain({"shape": (28, 28), "noise": None})
        {'shape': [28, 28], 'noise': None}
    """
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def probability(value: float) -> str:
    """A probability in words: two decimals, more where these would say 0 or 1, which no probability of ours is.

    Example:
        >>> [probability(p) for p in (0.5, 0.998, 1.0, 0.0)]
        ['0.50', '0.998', '>0.999', '<0.001']
    """
    for text in (f"{value:.2f}", f"{value:.3f}"):
        if 0 < float(text) < 1:
            return text
    return "<0.001" if value < 0.5 else ">0.999"


def finite(value: Any) -> Any:
    """A value as JSON text can have it: plain, names as keys, and None for numbers that are not finite.

    Example:
        >>> finite({2: (1.0, float("inf"))})
        {'2': [1.0, None]}
    """
    value = plain(value)
    if isinstance(value, dict):
        return {str(key): finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
