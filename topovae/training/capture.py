"""CUDA graphs: a step recorded once, and then launched as one unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP = 3
"""Calls that run as they are before one is recorded: kernels are chosen and buffers made in them."""


class Captured:
    """A function of CUDA tensors, recorded as a CUDA graph for the shapes of its first call.

    Its effects on other tensors, as on weights, are recorded too; so are draws from the global CUDA random state and from the
    generators given. It must not wait for the device. Calls of other shapes run the function itself, and so do all where it
    cannot be recorded.

    Args:
        function: takes CUDA tensors and returns one.
        generators: CUDA generators that it draws from.

    Attributes:
        fallback: why the function is not recorded; empty where it is, or will be.
    """

    def __init__(self, function: Callable[..., Tensor], generators: Sequence[torch.Generator] = ()) -> None:
        self.function, self.generators = function, generators
        self.fallback = ""
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[Tensor] = []
        self._output: Tensor | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        shapes = [tensor.shape for tensor in inputs]
        if not self._inputs:
            self._inputs = [tensor.clone() for tensor in inputs]
        if self.fallback or shapes != [tensor.shape for tensor in self._inputs]:
            return self.function(*inputs)
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._aside(inputs)
        if self._graph is None and not self._record():
            return self.function(*inputs)
        assert self._graph is not None and self._output is not None
        for known, tensor in zip(self._inputs, inputs, strict=True):
            known.copy_(tensor)
        self._graph.replay()
        return self._output.clone()

    def _aside(self, inputs: Sequence[Tensor]) -> Tensor:
        """A call on a stream of its own, as recording needs it before."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            output = self.function(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        return output

    def _record(self) -> bool:
        graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            graph.register_generator_state(generator)
        try:
            with torch.cuda.graph(graph):
                self._output = self.function(*self._inputs)
        except Exception as error:  # whatever an operation that cannot be recorded objects with
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self.fallback = f"not recorded as a CUDA graph: {reason[:200]}"
            return False
        self._graph = graph
        return True
