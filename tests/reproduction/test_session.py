"""A reproduction: the same figures from the same seeds, in whatever order and after whatever interruption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from topovae.data.dataset import Dataset
from topovae.data.splits import split_data
from topovae.errors import RunFileError
from topovae.reproduction import session, trials
from topovae.reproduction.experiment import Conditions, Experiment, NormalDensity, TruthItself
from topovae.reproduction.experiments import find_experiment
from topovae.reproduction.session import check_same, reproduce, to_document
from topovae.runs.processes import in_processes
from topovae.runs.provenance import make_header
from topovae.store.reader import read_reproduction

CONFIG = {"experiment": "embedding-toy", "budget": "quick", "seeds": [0, 1]}
HEADER = make_header(None, CONFIG, 0, "cpu", ("topovae",))


def timeless(found: Any) -> list[Any]:
    return [{name: value for name, value in trial.items() if name != "seconds"} for trial in found.trials]


def test_an_interrupted_reproduction_goes_on_to_the_same_table(
    small: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reproduce(small, "quick", (0, 1), HEADER)
    assert len(whole.trials) == 2 * 2 * 2  # rows, betas, seeds
    path, done = tmp_path / "table.h5", []

    def interrupted(trial: trials.TableTrial) -> dict[str, Any]:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(trial.key)
        return trials.carry_out(trial)

    monkeypatch.setattr(session, "carry_out", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reproduce(small, "quick", (0, 1), HEADER, str(path))
    kept = read_reproduction(path)
    assert len(kept.trials) == 3
    done.clear()
    monkeypatch.setattr(session, "carry_out", lambda trial: (done.append(trial.key), trials.carry_out(trial))[1])
    shown: list[float] = []
    again = reproduce(
        small, "quick", (0, 1), HEADER, str(path), resumed=kept, progress=lambda words, share: shown.append(share)
    )
    assert len(done) == 5 and timeless(again) == timeless(whole)
    assert timeless(read_reproduction(path)) == timeless(whole) and shown[-1] == 1.0 and shown == sorted(shown)


def test_the_document_sets_what_was_published_beside_means_and_spreads(small: Experiment) -> None:
    found = reproduce(small, "quick", (0, 1), HEADER)
    document = to_document(small, found)
    assert [(row["row"], row["beta"]) for row in document["rows"]] == [
        (row.name, beta) for row in small.rows for beta in (1.0, 2.0)
    ]
    for row in document["rows"]:
        own = [t["figures"]["ELBO"] for t in found.trials if (t["row"], t["beta"]) == (row["row"], row["beta"])]
        assert row["ours"]["ELBO"]["mean"] == pytest.approx(np.mean(own))
        assert row["ours"]["ELBO"]["sd"] == pytest.approx(np.std(own, ddof=1))
        published = small.row(row["row"]).published["ELBO"] if row["beta"] == 1 else (None, None)
        assert (row["published"]["ELBO"]["mean"], row["published"]["ELBO"]["sd"]) == published
    assert document["differences"][:-1] == list(small.differences) and "n 120" in document["differences"][-1]


def test_processes_find_what_this_one_finds() -> None:
    made = trials.make_trials(find_experiment("klein-filters"), "quick", (3, 4), None, "cpu")
    own = [trial for trial in made if trial.row == "normal of full covariance"]
    assert [trial.seed for trial in own] == [3, 4]
    here = {trial.seed: trials.carry_out(trial)["figures"] for trial in own}
    there = {done["seed"]: done["figures"] for done in in_processes(trials.carry_out, own, 2)}
    assert here == there and here[3] != here[4]


def test_rows_without_a_latent_are_what_they_say() -> None:
    data = find_experiment("klein-filters").draw(0, 300, None)
    conditions = Conditions(2, {}, frozenset(), 10)
    split, x = split_data(data, 2), data.load().reshape(300, -1).astype(float)
    law = multivariate_normal(x[split.train].mean(0), np.cov(x[split.train].T), allow_singular=True)
    assert NormalDensity()(data, conditions)["iwae"] == pytest.approx(law.logpdf(x[split.test]).mean())
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, (400, 1))
    circle = Dataset.of(np.hstack([np.cos(angle), np.sin(angle)]), truth=angle, space="S1")
    assert TruthItself()(circle, conditions)["bottleneck"] < 0.1


def test_another_reproduction_in_the_file_is_named(small: Experiment) -> None:
    check_same(session.Reproduction(HEADER), CONFIG)
    with pytest.raises(RunFileError, match=r"seeds \(was \[0, 1\], now \[0\]\)"):
        check_same(session.Reproduction(HEADER), CONFIG | {"seeds": [0]})
