"""Batches of a split, on the device where they are needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from topovae.data.dataset import Dataset

RESIDENT_BYTES = 4 * 2**30
"""Data of at most this size are held in memory as one tensor; larger data are read batch by batch."""


class Batches:
    """Batches of a split on a device: gathered there when the data fit in memory, read from the file when not."""

    def __init__(self, data: Dataset, index: np.ndarray, device: torch.device) -> None:
        self.data, self.index, self.device = data, index, device
        self.resident: Tensor | None = None
        if len(index) * data.n_features * 4 <= RESIDENT_BYTES:
            self.resident = torch.as_tensor(data.rows(index), dtype=torch.float32).to(device)

    def __len__(self) -> int:
        return len(self.index)

    def take(self, positions: Tensor) -> Tensor:
        """Samples at positions within the split, (B, *sample_shape)."""
        if self.resident is not None:
            return self.resident[positions.to(self.device)]
        rows = self.data.rows(self.index[positions.numpy()])
        return torch.as_tensor(rows, dtype=torch.float32).to(self.device)

    def in_order(self, size: int = 512) -> Iterator[Tensor]:
        """All samples in the split's order."""
        for start in range(0, len(self), size):
            yield self.take(torch.arange(start, min(start + size, len(self))))

    def shuffled(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All samples with their positions, in an order drawn from the global random state."""
        for positions in torch.randperm(len(self)).split(size):
            yield positions, self.take(positions)
