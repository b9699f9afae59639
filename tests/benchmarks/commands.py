"""Running the tool as a user does, and reading what it prints."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

TOOL = (sys.executable, "-m", "topovae")


def run(*words: object, stdin: bytes | None = None) -> tuple[bytes, float]:
    """stdout of one command, and the wall seconds it took."""
    started = time.perf_counter()
    done = subprocess.run([*TOOL, *map(str, words), "--quiet"], input=stdin, stdout=subprocess.PIPE, check=True)
    return done.stdout, time.perf_counter() - started


def run_json(*words: object, stdin: bytes | None = None) -> tuple[dict[str, Any], float]:
    """The JSON document of one command, and the wall seconds it took."""
    out, seconds = run(*words, "--json", stdin=stdin)
    return json.loads(out), seconds
