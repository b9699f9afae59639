"""AdamW by torch's function for it: torch's class for it imports torch's compiler, which takes as long as many epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""As published, and as torch has them; not tuned."""


class Adam:
    """Moments of gradients, and steps along them (Kingma and Ba 2015; with decay, Loshchilov and Hutter 2019).

    Args:
        parameters: what is trained, on one device; changed in place.
        rate: learning rate; set before any step.
        decay: of the parameters, by the rate.
        capturable: whether steps may be replayed as a CUDA graph, in which the rate is a tensor.
    """

    def __init__(self, parameters: Iterable[Tensor], rate: float, decay: float = 0.0, *, capturable: bool = False) -> None:
        self.parameters = [parameter.detach() for parameter in parameters]
        self.decay, self.capturable = decay, capturable
        device = self.parameters[0].device
        self._rate: float | Tensor = torch.tensor(rate, device=device) if capturable else rate
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.steps = [torch.zeros((), device=device) for _ in self.parameters]

    @property
    def rate(self) -> float:
        """The learning rate."""
        return float(self._rate)

    @rate.setter
    def rate(self, value: float) -> None:
        if isinstance(self._rate, Tensor):
            self._rate.fill_(value)
        else:
            self._rate = value

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Take a step down gradients, one by parameter, in whatever order of memory."""
        adamw(
            self.parameters,
            aligned(gradients, self.parameters),
            self.means,
            self.squares,
            [],
            self.steps,
            fused=True,
            capturable=self.capturable,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=self._rate,
            weight_decay=self.decay,
            eps=EPSILON,
            maximize=False,
        )

    def descend(self, loss: Tensor, leaves: Sequence[Tensor]) -> None:
        """Take a step down a loss that the parameters, as leaves of its graph, have made."""
        self.step(torch.autograd.grad(loss, leaves))

    def state(self) -> dict[str, Tensor]:
        """Moments and numbers of steps, as `{parameter}.exp_avg`, `.exp_avg_sq` and `.step`, the names that run files have."""
        return {
            f"{i}.{name}": value
            for i, values in enumerate(zip(self.steps, self.means, self.squares, strict=True))
            for name, value in zip(("step", "exp_avg", "exp_avg_sq"), values, strict=True)
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over a state; what it lacks stays as it is."""
        own = self.state()
        for name, value in state.items():
            own[name].copy_(value)


def aligned(gradients: Sequence[Tensor], parameters: Sequence[Tensor]) -> list[Tensor]:
    """Gradients in their parameters' order of memory, by which torch's fused steps go: autograd may return another."""
    pairs = zip(gradients, parameters, strict=True)
    return [slope if slope.stride() == own.stride() else torch.empty_like(own).copy_(slope) for slope, own in pairs]
