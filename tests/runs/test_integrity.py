"""Run files that were edited by hand: each is refused with the place that is wrong, and an intact one is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.places import ROOT

from topovae.errors import RunFileError
from topovae.runs.integrity import open_run
from topovae.store.writer import write_run

OLD = ROOT / "tests" / "store" / "version1" / "run.h5"
WEIGHT = "model/state/encoder.layers.0.weight"


def replaced(place: str, value: object) -> Callable[[h5py.File], None]:
    """Put something else where a dataset was."""

    def edit(file: h5py.File) -> None:
        del file[place]
        file[place] = value

    return edit


def shifted(place: str, index: int, value: float) -> Callable[[h5py.File], None]:
    """Change one number."""

    def edit(file: h5py.File) -> None:
        changed = file[place][()]
        changed.flat[index] = value
        file[place][...] = changed

    return edit


def shared(file: h5py.File) -> None:
    file["split/test"][0] = file["split/train"][0]


def configured(change: Callable[[dict], object]) -> Callable[[h5py.File], None]:
    """Change the configuration of the model."""

    def edit(file: h5py.File) -> None:
        file["model"].attrs["config"] = json.dumps(change(json.loads(file["model"].attrs["config"])))

    return edit


def inner(**fields: object) -> Callable[[dict], dict]:
    return lambda config: {**config, "model": {**config["model"], **fields}}


def gone(place: str) -> Callable[[h5py.File], None]:
    def edit(file: h5py.File) -> None:
        del file[place]

    return edit


def relabelled(file: h5py.File) -> None:
    file.attrs["latent"] = "R2"


EDITS: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "weight NaN": (shifted(WEIGHT, 3, np.nan), f"/{WEIGHT} holds what is no finite number"),
    "weight infinite": (shifted(WEIGHT, 0, np.inf), f"/{WEIGHT} holds what is no finite number"),
    "weight text": (replaced(WEIGHT, "heavy"), f"/{WEIGHT} holds what is no finite number"),
    "weight null": (replaced(WEIGHT, h5py.Empty("f4")), f"/{WEIGHT} is null"),
    "weight of another shape": (replaced(WEIGHT, np.ones((2, 2), np.float32)), f"/{WEIGHT} has the shape"),
    "weight missing": (gone(WEIGHT), f"/{WEIGHT} is missing"),
    "weight too many": (
        lambda file: file.create_dataset("model/state/more", data=1.0) and None,
        "/model/state/more is no part",
    ),
    "checkpoint's weight NaN": (
        shifted("checkpoint/state/encoder.layers.0.weight", 3, np.nan),
        "/checkpoint/state/encoder.layers.0.weight holds",
    ),
    "split outside": (shifted("split/test", -1, 10_000), "/split/test names row 10000"),
    "split negative": (shifted("split/train", 0, -1), "/split/train names row -1"),
    "split overlapping": (shared, "/split/test and /split/train share row"),
    "split twice": (lambda file: shifted("split/train", 1, file["split/train"][0])(file), "/split/train is not in ascending"),
    "split of floats": (replaced("split/valid", np.ones(3)), "/split/valid is no list"),
    "split missing": (gone("split/valid"), "/split holds test, train"),
    "config null": (configured(lambda config: None), "/model@config is no JSON object"),
    "config of something else": (configured(lambda config: {"layers": [3, 4]}), "/model@config"),
    "config list": (configured(lambda config: [1, 2]), "/model@config"),
    "config's network": (configured(inner(network="deep")), "/model@config"),
    "config's kind": (configured(inner(network={"kind": "x", "hidden": [8], "channels": []})), "/model@config"),
    "config's latent": (configured(inner(latent="S1^")), "/model@config"),
    "config's likelihood": (configured(inner(likelihood="cauchy")), "/model@config"),
    "config's shape": (configured(inner(sample_shape=["a"])), "/model@config"),
    "config wider": (configured(inner(network={"kind": "mlp", "hidden": [9], "channels": []})), "has the shape"),
    "latent": (relabelled, "/@latent is R2"),
    "history": (replaced("metrics/history/beta", np.ones(2)), "/metrics/history holds"),
    "header": (lambda file: file.attrs.__setitem__("config", "[1"), "/@config is no JSON object"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_file_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    edit, expected = EDITS[name]
    path = Path(shutil.copy(OLD, tmp_path / "run.h5"))
    with h5py.File(path, "r+") as file:
        edit(file)
    with pytest.raises(RunFileError, match=expected) as raised:
        open_run(path)
    assert raised.value.exit_code == 4 and "run.h5" in str(raised.value)


def test_an_intact_file_is_not_refused_and_tells_whether_it_has_checksums(tmp_path: Path) -> None:
    old = open_run(OLD)
    write_run(tmp_path / "new.h5", old)
    assert (old.sealed, open_run(tmp_path / "new.h5").sealed) == (False, True)


def test_a_baseline_is_looked_at_too(tmp_path: Path) -> None:
    old = open_run(OLD)
    state = {**old.model.state, "shift": np.full_like(old.model.state["shift"], np.nan)}
    write_run(tmp_path / "run.h5", replace(old, baseline=replace(old.model, state=state)))
    with pytest.raises(RunFileError, match="/baseline/model/state/shift holds"):
        open_run(tmp_path / "run.h5")


def test_latents_have_a_row_for_each_sample(tmp_path: Path) -> None:
    path = Path(shutil.copy(OLD, tmp_path / "run.h5"))
    with h5py.File(path, "r+") as file:
        file["latents/test/location"] = np.ones((3, 1))
    with pytest.raises(RunFileError, match="/latents/test/location has not one row"):
        open_run(path)
