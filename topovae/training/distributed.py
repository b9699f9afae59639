"""Training by several processes: each takes its part of every batch, and all take the same step.

Launched by `torchrun`, processes find one another by its environment variables. Random numbers are drawn for the whole batch
everywhere and each process keeps its rows, so that the result is that of one process, to the rounding of sums.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from topovae.distributions.draws import Draw, Noise
from topovae.errors import UsageError


@dataclass
class Team:
    """Processes that train one model.

    Args:
        rank: of this process, from 0.
        size: how many there are.

    Attributes:
        batch: samples in the batch that is being shared.
    """

    rank: int = 0
    size: int = 1
    batch: int = 0

    @classmethod
    def join(cls, device: torch.device) -> Team:
        """The team that `torchrun` started this process in, or a team of one.

        Args:
            device: "cpu" joins by gloo, "cuda" by nccl.

        Raises:
            UsageError: this machine has fewer CUDA devices than processes.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        if device.type == "cuda":
            place, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
            if place >= there:
                raise UsageError(
                    f"--device {device.type}: {place + 1} processes or more were started on this machine, and PyTorch finds "
                    f"{there} CUDA device{'s' if there != 1 else ''}; start one for each, or use --device cpu"
                )
            torch.cuda.set_device(place)
        if not torch.distributed.is_initialized():
            torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(torch.distributed.get_rank(), torch.distributed.get_world_size())

    def leave(self) -> None:
        """End the team's connections, when all is done."""
        if self.size > 1:
            torch.distributed.destroy_process_group()

    def shared(self, given: bytes) -> bytes:
        """What the first process gives, in all of them.

        Args:
            given: of the first process; what the others give does not matter.
        """
        if self.size == 1:
            return given
        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        length = torch.tensor(len(given), device=device)
        torch.distributed.broadcast(length, 0)
        own = np.frombuffer(given, np.uint8).copy() if self.rank == 0 else np.empty(int(length), np.uint8)
        flat = torch.as_tensor(own, device=device)
        torch.distributed.broadcast(flat, 0)
        return flat.cpu().numpy().tobytes()

    @property
    def noise(self) -> Noise | None:
        """Where models draw from: of one process, from torch itself."""
        return Noise(self.draw) if self.size > 1 else None

    def part(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """This process's rows of a batch; draws and means are then for that batch.

        Args:
            tensors: (B, ...) the batch.
        """
        if self.size == 1:
            return tensors
        self.batch = len(tensors[0])
        return tuple(tensor[self._rows] for tensor in tensors)

    @property
    def _rows(self) -> slice:
        """Of the batch; all of it where it has fewer samples than there are processes."""
        n = self.batch
        return slice(0, n) if n < self.size else slice(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    def draw(self, asked: Draw) -> Tensor:
        """This process's rows of the random numbers that one process would draw for the whole batch."""
        if self.size == 1:
            return asked.draw(asked.empty)
        rows = self._rows
        own = rows.stop - rows.start
        # Whole numbers are choices of samples, which are no part of the batch.
        if asked.fill == "random_" or len(asked.empty) % own:
            return asked.draw(asked.empty)
        each = len(asked.empty) // own
        whole = asked.empty.new_empty(self.batch * each, *asked.empty.shape[1:])
        return asked.draw(whole)[rows.start * each : rows.stop * each]

    def mean(self, values: Sequence[Tensor]) -> Sequence[Tensor]:
        """Means over the whole batch from those over the parts."""
        if self.size == 1:
            return values
        rows = self._rows
        weight = 1 / self.size if self.batch < self.size else (rows.stop - rows.start) / self.batch
        flat = torch.cat([value.reshape(-1) for value in values]) * weight
        torch.distributed.all_reduce(flat)
        parts = flat.split([value.numel() for value in values])
        return [part.view_as(value) for part, value in zip(parts, values, strict=True)]


ALONE = Team()
