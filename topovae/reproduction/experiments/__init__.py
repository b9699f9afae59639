"""The experiments, by name: a new one is its declaration and its name here."""

from __future__ import annotations

from topovae.errors import UsageError
from topovae.reproduction.experiment import Experiment
from topovae.reproduction.experiments import diffusion, embedding, klein, orbits, prescribed

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *prescribed.EXPERIMENTS,
        *orbits.EXPERIMENTS,
        *klein.EXPERIMENTS,
        *diffusion.EXPERIMENTS,
        *embedding.EXPERIMENTS,
    )
}


def find_experiment(name: str) -> Experiment:
    """An experiment by its name.

    Raises:
        UsageError: there is none.
    """
    if name not in EXPERIMENTS:
        raise UsageError(f"there is no experiment {name!r}; expected one of {', '.join(EXPERIMENTS)} (see --list)")
    return EXPERIMENTS[name]
