"""Engines: functions that spread tasks over workers and yield results as they come, by name.

Every engine takes a function of a module's top level, the tasks and the number of workers, as `in_processes` does. Tasks are
deterministic, so that all engines give the same results.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

from topovae.errors import ResourceError, UsageError
from topovae.extensions import VARIABLE, load_extensions
from topovae.runs.processes import THREAD_VARIABLES, in_processes

RETRIES = 3
"""How often a task is begun anew where its worker died."""

ADDRESS = "RAY_ADDRESS"
"""Environment variable with the address of a running Ray cluster."""

_REMEDY = f"give {ADDRESS} that of a running cluster, unset it to start one on this machine, or use --engine local"

Task = TypeVar("Task")
Result = TypeVar("Result")
Engine = Callable[[Callable[[Task], Result], Sequence[Task], int], Generator[Result, None, None]]


def on_ray(function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Generator[Result, None, None]:
    """Work on tasks in the workers of a Ray cluster, one core each, and yield results as they come.

    The cluster is the running one that `ADDRESS` names, which decides by itself how much it does at once, or else one of `jobs`
    workers on this machine that ends with the generator. All tasks are put into its object store together, so that arrays
    which they share are there once. A task whose worker dies is begun anew.

    Args:
        function: of a module that the workers can import.
        tasks: what to do.
        jobs: number of workers of a cluster that is started here.

    Raises:
        ResourceError: there is no cluster at the address, or workers died again and again.
    """
    if not tasks:
        return
    from concurrent.futures import as_completed

    with _cluster(min(jobs, len(tasks))):
        import ray
        from ray.exceptions import RayError, RayTaskError

        shared = ray.put(tuple(tasks))
        work = ray.remote(num_cpus=1, max_retries=RETRIES)(_work)
        # Ray's own wait makes another exception of the one that a handler of signals raises; that of futures does not.
        for done in as_completed([work.remote(function, shared, i).future() for i in range(len(tasks))]):
            try:
                result = done.result()
            except RayTaskError as error:
                raise error.cause from error
            except RayError as error:
                raise ResourceError(
                    f"Ray gave a task up ({type(error).__name__}), as it does after {RETRIES} retries; where its workers had "
                    "too little memory, use fewer --jobs or a larger cluster (what is saved is not done again)"
                ) from error
            yield result


def _work(function: Callable[[Task], Result], tasks: Sequence[Task], index: int) -> Result:
    """What a worker does: one of the tasks."""
    load_extensions()
    return function(tasks[index])


@contextlib.contextmanager
def _cluster(jobs: int) -> Iterator[None]:
    """Be connected to a Ray cluster that says nothing on stdout: the caller's own, the running one, or one of this machine.

    Raises:
        ResourceError: there is none at the address that the environment names.
    """
    # Read when Ray is imported. Workers see the GPUs that this process sees, as other processes do.
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_enable_metrics_collection": "0"}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    options: dict[str, Any] = {
        "runtime_env": {"env_vars": {**dict.fromkeys(THREAD_VARIABLES, "1"), VARIABLE: os.environ.get(VARIABLE, "")}},
        "log_to_driver": False,
        "logging_level": "ERROR",
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(_OwnStdout()))
        address = os.environ.get(ADDRESS, "")
        if address in {"", "local"}:
            folder = tempfile.TemporaryDirectory(prefix="ray-", dir=_short_folder(), ignore_cleanup_errors=True)
            place = stack.enter_context(folder)
            options |= {"address": "local", "num_cpus": jobs, "include_dashboard": False, "_temp_dir": place}
        else:
            _check_address(address)
        try:
            with _own_signals():
                ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            place = f"{ADDRESS}={address}: no Ray cluster there lets this process in" if address else "Ray does not start here"
            raise ResourceError(f"{place} ({error}); {_REMEDY}") from None
        stack.callback(_stop)
        yield


def _stop() -> None:
    """Leave the cluster; what Ray still has to say about dead workers it prints now."""
    import ray

    with contextlib.redirect_stdout(sys.stderr):
        ray.shutdown()


def _check_address(address: str) -> None:
    """Find out at once what Ray would find out in minutes.

    Raises:
        ResourceError: nothing listens at the address.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise ResourceError(f"{ADDRESS}={address}: no Ray cluster answers there ({error}); {_REMEDY}") from None


class _OwnStdout:
    """stdout for this thread; for others stderr, since Ray prints from its threads that a worker died."""

    def __init__(self) -> None:
        self._thread, self._stream = threading.get_ident(), sys.stdout

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream if threading.get_ident() == self._thread else sys.stderr, name)


def _short_folder() -> str | None:
    """Where temporary files go; Ray's sockets are below, and a system takes some 100 letters for the path of one."""
    return None if len(tempfile.gettempdir()) <= 24 else "/tmp"


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's answer to SIGTERM, which Ray would replace by its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


ENGINES: dict[str, Engine] = {"local": in_processes, "ray": on_ray}

_EXTRAS = frozenset({"ray"})
"""Engines that need the package of their name, which the extra of that name installs."""


def find_engine(name: str) -> Engine:
    """The engine of a name.

    Raises:
        UsageError: there is none, or what it needs is not installed.
    """
    if name not in ENGINES:
        raise UsageError(f"--engine {name}: expected {' or '.join(ENGINES)}")
    if name in _EXTRAS:
        spec = find_spec(name)
        # A folder that happens to have the name has no origin.
        if spec is None or spec.origin is None:
            raise UsageError(f'--engine {name}: {name} is not installed; pip install "topovae[{name}]", or use --engine local')
    return ENGINES[name]
