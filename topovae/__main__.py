"""`topovae` and `python -m topovae`."""

from __future__ import annotations

import codecs
import os
import signal
import sys

from topovae.interrupts import after_commands, before_commands


def main() -> None:
    """Entry point of the console script."""
    before_commands()
    _hold_streams()
    _write_any_encoding()
    os.environ["MPLBACKEND"] = "agg"  # commands draw into files, and what a notebook exports may not be installed here
    if hasattr(signal, "SIGPIPE"):  # a reader that leaves a help ends it as it ends any program; commands tell it themselves
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    from topovae.cli import run

    try:
        run()
    finally:
        after_commands()


_PLAIN = str.maketrans(
    {"–": "-", "−": "-", "—": "-", "…": "...", "×": "x", "±": "+-", "·": ".", "≥": ">=", "≤": "<=", "•": "*"}
)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Characters that the encoding of a stream does not have, in those that all have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(letter if letter.isascii() else "?" for letter in found), error.end


def _write_any_encoding() -> None:
    """Whatever the encoding of a terminal or a pipe (PYTHONIOENCODING, an old locale): what it lacks is written plainly."""
    codecs.register_error("topovae-plain", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="topovae-plain")


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
