"""Parsers that a damaged file can crash or hang run in a process of their own, with limits of memory and time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from topovae.errors import InputError, ResourceError

TOO_LARGE = 5
SECONDS, BYTES_A_SECOND = 5, 5e6
"""Seconds of the processor that a parser may take, and bytes of the file for each more: limits on cost, not tuned."""

WAITING = 3
"""So many times these seconds may go by where the machine is busy: a limit on cost, not tuned."""


class Parsed(Protocol):
    """What is parsed.

    Attributes:
        path: where its bytes are.
        label: what the user calls it.
        memory: bytes that reading may take.
    """

    @property
    def path(self) -> Path: ...
    @property
    def label(self) -> str: ...
    @property
    def memory(self) -> int: ...
    def __hash__(self) -> int: ...


def run_outside(module: str, file: Parsed, form: str, *words: str, advice: str) -> None:
    """Run a module on a file in a process of its own: it is given the file, the bytes and seconds that it may take, and words.

    Args:
        module: its name; it ends with 0, with `TOO_LARGE`, or with a message on stderr.
        file: what is read.
        form: name of the format.
        words: more that it is given.
        advice: what to do with a file that is too large.

    Raises:
        InputError: it found the file damaged, died or took too long.
        ResourceError: it needs more memory than is allowed.
    """
    found = os.pathsep.join(os.path.abspath(place) for place in sys.path)
    environment = {**os.environ, "PYTHONPATH": found, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    parts = file.path.rglob("*") if file.path.is_dir() else (file.path,)
    seconds = SECONDS + sum(part.stat().st_size for part in parts) / BYTES_A_SECOND
    given = (str(file.path), str(file.memory), str(int(seconds)), *words)
    try:
        done = subprocess.run(
            # -P: nothing in the present folder stands in for a library
            [sys.executable, "-P", "-m", module, *given],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=WAITING * seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _damaged(file, form, f"its parser did not end in {WAITING * seconds:.0f} s") from None
    if done.returncode == TOO_LARGE:
        raise ResourceError(f"{file.label} cannot be read within {file.memory / 2**30:.3g} GiB. {advice}")
    if done.returncode < 0:
        raise _damaged(file, form, f"its parser died of signal {-done.returncode}")
    if done.returncode:
        raise _damaged(file, form, " ".join(done.stderr.decode(errors="replace").split())[-200:])


def _damaged(file: Parsed, form: str, reason: str) -> InputError:
    return InputError(
        f"{file.label} cannot be read as {form} ({reason}); expected a whole file of that format. It is damaged, cut short or "
        "of another kind: make or copy it again, or correct its suffix."
    )


def ended(parser: Callable[..., int], *words: str) -> int:
    """The exit code of a parser's own process: what it makes of a damaged file is said in one line on stderr.

    Args:
        parser: returns 0 or `TOO_LARGE`.
        words: that it is given.
    """
    try:
        return parser(*words)
    except MemoryError:
        return TOO_LARGE
    except Exception as error:
        sys.stderr.write(f"{error}" or type(error).__name__)
        return 1


def limit(memory: str, seconds: str) -> None:
    """Bound what this process may take beyond what it has, where the system can."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
        held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (held + int(memory), held + int(memory)))
