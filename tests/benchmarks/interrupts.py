"""Commands that are interrupted at random moments: `python tests/benchmarks/interrupts.py [--n 300] [--seed 0] [--jobs 2]`.

Each command runs undisturbed first; then SIGINT, SIGTERM and SIGHUP come at moments spread over its time, start-up and end
included. It must end with the shell's code (130, 143, 129) and one line on stderr that names no file which is not there, or,
where the signal came after its work, as the undisturbed one did. A signal that comes before Python has read a line of ours
ends Python as it likes, and is counted by itself. Exits with 1 where one ended otherwise.
"""

from __future__ import annotations

import argparse
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from commands import TOOL

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OURS = 0.35
"""Seconds within which Python may still be starting on a busy machine."""

SLOWER = 1.1
"""Moments are spread over so many times the undisturbed command's seconds."""


@dataclass(frozen=True)
class Job:
    """One interrupted command."""

    name: str
    number: signal.Signals
    moment: float
    folder: Path


def words(name: str, folder: Path) -> list[str]:
    """The command of a name, which writes into a folder of its own."""
    made = folder.parent / "made"
    data, run = str(made / "torus.npy"), str(made / "run.h5")
    commands = {
        "help": ["--help"],
        "generate": ["generate", "torus", "-n", "2000", "-o", str(folder / "x.h5")],
        "analyze": ["analyze", data, "--json", "-o", str(folder / "report.h5"), "--plot", str(folder / "p.png")],
        "train": ["train", data, "--latent", "S1xS1", "--epochs", "20", "-o", str(folder / "r.h5")],
        "sweep": ["sweep", data, "--latents", "S1xS1,R2", "--seeds", "2", "--epochs", "4", "-o", str(folder / "s.h5")],
        "evaluate": ["evaluate", run, data, "--json"],
        "encode": ["encode", run, "-i", data, "-o", str(folder / "z.npy")],
    }
    return [*TOOL, *commands[name]]


NAMES = ("help", "generate", "analyze", "train", "sweep", "evaluate", "encode")


def carry_out(job: Job) -> tuple[Job, str, str]:
    """Interrupt a command; how it ended, and what it wrote."""
    job.folder.mkdir()
    process = subprocess.Popen(words(job.name, job.folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(job.moment)
    process.send_signal(job.number)
    try:
        _, written = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        return job, "went on", ""
    text = written.decode(errors="replace")
    return job, judge(job, process.returncode, text), text


def judge(job: Job, code: int, text: str) -> str:
    """How a command ended: `ended`, `interrupted`, `before ours`, or what was wrong."""
    if code == 0:
        return "ended"
    if code == -job.number and job.moment < OURS:
        return "before ours"
    if code != 128 + job.number:
        return f"code {code}"
    lines = [line for line in text.splitlines() if line.startswith("topovae: ") and "warning" not in line]
    if "Traceback" in text or len(lines) != 1:
        return "not one line"
    missing = [path for path in re.findall(r"\S+\.h5", lines[0]) if not Path(path.strip("'")).exists()]
    return f"names {missing[0]}" if missing else "interrupted"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        seconds = prepare(folder)
        jobs = []
        for i in range(options.n):
            name = NAMES[i % len(NAMES)]
            moment = draw.uniform(0, SLOWER * seconds[name])
            jobs.append(Job(name, SIGNALS[i // len(NAMES) % len(SIGNALS)], moment, folder / str(i)))
        counts: Counter[tuple[str, str]] = Counter()
        wrong = 0
        with ThreadPoolExecutor(options.jobs) as pool:
            for job, found, text in pool.map(carry_out, jobs):
                counts[job.name, found] += 1
                if found not in ("ended", "interrupted", "before ours"):
                    wrong += 1
                    print(f"{job.name}, {job.number.name} after {job.moment:.2f} s: {found}\n{text[-2000:]}", flush=True)
    for name in NAMES:
        print(name, {found: count for (command, found), count in sorted(counts.items()) if command == name})
    print(f"{options.n} signals, {wrong} that ended otherwise")
    sys.exit(bool(wrong))


def prepare(folder: Path) -> dict[str, float]:
    """Make the data and the run that commands read; seconds of each command, undisturbed."""
    made = folder / "made"
    made.mkdir()
    data, run = made / "torus.npy", made / "run.h5"
    subprocess.run([*TOOL, "generate", "torus", "-n", "600", "-o", str(data), "-q"], check=True, capture_output=True)
    training = ["train", str(data), "--latent", "S1xS1", "--epochs", "10", "-o", str(run), "-q"]
    subprocess.run([*TOOL, *training], check=True, capture_output=True)
    seconds = {}
    for name in NAMES:
        own = folder / f"whole-{name}"
        own.mkdir()
        start = time.perf_counter()
        subprocess.run(words(name, own), check=True, capture_output=True)
        seconds[name] = time.perf_counter() - start
    return seconds


if __name__ == "__main__":
    main()
