"""CUDA graphs: a step recorded once, and then launched as one unit."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 3
"""Calls that run as they are before one is recorded: kernels are chosen and buffers made in them."""


class Captured:
    """A function of CUDA tensors, recorded as a CUDA graph for each choice of shapes that it is called with.

    Its effects on other tensors, as on weights, are recorded too; so are draws from the global CUDA random state and from the
    generators given. It must not wait for the device. Where it cannot be recorded, it runs as it is.

    Args:
        function: takes CUDA tensors and returns one.
        generators: CUDA generators that it draws from.

    Attributes:
        fallback: why the function is not recorded; empty where it is, or will be.
    """

    def __init__(self, function: Callable[..., Tensor], generators: Sequence[torch.Generator] = ()) -> None:
        self.function, self.generators = function, generators
        self.fallback = ""
        self._calls: dict[tuple[torch.Size, ...], int] = {}
        self._recordings: dict[tuple[torch.Size, ...], _Recording] = {}

    def __call__(self, *inputs: Tensor) -> Tensor:
        shapes = tuple(tensor.shape for tensor in inputs)
        if self.fallback:
            return self.function(*inputs)
        if shapes not in self._recordings:
            self._calls[shapes] = self._calls.get(shapes, 0) + 1
            if self._calls[shapes] <= WARM_UP:
                return self._aside(inputs, last=self._calls[shapes] == WARM_UP)
            if not self._record(shapes, inputs):
                return self.function(*inputs)
        return self._recordings[shapes].replay(inputs)

    def _aside(self, inputs: Sequence[Tensor], last: bool) -> Tensor:
        """A call on a stream of its own, as recording needs it before."""
        if last:
            # Recording begins by collecting garbage, and compiled code that refers to some is compiled again.
            gc.collect()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            output = self.function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return output

    def _record(self, shapes: tuple[torch.Size, ...], inputs: Sequence[Tensor]) -> bool:
        drawn_from = [torch.cuda.default_generators[inputs[0].device.index], *self.generators]
        states = [generator.get_state() for generator in drawn_from]
        try:
            self._recordings[shapes] = _Recording(self.function, [tensor.clone() for tensor in inputs], self.generators)
        except Exception as error:  # whatever an operation that cannot be recorded objects with
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self.fallback = f"not recorded as a CUDA graph: {reason[:200]}"
            # A recording that fails leaves them as if it still went on: they get new states, of the old values.
            for generator, state in zip(drawn_from, states, strict=True):
                fresh = torch.Generator(generator.device)
                fresh.set_state(state)
                generator.graphsafe_set_state(fresh.graphsafe_get_state())
            return False
        return True


class _Recording:
    """One CUDA graph of a function, with the tensors that it reads and writes.

    Args:
        function: takes CUDA tensors and returns one; it is not run.
        inputs: that the graph reads from then on.
        generators: that it draws from beside the global random state.
    """

    def __init__(
        self, function: Callable[..., Tensor], inputs: Sequence[Tensor], generators: Sequence[torch.Generator]
    ) -> None:
        self.inputs, self.graph = list(inputs), torch.cuda.CUDAGraph()
        for generator in generators:
            self.graph.register_generator_state(generator)
        with torch.cuda.graph(self.graph):
            self.output = function(*self.inputs)

    def replay(self, inputs: Sequence[Tensor]) -> Tensor:
        """What the function returns for inputs of the same shapes, and does."""
        for known, tensor in zip(self.inputs, inputs, strict=True):
            known.copy_(tensor)
        self.graph.replay()
        return self.output.clone()
