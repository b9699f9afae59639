"""Results as JSON: what a dataclass has, in plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar


class Document:
    """A dataclass with a JSON document: its fields, or the attributes that its class lists in `keys`."""

    keys: ClassVar[tuple[str, ...]] = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, texts, lists and dicts."""
        return {name: plain(getattr(self, name)) for name in self.keys or [field.name for field in fields(self)]}


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
