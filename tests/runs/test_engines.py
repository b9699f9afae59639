"""Engines: every task is done once, errors come back as they were, and a worker that dies is replaced."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from topovae.errors import InputError, ResourceError, UsageError
from topovae.runs import engines
from topovae.runs.engines import ENGINES, find_engine, on_ray
from topovae.runs.processes import THREAD_VARIABLES
from topovae.signature import parse

HAS_RAY = importlib.util.find_spec("ray") is not None
NEEDS_RAY = pytest.mark.skipif(not HAS_RAY, reason='Ray is not installed (pip install "topovae[ray]")')
EVERY = [name if name == "local" else pytest.param(name, marks=NEEDS_RAY) for name in ENGINES]
RING = "from topovae.latent import register\nfrom topovae.latent.circle import Circle\nregister('ring', like='S1')(Circle)\n"


@pytest.fixture(autouse=True)
def no_running_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(engines.ADDRESS, raising=False)


def canonical(expression: str) -> str:
    """A task that fails where a factor from outside the package is not known."""
    return parse(expression).canonical


@pytest.mark.parametrize("name", EVERY)
def test_all_tasks_are_done_by_workers_that_know_factors_from_outside(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ring.py").write_text(RING)
    monkeypatch.setenv("TOPOVAE_FACTORS", str(tmp_path / "ring.py"))
    # A function of the package: workers cannot import this file.
    found = find_engine(name)(importlib.import_module("topovae.signature").parse, ["ring", "torus", "ring"], 2)
    assert sorted(signature.canonical for signature in found) == ["S1xS1", "ring1", "ring1"]
    assert list(find_engine(name)(canonical, [], 2)) == []


def test_an_unknown_engine() -> None:
    with pytest.raises(UsageError, match="--engine dask: expected local or ray"):
        find_engine("dask")


@pytest.mark.parametrize("there", ["nothing", "a folder of that name"])
def test_ray_that_is_not_installed(there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = None if there == "nothing" else importlib.machinery.ModuleSpec("ray", None, is_package=True)
    monkeypatch.setattr(engines, "find_spec", lambda name: spec)
    with pytest.raises(UsageError, match=r'ray is not installed; pip install "topovae\[ray\]"'):
        find_engine("ray")


def by_value(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function for Ray to send as it is, since workers cannot import this file."""
    import ray.cloudpickle

    module = importlib.import_module(function.__module__)
    ray.cloudpickle.register_pickle_by_value(module)
    return function


def die_at_first(mark: Path) -> str:
    try:
        mark.open("x").close()
    except FileExistsError:
        return mark.name
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def die(task: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(task: int) -> None:
    raise InputError("as it was")


def threads(task: int) -> list[str | None]:
    return [os.environ.get(name) for name in THREAD_VARIABLES]


def shared(task: tuple[Any, int]) -> tuple[bool, int]:
    array, number = task
    return array.flags.owndata, number


@NEEDS_RAY
def test_what_ray_does_for_its_tasks(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    before = signal.getsignal(signal.SIGTERM)
    folders = set(Path(engines.tempfile.gettempdir()).glob("ray-*"))
    with engines._cluster(2):  # one start for all
        marks = [tmp_path / name for name in "ab"]
        assert sorted(on_ray(by_value(die_at_first), marks, 2)) == ["a", "b"]
        with pytest.raises(InputError, match=r"^as it was$"):
            list(on_ray(refuse, [1], 2))
        assert list(on_ray(threads, [1], 2)) == [["1"] * len(THREAD_VARIABLES)]
        array = np.zeros(100_000)
        # An array that several tasks hold is in the object store once, and the workers read it there.
        put: list[Any] = []
        monkeypatch.setattr(ray, "put", lambda value, put_it=ray.put: (put.append(value), put_it(value))[1])
        assert sorted(on_ray(shared, [(array, i) for i in range(3)], 2)) == [(False, 0), (False, 1), (False, 2)]
        assert len(put) == 1 and all(task[0] is array for task in put[0])
        with pytest.raises(ResourceError, match=f"after {engines.RETRIES} retries"):
            list(on_ray(die, [1], 2))
    assert signal.getsignal(signal.SIGTERM) is before
    assert capfd.readouterr().out == ""
    assert set(Path(engines.tempfile.gettempdir()).glob("ray-*")) <= folders


@NEEDS_RAY
def test_an_address_where_there_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(engines.ADDRESS, "127.0.0.1:9")
    with pytest.raises(ResourceError, match=r"RAY_ADDRESS=127\.0\.0\.1:9: no Ray cluster"):
        list(on_ray(canonical, ["S1"], 1))
