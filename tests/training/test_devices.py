"""A training step where its tensors are: on torch's meta device, which has no values, and on CUDA as on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from support.extremes import FAMILIES
from torch import Tensor
from torch.overrides import TorchFunctionMode

from topovae.data.dataset import Dataset
from topovae.data.splits import split
from topovae.data.synthetic.spaces import generate
from topovae.distributions.draws import Draw, Noise, drawing_from
from topovae.model.networks import choose_network
from topovae.model.vae import VAE, ModelConfig, build_model
from topovae.training.config import TrainingConfig
from topovae.training.loop import Objective, Trainer, TrainingState

MODELS = {
    **{name: (latent, () if name == latent else (name.split(",")[0],)) for name, latent in FAMILIES.items()},
    **{
        latent: (latent, ())
        for latent in ("T4", "mobius", "klein", "rp2", "so3", "(S1xS1xI)/<rot(1/3),id,id>", "(S2xR3)/<anti,flip>")
    },
    "klein, full-wrapped-normal": ("klein", ("full-wrapped-normal",)),
    **{latent: (latent, ()) for latent in ("mixture(3*circle)", "mixture(sphere,klein)", "learned(R2)")},
}
"""Every posterior family, quotients and mixtures: a name, its latent space and posteriors."""

CIRCLE = Dataset.of(generate("circle", 90, ambient=6, noise=0.05, seed=0).x)
PARTS = split(90, seed=0)

each = pytest.mark.parametrize("name", MODELS)
on_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="this PyTorch finds no CUDA device")


def make(name: str) -> VAE:
    latent, posteriors = MODELS[name]
    config = ModelConfig(latent, (6,), choose_network((6,), "mlp", [8]), posteriors=posteriors)
    return build_model(config, torch.zeros(6), 1.0, 0)


def inputs_of(device: str, dtype: torch.dtype = torch.float32) -> tuple[Tensor, ...]:
    """A batch, its positions, and the weights of the divergence and of an anchor."""
    x = torch.as_tensor(CIRCLE.rows(range(20)), dtype=dtype).to(device)
    return x, torch.arange(20, device=device), *(torch.tensor(weight, dtype=dtype, device=device) for weight in (0.7, 0.0))


def step(model: VAE, *inputs: Tensor) -> Sequence[Tensor]:
    """The mean terms of a batch's loss, and its gradients by the parameters."""
    loss, means = Objective(model, None, (), 1.0)(*inputs)
    return means.detach(), *torch.autograd.grad(loss, [p for p in model.parameters() if p.requires_grad])


def from_the_cpu(seed: int) -> Noise:
    """Random numbers that are the same on every device."""
    generator = torch.Generator().manual_seed(seed)

    def supply(asked: Draw) -> Tensor:
        return asked.draw(torch.empty(asked.empty.shape, dtype=asked.empty.dtype), generator).to(asked.empty.device)

    return Noise(supply, lambda concentration: torch._standard_gamma(concentration.cpu(), generator).to(concentration.device))


class _FromTheHost(TorchFunctionMode):
    """A context in which nothing is copied from numbers of Python's or numpy's, and nothing is computed that looks at values of
    its own accord: a CUDA graph cannot record either."""

    MAKERS = (torch.tensor, torch.as_tensor, torch.asarray)
    LOOKING = (torch.linalg.matrix_exp, torch.linalg.solve, torch.linalg.inv, torch.linalg.cholesky, torch.linalg.eigh)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.__getitem__:
            places = args[1] if isinstance(args[1], tuple) else (args[1],)
            assert not any(isinstance(place, list | np.ndarray) for place in places), f"an index {places}"
        assert func not in self.LOOKING, f"{func.__name__} waits for the device"
        result = func(*args, **(kwargs or {}))
        if func in self.MAKERS or (func is torch.Tensor.to and args[0].device.type == "cpu"):
            assert result.device.type == "cpu", f"{func.__name__} of {args}"
        return result


def gamma_without_values() -> bool:
    try:
        return torch._standard_gamma(torch.ones(2, device="meta")).is_meta
    except NotImplementedError:
        return False


@each
def test_a_step_needs_no_values(name: str) -> None:
    if MODELS[name][1] == ("beta",) and not gamma_without_values():
        pytest.skip("this torch's draws from the gamma distribution do not run without values")
    model, inputs = make(name).to("meta"), inputs_of("meta")
    step(model, *inputs)  # constants are brought to the device once
    with _FromTheHost():
        means, *gradients = step(model, *inputs)
    assert means.is_meta and means.shape == (2,)
    assert [g.shape for g in gradients] == [p.shape for p in make(name).parameters() if p.requires_grad]


@on_cuda
@each
def test_a_step_on_cuda_is_that_on_the_cpu(name: str) -> None:
    found = []
    for device in ("cpu", "cuda"):
        with drawing_from(from_the_cpu(3)):
            model, inputs = make(name).double().to(device), inputs_of(device, torch.float64)
            found.append([value.cpu() for value in step(model, *inputs)])
    for expected, value in zip(*found, strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-8)


def train(name: str, compile_: str, epochs: int = 6, state: TrainingState | None = None) -> Trainer:
    trainer = Trainer(make(name).to("cuda"), CIRCLE, PARTS, TrainingConfig(6, batch_size=16, compile=compile_), state)
    for _ in zip(range(epochs), trainer.epochs(), strict=False):
        pass
    return trainer


@on_cuda
@each
def test_steps_recorded_on_cuda_are_the_plain_ones(name: str) -> None:
    plain, recorded = train(name, "off"), train(name, "auto")
    assert recorded.step.fallback == ""
    for column, values in plain.state.history.items():
        np.testing.assert_allclose(recorded.state.history[column], values, rtol=1e-3, atol=1e-4)


@on_cuda
@pytest.mark.parametrize("compile_", ["off", "auto"])
def test_trainings_on_cuda_repeat_and_resume_bit_for_bit(compile_: str) -> None:
    whole, again = (train("klein", compile_) for _ in range(2))
    resumed = train("klein", compile_, 4, train("klein", compile_, 2).state)
    for other in (again, resumed):
        assert other.state.history == whole.state.history
        assert all(np.array_equal(other.state.model[key], value) for key, value in whole.state.model.items())
