"""One optimiser step as one unit: gradients, their sum over processes, clipping, AdamW."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from topovae.training.adam import Adam, aligned
from topovae.training.capture import Captured
from topovae.training.config import TrainingConfig
from topovae.training.distributed import ALONE, Team
from topovae.training.program import Program


class Step:
    """Brings parameters a step down the loss.

    Args:
        gradients: takes the parameters and the tensors of a batch; returns mean terms of the loss, and the loss's gradient by
            each parameter.
        parameters: what is trained, on one device.
        config: rate, decay, clipping, and how to compute.
        models: that are stacked along the leading axis of every parameter, each clipped by itself; 1 for parameters of one.
        team: processes whose batches are parts of one.
        generators: that `gradients` draws from beside the global random state.
    """

    def __init__(
        self,
        gradients: Program,
        parameters: Sequence[Tensor],
        config: TrainingConfig,
        models: int = 1,
        team: Team = ALONE,
        generators: Sequence[torch.Generator] = (),
    ) -> None:
        self.gradients, self.parameters, self.team = gradients, list(parameters), team
        self.clip, self.models, self.precision = config.clip, models, config.precision
        self.weights = [parameter.detach() for parameter in self.parameters]
        device = self.weights[0].device
        self.optimizer = Adam(self.parameters, config.learning_rate, config.weight_decay, capturable=device.type == "cuda")
        self._advance = recorded(self._run, device, config, team, generators)

    @property
    def fallback(self) -> str:
        """What could not be done as the configuration asks; empty where all was."""
        found = self.gradients.fallback or getattr(self._advance, "fallback", "")
        if self.precision == "tf32" and self.weights[0].device.type != "cuda":
            found = "; ".join(filter(None, (found, "--precision tf32 needs CUDA: float32 was used")))
        return found

    def __call__(self, rate: float, *batch: Tensor) -> Tensor:
        """Take a step, and return the mean terms of the loss.

        Args:
            rate: the learning rate.
            batch: what `gradients` takes beside the parameters.
        """
        self.optimizer.rate = rate
        return self._advance(*batch)

    def _run(self, *batch: Tensor) -> Tensor:
        means, *found = self.team.mean(self.gradients(*self.weights, *batch))
        gradients = aligned(found, self.weights)
        clip_(gradients, self.clip, self.models)
        self.optimizer.step(gradients)
        return means


def recorded(
    function: Callable[..., Tensor],
    device: torch.device,
    config: TrainingConfig,
    team: Team = ALONE,
    generators: Sequence[torch.Generator] = (),
) -> Callable[..., Tensor]:
    """A function that is recorded as a CUDA graph where the device and the configuration allow it; else as it is.

    Args:
        function: of tensors, to one.
        device: that it computes on.
        config: "off" for `compile` records nothing.
        team: processes beside; what exchanges numbers with others is not recorded.
        generators: that it draws from beside the global random state.
    """
    wanted = device.type == "cuda" and config.compile != "off" and team.size == 1
    return Captured(function, generators) if wanted else function


@torch.no_grad()
def clip_(gradients: Sequence[Tensor], limit: float, models: int = 1) -> None:
    """Scale gradients in place so that no model's has a norm over `limit`.

    Args:
        gradients: by parameter; with several models, each along the leading axis.
        limit: of the Euclidean norm over all parameters.
        models: how many there are.
    """
    if models == 1:  # one call in place of one a parameter
        whole = list(gradients)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(whole)))
        torch._foreach_mul_(whole, (limit / (norm + 1e-6)).clamp(max=1.0))
        return
    norms = torch.stack([torch.linalg.vector_norm(gradient.reshape(models, -1), dim=1) for gradient in gradients])
    share = (limit / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1.0)
    torch._foreach_mul_(list(gradients), [share.reshape(-1, *(1,) * (gradient.ndim - 1)) for gradient in gradients])
