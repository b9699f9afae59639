"""Options of a training are declared once: commands and the estimator offer what the declaration says."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, Field, fields, replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from topovae.cli import app
from topovae.cli.analyze import parse_primes, parse_size
from topovae.data.dataset import Dataset
from topovae.errors import RunFileError, UsageError
from topovae.homology.verdict.analyze import analyze
from topovae.model.likelihoods import LIKELIHOODS, Stated
from topovae.model.networks import ACTIVATIONS, BODIES
from topovae.runs.estimator import TopologyAnalyzer, TopoVAE
from topovae.runs.options import AUTO, EVERYWHERE, INITS, LIKELIHOOD_OPTIONS, STATED, TrainOptions
from topovae.runs.provenance import make_header
from topovae.runs.sweep import SweepOptions, check_same_sweep
from topovae.store.schema import Sweep
from topovae.training.config import COMPILE, PRECISIONS

FIELDS = {field.name: field for field in fields(TrainOptions)}
COMMANDS: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
ORBIFOLD = "(S1xS1)/<flip,flip>"


def test_the_estimator_has_the_parameters_of_a_training() -> None:
    parameters = dict(inspect.signature(TopoVAE).parameters)
    # It takes data, anchors and components as arrays in `fit`, and calls the seed what scikit-learn does.
    assert parameters.keys() - {"device", "output", "random_state"} == FIELDS.keys() - {"seed", "anchors", "components"}
    for name in parameters.keys() & FIELDS.keys() - {"latent"}:
        assert parameters[name].default == FIELDS[name].default, name
    assert FIELDS["latent"].default is MISSING and parameters["random_state"].default == FIELDS["seed"].default


def test_the_analyzer_the_function_and_the_command_have_the_same_defaults() -> None:
    ours, theirs = (inspect.signature(one).parameters for one in (TopologyAnalyzer, analyze))
    shared = ours.keys() & theirs.keys()
    # How many components a mixture asks for is what a training passes on.
    assert theirs.keys() - ours.keys() == {"data", "seed", "distance_matrix", "progress", "components"}
    assert {name: ours[name].default for name in shared} == {name: theirs[name].default for name in shared}
    command = {parameter.name: parameter.default for parameter in COMMANDS["analyze"].params}
    texts = {"primes": "2,3", "memory": "2GiB"}  # as they are typed: the same values
    for name in sorted(shared):
        assert command[name] == texts.get(name, ours[name].default), name
    assert (parse_primes(texts["primes"]), parse_size(texts["memory"])) == (ours["primes"].default, ours["memory"].default)


def test_choices_are_those_of_the_parts_that_take_them() -> None:
    told = {name: field.metadata["choices"] for name, field in FIELDS.items() if field.metadata.get("choices")}
    homes = {
        "likelihood": ("auto", *LIKELIHOODS),
        "network": ("auto", *BODIES),
        "activation": ACTIVATIONS,
        "compile": COMPILE,
        "precision": PRECISIONS,
        "init": INITS,
    }
    assert {name: told[name] for name in homes} == {name: tuple(known) for name, known in homes.items()}
    for name, known in told.items():
        for value in known:
            TrainOptions("klein", **{name: value})
        with pytest.raises(UsageError, match=" or |, ".join(known)):
            TrainOptions("klein", **{name: "another"})


def test_likelihoods_take_what_the_options_say() -> None:
    assert {name: kind.takes for name, kind in LIKELIHOODS.items()} == LIKELIHOOD_OPTIONS
    assert STATED.keys() == {field.name for field in fields(Stated)}


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated_is_for_some_likelihoods_and_some_numbers(name: str) -> None:
    takers = [likelihood for likelihood, taken in LIKELIHOOD_OPTIONS.items() if name in taken]
    for likelihood in (AUTO, *takers):
        TrainOptions("R", likelihood=likelihood, **{name: 2.0})
        for wrong in (0.0, -1.0, float("nan"), float("inf")):
            with pytest.raises(UsageError, match=flag_of(FIELDS[name])):
                TrainOptions("R", likelihood=likelihood, **{name: wrong})
    for likelihood in sorted(LIKELIHOODS.keys() - set(takers)):
        with pytest.raises(UsageError, match=f"{flag_of(FIELDS[name])} is for .*{takers[0]}.* {likelihood}"):
            TrainOptions("R", likelihood=likelihood, **{name: 2.0})
    config = TrainOptions("R", likelihood=takers[-1], **{name: 2.0}).model_config((3,))
    assert getattr(config.stated, name) == 2.0 == getattr(type(config).from_dict(config.to_dict()).stated, name)


@pytest.mark.parametrize("command", EVERYWHERE)
def test_a_command_offers_the_options_that_list_it(command: str) -> None:
    offered = {parameter.name: parameter for parameter in COMMANDS[command].params}
    listed = [field for field in FIELDS.values() if command in field.metadata.get("commands", ())]
    assert {"posterior", "encoder", "divergence", "allow_orbifold", "compile"} <= {field.name for field in listed}
    for field in listed:
        option = offered[field.name]
        assert option.help == field.metadata["help"], field.name
        assert option.opts == [field.metadata["flag"] or flag_of(field)], field.name
        assert (option.default or None) == (field.default or None), field.name


@pytest.mark.parametrize("command, words", [("train", ()), ("sweep", ("--latents", "R"))])
def test_a_number_below_its_minimum_is_refused(command: str, words: tuple[str, ...]) -> None:
    bounded = [field for field in FIELDS.values() if field.metadata.get("minimum") is not None]
    for field in bounded:
        if command in field.metadata["commands"]:
            refused = CliRunner().invoke(app, [command, "x.npy", *words, flag_of(field), str(field.metadata["minimum"] - 1)])
            assert refused.exit_code == 2 and "greater" in refused.output, (field.name, refused.output)


def flag_of(field: Field) -> str:
    return "--" + field.name.replace("_", "-")


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - {"latent", "seed"}))
def test_an_option_that_a_command_does_not_list_is_not_offered(name: str) -> None:
    commands = FIELDS[name].metadata["commands"]
    assert commands and set(commands) <= set(EVERYWHERE)
    for command in set(EVERYWHERE) - set(commands):
        assert name not in {parameter.name for parameter in COMMANDS[command].params}


def test_sweeps_take_orbifolds_on_request() -> None:
    with pytest.raises(UsageError, match="freely"):
        SweepOptions((ORBIFOLD,), (1.0,), (0,), {})
    options = SweepOptions((ORBIFOLD,), (1.0,), (0,), {"allow_orbifold": True, "encoder": "cover"})
    assert options.train_options(ORBIFOLD, 1.0, 0) == TrainOptions(ORBIFOLD, allow_orbifold=True, encoder="cover")


def test_a_sweep_of_a_version_without_an_option_goes_on() -> None:
    data = Dataset.of([[float(i), 0.0] for i in range(30)])
    old, new = {"epochs": 3}, {"epochs": 3, "posterior": "", "compile": "auto", "allow_orbifold": False}
    asked = SweepOptions(("R2",), (1.0,), (0,), new)
    before = replace(asked, options=old)
    known = Sweep(make_header(data, before.to_dict(), 0, "cpu", ("topovae",)))
    check_same_sweep(known, asked, data)
    with pytest.raises(RunFileError, match=r"compile \(was auto, now off\)"):
        check_same_sweep(known, replace(asked, options={**new, "compile": "off"}), data)
