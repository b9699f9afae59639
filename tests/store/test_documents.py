"""Results become JSON in one place: their fields, or the keys that their class names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from topovae.store.documents import Document


@dataclass(frozen=True)
class Point(Document):
    at: tuple[float, ...]
    weights: np.ndarray


@dataclass(frozen=True)
class Pair(Document):
    keys: ClassVar = ("count", "points", "first")
    points: dict[str, Point]
    hidden: str = "not in the document"

    @property
    def count(self) -> int:
        return len(self.points)

    @property
    def first(self) -> Point:
        return self.points["a"]


def test_a_document_is_its_fields_in_order_and_plain() -> None:
    found = Point((1.0, 2.0), np.arange(2)).to_dict()
    assert list(found) == ["at", "weights"] and found == {"at": [1.0, 2.0], "weights": [0, 1]}


def test_keys_choose_what_a_document_says_and_others_lie_within() -> None:
    found = Pair({"a": Point((0.5,), np.ones(1))}).to_dict()
    assert json.dumps(found) == (
        '{"count": 1, "points": {"a": {"at": [0.5], "weights": [1.0]}}, "first": {"at": [0.5], "weights": [1.0]}}'
    )
