"""Our AdamW is torch's, bit for bit, without what torch's class imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from topovae.training.adam import Adam

ROOT = Path(__file__).parents[2]
UNWANTED = ("torch._dynamo", "torch._inductor", "sympy", "torch.distributed.tensor", "torch.distributed.fsdp")


def parameters() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in ((3, 4), (4,), (2, 1, 5))]


def gradients(step: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(step + 1)
    return [torch.randn(p.shape, generator=generator) for p in parameters()]


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_are_those_of_torch(decay: float) -> None:
    ours, theirs = parameters(), parameters()
    adam, reference = Adam(ours, 0.1, decay), torch.optim.AdamW(theirs, lr=0.1, weight_decay=decay, fused=True)
    for step in range(20):
        adam.rate = reference.param_groups[0]["lr"] = 0.1 / (step + 1)
        adam.step(gradients(step))
        for parameter, gradient in zip(theirs, gradients(step), strict=True):
            parameter.grad = gradient
        reference.step()
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    known = reference.state_dict()["state"]
    names = {f"{i}.{name}": value for i, entry in known.items() for name, value in entry.items()}
    assert adam.state().keys() == names.keys()
    assert all(torch.equal(value, names[name]) for name, value in adam.state().items())


def test_a_loaded_state_goes_on_bit_for_bit() -> None:
    whole, halves = parameters(), parameters()
    first, second = Adam(whole, 0.1), Adam(halves, 0.1)
    for step in range(5):
        first.step(gradients(step))
        second.step(gradients(step))
    third = Adam(halves, 0.1)
    third.load({name: value.clone() for name, value in second.state().items()})
    for step in range(5, 10):
        first.step(gradients(step))
        third.step(gradients(step))
    assert all(torch.equal(one, other) for one, other in zip(whole, halves, strict=True))


def test_a_step_does_not_depend_on_the_order_of_memory() -> None:
    shapes = ((3, 4), (2, 3, 4, 5), (4, 2, 3, 3))
    rows = [torch.randn(shape, generator=torch.Generator().manual_seed(i)) for i, shape in enumerate(shapes)]
    slopes = [torch.randn(shape, generator=torch.Generator().manual_seed(9 + i)) for i, shape in enumerate(shapes)]

    def reordered(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.mT.contiguous().mT if tensor.ndim == 2 else tensor.clone(memory_format=torch.channels_last)

    results = []
    for order in (torch.Tensor.clone, reordered):
        for of_gradient in (torch.Tensor.clone, reordered):
            weights = [order(row) for row in rows]
            adam = Adam(weights, 0.1, 0.1)
            for _ in range(2):
                adam.step([of_gradient(slope) for slope in slopes])
            results.append(weights)
    assert all(torch.equal(one, other) for found in results[1:] for one, other in zip(results[0], found, strict=True))


def test_a_descent_is_a_step_down_the_gradient_of_a_loss() -> None:
    (x,) = (torch.tensor([1.0, -2.0], requires_grad=True),)
    adam = Adam([x], 0.05)
    for _ in range(200):
        adam.descend((x**2).sum(), [x])
    assert x.detach().abs().max() < 0.05


@pytest.mark.slow
def test_a_training_imports_no_compiler(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from topovae.__main__ import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"found = [name for name in {UNWANTED!r} if name in sys.modules]\n"
        "assert not found, found\n"
    )
    words = ["train", str(ROOT / "sample_data" / "torus.npz"), "--latent", "S1xS1", "--epochs", "1", "-q"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words, "-o", str(tmp_path / "run.h5")], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
