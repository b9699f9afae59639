"""`topovae evaluate`: metrics of a trained model and of its baseline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from topovae.cli.options import (
    AgainstOption,
    DebugOption,
    DeviceOption,
    JsonOption,
    PlotOption,
    QuietOption,
    RunArgument,
    SeedOption,
    TruthOption,
    TruthSpaceOption,
)
from topovae.cli.shell import (
    check_picture,
    command,
    note,
    open_data,
    open_test,
    open_trained,
    set_threads,
    with_truth,
    write_json,
)
from topovae.cli.tables import (
    print_certificate,
    print_comparison,
    print_embeddings,
    print_metrics,
    print_operators,
    print_published,
    print_samples,
)
from topovae.errors import InputError, RunFileError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from topovae.data.dataset import Dataset
    from topovae.store.schema import Run


@command("evaluate", "topovae evaluate run.h5 x.npy --plot run.png")
def evaluate(
    run: RunArgument,
    data: Annotated[str | None, typer.Argument(help="The data; where the run file says they are when left out.")] = None,
    against: AgainstOption = None,
    truth: TruthOption = None,
    truth_space: TruthSpaceOption = None,
    iwae: Annotated[int, typer.Option(help="Importance samples of the likelihood bound; 0 leaves it out.", min=0)] = 64,
    estimator: Annotated[
        str | None,
        typer.Option(
            help="published: of a learned prior, also the estimator of its paper, which bounds no likelihood; takes minutes."
        ),
    ] = None,
    certificate: Annotated[bool, typer.Option(help="Certify the encoder, and compare persistence diagrams.")] = True,
    plot: PlotOption = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Measure reconstruction, KL, likelihood and geodesic stress beside a Gaussian baseline, and certify the encoder."""
    check_picture(plot, run, data, against, truth)
    if estimator not in (None, "published"):
        raise UsageError(f"--estimator {estimator}: expected published, or none for the proper bounds alone")
    loaded = open_trained(run, quiet)
    other = open_trained(against, quiet) if against else None
    loaded, samples = run_data(loaded, data, quiet)
    rows = common_rows(loaded, other, samples, quiet)
    samples = with_truth(samples, truth, truth_space, quiet)

    from topovae.evaluation.embeddings import embedding_reports
    from topovae.evaluation.orbits import operator_reports
    from topovae.evaluation.published import transport_of
    from topovae.homology.cloud.presets import Preset
    from topovae.runs.evaluation import (
        by_heart,
        certify_member,
        compare_members,
        evaluate_member,
        own_samples,
        published_of,
        quality_of,
    )
    from topovae.runs.models import load_model

    if estimator:
        transport_of(load_model(loaded.model).space)  # where it has none, this is said before the work
    set_threads(loaded.model.config["model"]["network"]["kind"])
    document: dict[str, Any] = {"schema": "topovae/evaluation/1", "latent": loaded.model.latent}
    document |= evaluate_member(loaded.model, loaded, samples, seed=seed, iwae=iwae, device=device)
    if warning := by_heart(document, loaded):
        note(warning, quiet)
    reference = other.model if other is not None else loaded.baseline
    document |= {"baseline": None, "comparison": None}
    if reference is not None:
        metrics = evaluate_member(reference, loaded, samples, seed=seed, iwae=iwae, device=device)
        samples_of = quality_of(reference, loaded, samples, seed=seed, device=device)
        document["baseline"] = {"latent": reference.latent, **metrics, "samples": samples_of}
        document["comparison"] = compare_members(loaded.model, reference, samples, rows, seed=seed, iwae=iwae, device=device)
    document["samples"] = quality_of(loaded.model, loaded, samples, seed=seed, device=device)
    document["operators"] = [one.to_dict() for one in operator_reports(load_model(loaded.model).space)]
    document["embeddings"] = [one.to_dict() for one in embedding_reports(load_model(loaded.model).space)]
    document["published_estimator"] = (
        published_of(loaded.model, loaded, samples, seed=seed, draws=max(1, iwae), device=device) if estimator else None
    )
    document |= {"persistence": None, "certificate": None}
    if certificate:
        from topovae.homology.cloud.ground import survey

        own = own_samples(loaded, samples)
        preset = Preset.of(loaded.analysis)
        ground = survey(own, seed, preset)
        document |= certify_member(loaded.model, own, ground, preset=preset, seed=seed, device=device)
    if plot:
        from topovae.runs.pages import draw_certificate, draw_metrics

        checked = document["certificate"]
        if checked is None or checked["patches"] is None:
            draw_metrics(loaded, document, plot)
        else:
            draw_certificate(loaded, own, ground, checked, plot, seed=seed)
        note(f"picture: {plot}", quiet)
    if json:
        write_json(document)
    else:
        print_metrics(loaded.model.latent, document, document["baseline"])
        print_comparison(document)
        print_samples(document)
        print_operators(document["operators"])
        print_published(document["published_estimator"])
        print_embeddings(document["embeddings"])
        print_certificate(document["certificate"], document["persistence"])


def common_rows(run: Run, other: Run | None, samples: Dataset, quiet: bool) -> np.ndarray:
    """The rows on which the models of two runs are compared, those of one run alone without another.

    Raises:
        RunFileError: as of `shared_test`.
    """
    from topovae.runs.evaluation import held_out, shared_test

    if other is None:
        return held_out(run, samples)
    rows, tested = shared_test(run, other, samples), len(held_out(run, samples))
    if len(rows) < tested:
        note(
            f"topovae: the other run was trained or chosen on {tested - len(rows)} of the {tested} test samples, which flatter "
            f"it in the table; the paired comparison is of the other {len(rows)}",
            quiet,
        )
    return rows


def run_data_if_there(run: Run, data: str | None, quiet: bool, missing: str) -> tuple[Run, Dataset | None]:
    """As `run_data`, but data that are not named and not where they were are no error: `missing` says what is left out."""
    try:
        return run_data(run, data, quiet=True)
    except InputError:
        if data is not None:
            raise
        note(f"the data are not where the run was trained, so {missing}", quiet)
        return run, None


def run_data(run: Run, path: str | None, quiet: bool) -> tuple[Run, Dataset]:
    """The data a run was trained on, or others in their place, all of which are for testing then; and the run as it is on them.

    Raises:
        InputError: the data are not where the run says.
        RunFileError: they are of another kind than those of the run.
    """
    from topovae.data.selection import Selection
    from topovae.runs.evaluation import elsewhere, is_same

    known, test = run.header.data, run.header.config.get("test")
    if path is None and (known.path == "-" or not os.path.exists(known.path.split("::")[0])):
        raise InputError(f"the run was trained on {known.path!r}, which is not there now; give the data after the run file")
    samples = open_data(path or known.path, quiet, minimum=1, selection=Selection.of(run.header.config))
    if samples.sample_shape != tuple(known.shape)[1:]:
        raise RunFileError(
            f"the run was trained on samples of shape {tuple(known.shape)[1:]}, and these have {samples.sample_shape}; give "
            "data of the same kind"
        )
    if test and os.path.exists(test.split("::")[0]):
        joined = open_test(samples, test, quiet)
        samples = joined if path is None or is_same(joined, known) else samples
    if is_same(samples, known):
        return run, samples
    note(f"topovae: {samples.place} is not the file that the run was trained on: all its samples are for testing", quiet)
    return elsewhere(run, samples), samples
