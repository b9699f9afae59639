"""A step is that of torch's AdamW after torch's clipping, for one model and for several stacked ones."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from topovae.training.config import TrainingConfig
from topovae.training.program import Program
from topovae.training.step import Step, clip_

SHAPES = ((3, 2), (4,), (1, 2, 2))


def gradients_of(models: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.arange(1.0, models + 1)
    return [torch.randn(models, *shape, generator=generator) * scale.reshape(-1, *[1] * len(shape)) for shape in SHAPES]


@pytest.mark.parametrize("models", [1, 3])
@pytest.mark.parametrize("limit", [0.1, 4.0, 1e6])
def test_each_models_gradients_are_clipped_by_themselves_as_torch_does(limit: float, models: int) -> None:
    gradients = gradients_of(models)
    expected = []
    for model in range(models):
        parameters = [torch.nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient[model].clone()
        torch.nn.utils.clip_grad_norm_(parameters, limit)
        expected.append([parameter.grad for parameter in parameters])
    clip_(gradients, limit, models)
    for number, gradient in enumerate(gradients):
        torch.testing.assert_close(gradient, torch.stack([one[number] for one in expected]))


def quadratic(*tensors: Tensor) -> Sequence[Tensor]:
    """The loss Σ p·b of parameters p and a batch b, whose gradients are the batch; transposed, as autograd may give them."""
    half = len(tensors) // 2
    parameters, batch = tensors[:half], tensors[half:]
    loss = torch.stack([(p * b).sum() for p, b in zip(parameters, batch, strict=True)]).sum()
    return [torch.stack([loss, 2 * loss]), *(b.transpose(0, -1).contiguous().transpose(0, -1) for b in batch)]


def test_steps_are_those_of_adamw_at_the_rates_given() -> None:
    config = TrainingConfig(epochs=1, learning_rate=0.01, weight_decay=0.1, clip=2.0, compile="off")
    generator = torch.Generator().manual_seed(1)
    start = [torch.randn(shape, generator=generator) for shape in SHAPES]
    ours = [torch.nn.Parameter(value.clone()) for value in start]
    theirs = [torch.nn.Parameter(value.clone()) for value in start]
    step, optimizer = Step(Program(quadratic), ours, config), torch.optim.AdamW(theirs, 0.01, weight_decay=0.1)
    for number, rate in enumerate((0.01, 0.02, 0.005)):
        batch = [gradient[0] for gradient in gradients_of(1, seed=number)]
        for parameter, gradient in zip(theirs, batch, strict=True):
            parameter.grad = gradient.clone()
        torch.nn.utils.clip_grad_norm_(theirs, 2.0)
        optimizer.param_groups[0]["lr"] = rate
        loss = sum(float((p.detach() * b).sum()) for p, b in zip(ours, batch, strict=True))
        means = step(rate, *batch)
        optimizer.step()
        assert means.tolist() == pytest.approx([loss, 2 * loss], rel=1e-4)
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("precision", "said"), [("float32", ""), ("tf32", "--precision tf32 needs CUDA: float32 was used")])
def test_what_cannot_be_done_on_the_processor_is_said(precision: str, said: str) -> None:
    config = TrainingConfig(epochs=1, precision=precision, compile="off")
    assert Step(Program(quadratic), [torch.nn.Parameter(torch.zeros(2))], config).fallback == said
