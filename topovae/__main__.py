"""`topovae` and `python -m topovae`."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def main() -> None:
    """Entry point of the console script."""
    _hold_streams()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    from topovae.cli import app

    app()


def _stop(number: int, frame: object) -> NoReturn:
    """An interrupt before a command runs: imports would swallow an exception, or end in a traceback."""
    os.write(2, b"topovae: interrupted\n")
    os._exit(130)


def _hold_streams() -> None:
    """Take the places of closed standard streams, which a file opened later would get: what is printed would go into it."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # standard output opened for reading: what is written there fails as it must, and is told
            place = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if place != number:
                os.dup2(place, number)
                os.close(place)
            stream = os.fdopen(number, "r" if name == "stdin" else "w", closefd=False, encoding="utf-8")
            setattr(sys, name, stream)


if __name__ == "__main__":
    main()
