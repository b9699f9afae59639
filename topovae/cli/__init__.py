"""The command line: one thin file a command, each over the Python API."""

from topovae.cli import (
    analyze,
    bench,
    decode,
    encode,
    evaluate,
    generate,
    inspect,
    plot,
    report,
    reproduce,
    sample,
    score,
    spaces,
    sweep,
    train,
    traverse,
)
from topovae.cli.shell import app, run

__all__ = [
    "analyze",
    "app",
    "bench",
    "decode",
    "encode",
    "evaluate",
    "generate",
    "inspect",
    "plot",
    "report",
    "reproduce",
    "run",
    "sample",
    "score",
    "spaces",
    "sweep",
    "train",
    "traverse",
]
