"""A reproduction as far as it has come, and the table that it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from topovae.errors import RunFileError
from topovae.reproduction.experiment import Experiment
from topovae.reproduction.trials import Key, TableTrial, carry_out, make_trials
from topovae.runs.comparison import Spread
from topovae.runs.engines import find_engine
from topovae.store.schema import Header, Reproduction
from topovae.store.writer import write_reproduction

SCHEMA = "topovae/reproduction/1"

Progress = Callable[[str, float], None]


def reproduce(
    experiment: Experiment,
    budget: str,
    seeds: Sequence[int],
    header: Header,
    path: str | None = None,
    *,
    folder: str | None = None,
    jobs: int = 1,
    engine: str = "local",
    device: str = "auto",
    resumed: Reproduction | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Carry out the trials of an experiment, keeping the file at `path` up to date, and return what was found.

    Args:
        experiment: which one.
        budget: "quick" or "full".
        seeds: of data, splits, weights and samples.
        header: provenance, written into the file.
        path: the file, replaced after every trial; None keeps the results in memory alone.
        folder: of MNIST's files, where the experiment is made of its images.
        jobs: workers that work at once; a single local one works in this process.
        engine: name of one of `topovae.runs.engines.ENGINES`.
        device: "auto", "cpu" or "cuda".
        resumed: what an earlier call found; its trials are not done again.
        progress: called with a description and a share in [0, 1].

    Raises:
        InputError: images are missing.
        OutputError: the file cannot be written; what was in it stays.
    """
    found = Reproduction(header) if resumed is None else resumed
    trials = make_trials(experiment, budget, seeds, folder, device)
    done = {key_of(trial) for trial in found.trials}
    left = [trial for trial in trials if trial.key not in done]
    results = map(carry_out, left) if (jobs, engine) == (1, "local") else find_engine(engine)(carry_out, left, jobs)
    inform = progress or (lambda description, share: None)
    inform(_next(left, 0), len(done) / len(trials))
    for number, result in enumerate(results, 1):
        known = {key_of(trial): trial for trial in (*found.trials, result)}
        found = replace(found, trials=tuple(known[trial.key] for trial in trials if trial.key in known))
        if path is not None:
            write_reproduction(path, found)
        inform(_next(left, number), len(known) / len(trials))
    return found


def _next(left: Sequence[TableTrial], number: int) -> str:
    return f"{left[number].row}, seed {left[number].seed}" if number < len(left) else "done"


def key_of(trial: Mapping[str, Any]) -> Key:
    """TableRow, beta and seed of a result."""
    return str(trial["row"]), float(trial["beta"]), int(trial["seed"])


def check_same(known: Reproduction, config: Mapping[str, Any]) -> None:
    """Whether a file holds the reproduction that is asked for.

    Raises:
        RunFileError: it does not.
    """
    before = known.header.config
    differing = [f"{name} (was {before.get(name)}, now {value})" for name, value in config.items() if before.get(name) != value]
    if differing:
        raise RunFileError(
            f"the file holds another reproduction: {', '.join(differing)}; give its options to go on with it, or another -o"
        )


def to_document(experiment: Experiment, found: Reproduction) -> dict[str, Any]:
    """The JSON document: by row and beta what was published beside ours, means and standard deviations over seeds."""
    trials, config = found.trials, found.header.config
    rows = []
    for row, beta in dict.fromkeys((trial["row"], trial["beta"]) for trial in trials):
        alike = [trial for trial in trials if (trial["row"], trial["beta"]) == (row, beta)]
        published = experiment.row(row).published if beta == 1 else {}
        rows.append(
            {
                "row": row,
                "beta": beta,
                "published": {name: Spread(*published.get(name, (None, None))).to_dict() for name in experiment.figures},
                "ours": {
                    name: Spread.of([trial["figures"].get(name) for trial in alike]).to_dict() for name in experiment.figures
                },
                "seeds": len(alike),
                "seconds": sum(trial["seconds"] for trial in alike),
            }
        )
    return {
        "schema": SCHEMA,
        "name": experiment.name,
        "title": experiment.title,
        "source": experiment.source,
        "budget": config.get("budget"),
        "seeds": config.get("seeds"),
        "figures": list(experiment.figures),
        "rows": rows,
        "differences": [*experiment.differences, size_of(experiment, str(config.get("budget")))],
        "trials": [dict(trial) for trial in trials],
    }


def size_of(experiment: Experiment, budget: str) -> str:
    """What a budget comes to, in words."""
    chosen = experiment.budget(budget)
    said = [f"{name.replace('_', ' ')} {value}" for name, value in {"n": chosen.n, **chosen.options}.items()]
    return f"budget {budget}: {', '.join(said)}"
