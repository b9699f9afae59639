"""Data sets that a test watches being read."""

from __future__ import annotations

import numpy as np


class Rows:
    """A data set that gives at most so many rows at a time."""

    def __init__(self, x: np.ndarray, most: int) -> None:
        self.x, self.most = x, most
        self.n_samples, self.sample_shape = len(x), x.shape[1:]

    def rows(self, index: np.ndarray) -> np.ndarray:
        assert len(index) <= self.most
        return self.x[index]
