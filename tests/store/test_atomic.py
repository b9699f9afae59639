"""A file is the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from topovae.errors import OutputError
from topovae.store.atomic import check_writable, write_atomic

MAKE = """
import os, random, resource, signal, sys, time
import numpy as np
from topovae.errors import OutputError
from topovae.store.reader import read_run
from topovae.store.schema import Header, Member, Provenance, Run
from topovae.store.writer import write_run
header = Header((), {}, 0, Provenance("x", (1,), "float32", ""), "cpu", {}, "", "")
def make(version, size=20_000):
    state = {f"w{i}": np.full(size, version) for i in range(8)}
    return Run(header, {"train": np.array([version])}, Member("S1", {}, state, final={"version": version}))
path = sys.argv[1]
"""

KILL = (
    MAKE
    + """
random.seed(1)
write_run(path, make(0))
seen = set()
for attempt in range(20):
    before = os.stat(path).st_ino
    child = os.fork()
    if child == 0:
        version = 1000 * attempt
        while True:
            version += 1
            write_run(path, make(version))
    # one write is waited for, however busy the machine is: then the kill falls into some later one
    while os.stat(path).st_ino == before:
        time.sleep(0.001)
    time.sleep(random.uniform(0.0, 0.06))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    run = read_run(path)
    version = run.model.final["version"]
    assert run.split["train"].tolist() == [version]
    assert len(run.model.state) == 8 and all((array == version).all() for array in run.model.state.values())
    seen.add(version)
assert len(seen) > 5, seen
write_run(path, make(-1))
print(os.listdir(os.path.dirname(path)))
"""
)

LIMIT = (
    MAKE
    + """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
write_run(path, make(1, 10))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_run(path, make(2))
except OutputError as error:
    print(error)
else:
    raise SystemExit("no error")
assert read_run(path).model.final == {"version": 1}
assert os.listdir(os.path.dirname(path)) == ["run.h5"]
"""
)


def run_script(script: str, path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(stream: BinaryIO) -> None:
    stream.write(b"new")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"old")
    return tmp_path / "file"


def assert_untouched(path: Path) -> None:
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_writer_leaves_a_whole_file_and_the_next_one_sweeps_up(tmp_path: Path) -> None:
    assert run_script(KILL, tmp_path / "run.h5").strip() == "['run.h5']"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs limits of POSIX")
def test_limit_on_file_size_stands_in_for_a_full_disk(tmp_path: Path) -> None:
    assert "cannot write" in run_script(LIMIT, tmp_path / "run.h5")


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EIO, errno.EMFILE])
def test_failure_at_any_step(step: str, number: int, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError, match=r"cannot write .*file: .*unchanged"):
        write_atomic(old, fill)
    monkeypatch.undo()
    assert_untouched(old)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, MemoryError])
def test_other_exceptions_pass_through(error: type[BaseException], old: Path) -> None:
    def fail(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise error

    with pytest.raises(error):
        write_atomic(old, fail)
    assert_untouched(old)


CASES = {
    "no folder": ("none/file", "the folder does not exist"),
    "a file as folder": ("file/inner", "a part of the path is a file"),
    "a folder": (".", "give the name of a file"),
    "a long name": ("x" * 300, "the name is too long"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("check_only", [True, False])
def test_places_that_cannot_be_written(name: str, check_only: bool, old: Path) -> None:
    path, message = CASES[name]
    with pytest.raises(OutputError, match=message):
        check_writable(old.parent / path) if check_only else write_atomic(old.parent / path, fill)
    assert_untouched(old)


def test_check_leaves_nothing(old: Path) -> None:
    check_writable(old)
    check_writable(old.parent / "other")
    assert_untouched(old)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX file modes")
def test_mode_and_symbolic_link_are_kept(old: Path) -> None:
    old.chmod(0o640)
    link = old.parent / "link"
    link.symlink_to(old)
    write_atomic(link, fill)
    assert link.is_symlink() and old.read_bytes() == b"new"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_devices_are_written_and_not_replaced() -> None:
    write_atomic("/dev/null", fill)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OutputError, match="the disk is full"):
        write_atomic("/dev/full", fill)


def test_partial_file_of_a_living_writer_is_left_alone(old: Path) -> None:
    def nested(stream: BinaryIO) -> None:
        write_atomic(old, fill)
        stream.write(b"newest")

    write_atomic(old, nested)
    assert old.read_bytes() == b"newest"
    assert [entry.name for entry in old.parent.iterdir()] == ["file"]
