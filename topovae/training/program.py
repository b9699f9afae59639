"""Computations that are taken down once and then run as one unit, without autograd, modules or distributions.

A step of a small network is mostly bookkeeping. Traced to its tensor operations, forward and backward, it is a plain list of
kernels; compiled, these are fused into few.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.utils._python_dispatch import TorchDispatchMode

from topovae.distributions.course import fixed_course
from topovae.distributions.draws import Draw, Noise, drawing_from, forked, random_state
from topovae.errors import TopovaeError

Function = Callable[..., Sequence[Tensor]]


class UntraceableError(TopovaeError):
    """A computation draws random numbers or decides its course in a way that a list of kernels cannot."""


class Program:
    """A function of tensors, compiled for the shapes of its first call.

    Calls of other shapes, as of an epoch's last and smaller batch, run the function itself; so do all where it cannot be traced
    or no compiler is found.

    Args:
        function: takes tensors and returns tensors; may call `torch.autograd.grad`.
        noise: where the function's random numbers come from; None leaves them to torch.
        compiled: whether to trace and compile at all.

    Attributes:
        fallback: why the function runs as it is although it was to be compiled; empty where it was compiled, or not to be.
    """

    def __init__(self, function: Function, noise: Noise | None = None, compiled: bool = False) -> None:
        self.function, self.noise = function, noise
        self.fallback = ""
        self._wanted = compiled
        self._shapes: list[torch.Size] | None = None
        self._draws: list[Draw] = []
        self._run: Function | None = None

    def __call__(self, *inputs: Tensor) -> Sequence[Tensor]:
        if self._wanted:
            self._wanted = False
            self._compile(inputs)
        if self._run is not None and [t.shape for t in inputs] == self._shapes:
            with torch.no_grad():
                return self._run(*inputs, *map(self._drawn, self._draws))
        with drawing_from(self.noise):
            return self.function(*inputs)

    def _drawn(self, asked: Draw) -> Tensor:
        fresh = asked.again()
        return fresh.draw(fresh.empty) if self.noise is None else self.noise.supply(fresh)

    def _compile(self, inputs: Sequence[Tensor]) -> None:
        """Compile the function; nothing is drawn, and what it returns for these inputs is not kept."""
        try:
            self._draws = draws_of(self.function, inputs)
            graph = trace(self.function, inputs, self._draws)
            self._run = compile_graph(graph, [*inputs, *(asked.constant() for asked in self._draws)])
        except Exception as error:  # whatever the tracer, the compiler or the system's C++ compiler object to
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self.fallback = f"the step was not compiled: {reason[:200]}"
        self._shapes = [t.shape for t in inputs]


_COURSE = "what it does next depends on values, as in sampling by rejection"
_REJECTION = "it draws random numbers in ways that cannot be foreseen, as in sampling by rejection"

_MOST_DRAWS = 64
"""A function that asks for random numbers more often than this is taken to go on until it likes them."""

_DECIDING = ("_local_scalar_dense", "is_nonzero", "nonzero", "masked_select", "equal", "unique")
"""Operations whose results are Python's, or of a shape that depends on values."""


class _FixedCourse(TorchDispatchMode):
    """A context in which no value may decide what is done next."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = args[1] if name in ("index", "index_put", "index_put_") else ()
        if name in _DECIDING or any(mask is not None and mask.dtype == torch.bool for mask in masks):
            raise UntraceableError(_COURSE)
        return func(*args, **(kwargs or {}))


def _no_gamma(concentration: Tensor) -> Tensor:
    raise UntraceableError(_REJECTION)


def draws_of(function: Function, inputs: Sequence[Tensor]) -> list[Draw]:
    """The random numbers that a function asks for, in turn.

    Raises:
        UntraceableError: they, or the course of the function, depend on values.
    """
    draws: list[Draw] = []

    def supply(asked: Draw) -> Tensor:
        draws.append(asked.again())
        if len(draws) > _MOST_DRAWS:
            raise UntraceableError(_REJECTION)
        return asked.constant()

    device = inputs[0].device
    with forked(device), fixed_course(), drawing_from(Noise(supply, _no_gamma)), _FixedCourse():
        before = random_state(device)
        function(*inputs)
        after = random_state(device)
    if not all(np.array_equal(before[kind], after[kind]) for kind in before):
        raise UntraceableError(_REJECTION)
    return draws


def trace(function: Function, inputs: Sequence[Tensor], draws: Sequence[Draw]) -> GraphModule:
    """The tensor operations of a function, as a module that takes the inputs and then the random numbers drawn."""
    from torch.fx.experimental.proxy_tensor import make_fx

    def pure(*tensors: Tensor) -> Sequence[Tensor]:
        noise = iter(tensors[len(inputs) :])

        def supply(asked: Draw) -> Tensor:
            return next(noise)

        with fixed_course(), drawing_from(Noise(supply, _no_gamma)):
            return tuple(function(*tensors[: len(inputs)]))

    graph = make_fx(pure)(*inputs, *(asked.constant() for asked in draws))
    for node in list(graph.graph.nodes):
        # Left over from autograd: without it they are copies of a reference.
        if node.target in (torch.ops.aten.detach.default, torch.ops.aten.alias.default):
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def compile_graph(graph: GraphModule, inputs: Sequence[Tensor]) -> Function:
    """A graph fused into few kernels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled: Function = torch.compile(graph, fullgraph=True, dynamic=False)
        with torch.no_grad():
            compiled(*inputs)
    return compiled
