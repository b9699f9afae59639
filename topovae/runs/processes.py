"""Work that is spread over processes, and the memory that it takes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeVar

from topovae.errors import ResourceError
from topovae.extensions import load_extensions

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_processes(function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Generator[Result, None, None]:
    """Work on tasks in separate processes, one thread of linear algebra each, and yield results as they come.

    When the consumer stops (an interrupt, or the generator is closed), the processes are ended.

    Args:
        function: of a module's top level, so that another process can find it.
        tasks: what to do.
        jobs: number of processes.

    Raises:
        ResourceError: a process died, which is what the system does to one that takes too much memory.
    """
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    if not tasks:
        return
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with _single_threads():
        pool = ProcessPoolExecutor(min(jobs, len(tasks)), context, initializer=_begin)
        try:
            for done in as_completed([pool.submit(function, task) for task in tasks]):
                yield done.result()
            # A pool that is still closing when the interpreter ends prints a traceback now and then.
            pool.shutdown()
        except BrokenProcessPool:
            raise ResourceError(
                f"one of {jobs} processes ended before its work, most likely for lack of memory; use fewer --jobs "
                "(what is saved is not done again)"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()


def _begin() -> None:
    """Leave Ctrl-C, which reaches the whole group of processes, to the one that started this one, and end with that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    load_extensions()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _single_threads() -> Iterator[None]:
    """Let new processes use one thread each: libraries read the environment when they load."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def forget_peak() -> None:
    """Let `peak_bytes` begin anew, where the system can (Linux)."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak_bytes() -> int:
    """Greatest resident memory in bytes since `forget_peak`; since the process began where that is not counted."""
    import resource
    import sys

    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
