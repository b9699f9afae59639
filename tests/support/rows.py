"""Data sets that a test watches being read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from topovae.data.dataset import Dataset


@dataclass(frozen=True)
class Rows(Dataset):
    """A data set that gives at most so many rows at a time."""

    most: int = 0

    def rows(self, index: Any) -> np.ndarray:
        assert len(index) <= self.most
        return super().rows(index)


class Counted:
    """A source outside memory that counts how often each of its rows is read."""

    def __init__(self, array: np.ndarray, chunks: tuple[int, ...] | None = None) -> None:
        self.array, self.chunks = array, chunks
        self.shape, self.dtype = array.shape, array.dtype
        self.count = np.zeros(len(array), dtype=int)

    def __getitem__(self, rows: slice) -> np.ndarray:
        self.count[rows] += 1
        return self.array[rows]
