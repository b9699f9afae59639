"""SIGINT, SIGTERM and SIGHUP at any moment: one line, the shell's exit code, and nothing lost.

Before a command runs, and while modules are imported, there is nothing to lose, and an exception would be swallowed, end in a
traceback, or end C++ code that calls back: the process ends at once. While a command works they are exceptions, so that it can
write what it has. Once it has ended they change nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""Windows lacks the last."""

IMPORTING = "<frozen importlib"
"""How the files of Python's import system begin."""


class Terminated(SystemExit):
    """SIGTERM or SIGHUP was received; the exit code is the shell's, 143 or 129."""


def before_commands() -> None:
    """From here on an interrupt ends the process at once."""
    _answer(_leave)


@contextmanager
def in_command() -> Iterator[None]:
    """Within, an interrupt is an exception."""
    before = {number: signal.getsignal(number) for number in _numbers()}
    _answer(_raise)
    try:
        yield
    finally:
        for number, answer in before.items():
            if signal.getsignal(number) is _raise:  # after a first one the process is about to end
                signal.signal(number, answer)


def after_commands() -> None:
    """From here on an interrupt changes nothing: all is done and said, and Python only tidies up."""
    _answer(signal.SIG_IGN)


def _answer(answer: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    for number in _numbers():
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` and shells in the background ask for
            signal.signal(number, answer)


def _numbers() -> Iterator[int]:
    yield from (getattr(signal, name) for name in NAMES if hasattr(signal, name))


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"topovae: interrupted\n")
    os._exit(128 + number)


def _raise(number: int, frame: FrameType | None) -> None:
    if _imports(frame):
        _leave(number, frame)
    for other in _numbers():  # whoever asks twice does not want to wait, and reads one line
        if signal.getsignal(other) is _raise:
            signal.signal(other, _leave_silently)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(128 + number)


def _leave_silently(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(IMPORTING):
            return True
        frame = frame.f_back
    return False
