"""Feed the readers damaged files of every format, each in a process of its own, and tell what none may do.

    python tests/benchmarks/fuzz.py --minutes 15 --seed 0 [--only mat] [--keep FOLDER]
    python tests/benchmarks/fuzz.py --own --minutes 15 --seed 0  # files that topovae wrote, as its commands use them

A file must give rows or an error of topovae's: no signal, no other error, at most the memory that reading may take and a
tenth of it (the process that parses MATLAB files has a limit of its own), at most 20 s. Files that fail are kept. The exit
code is 1 if there are any. Equal seeds damage alike.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy loads
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from support.mutations import Kind, X, kinds, own_kinds

from topovae.data.checks import check
from topovae.data.dataset import Dataset
from topovae.data.readers.find import read
from topovae.errors import TopovaeError
from topovae.homology.cloud.graphs import holds_graph, read_graph
from topovae.runs.integrity import open_run
from topovae.runs.models import draw_samples, encode, load_model
from topovae.store.inspect import describe
from topovae.store.reader import read_report, read_sweep

SECONDS = 20
MATLAB_ROUNDS = 8
"""Their parser starts Python anew: of so many rounds one has files of MATLAB before 7.3."""

READ, REFUSED, OTHER_ERROR = 0, 3, 1
PICTURES = (".png", ".jpeg", ".bmp", ".gif", ".tiff", ".webp")


@dataclass
class Count:
    """What became of the files of a format."""

    files: int = 0
    read: int = 0
    failed: int = 0
    slowest: float = 0.0
    most_bytes: int = 0


def put(folder: Path, kind: Kind, content: bytes) -> Path:
    """The place to read: a file, or the folder in which it is a picture."""
    path = folder / kind.name
    if path.suffix in PICTURES:
        path = folder / (kind.name + ".folder") / kind.name
        path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path.parent if path.suffix in PICTURES else path


def work_with_run(path: Path) -> None:
    """What `encode`, `decode` and `sample` do with a run file; the part of `evaluate` that depends on its bytes."""
    model = load_model(open_run(path).model)
    draw_samples(model, 4, seed=0)
    encode(model, Dataset(X[:, :3]))


USES: dict[str, Callable[[Path], object]] = {
    "run.h5": work_with_run,
    "sealed-run.h5": work_with_run,
    "sweep.h5": read_sweep,
    "report.h5": read_report,
}
"""What is done with each file of topovae's own, beside saying what is in it."""


def attempt(place: Path, memory: int) -> int:
    """Read a file as the commands do; the exit code."""
    warnings.simplefilter("ignore")
    try:
        if place.name in USES:
            describe(place)
            USES[place.name](place)
        elif place.name == "graph.npz" and holds_graph(place):
            read_graph(place, memory)
        else:
            check(read(place, memory=memory), minimum=1)
    except TopovaeError:
        return REFUSED
    except BaseException as error:
        sys.stderr.write(f"{place.name}: {type(error).__name__}: {str(error)[:300]}\n")
        return OTHER_ERROR
    return READ


def in_child(place: Path, memory: int) -> tuple[int, float, int]:
    """Read a file in a process of its own: how it ended, seconds, and bytes beyond those that the process began with."""
    held = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    started = time.monotonic()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os._exit(attempt(place, memory))
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() - started > SECONDS:
            os.kill(child, signal.SIGKILL)
            status, usage = os.wait4(child, 0)[1:]
            break
        time.sleep(0.001)
    return os.waitstatus_to_exitcode(status), time.monotonic() - started, usage.ru_maxrss * 1024 - held


def fault(code: int, seconds: float, more: int, memory: int) -> str | None:
    """What is wrong with how a file was read, None if nothing is."""
    if seconds > SECONDS:
        return f"stopped after {seconds:.0f} s"
    if code < 0:
        return f"died of {signal.Signals(-code).name}"
    if code not in (READ, REFUSED):
        return "another error"
    return f"took {more / 2**20:.0f} MiB" if more > 1.1 * memory else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=int, default=256, help="MiB that reading may take")
    parser.add_argument("--only", default="", help="formats whose name holds this text")
    parser.add_argument("--own", action="store_true", help="files that topovae wrote, in place of data")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    arguments = parser.parse_args()
    chosen = [kind for kind in (own_kinds() if arguments.own else kinds()) if arguments.only in kind.name]
    counts: dict[str, Count] = defaultdict(Count)
    ends, memory = time.monotonic() + 60 * arguments.minutes, arguments.memory * 2**20
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number in itertools.count():
            if time.monotonic() > ends:
                break
            turn, kind = number // len(chosen), chosen[number % len(chosen)]
            if kind.parsed_elsewhere and turn % MATLAB_ROUNDS:
                continue
            content = kind.damaged(np.random.default_rng([arguments.seed, number]))
            code, seconds, more = in_child(put(Path(folder), kind, content), memory)
            count = counts[kind.name]
            count.files, count.read = count.files + 1, count.read + (code == READ)
            count.slowest, count.most_bytes = max(count.slowest, seconds), max(count.most_bytes, more)
            if problem := fault(code, seconds, more, memory):
                count.failed += 1
                arguments.keep.mkdir(exist_ok=True)
                (arguments.keep / f"{arguments.seed}-{number}-{kind.name}").write_bytes(content)
                print(f"{kind.name}, file {number}: {problem}", flush=True)
    print(f"{'format':14}{'files':>8}{'read':>8}{'failed':>8}{'slowest s':>11}{'most MiB':>10}")
    for name, count in counts.items():
        most = count.most_bytes / 2**20
        print(f"{name:14}{count.files:8}{count.read:8}{count.failed:8}{count.slowest:11.2f}{most:10.0f}")
    files, failed = sum(count.files for count in counts.values()), sum(count.failed for count in counts.values())
    print(f"{files} files in {arguments.minutes:g} minutes, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
